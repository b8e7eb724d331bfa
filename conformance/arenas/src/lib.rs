//! How many arenas the allocator of glibc keeps. By default it makes one for each thread, up to eight for each
//! processor, and memory that was freed in one of them is not used by the others: a run of the suite keeps a third of
//! its memory that way.

/// Bounds the arenas of this process; for the start of a program, before it has threads. Without glibc, and where glibc
/// refuses, nothing is changed: it is a matter of memory alone.
pub fn bound(count: u16) {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "glibc's interface for this has no safe form in a library")]
    // SAFETY: two integers are handed over, nothing is pointed to, and no other thread allocates yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, libc::c_int::from(count));
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = count;
}
