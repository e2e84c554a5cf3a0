//! Letting go of descriptors.
//!
//! # Safety
//!
//! Closing a descriptor that somebody still uses would be a mistake, not
//! unsound; nobody here uses one above 2.

use super::Errno;
use super::descriptor::close;
use super::proc::Numbers;
use core::ffi::c_uint;

/// Closes every descriptor from 3 up: by close_range(2), or, where it is refused
/// (Linux before 5.9, a filter of system calls), by a walk of /proc/self/fd.
///
/// # Errors
///
/// What open(2) says of /proc/self/fd where neither way works.
pub fn close_from_3() -> Result<(), Errno> {
    // SAFETY: closes descriptors that nobody uses.
    let closed = unsafe { call!(close_range, 3, c_uint::MAX, 0) };
    if closed.is_ok() {
        return Ok(());
    }
    close_one_by_one()
}

/// By a walk of /proc.
// Apart, so that its large frame costs memory only where it is needed.
#[inline(never)]
fn close_one_by_one() -> Result<(), Errno> {
    // A closed descriptor does not disturb the walk: the kernel goes by number
    // (proc_readfd_common in fs/proc/fd.c).
    let mut numbers = Numbers::open(c"/proc/self/fd")?;
    while let Some(number) = numbers.next_number()? {
        if number >= 3 && number != numbers.directory() {
            close(number);
        }
    }
    Ok(())
}
