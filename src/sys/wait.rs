//! Looking at children that have ended, and reaping them.
//!
//! # Safety
//!
//! The calls fill in a value that is valid as all zeros.

use super::Errno;
use crate::status::WaitStatus;
use crate::supervisor::{Event, Pid};
use core::ffi::c_int;
use core::mem::MaybeUninit;

/// Looks for a child that has ended, without reaping it, of whatever kind
/// (`__WALL`: threads' processes that we were exec'd with, too).
pub fn peek() -> Event {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the kernel fills it in or leaves it zero.
    let (result, info) = unsafe {
        let result = libc::waitid(
            libc::P_ALL,
            0,
            info.as_mut_ptr(),
            libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL,
        );
        (Errno::result(result), info.assume_init())
    };
    if result.is_err() {
        // ECHILD; nothing else can be, since WNOHANG does not sleep.
        return Event::Settled { children: false };
    }
    // SAFETY: waitid fills both in, or leaves them zero.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    match Pid::new(pid) {
        Some(pid) => Event::Zombie {
            pid,
            status: WaitStatus::from_raw(match info.si_code {
                libc::CLD_EXITED => (status & 0xff) << 8,
                libc::CLD_DUMPED => status | 0x80,
                _ => status,
            }),
        },
        None => Event::Settled { children: true },
    }
}

/// Reaps this child, if it has ended, and tells whether it did.
pub fn reap(pid: Pid) -> bool {
    let mut status: c_int = 0;
    // SAFETY: the status is an int.
    let reaped = unsafe { libc::waitpid(pid.raw(), &raw mut status, libc::WNOHANG | libc::__WALL) };
    reaped == pid.raw()
}

/// Waits for this child to end, and reaps it.
///
/// # Errors
///
/// ECHILD where it is not our child.
pub fn wait_for(pid: Pid) -> Result<WaitStatus, Errno> {
    let mut status: c_int = 0;
    loop {
        // SAFETY: the status is an int.
        let waited = unsafe { libc::waitpid(pid.raw(), &raw mut status, libc::__WALL) };
        match Errno::result(waited) {
            Err(Errno::EINTR) => {}
            Err(other) => return Err(other),
            Ok(_) => return Ok(WaitStatus::from_raw(status)),
        }
    }
}
