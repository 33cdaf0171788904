//! Packed forms made from values in memory: the transpose of a packed weight, which the backward
//! pass multiplies with, and panels of activations.

use super::{Format, Matrix, PANEL_ROWS, TILE_K};
use crate::{Tensor, WeightStore};

const TILE_VALUES: usize = PANEL_ROWS * TILE_K;

impl Matrix {
    /// The transpose `[in_features, out_features]`, value by value; FP8 is widened to F32.
    pub fn transposed(&self, store: &mut WeightStore) -> Matrix {
        let format = if self.format == Format::Fp8 { Format::F32 } else { self.format };
        let (n_panels, n_tiles) = (self.n_tiles(), self.n_panels());
        let panels = store.fill(n_panels * n_tiles * format.tile_bytes(), |bytes| match format {
            Format::Bf16 | Format::F16 => self.transpose_tiles::<u16>(bytes),
            _ if self.format == Format::F32 => self.transpose_tiles::<u32>(bytes),
            _ => self.transpose_widened(bytemuck::cast_slice_mut(bytes)),
        });
        let (out_features, in_features) = (self.in_features, self.out_features);
        Matrix { format, out_features, in_features, panels, scales: Vec::new() }
    }

    /// A matrix over panels that were packed elsewhere, for the product of activations with
    /// activations; `panels` holds the bytes that [`Matrix::panel`] describes.
    #[track_caller]
    pub fn of_activations(
        format: Format,
        [out_features, in_features]: [usize; 2],
        panels: Tensor,
    ) -> Matrix {
        assert_ne!(format, Format::Fp8, "activations have no scales");
        let tiles = out_features.div_ceil(PANEL_ROWS) * in_features.div_ceil(TILE_K);
        let (found, needed) = (size_of_val(panels.data()), tiles * format.tile_bytes());
        assert_eq!(found, needed, "bytes of panels");
        Matrix { format, out_features, in_features, panels: panels.into(), scales: Vec::new() }
    }

    /// `T` is as wide as a value.
    fn transpose_tiles<T: bytemuck::Pod>(&self, bytes: &mut [u8]) {
        let mut source = [0usize; TILE_VALUES];
        for n in 0..PANEL_ROWS {
            for k in 0..TILE_K {
                source[self.format.place(n, k)] = self.format.place(k, n);
            }
        }
        let tiles: &mut [T] = bytemuck::cast_slice_mut(bytes);
        let stored: &[T] = self.panels.as_slice();
        for (i, tile) in tiles.chunks_exact_mut(TILE_VALUES).enumerate() {
            let (panel, tile_idx) = (i / self.n_panels(), i % self.n_panels());
            let from = (tile_idx * self.n_tiles() + panel) * TILE_VALUES;
            let from: &[T; TILE_VALUES] =
                stored[from..from + TILE_VALUES].try_into().expect("the length of a tile");
            for (out, source) in tile.iter_mut().zip(&source) {
                *out = from[source % TILE_VALUES];
            }
        }
    }

    fn transpose_widened(&self, out: &mut [f32]) {
        let mut row = vec![0.0; self.in_features];
        let panel_values = self.n_panels() * TILE_VALUES;
        for k in 0..self.out_features {
            self.row_into(k, &mut row);
            for (n, value) in row.iter().enumerate() {
                let tile = n / PANEL_ROWS * panel_values + k / TILE_K * TILE_VALUES;
                out[tile + Format::F32.place(n % PANEL_ROWS, k % TILE_K)] = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dtype;
    use crate::format::{BlockScales, Source};

    #[test]
    fn transposes_hold_the_same_values() {
        for dtype in [Dtype::Bf16, Dtype::F32, Dtype::F8E4m3] {
            for (rows, cols) in [(64, 96), (33, 70), (1, 5)] {
                let bytes: Vec<u8> =
                    (0..rows * cols * dtype.size()).map(|i| (i * 37 % 61) as u8).collect();
                let scales = BlockScales { values: vec![0.5], block: [128, 128] };
                let scales = (dtype == Dtype::F8E4m3).then_some(scales);
                let source = Source { scales, ..Source::whole(dtype, &bytes, rows, cols) };
                let mut store = WeightStore::new();
                let matrix = Matrix::pack(&mut store, &source).unwrap();
                let transposed = matrix.transposed(&mut store);
                let (mut row, mut column) = (vec![0.0; cols], vec![0.0; rows]);
                for n in 0..rows {
                    matrix.row_into(n, &mut row);
                    for (k, value) in row.iter().enumerate().take(cols) {
                        transposed.row_into(k, &mut column);
                        assert_eq!(*value, column[n], "{dtype:?} {rows}x{cols} at ({n}, {k})");
                    }
                }
            }
        }
    }
}
