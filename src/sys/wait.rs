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
    match look(libc::P_ALL, 0, options) {
        Ok(Some(child)) => Ok(Children::Zombie {
            pid: child.pid,
            status: WaitStatus::from_raw(match child.code {
                libc::CLD_EXITED => (child.status & 0xff) << 8,
                libc::CLD_DUMPED => child.status | 0x80,
                _ => child.status,
            }),
        }),
        Ok(None) => Ok(Children::Running),
        Err(Errno::ECHILD) => Ok(Children::None),
        Err(errno) => Err(errno),
    }
}

/// The signal that has stopped this child since the last such question.
pub fn stopped_by(pid: Pid) -> Option<Signal> {
    let options = libc::WSTOPPED | libc::WNOHANG;
    let child = look(libc::P_PID, pid.raw().unsigned_abs(), options).ok()??;
    Signal::new(child.status)
}

/// What has happened to a child: `si_pid`, `si_code` and `si_status`.
struct Child {
    pid: Pid,
    code: c_int,
    status: c_int,
}

/// Looks for a child that has changed as `options` say; `None` where there are only others.
fn look(which: libc::idtype_t, id: libc::id_t, options: c_int) -> Result<Option<Child>, Errno> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    waitid(which, id, info.as_mut_ptr(), options)?;
    // SAFETY: waitid fills it in or leaves it zero.
    let (pid, code, status) = unsafe {
        let info = info.assume_init_ref();
        (info.si_pid(), info.si_code, info.si_status())
    };
    Ok(Pid::new(pid).map(|pid| Child { pid, code, status }))
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
    // Nobody reads what the kernel would copy.
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
