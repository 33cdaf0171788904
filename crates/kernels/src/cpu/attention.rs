//! The schedule of attention, the same for latent and grouped heads: groups of 16 queries against
//! fixed ranges of cached positions.
//!
//! A query's result is the merge, in order, of its partial results over ranges cut at fixed
//! absolute positions. It depends on nothing else, whoever computes the ranges.

use ponder_tensor::Tensor;

use super::Cpu;
use super::kernels::{CachedRows, LANES, NO_SCORE, Queries, Running};
use super::pool::Disjoint;
use crate::{Batch, KvCache, PAGE_TOKENS, Span};

/// Positions of a range.
const RANGE: usize = 256;
const _: () = assert!(RANGE.is_multiple_of(PAGE_TOKENS), "a page lies within one range");

/// What differs between latent and grouped heads.
pub(super) struct Shape {
    pub num_attention_heads: usize,
    /// Query heads that share cached keys and values.
    pub group_size: usize,
    /// Width of a packed key and of a cached value, multiples of 32.
    pub key_width: usize,
    pub value_width: usize,
    /// Width of a head's result.
    pub out_width: usize,
    pub softmax_scale: f32,
}

/// Sixteen (row, head) pairs of one span that share a key-value head.
struct Group<'a> {
    span: &'a Span,
    kv_head: usize,
    /// First pair, in the order row, then head within the key-value head's group.
    first: usize,
}

/// Inputs of one layer's attention.
pub(super) struct Inputs<'a> {
    pub shape: Shape,
    pub batch: &'a Batch,
    pub cache: &'a KvCache,
    pub layer: usize,
    /// Writes the query of (row, head), `[key_width]`, zero-padded.
    pub query: &'a (dyn Fn(usize, usize, &mut [f32]) + Sync),
    /// Where the keys and values of a key-value head start in a cache row.
    pub offsets: &'a (dyn Fn(usize) -> (usize, usize) + Sync),
}

/// `[tokens, heads * out_width]`
pub(super) fn forward(cpu: &Cpu, inputs: &Inputs) -> Tensor {
    let shape = &inputs.shape;
    let groups = groups(inputs);
    let n_ranges: Vec<usize> = groups.iter().map(|group| group.n_ranges()).collect();
    let columns: Vec<usize> = (0..shape.out_width).map(|c| cpu.kernels.value_column(c)).collect();
    let width = shape.num_attention_heads * shape.out_width;
    let total_words = partial_words(shape);
    cpu.arena.tensor(inputs.batch.n_tokens(), width, |out| {
        let out = Disjoint::new(out);
        let finish = |group: &Group, total: &[f32]| {
            // SAFETY: each (row, head) belongs to one group, finished once.
            unsafe { store(&out, group, total, shape, &columns) };
        };
        // With enough groups for all threads a thread takes whole groups; a lone sequence is cut
        // into its ranges. The partial results and the order of merging are the same.
        if groups.len() >= 4 * cpu.pool.threads() || n_ranges.iter().all(|n| *n == 1) {
            cpu.pool.run(groups.len(), &|scratch, unit| {
                let words = scratch.words(2 * total_words + group_words(cpu, shape));
                let (total, words) = words.split_at_mut(total_words);
                let (part, words) = words.split_at_mut(total_words);
                pack_group(cpu, inputs, &groups[unit], words);
                for range in 0..n_ranges[unit] {
                    let target = if range == 0 { &mut *total } else { &mut *part };
                    attend_range(cpu, inputs, &groups[unit], range, words, target);
                    if range > 0 {
                        cpu.kernels.merge(running(total), &running(part));
                    }
                }
                finish(&groups[unit], total);
            });
        } else {
            by_ranges(cpu, inputs, &groups, &n_ranges, &finish);
        }
    })
}

/// Every (group, range) as a unit of its own, then the merges.
fn by_ranges(
    cpu: &Cpu,
    inputs: &Inputs,
    groups: &[Group],
    n_ranges: &[usize],
    finish: &(dyn Fn(&Group, &[f32]) + Sync),
) {
    let words = partial_words(&inputs.shape);
    let units: Vec<(usize, usize)> =
        (0..groups.len()).flat_map(|g| (0..n_ranges[g]).map(move |r| (g, r))).collect();
    cpu.arena.tensor(units.len(), words, |partials| {
        let shared = Disjoint::new(partials);
        cpu.pool.run(units.len(), &|scratch, unit| {
            let (group, range) = units[unit];
            let scratch = scratch.words(group_words(cpu, &inputs.shape));
            pack_group(cpu, inputs, &groups[group], scratch);
            // SAFETY: each unit has its own row.
            let partial = unsafe { shared.part(unit * words, words) };
            attend_range(cpu, inputs, &groups[group], range, scratch, partial);
        });
        let mut rest = partials;
        for (group, n_ranges) in groups.iter().zip(n_ranges) {
            let (mine, others) = rest.split_at_mut(n_ranges * words);
            let (total, parts) = mine.split_at_mut(words);
            for part in parts.chunks_exact_mut(words) {
                cpu.kernels.merge(running(total), &running(part));
            }
            finish(group, total);
            rest = others;
        }
    });
}

impl Group<'_> {
    /// The (row, head) of a lane, or `None` beyond the span.
    fn lane(&self, lane: usize, shape: &Shape) -> Option<(usize, usize)> {
        let pair = self.first + lane;
        let row = self.span.rows.start + pair / shape.group_size;
        let head = self.kv_head * shape.group_size + pair % shape.group_size;
        (row < self.span.rows.end).then_some((row, head))
    }

    /// Positions that some query of a full group may see, at most.
    fn n_ranges(&self) -> usize {
        self.span.end_position().div_ceil(RANGE)
    }
}

fn groups<'a>(inputs: &Inputs<'a>) -> Vec<Group<'a>> {
    let shape = &inputs.shape;
    let mut groups = Vec::new();
    for span in &inputs.batch.spans {
        for kv_head in 0..shape.num_attention_heads / shape.group_size {
            let pairs = span.rows.len() * shape.group_size;
            let firsts = (0..pairs).step_by(LANES);
            groups.extend(firsts.map(|first| Group { span, kv_head, first }));
        }
    }
    groups
}

/// Words of a partial result: maxima, sums and weighted values of 16 lanes.
fn partial_words(shape: &Shape) -> usize {
    LANES * (2 + shape.value_width)
}

/// Words for a group's packed queries, for packing them, and for the kernel.
fn group_words(cpu: &Cpu, shape: &Shape) -> usize {
    let kernel = cpu.kernels.attend_scratch(shape.key_width, shape.value_width);
    LANES * shape.key_width + kernel.max(LANES * shape.key_width)
}

fn running(words: &mut [f32]) -> Running<'_> {
    let (max, rest) = words.split_first_chunk_mut().expect("room for the maxima");
    let (sum, out) = rest.split_first_chunk_mut().expect("room for the sums");
    Running { max, sum, out }
}

/// Packs a group's queries into the first words.
fn pack_group(cpu: &Cpu, inputs: &Inputs, group: &Group, words: &mut [f32]) {
    let width = inputs.shape.key_width;
    let (packed, plain) = words.split_at_mut(LANES * width);
    let plain = &mut plain[..LANES * width];
    plain.fill(0.0);
    for (lane, query) in plain.chunks_exact_mut(width).enumerate() {
        if let Some((row, head)) = group.lane(lane, &inputs.shape) {
            (inputs.query)(row, head, query);
        }
    }
    cpu.kernels.pack_queries(packed, plain, width);
}

/// One group's attention over one range, into `partial`.
fn attend_range(
    cpu: &Cpu,
    inputs: &Inputs,
    group: &Group,
    range: usize,
    words: &mut [f32],
    partial: &mut [f32],
) {
    let shape = &inputs.shape;
    let (packed, scratch) = words.split_at_mut(LANES * shape.key_width);
    let limits: [usize; LANES] = std::array::from_fn(|lane| {
        group.lane(lane, shape).map_or(0, |(row, _)| group.span.position(row) + 1)
    });
    let end = limits.iter().copied().max().unwrap_or(0).min((range + 1) * RANGE);
    let (key, value) = (inputs.offsets)(group.kv_head);
    let queries = Queries { packed, limits: &limits, softmax_scale: shape.softmax_scale };
    let Running { max, sum, out } = running(partial);
    max.fill(NO_SCORE);
    sum.fill(0.0);
    out.fill(0.0);
    for first_position in (range * RANGE..end).step_by(PAGE_TOKENS) {
        let cached = CachedRows {
            rows: inputs.cache.page(inputs.layer, group.span.pages[first_position / PAGE_TOKENS]),
            row_width: inputs.cache.row_width(),
            first_position,
            n_positions: PAGE_TOKENS.min(end - first_position),
            key: (key, shape.key_width),
            value: (value, shape.value_width),
        };
        let running = Running { max: &mut *max, sum: &mut *sum, out: &mut *out };
        cpu.kernels.attend(&queries, &cached, running, scratch);
    }
}

/// Divides by the sums and puts the columns in order.
///
/// # Safety
/// No other thread writes the results of this group's (row, head) pairs.
unsafe fn store(
    out: &Disjoint<f32>,
    group: &Group,
    total: &[f32],
    shape: &Shape,
    columns: &[usize],
) {
    let (sums, values) = total[LANES..].split_at(LANES);
    for lane in 0..LANES {
        let Some((row, head)) = group.lane(lane, shape) else { break };
        let start = (row * shape.num_attention_heads + head) * shape.out_width;
        // SAFETY: the caller's promise.
        let out = unsafe { out.part(start, shape.out_width) };
        let values = &values[lane * shape.value_width..][..shape.value_width];
        let inverse = 1.0 / sums[lane];
        for (out, column) in out.iter_mut().zip(columns) {
            *out = values[*column] * inverse;
        }
    }
}

/// Writes every row of the batch into its place in one layer of the cache.
///
/// The row after a span's last position is cleared where it completes a pair: kernels read
/// positions in pairs, and what an earlier sequence left there could be NaN.
pub(super) fn write_cache(
    cpu: &Cpu,
    batch: &Batch,
    cache: &mut KvCache,
    layer: usize,
    write: &(dyn Fn(usize, &mut [f32]) + Sync),
) {
    /// Rows that are worth waking another thread for.
    const ROWS_PER_UNIT: usize = 16;
    let width = cache.row_width();
    let start = |span: &Span, position: usize| {
        let page = span.pages[position / PAGE_TOKENS].0 as usize;
        (page * PAGE_TOKENS + position % PAGE_TOKENS) * width
    };
    let rows = Disjoint::new(cache.layer_mut::<u16>(layer));
    let span_of = |row: usize| {
        let index = batch.spans.partition_point(|span| span.rows.end <= row);
        &batch.spans[index]
    };
    cpu.pool.run(batch.n_tokens().div_ceil(ROWS_PER_UNIT), &|scratch, unit| {
        for row in unit * ROWS_PER_UNIT..batch.n_tokens().min((unit + 1) * ROWS_PER_UNIT) {
            let values = &mut scratch.words(width)[..width];
            values.fill(0.0);
            write(row, values);
            let span = span_of(row);
            // SAFETY: each row of the batch has its own place: sequences share only full pages of
            // finished prompts, which no span writes.
            let out = unsafe { rows.part(start(span, span.position(row)), width) };
            out.iter_mut()
                .zip(&*values)
                .for_each(|(out, x)| *out = ponder_tensor::bf16_from_f32(*x));
        }
    });
    for span in batch.spans.iter().filter(|span| !span.end_position().is_multiple_of(2)) {
        // SAFETY: the threads above are done.
        unsafe { rows.part(start(span, span.end_position()), width) }.fill(0);
    }
}
