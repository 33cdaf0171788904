//! The schedule of matrix products: which thread multiplies which panels, in units of about equal
//! work that stream consecutive memory.

use ponder_tensor::Tensor;
use ponder_tensor::format::{Matrix, PANEL_ROWS};

use super::Cpu;
use super::kernels::{BLOCK_WORDS, PanelProduct};
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

/// What a finished step is handed over with.
pub(super) struct Step<'a> {
    pub product: usize,
    pub step: usize,
    pub first_row: usize,
    /// One part `[n_rows][32]` for each panel of the step.
    pub panels: [&'a [f32]; 2],
}

/// Multiplies all products, `panels_per_step` (1 or 2) panels at a time, and hands every finished
/// step to `finish`, each exactly once, from any thread.
pub(super) fn run(
    cpu: &Cpu,
    products: &[Product],
    panels_per_step: usize,
    finish: &(dyn Fn(Step) + Sync),
) {
    for Product { rows, matrix } in products {
        assert_eq!(rows.operand, cpu.kernels.operand(matrix.format()));
    }
    let units = units(products, panels_per_step);
    cpu.pool.run(units.len(), &|scratch, unit| {
        let Unit { product, first_row, n_rows, ref steps } = units[unit];
        let Product { rows, matrix } = products[product];
        let len = CHUNK_ROWS * PANEL_ROWS;
        let (block, out) = scratch.words(BLOCK_WORDS + 2 * len).split_at_mut(BLOCK_WORDS);
        let (first, second) = out.split_at_mut(len);
        let used = n_rows * PANEL_ROWS;
        for step in steps.clone() {
            let panel = step * panels_per_step;
            let panel_product = PanelProduct { rows, first_row, n_rows, matrix, panel };
            cpu.kernels.panel_product(&panel_product, first, block);
            if panels_per_step == 2 {
                let panel_product = PanelProduct { panel: panel + 1, ..panel_product };
                cpu.kernels.panel_product(&panel_product, second, block);
            }
            let panels = [&first[..used], &second[..used]];
            finish(Step { product, step, first_row, panels });
        }
    });
}

fn units(products: &[Product], panels_per_step: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    for (product, Product { rows, matrix }) in products.iter().enumerate() {
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

/// Copies a finished panel into columns of a row-major result, adding `bias`.
///
/// # Safety
/// No other thread writes these rows' columns.
pub(super) unsafe fn store_panel(
    out: &Disjoint<f32>,
    (row_width, first_col): (usize, usize),
    (first_row, panel): (usize, &[f32]),
    n_cols: usize,
    bias: Option<&[f32]>,
) {
    for (i, values) in panel.chunks_exact(PANEL_ROWS).enumerate() {
        // SAFETY: the caller's promise.
        let out = unsafe { out.part((first_row + i) * row_width + first_col, n_cols) };
        // A copy of known length is two instructions, any other a call.
        match (<&mut [f32; PANEL_ROWS]>::try_from(&mut *out), values.as_array()) {
            (Ok(out), Some(values)) => *out = *values,
            _ => out.copy_from_slice(&values[..n_cols]),
        }
        if let Some(bias) = bias {
            out.iter_mut().zip(&bias[first_col..]).for_each(|(out, bias)| *out += bias);
        }
    }
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
