//! Memory that is asked for once, at the start.
//!
//! # Safety
//!
//! We have no heap, so that nobody else moves the end of the data segment. What
//! is added to it is all zeros, and stays until the end.

use super::Errno;
use core::ptr;
use core::slice;
use core::sync::atomic::AtomicU32;

/// So many zeros. Only the pages that are written to become memory.
///
/// # Errors
///
/// ENOMEM where the address space is limited (brk(2)).
pub fn zeros(count: usize) -> Result<&'static [AtomicU32], Errno> {
    let base = room(count * size_of::<AtomicU32>())?;
    // SAFETY: there is room for so many, aligned, and never given back.
    Ok(unsafe { slice::from_raw_parts(base.cast(), count) })
}

/// So many bytes, all zeros, aligned as a number or a pointer wants it.
///
/// # Errors
///
/// ENOMEM where the address space is limited (brk(2)).
pub(super) fn room(size: usize) -> Result<*mut u8, Errno> {
    // SAFETY: 0 changes nothing.
    let end = unsafe { call!(brk, 0) }?;
    let base = end.next_multiple_of(align_of::<usize>());
    let new_end = base + size;
    // SAFETY: no memory that exists is involved.
    if unsafe { call!(brk, new_end) }? < new_end {
        return Err(Errno::ENOMEM);
    }
    Ok(ptr::with_exposed_provenance_mut(base))
}
