//! Attention of 16 queries over one page, both products on the tile unit.
//!
//! Scores: the cache rows as they lie are the activations, the packed queries the weights. Values:
//! the probabilities are the activations, one row a lane; pairs of cache rows are interleaved into
//! weights, 32 columns at a time, while the tile unit multiplies the columns before.
//!
//! For a full page of R1's latent cache (keys 576 wide, values 512): scores 18 × 4 products of 16
//! cycles, 1152; values 16 × 4 products, 1024, beside 1024 lines to interleave (a load, a shuffle
//! and a store each) and 512 lines of sums to drain. 2.2 million operations in 2176 cycles are the
//! tile unit's 1024 a cycle; what comes in between, the softmax of 1024 scores, is not overlapped.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use ponder_tensor::format::TILE_K;

use super::steps::{Block, Blocks, Sums};
use super::tiles::Tiles;
use super::{Amx, SUM_ROW_BYTES, TILE_ROW_BYTES};
use crate::PAGE_TOKENS;
use crate::cpu::avx512_attention::{pair_up, soften};
use crate::cpu::kernels::{CachedRows, LANES, Queries, Running};
use crate::cpu::rows::BLOCK_ROWS;

/// Columns of values multiplied at once, two tiles of sums.
const COLUMNS: usize = 32;
/// Pairs of positions of a page, and of a tile.
const PAGE_PAIRS: usize = PAGE_TOKENS / 2;
const TILE_PAIRS: usize = TILE_K / 2;
const PAGE_TILES: usize = PAGE_TOKENS / TILE_K;

/// Values of a page in 32 columns, as weights: for each tile of positions two halves of 16 columns,
/// each a line of 16 bf16 pairs for every pair of positions.
type Chunk = [[[u32; COLUMNS / 2]; 2 * TILE_PAIRS]; PAGE_TILES];

/// What [`attend`] keeps in its scratch memory.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Scratch {
    scores: [[f32; LANES]; PAGE_TOKENS],
    /// bf16 pairs of probabilities, by position and then by lane.
    pairs: [[u32; LANES]; PAGE_PAIRS],
    /// The same by tile and lane: one row of a tile a lane.
    probabilities: [[[u32; TILE_PAIRS]; LANES]; PAGE_TILES],
    /// Two chunks of values.
    values: [Chunk; 2],
}

/// Words of scratch for [`attend`].
pub(super) const SCRATCH_WORDS: usize = size_of::<Scratch>() / size_of::<f32>();

/// The weighted values of 32 columns as the tile unit stores them.
#[repr(align(64))]
struct SumBuffer(MaybeUninit<[[f32; COLUMNS]; LANES]>);

/// See `Kernels::attend`. The page is read whole; what lies beyond `n_positions` is dropped.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx2,fma")]
pub(super) fn attend(
    amx: Amx,
    queries: &Queries,
    cached: &CachedRows,
    running: Running,
    scratch: &mut [f32],
) {
    let n = cached.n_positions;
    assert!(0 < n && n <= PAGE_TOKENS && cached.rows.len() >= PAGE_TOKENS * cached.row_width);
    for (offset, width) in [cached.key, cached.value] {
        assert!(width % COLUMNS == 0 && width > 0 && offset + width <= cached.row_width);
    }
    assert!(running.out.len() == LANES * cached.value.1);
    assert!(queries.packed.len() * 2 >= LANES * cached.key.1);
    let scratch: &mut Scratch =
        bytemuck::from_bytes_mut(bytemuck::cast_slice_mut(&mut scratch[..SCRATCH_WORDS]));
    let tiles = Tiles::configure(amx, [BLOCK_ROWS; 2]);
    let (offset, width) = cached.key;
    let keys = (cached.rows[offset..].as_ptr(), cached.row_width * size_of::<u16>());
    let packed = queries.packed.as_ptr().cast();
    // SAFETY: a page of rows is there, and keys lie within them; the queries are as wide.
    unsafe {
        tiles.score_page(keys, packed, width / TILE_K, scratch.scores.as_mut_ptr().cast());
    }
    let alpha = soften(&mut scratch.scores, queries, cached, running.max, running.sum);
    scratch.pairs[n.div_ceil(2)..].fill([0; LANES]);
    pair_up(scratch.pairs.as_flattened_mut(), &scratch.scores, n);
    let (pairs, _) = scratch.pairs.as_chunks::<TILE_PAIRS>();
    for (tile, pairs) in scratch.probabilities.iter_mut().zip(pairs) {
        transpose(pairs, tile);
    }
    // SAFETY: a page of rows is there, and values lie within them (checked above).
    unsafe { add_values(&tiles, running.out, &alpha, scratch, cached) }
}

/// Rows become columns: in each round all squares of twice `HALF` rows and columns swap their
/// off-diagonal quarters.
#[target_feature(enable = "avx512f")]
fn transpose(rows: &[[u32; 16]; 16], columns: &mut [[u32; 16]; 16]) {
    // SAFETY: each row is 64 bytes.
    let vectors = rows.each_ref().map(|row| unsafe { _mm512_loadu_si512(row.as_ptr().cast()) });
    let vectors = swap_quarters::<2>(swap_quarters::<1>(vectors));
    let vectors = swap_quarters::<8>(swap_quarters::<4>(vectors));
    for (column, vector) in columns.iter_mut().zip(vectors) {
        // SAFETY: the column is 64 bytes.
        unsafe { _mm512_storeu_si512(column.as_mut_ptr().cast(), vector) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn swap_quarters<const HALF: usize>(mut vectors: [__m512i; 16]) -> [__m512i; 16] {
    /// Lanes of the two rows one after the other: 16 and above are the second row's.
    const fn lanes(half: usize, offset: usize) -> [u32; 16] {
        let (mut lanes, mut i) = ([0; 16], 0);
        while i < 16 {
            lanes[i] = (if i & half == 0 { i } else { (i ^ half) | 16 } + offset) as u32;
            i += 1;
        }
        lanes
    }
    let (first, second) = const { (lanes(HALF, 0), lanes(HALF, HALF)) };
    // SAFETY: each is 64 bytes.
    let [first, second] =
        [first, second].map(|lanes| unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) });
    for i in 0..8 {
        let i = i / HALF * 2 * HALF + i % HALF;
        let (a, b) = (vectors[i], vectors[i + HALF]);
        vectors[i] = _mm512_permutex2var_epi32(a, first, b);
        vectors[i + HALF] = _mm512_permutex2var_epi32(a, second, b);
    }
    vectors
}

/// `out[lane] = alpha[lane] * out[lane] + Σ probability · value`, 32 columns at a time.
///
/// # Safety
/// The cached rows hold a page, and its values lie within the rows.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn add_values(
    tiles: &Tiles,
    out: &mut [f32],
    alpha: &[f32; LANES],
    scratch: &mut Scratch,
    cached: &CachedRows,
) {
    let n_tiles = cached.n_positions.div_ceil(TILE_K);
    let n_chunks = cached.value.1 / COLUMNS;
    let probabilities = Block {
        first_tile: scratch.probabilities.as_ptr().cast(),
        tile_bytes: LANES * TILE_ROW_BYTES,
    };
    let probabilities = Blocks { first: probabilities, second: None };
    let mut sums = [const { SumBuffer(MaybeUninit::uninit()) }; 2];
    // SAFETY: the caller's promise.
    unsafe { interleave(&mut scratch.values[0], cached, 0) };
    for chunk in 0..n_chunks {
        let weights = scratch.values[chunk % 2].as_ptr().cast();
        let first = sums[chunk % 2].0.as_mut_ptr().cast();
        let target = Sums { first, row_bytes: SUM_ROW_BYTES };
        // SAFETY: `n_tiles` tiles of probabilities and values are there, and 16 rows of sums.
        unsafe { tiles.accumulate(&probabilities, weights, n_tiles, &target, false, false) };
        // The tile unit is busy now; what follows runs beside it.
        if chunk + 1 < n_chunks {
            // SAFETY: the caller's promise.
            unsafe { interleave(&mut scratch.values[(chunk + 1) % 2], cached, chunk + 1) };
        }
        if let Some(done) = chunk.checked_sub(1) {
            drain(out, alpha, &sums[done % 2], done);
        }
    }
    drain(out, alpha, &sums[(n_chunks - 1) % 2], n_chunks - 1);
}

/// Pairs up the values of every two positions, in the columns of one chunk. Positions not looked
/// at become zero: their probability is, but what lies there need not be finite.
///
/// # Safety
/// The cached rows hold a page, and the chunk's values lie within the rows.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn interleave(out: &mut Chunk, cached: &CachedRows, chunk: usize) {
    let values = cached.rows[cached.value.0 + chunk * COLUMNS..].as_ptr();
    let n_pairs = cached.n_positions.div_ceil(2);
    for (tile, out) in out.iter_mut().enumerate() {
        let (low_half, high_half) = out.split_at_mut(TILE_PAIRS);
        for (i, (low, high)) in low_half.iter_mut().zip(high_half).enumerate() {
            let pair = tile * TILE_PAIRS + i;
            if pair >= n_pairs {
                (*low, *high) = ([0; COLUMNS / 2], [0; COLUMNS / 2]);
                continue;
            }
            // SAFETY: both positions lie in the page, by the caller's promise, and 64 bytes are
            // written to each line.
            unsafe {
                let row = values.add(2 * pair * cached.row_width);
                let even = _mm512_loadu_si512(row.cast());
                let odd = _mm512_loadu_si512(row.add(cached.row_width).cast());
                _mm512_storeu_si512(low.as_mut_ptr().cast(), _mm512_unpacklo_epi16(even, odd));
                _mm512_storeu_si512(high.as_mut_ptr().cast(), _mm512_unpackhi_epi16(even, odd));
            }
        }
    }
}

/// `out = alpha * out + sums` in the columns of one chunk.
#[target_feature(enable = "avx512f")]
fn drain(out: &mut [f32], alpha: &[f32; LANES], sums: &SumBuffer, chunk: usize) {
    let width = out.len() / LANES;
    let sums: *const f32 = sums.0.as_ptr().cast();
    for (lane, alpha) in alpha.iter().enumerate() {
        let out = &mut out[lane * width + chunk * COLUMNS..][..COLUMNS];
        for half in 0..2 {
            // SAFETY: the tile unit has written all sums; sixteen values of each are in bounds.
            unsafe {
                let out = out.as_mut_ptr().add(half * 16);
                let sum = _mm512_loadu_ps(sums.add(lane * COLUMNS + half * 16));
                let sum = _mm512_fmadd_ps(_mm512_loadu_ps(out), _mm512_set1_ps(*alpha), sum);
                // A page that a lane does not see must not change its bits, and adding its zeros
                // would change the sign of -0: so there is none.
                _mm512_storeu_ps(out, _mm512_add_ps(sum, _mm512_setzero_ps()));
            }
        }
    }
}
