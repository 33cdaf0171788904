//! The inner loops that differ by instruction set, as one table of functions.

use ponder_tensor::format::{BLOCK_K, Format, Matrix, PANEL_ROWS, TILE_K};

use super::gradients::GradientKernels;
use super::rows::{Operand, PackedRows};

/// Tiles between two drains of the accumulators.
pub(crate) const BLOCK_TILES: usize = BLOCK_K / TILE_K;
/// Words of an unpacked block of weights, in f32.
pub(crate) const BLOCK_WORDS: usize = BLOCK_K * PANEL_ROWS;
/// Queries that one attention call serves: the rows of a tile, the lanes of a vector.
pub(crate) const LANES: usize = 16;

/// One panel's product with a range of packed rows.
#[derive(Clone, Copy)]
pub(crate) struct PanelProduct<'a> {
    pub rows: &'a PackedRows,
    /// First row of the range, a multiple of 16.
    pub first_row: usize,
    pub n_rows: usize,
    pub matrix: &'a Matrix,
    pub panel: usize,
}

/// Rows of 32 columns in a row-major matrix.
pub(crate) struct Destination {
    pub first: *mut f32,
    /// Values from row to row.
    pub step: usize,
    /// Whether products are added to what is there.
    pub add: bool,
}

/// Sixteen queries of one key-value head, each with its own limit.
#[derive(Clone, Copy)]
pub(crate) struct Queries<'a> {
    /// Packed for the kernel by [`Kernels::pack_queries`].
    pub packed: &'a [f32],
    /// How many positions each lane may see; 0 for an unused lane.
    pub limits: &'a [usize; LANES],
    pub softmax_scale: f32,
}

/// Consecutive cached positions, all in one page.
#[derive(Clone, Copy)]
pub(crate) struct CachedRows<'a> {
    /// bf16 bits, `row_width` values a position.
    pub rows: &'a [u16],
    pub row_width: usize,
    /// Absolute position of the first row.
    pub first_position: usize,
    /// Positions to look at.
    pub n_positions: usize,
    /// First value of the key in a row, and its width, a multiple of 32.
    pub key: (usize, usize),
    /// The same for the value.
    pub value: (usize, usize),
}

/// Running softmax of 16 lanes.
pub(crate) struct Running<'a> {
    /// Largest score so far.
    pub max: &'a mut [f32; LANES],
    /// Sum of exponentials relative to `max`.
    pub sum: &'a mut [f32; LANES],
    /// Weighted values `[LANES][value width]`, in the kernel's own order of columns.
    pub out: &'a mut [f32],
}

/// Scores of a lane that has seen nothing: low enough to vanish, finite so that differences are.
pub(crate) const NO_SCORE: f32 = -1e30;

/// One instruction set's inner loops.
///
/// Every output element is a fixed sequence of operations on its own row and column, whatever the
/// number of rows; accumulators are drained every [`BLOCK_TILES`] tiles, except by tiles of BF16.
pub(crate) trait Kernels: GradientKernels + Send + Sync {
    fn name(&self) -> &'static str;

    /// The form of rows that products with `format` want.
    fn operand(&self, format: Format) -> Operand;

    /// Packs up to 32 values of a row (see `rows::encode`).
    fn encode(&self, operand: Operand, words: &mut [f32], values: &[f32]);

    /// `out[i][0..32] = rows[first_row + i] · panelᵀ`, scales applied. `block` has room for
    /// [`BLOCK_WORDS`].
    fn panel_product(&self, product: &PanelProduct, out: &mut [f32], block: &mut [f32]);

    /// The same with a destination; `false` where the kernels cannot do it faster than by
    /// [`Kernels::panel_product`] and a copy. Which it is depends on the format alone.
    ///
    /// # Safety
    /// The destination has as many rows as the product, and no other thread touches these columns.
    unsafe fn store_product(&self, _product: &PanelProduct, _to: &Destination) -> bool {
        false
    }

    /// One row of `ops::rms_norm`.
    fn rms_norm(&self, out: &mut [f32], x: &[f32], weight: &[f32], eps: f32);

    /// `out = silu(gate) * up` for one row of a panel.
    fn swiglu(&self, out: &mut [f32; PANEL_ROWS], gate: &[f32], up: &[f32]);

    /// Packs queries `[LANES][width]` (width a multiple of 32) into as many words.
    fn pack_queries(&self, packed: &mut [f32], queries: &[f32], width: usize);

    /// Lets 16 queries attend to cached rows and updates the running softmax.
    fn attend(&self, queries: &Queries, cached: &CachedRows, running: Running, scratch: &mut [f32]);

    /// Joins the running softmax of a later range of positions to that of the ranges before it.
    fn merge(&self, total: Running, part: &Running);

    /// Words of scratch that [`Kernels::attend`] needs for keys and values of these widths.
    fn attend_scratch(&self, key_width: usize, value_width: usize) -> usize;

    /// Multiplies from registers as fast as the instruction set can, `rounds` times, to measure
    /// what the machine gives.
    fn multiply_from_registers(&self, rounds: usize);

    /// Operations of one such round; a product and its sum are two.
    fn operations_per_round(&self) -> f64;

    /// Column of a value in `Running::out`, given its column in the cached row.
    fn value_column(&self, column: usize) -> usize;
}
