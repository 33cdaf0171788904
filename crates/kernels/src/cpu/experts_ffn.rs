//! `ops::experts_ffn` in two passes over the weights: gate and up of every expert in use, then
//! down. The shared expert is one more unit of work in both.

use ponder_tensor::Tensor;
use ponder_tensor::format::{PANEL_ROWS, TILE_K};

use super::Cpu;
use super::kernels::{BLOCK_WORDS, PanelProduct};
use super::pool::Disjoint;
use super::products::{self, Product};
use super::rows::{PackedRows, RowsShape};
use crate::{Expert, Experts, Routing};

/// One expert and the tokens that chose it.
struct Chosen<'a> {
    expert: &'a Expert,
    /// Rows of `x`, ascending.
    tokens: Vec<usize>,
    /// The expert's weight for each of them.
    weights: Vec<f32>,
}

pub(super) fn forward(
    cpu: &Cpu,
    x: &Tensor,
    experts: &Experts,
    routing: Option<&Routing>,
) -> Tensor {
    let chosen = chosen(x.rows(), experts, routing);
    let rows: Vec<PackedRows> = chosen.iter().map(|chosen| pack(cpu, x, chosen)).collect();
    let hidden = gate_up(cpu, &chosen, &rows);
    down(cpu, x, &chosen, &hidden)
}

/// Experts in ascending order of id, the shared one last.
fn chosen<'a>(
    n_tokens: usize,
    experts: &Experts<'a>,
    routing: Option<&Routing>,
) -> Vec<Chosen<'a>> {
    let empty = |expert| Chosen { expert, tokens: Vec::new(), weights: Vec::new() };
    let mut chosen: Vec<Chosen> = experts.routed.iter().map(empty).collect();
    if let Some(routing) = routing {
        assert_eq!(routing.n_tokens(), n_tokens);
        for (i, (expert, weight)) in routing.experts.iter().zip(&routing.weights).enumerate() {
            let chosen = &mut chosen[*expert as usize];
            chosen.tokens.push(i / routing.num_experts_per_tok);
            chosen.weights.push(*weight);
        }
    }
    chosen.retain(|chosen| !chosen.tokens.is_empty());
    if let Some(expert) = experts.shared {
        let tokens = (0..n_tokens).collect();
        chosen.push(Chosen { expert, tokens, weights: vec![1.0; n_tokens] });
    }
    chosen
}

fn pack(cpu: &Cpu, x: &Tensor, chosen: &Chosen) -> PackedRows {
    let gate_up = &chosen.expert.gate_up;
    assert_eq!(gate_up.in_features(), x.cols());
    let operand = cpu.kernels.operand(gate_up.format());
    let tokens = &chosen.tokens;
    products::pack(cpu, operand, x, (0, x.cols()), &|i| tokens[i], tokens.len())
}

/// `silu(gate) * up` of every expert in use, packed for its `down_proj`.
fn gate_up(cpu: &Cpu, chosen: &[Chosen], rows: &[PackedRows]) -> Vec<PackedRows> {
    let shapes: Vec<RowsShape> = chosen
        .iter()
        .map(|chosen| {
            let down = &chosen.expert.down;
            let operand = cpu.kernels.operand(down.format());
            RowsShape::new(operand, chosen.tokens.len(), down.in_features())
        })
        .collect();
    let mut words: Vec<Disjoint<f32>> = Vec::new();
    let hidden: Vec<PackedRows> = shapes
        .iter()
        .map(|shape| PackedRows::filled(&cpu.arena, *shape, |out| words.push(Disjoint::new(out))))
        .collect();
    let products: Vec<Product> = chosen
        .iter()
        .zip(rows)
        .map(|(chosen, rows)| Product { rows, matrix: &chosen.expert.gate_up })
        .collect();
    products::pairs(cpu, &products, &|pair| {
        let (shape, words) = (shapes[pair.product], &words[pair.product]);
        let [gate, up] = pair.panels.map(|panel| panel.chunks_exact(PANEL_ROWS));
        for (i, (gate, up)) in gate.zip(up).enumerate() {
            let mut values = [0.0; PANEL_ROWS];
            cpu.kernels.swiglu(&mut values, gate, up);
            let (start, len) = shape.words_at(pair.first_row + i, pair.pair);
            // SAFETY: `hidden` keeps the memory alive and nothing reads it before this pass ends;
            // every panel of every row is finished once.
            let out = unsafe { words.part(start, len) };
            cpu.kernels.encode(shape.operand, out, &values);
        }
    });
    hidden
}

/// Each unit owns 32 columns of the result and adds the experts in ascending order, so two runs
/// add in the same order and give the same bits.
fn down(cpu: &Cpu, x: &Tensor, chosen: &[Chosen], hidden: &[PackedRows]) -> Tensor {
    /// Rows whose products stay in the first-level cache.
    const CHUNK_ROWS: usize = 128;
    let hidden_size = x.cols();
    cpu.arena.tensor(x.rows(), hidden_size, |out| {
        out.fill(0.0);
        let out = Disjoint::new(out);
        cpu.pool.run(hidden_size.div_ceil(PANEL_ROWS), &|scratch, panel| {
            let words = scratch.words(BLOCK_WORDS + CHUNK_ROWS * PANEL_ROWS);
            let (block, products) = words.split_at_mut(BLOCK_WORDS);
            let first_col = panel * PANEL_ROWS;
            let n_cols = PANEL_ROWS.min(hidden_size - first_col);
            for (chosen, rows) in chosen.iter().zip(hidden) {
                let matrix = &chosen.expert.down;
                assert_eq!(rows.operand, cpu.kernels.operand(matrix.format()));
                for first_row in (0..rows.n_rows).step_by(CHUNK_ROWS) {
                    let n_rows = CHUNK_ROWS.min(rows.n_rows - first_row);
                    let product = PanelProduct { rows, first_row, n_rows, matrix, panel };
                    cpu.kernels.panel_product(&product, products, block);
                    for (i, y) in products.chunks_exact(PANEL_ROWS).enumerate().take(n_rows) {
                        let token = chosen.tokens[first_row + i];
                        let weight = chosen.weights[first_row + i];
                        // SAFETY: these columns belong to this unit alone.
                        let out = unsafe { out.part(token * hidden_size + first_col, n_cols) };
                        out.iter_mut().zip(y).for_each(|(out, y)| *out += weight * y);
                    }
                }
            }
        });
    })
}

const _: () = assert!(PANEL_ROWS == TILE_K, "a panel of gate and up fills one tile of down");
