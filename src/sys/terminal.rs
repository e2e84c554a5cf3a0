//! The controlling terminal, as far as standard input is it (tty_ioctl(4)).
//!
//! # Safety
//!
//! Each request is given what it takes: nothing, a number, or a live pid.

use super::descriptor::Descriptor;
use super::io::STDIN;
use super::{Errno, io};
use crate::process::Pid;

/// Gives the controlling terminal up, and tells whether we lead its session.
/// The kernel then sends HUP and CONT to the foreground group, us among it,
/// before the call returns. Where we do not, it is given up if `anyway`.
///
/// # Errors
///
/// What TIOCNOTTY says, where there is a terminal to give up.
pub fn give_up(ourselves: Pid, anyway: bool) -> Result<bool, Errno> {
    let mut session: libc::pid_t = 0;
    // SAFETY: TIOCGSID fills in a pid. It fails unless standard input is our
    // controlling terminal.
    let asked = unsafe { ioctl(libc::TIOCGSID, &raw mut session as usize) };
    asked?;
    let leads = session == ourselves.raw();
    if leads || anyway {
        // SAFETY: TIOCNOTTY takes no argument.
        unsafe { ioctl(libc::TIOCNOTTY, 0) }?;
    }
    Ok(leads)
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
    unsafe { ioctl(libc::TIOCSCTTY, 0) }.map(drop)
}

/// Makes a process group the foreground one of our controlling terminal, which
/// is looked for `by_name`, else at standard input. SIGTTOU has to be blocked.
///
/// # Errors
///
/// ENOTTY where there is no terminal.
pub fn make_foreground(group: Pid, by_name: bool) -> Result<(), Errno> {
    let number: libc::pid_t = group.raw();
    let request = |terminal: core::ffi::c_int| {
        // SAFETY: TIOCSPGRP reads a pid.
        unsafe { call!(ioctl, terminal, libc::TIOCSPGRP, &raw const number) }.map(drop)
    };
    let terminal = match by_name {
        true => io::open(c"/dev/tty", libc::O_RDWR).ok(),
        false => None,
    };
    request(terminal.as_ref().map_or(STDIN, Descriptor::number))
}

unsafe fn ioctl(request: libc::Ioctl, argument: usize) -> Result<usize, Errno> {
    // SAFETY: the caller passes what the request takes.
    unsafe { call!(ioctl, STDIN, request, argument) }
}
