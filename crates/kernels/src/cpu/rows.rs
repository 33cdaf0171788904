//! Activations in the order a product consumes them: blocks of 16 rows, cut along k into tiles.
//!
//! Inside a block the tiles of 32 values follow k; a tile holds its rows one after the other. A
//! full tile of bf16 is the A operand of `TDPBF16PS`. The last block of fewer rows is packed as
//! tightly, so that a single row is contiguous.

use ponder_tensor::format::{Format, TILE_K};
use ponder_tensor::{Arena, Tensor, bf16_from_f32, bf16_to_f32};

/// Rows of a block.
pub(crate) const BLOCK_ROWS: usize = 16;

/// What a kernel multiplies weights with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// bfloat16 bits.
    Bf16,
    /// f32 values; `rounded` ones were rounded to bf16 first, so that every ISA multiplies the
    /// same numbers.
    F32 { rounded: bool },
}

impl Operand {
    fn value_bytes(self) -> usize {
        match self {
            Operand::Bf16 => 2,
            Operand::F32 { .. } => 4,
        }
    }

    /// The operand for weights of `format` on an ISA that multiplies in f32.
    pub fn f32_for(format: Format) -> Operand {
        Operand::F32 { rounded: matches!(format, Format::Fp8 | Format::Bf16) }
    }
}

/// Rows packed for products; `n_tiles` tiles of 32 values each, zero-padded.
pub(crate) struct PackedRows {
    pub operand: Operand,
    pub n_rows: usize,
    pub n_tiles: usize,
    data: Tensor,
}

/// Where a tile of rows lies: index of its first value, and its number of rows.
#[derive(Clone, Copy)]
pub(crate) struct TilePlace {
    pub start: usize,
    pub rows: usize,
}

/// Layout of packed rows, apart from their values.
#[derive(Clone, Copy)]
pub(crate) struct RowsShape {
    pub operand: Operand,
    pub n_rows: usize,
    pub n_tiles: usize,
}

impl RowsShape {
    pub fn new(operand: Operand, n_rows: usize, width: usize) -> RowsShape {
        RowsShape { operand, n_rows, n_tiles: width.div_ceil(TILE_K) }
    }

    /// The tile at `tile` of the block that holds `row`.
    pub fn tile(&self, row: usize, tile: usize) -> TilePlace {
        let block = row / BLOCK_ROWS * BLOCK_ROWS;
        let rows = BLOCK_ROWS.min(self.n_rows - block);
        TilePlace { start: (block * self.n_tiles + tile * rows) * TILE_K, rows }
    }

    /// f32 words of all rows, and of one more tile: kernels may read any tile as a full one.
    fn words(&self) -> usize {
        let tile_rows = self.n_rows * self.n_tiles + BLOCK_ROWS;
        (tile_rows * TILE_K * self.operand.value_bytes()).div_ceil(4)
    }

    /// The f32 words of one row's 32 values in a tile: first word and number of words.
    pub fn words_at(&self, row: usize, tile: usize) -> (usize, usize) {
        let start = self.tile(row, tile).start + row % BLOCK_ROWS * TILE_K;
        let per_word = 4 / self.operand.value_bytes();
        (start / per_word, TILE_K / per_word)
    }
}

/// Packs up to 32 values into the words of [`RowsShape::words_at`]; the rest becomes zero.
#[inline(always)]
pub(crate) fn encode(operand: Operand, words: &mut [f32], values: &[f32]) {
    let mut padded = [0.0; TILE_K];
    padded[..values.len()].copy_from_slice(values);
    match operand {
        Operand::Bf16 => {
            let out: &mut [u16; TILE_K] =
                bytemuck::cast_slice_mut(words).try_into().expect("a tile row of bf16");
            for i in 0..TILE_K {
                out[i] = bf16_from_f32(padded[i]);
            }
        }
        Operand::F32 { rounded } => {
            let out: &mut [f32; TILE_K] = words.try_into().expect("a tile row of f32");
            for i in 0..TILE_K {
                out[i] = if rounded { bf16_to_f32(bf16_from_f32(padded[i])) } else { padded[i] };
            }
        }
    }
}

impl PackedRows {
    /// Lets `fill` write the packed words (see [`RowsShape::words_at`]).
    pub fn filled(arena: &Arena, shape: RowsShape, fill: impl FnOnce(&mut [f32])) -> PackedRows {
        let data = arena.tensor(1, shape.words(), fill);
        PackedRows { operand: shape.operand, n_rows: shape.n_rows, n_tiles: shape.n_tiles, data }
    }

    pub fn shape(&self) -> RowsShape {
        RowsShape { operand: self.operand, n_rows: self.n_rows, n_tiles: self.n_tiles }
    }

    pub fn bf16(&self) -> &[u16] {
        assert_eq!(self.operand, Operand::Bf16);
        bytemuck::cast_slice(self.data.data())
    }

    pub fn f32(&self) -> &[f32] {
        assert_ne!(self.operand, Operand::Bf16);
        self.data.data()
    }
}
