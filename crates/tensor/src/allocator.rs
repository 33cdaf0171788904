//! The C library's allocator, told what a server needs of it.

/// Blocks from this size on are mapped, and unmapped when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_BYTES: libc::c_int = 1 << 20;
/// Free memory that the heap keeps at its end.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const SPARE_BYTES: libc::c_int = 4 << 20;

/// Has freed memory go back to the system, where there is a choice. For programs that run for long
/// and whose requests differ by orders of magnitude.
///
/// glibc gives threads heaps of their own, up to eight for every core, and each keeps what its
/// busiest moment took; and it maps only blocks larger than any that was freed before. Over 10,000
/// hostile requests, some of 7 MB, a server of 35 MB grew by half; so it does not. Small pieces come
/// from each thread's cache in any case.
pub fn return_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two integers, and glibc locks what it changes. A refusal leaves the
    // allocator as it was.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE_BYTES);
    }
}
