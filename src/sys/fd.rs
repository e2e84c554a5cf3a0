//! Letting go of descriptors.
//!
//! # Safety
//!
//! Closing a descriptor that somebody still uses would be a mistake, not
//! unsound; nobody here uses one above 2.

use super::{Errno, proc};
use core::ffi::c_uint;

/// Closes every descriptor from 3 up: close_range(2), or, where that is not to
/// be had (Linux before 5.9, a seccomp filter), a walk of /proc/self/fd.
///
/// # Errors
///
/// What open(2) says of /proc/self/fd where neither way works.
pub fn close_from_3() -> Result<(), Errno> {
    // SAFETY: closes descriptors that nobody uses.
    let closed =
        unsafe { libc::syscall(libc::SYS_close_range, 3 as c_uint, c_uint::MAX, 0 as c_uint) };
    if Errno::result(closed).is_ok() {
        return Ok(());
    }
    close_one_by_one()
}

/// By a walk of /proc.
// Apart, so that its large frame costs memory only where it is needed.
#[inline(never)]
fn close_one_by_one() -> Result<(), Errno> {
    // A closed descriptor does not disturb the walk: the kernel goes by number
    // (proc_readfd_common).
    proc::for_each_number(c"/proc/self/fd", &mut |number, directory| {
        if number >= 3 && number != directory.number() {
            proc::close(number);
        }
        true
    })
}
