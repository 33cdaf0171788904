//! From a checkpoint's rows into panels, streaming: each value is read once and written once.

use super::{BLOCK_K, Format, Matrix, PANEL_ROWS, TILE_K};
use crate::{Dtype, WeightStore};

/// A weight as a checkpoint stores it, or a window of it.
#[derive(Clone)]
pub struct Source<'a> {
    /// Number format of `bytes`.
    pub dtype: Dtype,
    /// The stored matrix, row-major, all of it.
    pub bytes: &'a [u8],
    /// Values in a stored row.
    pub stored_cols: usize,
    /// First stored row of the window.
    pub first_row: usize,
    /// Rows of the window as stored.
    pub rows: usize,
    /// Whether the packed matrix is the transpose of the window.
    pub transposed: bool,
    /// FP8 only: the block scales of the stored matrix.
    pub scales: Option<BlockScales>,
}

/// FP8 block scales: `value = code * scale[row / block_rows][col / block_cols]`.
#[derive(Clone)]
pub struct BlockScales {
    /// Row-major, `[ceil(stored_rows / block_rows), ceil(stored_cols / block_cols)]`.
    pub values: Vec<f32>,
    /// Rows and columns of a block.
    pub block: [usize; 2],
}

/// Why a weight could not be packed.
#[derive(Clone, Debug, PartialEq)]
pub enum PackError {
    /// The value at this stored row and column is NaN.
    NanValue {
        /// Stored row.
        row: usize,
        /// Stored column.
        col: usize,
    },
    /// The block scale at this place is not a finite number.
    BadScale {
        /// Index into the scale tensor, row-major.
        index: usize,
        /// The scale found.
        value: f32,
    },
}

impl<'a> Source<'a> {
    /// A whole stored matrix.
    pub fn whole(dtype: Dtype, bytes: &'a [u8], rows: usize, cols: usize) -> Source<'a> {
        let stored_cols = cols;
        Source { dtype, bytes, stored_cols, first_row: 0, rows, transposed: false, scales: None }
    }

    fn out_features(&self) -> usize {
        if self.transposed { self.stored_cols } else { self.rows }
    }

    fn in_features(&self) -> usize {
        if self.transposed { self.rows } else { self.stored_cols }
    }

    /// Stored row and column of the packed place (n, k).
    fn stored(&self, n: usize, k: usize) -> (usize, usize) {
        if self.transposed { (self.first_row + k, n) } else { (self.first_row + n, k) }
    }

    /// The packed form that loses nothing: FP8 stays FP8 when every panel and k block lies within
    /// one block of scales; a window that straddles them is widened to F32.
    pub fn format(&self) -> Format {
        let Some(scales) = &self.scales else { return Format::of(self.dtype) };
        let [block_rows, block_cols] = scales.block;
        let (n_block, k_block, n_start, k_start) = if self.transposed {
            (block_cols, block_rows, 0, self.first_row)
        } else {
            (block_rows, block_cols, self.first_row, 0)
        };
        let within = |start: usize, len: usize, step: usize, block: usize| {
            (0..len).step_by(step).all(|i| {
                let last = (i + step).min(len) - 1;
                (start + i) / block == (start + last) / block
            })
        };
        let aligned = within(n_start, self.out_features(), PANEL_ROWS, n_block)
            && within(k_start, self.in_features(), BLOCK_K, k_block);
        if aligned { Format::Fp8 } else { Format::F32 }
    }

    fn scale(&self, n: usize, k: usize) -> f32 {
        let Some(scales) = &self.scales else { return 1.0 };
        let (row, col) = self.stored(n, k);
        let scale_cols = self.stored_cols.div_ceil(scales.block[1]);
        scales.values[row / scales.block[0] * scale_cols + col / scales.block[1]]
    }

    fn check_scales(&self) -> Result<(), PackError> {
        let values = self.scales.iter().flat_map(|scales| &scales.values);
        match values.enumerate().find(|(_, value)| !value.is_finite()) {
            Some((index, value)) => Err(PackError::BadScale { index, value: *value }),
            None => Ok(()),
        }
    }
}

impl Matrix {
    /// Packs `source` in the format that loses nothing.
    pub fn pack(store: &mut WeightStore, source: &Source) -> Result<Matrix, PackError> {
        Matrix::pack_interleaved(store, &[source], source.format())
    }

    /// Packs `source` widened to F32, for weights whose products must not be rounded.
    pub fn pack_f32(store: &mut WeightStore, source: &Source) -> Result<Matrix, PackError> {
        Matrix::pack_interleaved(store, &[source], Format::F32)
    }

    /// Packs several weights of one shape panel by panel in turn (gate, up, gate, up, …), so that
    /// a product which needs both reads one stream. The result has the padded rows of all.
    pub fn pack_interleaved(
        store: &mut WeightStore,
        sources: &[&Source],
        format: Format,
    ) -> Result<Matrix, PackError> {
        let (out_features, in_features) = (sources[0].out_features(), sources[0].in_features());
        for source in sources {
            assert_eq!((source.out_features(), source.in_features()), (out_features, in_features));
            source.check_scales()?;
        }
        let n_panels = out_features.div_ceil(PANEL_ROWS) * sources.len();
        let panel_bytes = in_features.div_ceil(TILE_K) * format.tile_bytes();
        let mut scales = Vec::new();
        if format == Format::Fp8 {
            for panel in 0..n_panels {
                let (source, n) = panel_place(sources, panel);
                let blocks = (0..in_features).step_by(BLOCK_K);
                scales.extend(blocks.map(|k| source.scale(n, k)));
            }
        }
        let mut result = Ok(());
        let panels = store.fill(n_panels * panel_bytes, |bytes| {
            result = pack_panels(sources, format, bytes, panel_bytes);
        });
        result?;
        let out_features = if sources.len() == 1 { out_features } else { n_panels * PANEL_ROWS };
        Ok(Matrix { format, out_features, in_features, panels, scales })
    }
}

/// Which source fills `panel`, and the first of its rows there.
fn panel_place<'a, 'b>(sources: &[&'b Source<'a>], panel: usize) -> (&'b Source<'a>, usize) {
    (sources[panel % sources.len()], panel / sources.len() * PANEL_ROWS)
}

/// Fills the panels with as many threads as the machine has, once the work is worth them.
fn pack_panels(
    sources: &[&Source],
    format: Format,
    bytes: &mut [u8],
    panel_bytes: usize,
) -> Result<(), PackError> {
    const BYTES_PER_THREAD: usize = 1 << 20;
    let machine = std::thread::available_parallelism().map_or(1, |n| n.get());
    let threads = machine.min(bytes.len() / BYTES_PER_THREAD).max(1);
    let n_panels = bytes.len() / panel_bytes.max(1);
    let panels_per_thread = n_panels.div_ceil(threads).max(1);
    let fill = |(first, chunk): (usize, &mut [u8])| {
        for (i, panel) in chunk.chunks_exact_mut(panel_bytes).enumerate() {
            let (source, n) = panel_place(sources, first * panels_per_thread + i);
            pack_panel(source, format, n, panel)?;
        }
        Ok(())
    };
    let chunks = bytes.chunks_mut(panels_per_thread * panel_bytes).enumerate();
    if threads == 1 {
        return { chunks }.try_for_each(fill);
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = chunks.map(|chunk| scope.spawn(move || fill(chunk))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("packing does not panic"))
    })
}

/// Packs the rows `n0..n0 + 32` of `source`.
fn pack_panel(
    source: &Source,
    format: Format,
    n0: usize,
    panel: &mut [u8],
) -> Result<(), PackError> {
    let stored_format = Format::of(source.dtype);
    if format != stored_format {
        return pack_panel_widened(source, n0, bytemuck::cast_slice_mut(panel));
    }
    let tiles = panel.chunks_exact_mut(format.tile_bytes());
    for (tile_idx, tile) in tiles.enumerate() {
        let k0 = tile_idx * TILE_K;
        let rows = PANEL_ROWS.min(source.out_features() - n0);
        let depth = TILE_K.min(source.in_features() - k0);
        let whole_pairs =
            !source.transposed && depth.is_multiple_of(2) && source.stored_cols.is_multiple_of(2);
        match format {
            Format::Fp8 if whole_pairs => {
                copy_pairs::<u16>(source, format, [n0, k0, rows, depth], tile)
            }
            Format::Bf16 if whole_pairs => {
                copy_pairs::<u32>(source, format, [n0, k0, rows, depth], tile)
            }
            Format::Fp8 => copy_values::<u8>(source, format, [n0, k0, rows, depth], tile),
            Format::Bf16 | Format::F16 => {
                copy_values::<u16>(source, format, [n0, k0, rows, depth], tile)
            }
            Format::F32 => copy_values::<u32>(source, format, [n0, k0, rows, depth], tile),
        }
        if let Some(place) = find_nan(format, tile) {
            let (n, k) = (0..PANEL_ROWS)
                .flat_map(|n| (0..TILE_K).map(move |k| (n, k)))
                .find(|(n, k)| format.place(*n, *k) == place)
                .expect("every place has an output and a depth");
            let (row, col) = source.stored(n0 + n, k0 + k);
            return Err(PackError::NanValue { row, col });
        }
    }
    Ok(())
}

/// Reads values from where the file put them: their alignment is the file's.
fn read<T: bytemuck::AnyBitPattern>(bytes: &[u8], index: usize) -> T {
    bytemuck::pod_read_unaligned(&bytes[index * size_of::<T>()..][..size_of::<T>()])
}

/// Copies a tile of an untransposed source by pairs of k (`P` is as wide as two values).
fn copy_pairs<P: bytemuck::Pod>(
    source: &Source,
    format: Format,
    [n0, k0, rows, depth]: [usize; 4],
    tile: &mut [u8],
) {
    let tile: &mut [P] = bytemuck::cast_slice_mut(tile);
    for n in 0..rows {
        let first = (source.first_row + n0 + n) * source.stored_cols + k0;
        let pairs = &source.bytes[first / 2 * size_of::<P>()..][..depth / 2 * size_of::<P>()];
        for (pair, bytes) in pairs.chunks_exact(size_of::<P>()).enumerate() {
            tile[format.place(n, pair * 2) / 2] = bytemuck::pod_read_unaligned(bytes);
        }
    }
}

/// Copies a tile value by value, from any source.
fn copy_values<T: bytemuck::Pod>(
    source: &Source,
    format: Format,
    [n0, k0, rows, depth]: [usize; 4],
    tile: &mut [u8],
) {
    let tile: &mut [T] = bytemuck::cast_slice_mut(tile);
    for n in 0..rows {
        for k in 0..depth {
            let (row, col) = source.stored(n0 + n, k0 + k);
            tile[format.place(n, k)] = read(source.bytes, row * source.stored_cols + col);
        }
    }
}

/// Packs one panel as F32 from any format: value times scale.
fn pack_panel_widened(source: &Source, n0: usize, panel: &mut [f32]) -> Result<(), PackError> {
    let stored_format = Format::of(source.dtype);
    for n in 0..PANEL_ROWS.min(source.out_features() - n0) {
        for k in 0..source.in_features() {
            let (row, col) = source.stored(n0 + n, k);
            let value = stored_format.value(source.bytes, row * source.stored_cols + col);
            if value.is_nan() {
                return Err(PackError::NanValue { row, col });
            }
            let tile = k / TILE_K * PANEL_ROWS * TILE_K;
            panel[tile + Format::F32.place(n, k % TILE_K)] = value * source.scale(n0 + n, k);
        }
    }
    Ok(())
}

/// The place of a NaN in a packed tile.
fn find_nan(format: Format, tile: &[u8]) -> Option<usize> {
    match format {
        Format::Fp8 => {
            // Eight codes at a time: a code is NaN when its low seven bits are all set.
            let has_nan = |word: &u64| {
                let low = word & 0x7f7f_7f7f_7f7f_7f7f;
                low.wrapping_add(0x0101_0101_0101_0101) & 0x8080_8080_8080_8080 != 0
            };
            if !bytemuck::cast_slice::<u8, u64>(tile).iter().any(has_nan) {
                return None;
            }
            tile.iter().position(|code| code & 0x7f == 0x7f)
        }
        Format::Bf16 => {
            let values: &[u16] = bytemuck::cast_slice(tile);
            values.iter().position(|bits| bits & 0x7fff > 0x7f80)
        }
        Format::F16 => {
            let values: &[u16] = bytemuck::cast_slice(tile);
            values.iter().position(|bits| bits & 0x7fff > 0x7c00)
        }
        Format::F32 => bytemuck::cast_slice::<u8, f32>(tile).iter().position(|x| x.is_nan()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(dtype: Dtype, rows: usize, cols: usize) -> Vec<u8> {
        let codes = (0..rows * cols).map(|i| (i * 37 + i / 7) as u8 & 0xbf);
        match dtype {
            Dtype::F8E4m3 => codes.collect(),
            Dtype::Bf16 => {
                codes.flat_map(|c| crate::bf16_from_f32(c as f32).to_le_bytes()).collect()
            }
            Dtype::F16 => codes.flat_map(|c| half::f16::from_f32(c as f32).to_le_bytes()).collect(),
            Dtype::F32 => codes.flat_map(|c| (c as f32).to_le_bytes()).collect(),
        }
    }

    fn scales(rows: usize, cols: usize) -> BlockScales {
        let n = rows.div_ceil(128) * cols.div_ceil(128);
        BlockScales { values: (0..n).map(|i| 0.5 + i as f32).collect(), block: [128, 128] }
    }

    /// Packs, reads every row back and compares it with the stored values.
    fn check(dtype: Dtype, rows: usize, cols: usize, window: (usize, usize), transposed: bool) {
        let bytes = bytes_of(dtype, rows, cols);
        let source = Source {
            first_row: window.0,
            rows: window.1,
            transposed,
            scales: (dtype == Dtype::F8E4m3).then(|| scales(rows, cols)),
            ..Source::whole(dtype, &bytes, rows, cols)
        };
        let matrix = Matrix::pack(&mut WeightStore::new(), &source).unwrap();
        let mut row = vec![0.0; matrix.in_features()];
        for n in 0..matrix.out_features() {
            matrix.row_into(n, &mut row);
            for (k, got) in row.iter().enumerate() {
                let (r, c) = source.stored(n, k);
                let want = Format::of(dtype).value(&bytes, r * cols + c) * source.scale(n, k);
                assert_eq!(*got, want, "{dtype:?} {rows}x{cols} {window:?} at ({n}, {k})");
            }
        }
    }

    #[test]
    fn packed_rows_read_back() {
        for dtype in [Dtype::F8E4m3, Dtype::Bf16, Dtype::F16, Dtype::F32] {
            check(dtype, 64, 64, (0, 64), false);
            check(dtype, 33, 417, (0, 33), false);
            check(dtype, 257, 130, (0, 257), false);
            check(dtype, 300, 80, (128, 40), false);
            check(dtype, 300, 80, (64, 24), true);
            check(dtype, 400, 70, (100, 90), true);
        }
    }

    #[test]
    fn fp8_stays_fp8_unless_a_window_straddles_scales() {
        let bytes = bytes_of(Dtype::F8E4m3, 512, 96);
        let source = |first_row, rows, transposed| Source {
            first_row,
            rows,
            transposed,
            scales: Some(scales(512, 96)),
            ..Source::whole(Dtype::F8E4m3, &bytes, 512, 96)
        };
        assert_eq!(source(0, 512, false).format(), Format::Fp8);
        assert_eq!(source(256, 128, true).format(), Format::Fp8);
        assert_eq!(source(192, 128, true).format(), Format::F32);
        assert_eq!(source(112, 40, false).format(), Format::F32);
    }

    #[test]
    fn nan_is_found_where_it_stands() {
        let mut bytes = bytes_of(Dtype::F8E4m3, 40, 70);
        bytes[33 * 70 + 65] = 0xff;
        let source =
            Source { scales: Some(scales(40, 70)), ..Source::whole(Dtype::F8E4m3, &bytes, 40, 70) };
        let error = Matrix::pack(&mut WeightStore::new(), &source).err();
        assert_eq!(error, Some(PackError::NanValue { row: 33, col: 65 }));
    }

    #[test]
    fn a_bad_scale_is_refused() {
        let bytes = bytes_of(Dtype::F8E4m3, 8, 8);
        let bad = BlockScales { values: vec![f32::INFINITY], block: [128, 128] };
        let source = Source { scales: Some(bad), ..Source::whole(Dtype::F8E4m3, &bytes, 8, 8) };
        let error = Matrix::pack(&mut WeightStore::new(), &source).err();
        assert_eq!(error, Some(PackError::BadScale { index: 0, value: f32::INFINITY }));
    }
}
