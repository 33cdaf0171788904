//! The schedule of matrix products: which thread multiplies which panels, in units of about equal
//! work that stream consecutive memory.

use ponder_tensor::Tensor;
use ponder_tensor::format::{Matrix, PANEL_ROWS};

use super::Cpu;
use super::kernels::{BLOCK_WORDS, Destination, PanelProduct};
use super::pool::Disjoint;
use super::rows::{Operand, PackedRows, RowsShape};

/// Rows multiplied while a panel stays unpacked; their activations fit the second-level cache.
const CHUNK_ROWS: usize = 256;
/// Weight bytes of a unit, at the least: below this, handing out units costs more than imbalance.
const UNIT_BYTES: usize = 64 << 10;

/// One matrix and the rows it multiplies.
pub(super) struct Product<'a> {
    pub rows: &'a PackedRows,
    pub matrix: &'a Matrix,
}

/// Consecutive panels of one product, for a chunk of its rows.
struct Unit {
    product: usize,
    first_row: usize,
    n_rows: usize,
    /// In steps of `panels_per_step`.
    steps: std::ops::Range<usize>,
}

/// Two panels that belong together, gate and up, multiplied with a chunk of rows.
pub(super) struct Pair<'a> {
    pub product: usize,
    pub pair: usize,
    pub first_row: usize,
    /// `[n_rows][32]` each.
    pub panels: [&'a [f32]; 2],
}

/// Multiplies all products and hands every finished pair of panels to `finish`, each exactly once,
/// from any thread.
pub(super) fn pairs(cpu: &Cpu, products: &[Product], finish: &(dyn Fn(Pair) + Sync)) {
    let units = units(cpu, products, 2);
    cpu.pool.run(units.len(), &|scratch, unit| {
        let Unit { product, first_row, n_rows, ref steps } = units[unit];
        let Product { rows, matrix } = products[product];
        let len = CHUNK_ROWS * PANEL_ROWS;
        let (block, out) = scratch.words(BLOCK_WORDS + 2 * len).split_at_mut(BLOCK_WORDS);
        let (first, second) = out.split_at_mut(len);
        let used = n_rows * PANEL_ROWS;
        for pair in steps.clone() {
            for (i, out) in [&mut *first, &mut *second].into_iter().enumerate() {
                let panel = 2 * pair + i;
                let product = PanelProduct { rows, first_row, n_rows, matrix, panel };
                cpu.kernels.panel_product(&product, out, block);
            }
            let panels = [&first[..used], &second[..used]];
            finish(Pair { product, pair, first_row, panels });
        }
    });
}

fn units(cpu: &Cpu, products: &[Product], panels_per_step: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    for (product, Product { rows, matrix }) in products.iter().enumerate() {
        assert_eq!(rows.operand, cpu.kernels.operand(matrix.format()));
        let n_steps = matrix.n_panels() / panels_per_step;
        let step_bytes = panels_per_step * matrix.n_tiles() * matrix.format().tile_bytes();
        for first_row in (0..rows.n_rows).step_by(CHUNK_ROWS) {
            let n_rows = CHUNK_ROWS.min(rows.n_rows - first_row);
            let steps = (UNIT_BYTES / (step_bytes * n_rows.min(16)).max(1)).max(1);
            for start in (0..n_steps).step_by(steps) {
                let steps = start..n_steps.min(start + steps);
                units.push(Unit { product, first_row, n_rows, steps });
            }
        }
    }
    units
}

/// A row-major matrix that products fill or add to.
pub(super) struct Target<'a> {
    out: Disjoint<f32>,
    row_width: usize,
    /// Columns of one product; those of the next one follow.
    n_cols: usize,
    bias: Option<&'a [f32]>,
    add: bool,
}

impl<'a> Target<'a> {
    /// All of `out` is written, `bias` added.
    pub fn new(out: &mut [f32], row_width: usize, n_cols: usize, bias: Option<&'a [f32]>) -> Self {
        Target { out: Disjoint::new(out), row_width, n_cols, bias, add: false }
    }

    /// Products are added to `out`.
    pub fn sum(out: &mut [f32], row_width: usize) -> Self {
        Target { add: true, ..Target::new(out, row_width, row_width, None) }
    }

    /// # Safety
    /// No other thread touches the panel's columns of these rows.
    unsafe fn store(&self, cpu: &Cpu, product: usize, panel: &PanelProduct, words: &mut [f32]) {
        let col = panel.panel * PANEL_ROWS;
        let n_cols = PANEL_ROWS.min(self.n_cols - col);
        let start = panel.first_row * self.row_width + product * self.n_cols + col;
        // SAFETY: the caller's promise.
        let row = |i: usize| unsafe { self.out.part(start + i * self.row_width, n_cols) };
        row(panel.n_rows - 1);
        let to = Destination { first: row(0).as_mut_ptr(), step: self.row_width, add: self.add };
        // SAFETY: the first and the last row lie inside (`row` checks), and are ours (promised).
        let is_stored = n_cols == PANEL_ROWS && unsafe { cpu.kernels.store_product(panel, &to) };
        if !is_stored {
            let (block, sums) = words.split_at_mut(BLOCK_WORDS);
            cpu.kernels.panel_product(panel, sums, block);
            for (i, sums) in sums.chunks_exact(PANEL_ROWS).take(panel.n_rows).enumerate() {
                let out = row(i);
                // A copy of known length is two instructions, any other a call.
                match (<&mut [f32; PANEL_ROWS]>::try_from(&mut *out), sums.as_array()) {
                    _ if self.add => out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
                    (Ok(out), Some(sums)) => *out = *sums,
                    _ => out.copy_from_slice(&sums[..n_cols]),
                }
            }
        }
        if let Some(bias) = self.bias {
            for i in 0..panel.n_rows {
                row(i).iter_mut().zip(&bias[col..]).for_each(|(out, bias)| *out += bias);
            }
        }
    }
}

/// Multiplies all products into `target`, side by side.
pub(super) fn store(cpu: &Cpu, products: &[Product], target: &Target) {
    let units = units(cpu, products, 1);
    cpu.pool.run(units.len(), &|scratch, unit| {
        let Unit { product, first_row, n_rows, ref steps } = units[unit];
        let Product { rows, matrix } = products[product];
        let words = scratch.words(BLOCK_WORDS + CHUNK_ROWS * PANEL_ROWS);
        for panel in steps.clone() {
            let panel = PanelProduct { rows, first_row, n_rows, matrix, panel };
            // SAFETY: every panel of every chunk of rows belongs to one unit.
            unsafe { target.store(cpu, product, &panel, words) };
        }
    });
}

/// Packs `width` columns from `first_col` on of the given rows of `x`.
pub(super) fn pack(
    cpu: &Cpu,
    operand: Operand,
    x: &Tensor,
    (first_col, width): (usize, usize),
    rows: &(dyn Fn(usize) -> usize + Sync),
    n_rows: usize,
) -> PackedRows {
    /// Values that are worth waking another thread for.
    const VALUES_PER_UNIT: usize = 32 << 10;
    let shape = RowsShape::new(operand, n_rows, width);
    PackedRows::filled(&cpu.arena, shape, |words| {
        let words = Disjoint::new(words);
        let rows_per_unit = (VALUES_PER_UNIT / width).max(1);
        cpu.pool.run(n_rows.div_ceil(rows_per_unit), &|_, unit| {
            for i in unit * rows_per_unit..n_rows.min((unit + 1) * rows_per_unit) {
                let values = &x.row(rows(i))[first_col..first_col + width];
                for (tile, values) in values.chunks(32).enumerate() {
                    let (start, len) = shape.words_at(i, tile);
                    // SAFETY: each row belongs to one unit, each tile row to one call.
                    cpu.kernels.encode(operand, unsafe { words.part(start, len) }, values);
                }
            }
        });
    })
}
