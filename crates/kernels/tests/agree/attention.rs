use ponder_kernels::reference::Reference;
use ponder_kernels::{Batch, Gqa, KvCache, Mla, Ops, PAGE_TOKENS, PageId, Span};
use ponder_tensor::format::{Format, Matrix};
use ponder_tensor::{Arena, Tensor};

use super::sample::Random;
use super::{assert_close, assert_same_bits, backends};

/// Sequences of different lengths, one longer than an attention range.
const LENGTHS: [usize; 3] = [300, 1, 70];

/// How each sequence is cut into steps; a step holds one chunk of every sequence that has one.
type Chunks = [Vec<usize>; 3];

/// One attention layer under test.
trait Layer {
    fn cache_width(&self) -> usize;
    fn rotary_dim(&self) -> usize;
    /// Attention over the rows of the batch, which are rows `rows` of the sample inputs.
    fn forward(&self, ops: &dyn Ops, rows: &[usize], batch: &Batch, cache: &mut KvCache) -> Tensor;
}

/// Runs all sequences chunk by chunk and puts the results in the order of the inputs. Pages are
/// handed out in a scrambled order, and the cache starts full of NaN.
fn run(layer: &dyn Layer, ops: &dyn Ops, chunks: &Chunks) -> Vec<Vec<f32>> {
    let inv_freq: Vec<f32> =
        (0..layer.rotary_dim() / 2).map(|i| 1e4f32.powf(-(i as f32) / 16.0)).collect();
    let mut cache = KvCache::new(ops.kv_dtype(), 2, 16, layer.cache_width());
    poison(&mut cache, ops);
    let pages = |sequence: usize| -> Vec<PageId> {
        let first = LENGTHS[..sequence].iter().map(|n| n.div_ceil(PAGE_TOKENS)).sum::<usize>();
        let n = LENGTHS[sequence].div_ceil(PAGE_TOKENS);
        (first..first + n).map(|page| PageId((page * 7 % 16) as u32)).collect()
    };
    let first_input = |sequence: usize| LENGTHS[..sequence].iter().sum::<usize>();
    let mut results = vec![Vec::new(); LENGTHS.iter().sum()];
    let mut done = [0; 3];
    for step in 0..chunks.iter().map(Vec::len).max().unwrap() {
        let (mut spans, mut inputs) = (Vec::new(), Vec::new());
        for sequence in 0..3 {
            let Some(n) = chunks[sequence].get(step) else { continue };
            let rows = inputs.len()..inputs.len() + n;
            let first_position = done[sequence];
            inputs.extend(
                first_input(sequence) + first_position..first_input(sequence) + first_position + n,
            );
            spans.push(Span { rows, first_position, pages: pages(sequence) });
            done[sequence] += n;
        }
        let batch = Batch::new(vec![0; inputs.len()], spans, &inv_freq, 1.0);
        let out = layer.forward(ops, &inputs, &batch, &mut cache);
        for (row, input) in inputs.iter().enumerate() {
            results[*input] = out.row(row).to_vec();
        }
    }
    assert_eq!(done, LENGTHS);
    results
}

fn poison(cache: &mut KvCache, ops: &dyn Ops) {
    for layer in 0..2 {
        if ops.name() == "reference" {
            cache.layer_mut::<f32>(layer).fill(f32::NAN);
        } else {
            cache.layer_mut::<u16>(layer).fill(0x7fc0);
        }
    }
}

fn check(what: &str, layer: &dyn Layer) {
    let whole: Chunks = LENGTHS.map(|n| vec![n]);
    let mut random = Random::new(3);
    let ragged: Chunks = LENGTHS.map(|n| {
        let mut chunks = Vec::new();
        while chunks.iter().sum::<usize>() < n {
            let left = n - chunks.iter().sum::<usize>();
            chunks.push((1 + random.below(90)).min(left));
        }
        chunks
    });
    let one_by_one: Chunks = LENGTHS.map(|n| vec![1; n]);
    let want = run(layer, &Reference::default(), &whole);
    let tensor = |rows: &[Vec<f32>]| {
        Arena::new().tensor(rows.len(), rows[0].len(), |out| out.copy_from_slice(&rows.concat()))
    };
    for ops in backends() {
        let got = run(layer, &ops, &whole);
        assert_close(what, &ops, &tensor(&got), &tensor(&want), 2e-2);
        for chunks in [&ragged, &one_by_one] {
            let again = run(layer, &ops, chunks);
            assert_same_bits(what, &ops, &again.concat(), &got.concat());
        }
    }
}

struct MlaLayer {
    sizes: [usize; 5],
    q: Tensor,
    kv_a: Tensor,
    norm: Vec<f32>,
    k_up: Vec<Matrix>,
    v_up: Vec<Matrix>,
}

impl MlaLayer {
    /// Sizes: heads, nope, rope, value and latent width.
    fn new(sizes: [usize; 5]) -> MlaLayer {
        let [heads, nope, rope, value, latent] = sizes;
        let mut random = Random::new(latent as u64);
        let n_tokens = LENGTHS.iter().sum();
        let mut matrices = |rows, cols| -> Vec<Matrix> {
            (0..heads).map(|_| random.matrix(Format::Fp8, rows, cols)).collect()
        };
        let (k_up, v_up) = (matrices(latent, nope), matrices(value, latent));
        let q = random.tensor(n_tokens, heads * (nope + rope));
        let kv_a = random.tensor(n_tokens, latent + rope);
        MlaLayer { sizes, q, kv_a, norm: random.vector(latent), k_up, v_up }
    }
}

impl Layer for MlaLayer {
    fn cache_width(&self) -> usize {
        Mla::cache_width(self.sizes[4], self.sizes[2])
    }

    fn rotary_dim(&self) -> usize {
        self.sizes[2]
    }

    fn forward(&self, ops: &dyn Ops, rows: &[usize], batch: &Batch, cache: &mut KvCache) -> Tensor {
        let [num_attention_heads, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, kv_lora_rank] =
            self.sizes;
        let mla = Mla {
            num_attention_heads,
            qk_nope_head_dim,
            qk_rope_head_dim,
            v_head_dim,
            kv_lora_rank,
            kv_a_layernorm: &self.norm,
            rms_norm_eps: 1e-6,
            k_up: &self.k_up,
            v_up: &self.v_up,
            softmax_scale: 0.2,
        };
        let (q, kv_a) = (ops.select_rows(&self.q, rows), ops.select_rows(&self.kv_a, rows));
        ops.mla_attention(&q, &kv_a, &mla, batch, cache, 1)
    }
}

struct GqaLayer {
    gqa: Gqa,
    qkv: [Tensor; 3],
}

impl GqaLayer {
    fn new(heads: usize, kv_heads: usize, head_dim: usize) -> GqaLayer {
        let gqa = Gqa {
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            head_dim,
            softmax_scale: 0.3,
        };
        let n_tokens = LENGTHS.iter().sum();
        let mut random = Random::new(head_dim as u64);
        GqaLayer {
            gqa,
            qkv: [heads, kv_heads, kv_heads].map(|n| random.tensor(n_tokens, n * head_dim)),
        }
    }
}

impl Layer for GqaLayer {
    fn cache_width(&self) -> usize {
        self.gqa.cache_width()
    }

    fn rotary_dim(&self) -> usize {
        self.gqa.head_dim
    }

    fn forward(&self, ops: &dyn Ops, rows: &[usize], batch: &Batch, cache: &mut KvCache) -> Tensor {
        let [q, k, v] = [0, 1, 2].map(|i| ops.select_rows(&self.qkv[i], rows));
        ops.gqa_attention([&q, &k, &v], &self.gqa, batch, cache, 1)
    }
}

#[test]
fn latent_attention_agrees_in_any_chunks() {
    check("mla of whole tiles", &MlaLayer::new([16, 32, 32, 32, 128]));
    check("mla of odd sizes", &MlaLayer::new([6, 24, 8, 40, 48]));
}

#[test]
fn grouped_attention_agrees_in_any_chunks() {
    check("gqa of whole tiles", &GqaLayer::new(8, 2, 64));
    check("gqa of odd sizes", &GqaLayer::new(6, 6, 8));
}
