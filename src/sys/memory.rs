//! Memory that is asked for once, at the start.
//!
//! # Safety
//!
//! A new private mapping is nobody else's, all zeros, and stays until the end.

use super::Errno;
use core::ffi::c_void;
use core::ptr;
use core::slice;
use core::sync::atomic::AtomicU32;

/// So many zeros. Only the pages that are written to become memory.
///
/// # Errors
///
/// ENOMEM where the address space is limited (mmap(2)).
pub fn zeros(count: usize) -> Result<&'static [AtomicU32], Errno> {
    // SAFETY: no memory that exists is involved.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut::<c_void>(),
            count * size_of::<AtomicU32>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // SAFETY: it has room for so many, is aligned to a page, and never unmapped.
    Ok(unsafe { slice::from_raw_parts(base.cast::<AtomicU32>(), count) })
}
