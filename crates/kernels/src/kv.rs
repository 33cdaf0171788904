//! The paged key-value cache.
//!
//! A page holds [`PAGE_TOKENS`] consecutive positions of one sequence in every layer. A row holds
//! what one position keeps in one layer: for MLA the latent and the rotated key part, for grouped
//! heads the keys and then the values. Each part is padded to a multiple of 32 with zeros.

use ponder_tensor::Buffer;

/// Positions of one page. Divides the fixed attention ranges, so a page lies within one of them.
pub const PAGE_TOKENS: usize = 64;

/// Index of a page in its cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageId(pub u32);

/// Number format of cached values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvDtype {
    /// The reference backend's: nothing is rounded.
    F32,
    /// The published form, 2 bytes a value.
    Bf16,
}

impl KvDtype {
    /// Bytes of one value.
    pub fn size(self) -> usize {
        match self {
            KvDtype::F32 => 4,
            KvDtype::Bf16 => 2,
        }
    }
}

/// Cache memory for a fixed number of pages, reserved at once and written in place.
pub struct KvCache {
    dtype: KvDtype,
    n_layers: usize,
    n_pages: usize,
    row_width: usize,
    /// `[layers][pages][PAGE_TOKENS][row_width]`
    data: Buffer,
}

impl KvCache {
    /// Reserves `n_pages` pages of `n_layers` layers with rows of `row_width` values.
    pub fn new(dtype: KvDtype, n_layers: usize, n_pages: usize, row_width: usize) -> KvCache {
        let values = n_layers * n_pages * PAGE_TOKENS * row_width;
        let data = Buffer::zeroed(values * dtype.size());
        KvCache { dtype, n_layers, n_pages, row_width, data }
    }

    /// Number format of the values.
    pub fn dtype(&self) -> KvDtype {
        self.dtype
    }

    /// Number of pages.
    pub fn n_pages(&self) -> usize {
        self.n_pages
    }

    /// Values that one position keeps in one layer.
    pub fn row_width(&self) -> usize {
        self.row_width
    }

    /// Bytes that one position keeps over all layers.
    pub fn bytes_per_token(&self) -> usize {
        self.n_layers * self.row_width * self.dtype.size()
    }

    #[track_caller]
    fn page_start(&self, layer: usize, page: PageId) -> usize {
        let page = page.0 as usize;
        assert!(layer < self.n_layers && page < self.n_pages, "layer {layer}, page {page}");
        (layer * self.n_pages + page) * PAGE_TOKENS * self.row_width
    }

    /// One page of one layer, `[PAGE_TOKENS, row_width]`. `T` is f32 or the bits of bf16.
    #[track_caller]
    pub fn page<T: bytemuck::Pod>(&self, layer: usize, page: PageId) -> &[T] {
        assert_eq!(size_of::<T>(), self.dtype.size(), "cache of {:?}", self.dtype);
        let start = self.page_start(layer, page);
        &self.data.as_slice::<T>()[start..start + PAGE_TOKENS * self.row_width]
    }

    /// One layer, `[pages, PAGE_TOKENS, row_width]`, to write several rows at once.
    #[track_caller]
    pub fn layer_mut<T: bytemuck::Pod>(&mut self, layer: usize) -> &mut [T] {
        assert_eq!(size_of::<T>(), self.dtype.size(), "cache of {:?}", self.dtype);
        let len = self.n_pages * PAGE_TOKENS * self.row_width;
        let start = self.page_start(layer, PageId(0));
        &mut self.data.as_mut_slice::<T>()[start..start + len]
    }

    /// The row of one position, to write it.
    #[track_caller]
    pub fn row_mut<T: bytemuck::Pod>(
        &mut self,
        layer: usize,
        page: PageId,
        slot: usize,
    ) -> &mut [T] {
        assert_eq!(size_of::<T>(), self.dtype.size(), "cache of {:?}", self.dtype);
        assert!(slot < PAGE_TOKENS, "slot {slot}");
        let start = self.page_start(layer, page) + slot * self.row_width;
        &mut self.data.as_mut_slice::<T>()[start..start + self.row_width]
    }
}

/// Rounds a part of a row up to whole tiles.
pub fn padded(width: usize) -> usize {
    width.next_multiple_of(32)
}
