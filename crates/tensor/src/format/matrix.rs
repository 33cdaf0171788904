//! A packed weight matrix, and the embedding table.

use super::{BLOCK_K, Format, PANEL_ROWS, TILE_K};
use crate::{Dtype, Stored, bf16_to_f32, f16_to_f32};

/// A weight `[out_features, in_features]`, packed once for every kernel that reads it.
///
/// Both dimensions are padded with zeros to multiples of 32. Cloning shares the memory.
#[derive(Clone)]
pub struct Matrix {
    pub(super) format: Format,
    pub(super) out_features: usize,
    pub(super) in_features: usize,
    /// `[panels][tiles]`, each tile `format.tile_bytes()`.
    pub(super) panels: Stored,
    /// `[panels][ceil(in_features / BLOCK_K)]` for FP8, empty otherwise.
    pub(super) scales: Vec<f32>,
}

impl Matrix {
    /// Number format of the values.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Rows: the length of a product's result.
    pub fn out_features(&self) -> usize {
        self.out_features
    }

    /// Columns: the length of the vectors it multiplies.
    pub fn in_features(&self) -> usize {
        self.in_features
    }

    /// Panels of 32 outputs, the last one padded.
    pub fn n_panels(&self) -> usize {
        self.out_features.div_ceil(PANEL_ROWS)
    }

    /// Tiles along k, the last one padded.
    pub fn n_tiles(&self) -> usize {
        self.in_features.div_ceil(TILE_K)
    }

    /// The packed values of one panel.
    #[track_caller]
    pub fn panel(&self, panel: usize) -> &[u8] {
        let bytes = self.n_tiles() * self.format.tile_bytes();
        &self.panels.as_slice::<u8>()[panel * bytes..][..bytes]
    }

    /// The scales of one panel, one for every [`BLOCK_K`] k values; empty unless FP8.
    #[track_caller]
    pub fn panel_scales(&self, panel: usize) -> &[f32] {
        if self.scales.is_empty() {
            return &[];
        }
        let blocks = self.in_features.div_ceil(BLOCK_K);
        &self.scales[panel * blocks..][..blocks]
    }

    /// Bytes of the packed form, scales included.
    pub fn bytes(&self) -> usize {
        self.panels.len() + self.scales.len() * size_of::<f32>()
    }

    /// Widens row `row` into `out` `[in_features]`: value times scale.
    #[track_caller]
    pub fn row_into(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.out_features, "row {row} of {}", self.out_features);
        assert_eq!(out.len(), self.in_features);
        let panel = self.panel(row / PANEL_ROWS);
        let scales = self.panel_scales(row / PANEL_ROWS);
        for (k, out) in out.iter_mut().enumerate() {
            let tile = &panel[k / TILE_K * self.format.tile_bytes()..];
            let value = self.format.value(tile, self.format.place(row % PANEL_ROWS, k % TILE_K));
            *out = value * scales.get(k / BLOCK_K).copied().unwrap_or(1.0);
        }
    }
}

/// The embedding table `[vocab_size, hidden_size]`.
#[derive(Clone)]
pub enum Embedding {
    /// Row-major values as stored: a token reads one contiguous row.
    Rows {
        /// Number format; FP8 does not occur.
        dtype: Dtype,
        /// Values in a row.
        hidden_size: usize,
        /// The rows.
        values: Stored,
    },
    /// The output head serves as the table (`tie_word_embeddings`).
    Tied(Matrix),
}

impl Embedding {
    /// Number of rows.
    pub fn vocab_size(&self) -> usize {
        match self {
            Embedding::Rows { dtype, hidden_size, values } => {
                values.len() / (hidden_size * dtype.size())
            }
            Embedding::Tied(matrix) => matrix.out_features(),
        }
    }

    /// Values in a row.
    pub fn hidden_size(&self) -> usize {
        match self {
            Embedding::Rows { hidden_size, .. } => *hidden_size,
            Embedding::Tied(matrix) => matrix.in_features(),
        }
    }

    /// Bytes that the table adds to those of the other weights.
    pub fn bytes(&self) -> usize {
        match self {
            Embedding::Rows { values, .. } => values.len(),
            Embedding::Tied(_) => 0,
        }
    }

    /// Widens the row of `token_id` into `out` `[hidden_size]`.
    #[track_caller]
    pub fn row_into(&self, token_id: u32, out: &mut [f32]) {
        let row = token_id as usize;
        assert!(row < self.vocab_size(), "token {row} of {}", self.vocab_size());
        match self {
            Embedding::Tied(matrix) => matrix.row_into(row, out),
            Embedding::Rows { dtype: Dtype::F32, hidden_size, values } => {
                out.copy_from_slice(&values.as_slice::<f32>()[row * hidden_size..][..*hidden_size]);
            }
            Embedding::Rows { dtype, hidden_size, values } => {
                let widen = if *dtype == Dtype::F16 { f16_to_f32 } else { bf16_to_f32 };
                let row = &values.as_slice::<u16>()[row * hidden_size..][..*hidden_size];
                out.iter_mut().zip(row).for_each(|(out, bits)| *out = widen(*bits));
            }
        }
    }
}
