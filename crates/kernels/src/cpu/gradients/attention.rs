//! `ops::causal_attention::backward`: one unit of work for every sequence and key-value head. It
//! recomputes the probabilities of a few queries at a time against all they see, in f32.

use ponder_tensor::Tensor;

use super::super::Cpu;
use super::super::pool::Disjoint;
use super::kernels::SmallProduct;
use crate::Span;
use crate::ops::causal_attention::Heads;

/// Queries whose probabilities exist at once.
const QUERIES: usize = 32;
/// Columns of small products come in vectors.
const VECTOR: usize = 16;

pub(super) fn backward(
    cpu: &Cpu,
    qkv: [&Tensor; 3],
    grad_out: &Tensor,
    heads: &Heads,
    spans: &[Span],
) -> [Tensor; 3] {
    heads.check(qkv, grad_out, spans);
    let units: Vec<(&Span, usize)> = spans
        .iter()
        .flat_map(|span| (0..heads.num_key_value_heads).map(move |kv_head| (span, kv_head)))
        .collect();
    let mut outs = Vec::new();
    // The memory is filled below, by all units at once.
    let grads =
        qkv.map(|x| cpu.arena.tensor(x.rows(), x.cols(), |out| outs.push(Disjoint::new(out))));
    let sizes = Sizes::new(heads);
    cpu.pool.run(units.len(), &|scratch, unit| {
        let (span, kv_head) = units[unit];
        let words = scratch.words(sizes.words(span.rows.len()));
        let unit = Unit { cpu, qkv, grad_out, heads, span, kv_head, sizes };
        // SAFETY: the tensors live until after this pass and nobody reads them before; each
        // (row, head) belongs to one unit.
        unsafe { unit.run(words, &outs) };
    });
    grads
}

/// Widths padded to vectors.
#[derive(Clone, Copy)]
struct Sizes {
    key: usize,
    value: usize,
}

impl Sizes {
    fn new(heads: &Heads) -> Sizes {
        Sizes {
            key: heads.key_width.next_multiple_of(VECTOR),
            value: heads.value_width.next_multiple_of(VECTOR),
        }
    }

    /// Keys and values, transposed too, their gradients, the queries' parts and two rows of
    /// scores for each query.
    fn words(&self, n_tokens: usize) -> usize {
        let positions = n_tokens.next_multiple_of(VECTOR);
        (3 * positions + 2 * QUERIES) * (self.key + self.value) + 2 * QUERIES * positions
    }
}

struct Unit<'a> {
    cpu: &'a Cpu,
    qkv: [&'a Tensor; 3],
    grad_out: &'a Tensor,
    heads: &'a Heads,
    span: &'a Span,
    kv_head: usize,
    sizes: Sizes,
}

/// Cuts the next `len` words off `rest`.
fn cut<'a>(rest: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let (part, tail) = std::mem::take(rest).split_at_mut(len);
    *rest = tail;
    part
}

/// Keys or values of one head: `[positions][width]` and `[width][positions]`.
struct Both<'a> {
    plain: &'a [f32],
    transposed: &'a [f32],
}

impl Unit<'_> {
    /// # Safety
    /// No other unit writes the rows of this span and head.
    unsafe fn run(&self, words: &mut [f32], outs: &[Disjoint<f32>]) {
        let Sizes { key, value } = self.sizes;
        let n = self.span.rows.len();
        let positions = n.next_multiple_of(VECTOR);
        let mut rest = words;
        let mut load = |x: &Tensor, width: usize, padded: usize| {
            let plain = cut(&mut rest, positions * padded);
            self.gather(plain, padded, x, self.span.rows.start, (self.kv_head, width, n));
            let transposed = cut(&mut rest, padded * positions);
            transpose(transposed, plain, padded);
            Both { plain, transposed }
        };
        let keys = load(self.qkv[1], self.heads.key_width, key);
        let values = load(self.qkv[2], self.heads.value_width, value);
        let grad_k = cut(&mut rest, positions * key);
        let grad_v = cut(&mut rest, positions * value);
        grad_k.fill(0.0);
        grad_v.fill(0.0);
        for first in (0..n).step_by(QUERIES) {
            for in_group in 0..self.heads.group_size() {
                let head = self.kv_head * self.heads.group_size() + in_group;
                let grads = [&mut *grad_k, &mut *grad_v];
                // SAFETY: the caller's promise.
                unsafe { self.queries(rest, [&keys, &values], grads, &outs[0], (first, head)) };
            }
        }
        let widths = [(self.heads.key_width, key), (self.heads.value_width, value)];
        for ((out, grad), (width, padded)) in outs[1..].iter().zip([grad_k, grad_v]).zip(widths) {
            let cols = self.heads.num_key_value_heads * width;
            for (i, grad) in grad.chunks_exact(padded).enumerate().take(n) {
                let start = (self.span.rows.start + i) * cols + self.kv_head * width;
                // SAFETY: the caller's promise.
                unsafe { out.part(start, width) }.copy_from_slice(&grad[..width]);
            }
        }
    }

    /// A few queries of one head, from `first` on: writes their gradient and adds to those of
    /// keys and values.
    ///
    /// # Safety
    /// As for [`Unit::run`].
    unsafe fn queries(
        &self,
        mut words: &mut [f32],
        [keys, values]: [&Both; 2],
        [grad_k, grad_v]: [&mut [f32]; 2],
        out: &Disjoint<f32>,
        (first, head): (usize, usize),
    ) {
        let Sizes { key, value } = self.sizes;
        let kernels = &self.cpu.kernels;
        let n = self.span.rows.len();
        let positions = n.next_multiple_of(VECTOR);
        let m = QUERIES.min(n - first);
        let visible = (first + m).next_multiple_of(VECTOR);
        let (query, grad) = (cut(&mut words, m * key), cut(&mut words, m * value));
        let row = self.span.rows.start + first;
        self.gather(query, key, self.qkv[0], row, (head, self.heads.key_width, m));
        self.gather(grad, value, self.grad_out, row, (head, self.heads.value_width, m));
        let (scores, grads) = (cut(&mut words, m * visible), cut(&mut words, m * visible));
        scores.fill(0.0);
        grads.fill(0.0);
        let against = |a, width, both: &Both, out: &mut [f32]| {
            let (b, b_step) = (both.transposed, positions);
            let sizes = [m, visible, width];
            let product = SmallProduct { a, a_steps: (width, 1), b, b_step, sizes };
            kernels.multiply(out, visible, &product);
        };
        against(&*query, key, keys, scores);
        against(&*grad, value, values, grads);
        let rows = scores.chunks_exact_mut(visible).zip(grads.chunks_exact_mut(visible));
        for (i, (scores, grads)) in rows.enumerate() {
            kernels.softmax_backward(scores, grads, first + i + 1, self.heads.softmax_scale);
        }
        // dV = Pᵀ dO, dK = dSᵀ Q.
        let add = |a, b, width, out: &mut [f32]| {
            let sizes = [first + m, width, m];
            let product = SmallProduct { a, a_steps: (1, visible), b, b_step: width, sizes };
            kernels.multiply(out, width, &product);
        };
        add(&*scores, &*grad, value, grad_v);
        add(&*grads, &*query, key, grad_k);
        query.fill(0.0);
        let sizes = [m, key, first + m];
        let (a, b) = (&*grads, keys.plain);
        let product = SmallProduct { a, a_steps: (visible, 1), b, b_step: key, sizes };
        kernels.multiply(query, key, &product);
        let (width, cols) = (self.heads.key_width, self.qkv[0].cols());
        for (i, grad) in query.chunks_exact(key).enumerate() {
            // SAFETY: the caller's promise.
            let out = unsafe { out.part((row + i) * cols + head * width, width) };
            out.copy_from_slice(&grad[..width]);
        }
    }

    /// Copies one head of `n` rows into rows of `padded` values, zero beyond.
    fn gather(
        &self,
        out: &mut [f32],
        padded: usize,
        x: &Tensor,
        first_row: usize,
        (head, width, n): (usize, usize, usize),
    ) {
        for (i, out) in out.chunks_exact_mut(padded).enumerate() {
            out.fill(0.0);
            if i < n {
                out[..width].copy_from_slice(&x.row(first_row + i)[head * width..][..width]);
            }
        }
    }
}

/// `x` has a multiple of 16 rows: a vector of each column at a time, so that writes are whole lines.
fn transpose(out: &mut [f32], x: &[f32], width: usize) {
    let n = x.len() / width;
    for (block, rows) in x.chunks_exact(VECTOR * width).enumerate() {
        for (column, out) in out.chunks_exact_mut(n).enumerate() {
            let out = &mut out[block * VECTOR..][..VECTOR];
            for (i, out) in out.iter_mut().enumerate() {
                *out = rows[i * width + column];
            }
        }
    }
}
