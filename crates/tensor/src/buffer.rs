//! Zeroed host memory, aligned for tiles and vectors, on huge pages where it is large.

use std::ptr::NonNull;

/// Memory from this size on is mapped apart and asks for 2 MiB pages: the hardware prefetchers
/// stop at page borders, and a 4 KiB page is only a fraction of one weight panel.
const HUGE_PAGE_BYTES: usize = 2 << 20;
const ALIGN: usize = 64;

/// An owned, zero-initialised block of memory, aligned to at least 64 bytes.
pub struct Buffer {
    pointer: NonNull<u8>,
    len: usize,
    mapped_len: Option<usize>,
}

// SAFETY: a Buffer owns its memory exclusively, as a Box<[u8]> does.
unsafe impl Send for Buffer {}
// SAFETY: shared access only reads; every write needs `&mut`.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `len` zeroed bytes. Large blocks are only reserved: a page costs memory once it is written.
    pub fn zeroed(len: usize) -> Buffer {
        if len >= HUGE_PAGE_BYTES { Buffer::mapped(len) } else { Buffer::allocated(len) }
    }

    fn allocated(len: usize) -> Buffer {
        let layout = layout(len);
        // SAFETY: the layout's size is never zero.
        let pointer = unsafe { std::alloc::alloc_zeroed(layout) };
        let Some(pointer) = NonNull::new(pointer) else { std::alloc::handle_alloc_error(layout) };
        Buffer { pointer, len, mapped_len: None }
    }

    fn mapped(len: usize) -> Buffer {
        let mapped_len = len.next_multiple_of(HUGE_PAGE_BYTES);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: an anonymous private mapping at an address of the kernel's choice.
        let pointer =
            unsafe { libc::mmap(std::ptr::null_mut(), mapped_len, protection, flags, -1, 0) };
        if pointer == libc::MAP_FAILED {
            std::alloc::handle_alloc_error(layout(len));
        }
        // SAFETY: the range was just mapped. The advice may be refused; that costs only speed.
        unsafe { libc::madvise(pointer, mapped_len, libc::MADV_HUGEPAGE) };
        let pointer = NonNull::new(pointer.cast()).expect("mmap never returns page zero");
        Buffer { pointer, len, mapped_len: Some(mapped_len) }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the buffer holds no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first byte, for owners that hand out disjoint parts.
    pub(crate) fn base(&self) -> *mut u8 {
        self.pointer.as_ptr()
    }

    /// The bytes, seen as values of `T`; a rest shorter than one value is left out.
    pub fn as_slice<T: bytemuck::Pod>(&self) -> &[T] {
        assert!(align_of::<T>() <= ALIGN, "alignment {} above {ALIGN}", align_of::<T>());
        // SAFETY: the memory is initialised, aligned, lives as long as `self`, and any bits are a T.
        unsafe {
            std::slice::from_raw_parts(self.pointer.as_ptr().cast(), self.len / size_of::<T>())
        }
    }

    /// The bytes, seen as mutable values of `T`; a rest shorter than one value is left out.
    pub fn as_mut_slice<T: bytemuck::Pod>(&mut self) -> &mut [T] {
        assert!(align_of::<T>() <= ALIGN, "alignment {} above {ALIGN}", align_of::<T>());
        let len = self.len / size_of::<T>();
        // SAFETY: as in `as_slice`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr().cast(), len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        match self.mapped_len {
            // SAFETY: this is the range that `mapped` obtained, and nothing refers to it any more.
            Some(len) => unsafe {
                libc::munmap(self.pointer.as_ptr().cast(), len);
            },
            // SAFETY: allocated by `allocated` with the same layout.
            None => unsafe { std::alloc::dealloc(self.pointer.as_ptr(), layout(self.len)) },
        }
    }
}

fn layout(len: usize) -> std::alloc::Layout {
    std::alloc::Layout::from_size_align(len.max(1), ALIGN).expect("a length below isize::MAX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_zeroed_and_aligned() {
        for len in [0, 1, 63, 4096, HUGE_PAGE_BYTES, HUGE_PAGE_BYTES + 12] {
            let mut buffer = Buffer::zeroed(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_slice::<u8>().as_ptr() as usize % ALIGN, 0);
            assert!(buffer.as_slice::<u8>().iter().all(|b| *b == 0));
            buffer.as_mut_slice::<f32>().fill(1.0);
            assert!(buffer.as_slice::<f32>().iter().all(|x| *x == 1.0));
        }
    }
}
