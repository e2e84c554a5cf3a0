//! Looking at children, and reaping them.
//!
//! # Safety
//!
//! The calls fill in a value that is valid as all zeros.

use super::Errno;
use crate::process::Pid;
use crate::signal::Signal;
use crate::status::{Children, WaitStatus};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;

/// Which children are looked at: of whatever kind, those with another exit
/// signal than SIGCHLD that we were exec'd with, too (clone(2)). waitid(2) takes
/// it since Linux 4.7.
pub const ALL_KINDS: c_int = libc::__WALL;

/// Looks for a child that has ended, without reaping it.
///
/// # Errors
///
/// EINVAL where `kinds` is not supported, or what a filter of system calls makes
/// up.
pub fn peek(kinds: c_int) -> Result<Children, Errno> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | kinds;
    let info = match look(libc::P_ALL, 0, options) {
        Err(Errno::ECHILD) => return Ok(Children::None),
        info => info?,
    };
    // SAFETY: waitid fills both in, or leaves them zero.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    Ok(match Pid::new(pid) {
        Some(pid) => Children::Zombie {
            pid,
            status: WaitStatus::from_raw(match info.si_code {
                libc::CLD_EXITED => (status & 0xff) << 8,
                libc::CLD_DUMPED => status | 0x80,
                _ => status,
            }),
        },
        None => Children::Running,
    })
}

/// The signal that has stopped this child since the last such question.
pub fn stopped_by(pid: Pid) -> Option<Signal> {
    let options = libc::WSTOPPED | libc::WNOHANG;
    let info = look(libc::P_PID, pid.raw().unsigned_abs(), options).ok()?;
    // SAFETY: waitid fills both in, or leaves them zero.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    Pid::new(pid)?;
    Signal::new(status)
}

/// Looks at a child that has changed as `options` say.
fn look(which: libc::idtype_t, id: libc::id_t, options: c_int) -> Result<libc::siginfo_t, Errno> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    waitid(which, id, info.as_mut_ptr(), options)?;
    // SAFETY: the kernel fills it in or leaves it zero.
    Ok(unsafe { info.assume_init() })
}

/// Waits for a child that has changed as `options` say. What the kernel says of it goes to `info`,
/// or, where that is null, nowhere.
fn waitid(
    which: libc::idtype_t,
    id: libc::id_t,
    info: *mut libc::siginfo_t,
    options: c_int,
) -> Result<(), Errno> {
    let usage = ptr::null_mut::<libc::rusage>();
    // SAFETY: the pointers are null, or `look` gave one to a value of its own.
    unsafe { call!(waitid, which, id, info, options, usage) }.map(drop)
}

/// Reaps this child, which has ended.
///
/// # Errors
///
/// ECHILD where it is not our child.
pub fn reap(pid: Pid, kinds: c_int) -> Result<(), Errno> {
    let options = libc::WEXITED | libc::WNOHANG | kinds;
    // To copy what nobody reads would take a fiftieth of the time.
    waitid(
        libc::P_PID,
        pid.raw().unsigned_abs(),
        ptr::null_mut(),
        options,
    )
}

/// Waits for this child to end, and reaps it.
///
/// # Errors
///
/// ECHILD where it is not our child.
pub fn wait_for(pid: Pid) -> Result<(), Errno> {
    loop {
        let id = pid.raw().unsigned_abs();
        match waitid(libc::P_PID, id, ptr::null_mut(), libc::WEXITED) {
            Err(Errno::EINTR) => {}
            waited => return waited,
        }
    }
}
