//! The controlling terminal, as far as standard input is it (tty_ioctl(4)).
//!
//! # Safety
//!
//! Each request is given what it takes: nothing, a number, or a live pid.

use super::Errno;
use crate::supervisor::Pid;

const STDIN: core::ffi::c_int = 0;

/// Gives the controlling terminal up, if we lead its session, and tells
/// whether it was so. The kernel then sends HUP and CONT to the foreground
/// group, us among it, before the call returns.
///
/// # Errors
///
/// What TIOCNOTTY says, where there is a terminal to give up.
pub fn give_up(ourselves: Pid) -> Result<bool, Errno> {
    let mut session: libc::pid_t = 0;
    // SAFETY: TIOCGSID fills in a pid. It fails unless standard input is our
    // controlling terminal.
    let asked = unsafe { ioctl(libc::TIOCGSID, &raw mut session as usize) };
    if Errno::result(asked).is_err() || session != ourselves.raw() {
        return Ok(false);
    }
    // SAFETY: TIOCNOTTY takes no argument.
    Errno::result(unsafe { ioctl(libc::TIOCNOTTY, 0) }).map(|_| true)
}

/// Makes standard input the controlling terminal of our session, unless it is
/// another's: the argument 1 would steal it.
///
/// # Errors
///
/// ENOTTY where it is no terminal, EPERM where it is another session's, EIO
/// where it has hung up: none is a reason not to start the command.
pub fn take() -> Result<(), Errno> {
    // SAFETY: TIOCSCTTY takes a number.
    Errno::result(unsafe { ioctl(libc::TIOCSCTTY, 0) }).map(drop)
}

/// The raw call: the C library's does more than we need.
unsafe fn ioctl(request: libc::Ioctl, argument: usize) -> core::ffi::c_long {
    // SAFETY: the caller passes what the request takes.
    unsafe { libc::syscall(libc::SYS_ioctl, STDIN, request, argument) }
}
