//! Signals by raw system calls: the C libraries' functions hide the real-time signals 32 to 34.

use std::{io, time::Duration};

use libc::{c_int, c_long, c_ulong};

use super::cerr;

/// Bytes of the kernel's signal set: 64 signals.
const SET_BYTES: usize = 8;

/// A signal taken off the queue. See `sigaction(2)`, `siginfo_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The signal's number.
    pub signal: i32,
    /// The sender's pid, in the namespace of the reader; 0 for a sender outside it.
    pub pid: i32,
    /// The sender's real user id.
    pub uid: u32,
    /// `si_code`: `SI_USER`, `SI_QUEUE`, `SI_KERNEL` and so on.
    pub code: i32,
    /// The value that went with `sigqueue(3)`.
    pub value: i32,
}

/// The disposition of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The default action.
    Default,
    /// Ignored.
    Ignored,
    /// A handler is installed.
    Caught,
}

/// Sets the calling thread's mask and returns the old one. Bit n - 1 is signal n.
pub fn set_mask(mask: u64) -> io::Result<u64> {
    let mut old = 0u64;
    // SAFETY: both pointers are to live 8-byte sets, the size that the kernel is told.
    cerr(unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut old,
            SET_BYTES,
        )
    })?;
    Ok(old)
}

/// The calling thread's mask.
pub fn mask() -> io::Result<u64> {
    let mut old = 0u64;
    // SAFETY: no new set is given; the old one is a live 8-byte set.
    cerr(unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            std::ptr::null::<u64>(),
            &raw mut old,
            SET_BYTES,
        )
    })?;
    Ok(old)
}

/// The signals pending for the calling thread or its process.
pub fn pending() -> io::Result<u64> {
    let mut set = 0u64;
    // SAFETY: the set is a live 8-byte set, the size that the kernel is told.
    cerr(unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set, SET_BYTES) })?;
    Ok(set)
}

/// The kernel's `struct sigaction` is at most this many words; the handler is the first of them.
type KernelAction = [c_ulong; 8];

/// The disposition of `signal`.
pub fn disposition(signal: i32) -> io::Result<Disposition> {
    let mut action: KernelAction = [0; 8];
    // SAFETY: no new action is given; the old one has room for the kernel's structure on every
    // architecture.
    cerr(unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal,
            std::ptr::null::<KernelAction>(),
            action.as_mut_ptr(),
            SET_BYTES,
        )
    })?;
    Ok(match action[0] as usize {
        libc::SIG_DFL => Disposition::Default,
        libc::SIG_IGN => Disposition::Ignored,
        _ => Disposition::Caught,
    })
}

/// Sets `signal` to its default action, or to be ignored. Safe between fork and exec.
pub fn set_disposition(signal: i32, ignored: bool) -> io::Result<()> {
    let mut action: KernelAction = [0; 8];
    action[0] = if ignored {
        libc::SIG_IGN
    } else {
        libc::SIG_DFL
    } as c_ulong;
    // SAFETY: the action is a live, larger-than-needed structure without a handler, and the old one
    // is not asked for.
    cerr(unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal,
            action.as_ptr(),
            std::ptr::null::<KernelAction>(),
            SET_BYTES,
        )
    })?;
    Ok(())
}

/// Takes one of the signals of `set`, which must be blocked, off the queue; `None` at the timeout.
pub fn take_signal(set: u64, timeout: Option<Duration>) -> io::Result<Option<Taken>> {
    // The raw system call takes a timespec of two C longs, independent of the C library's `time_t`.
    let limit = timeout.map(|t| [t.as_secs() as c_long, c_long::from(t.subsec_nanos() as i32)]);
    loop {
        // SAFETY: siginfo_t is plain data for which all zeroes is a value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let limit = limit.as_ref().map_or(std::ptr::null(), |l| l.as_ptr());
        // SAFETY: the set, the information and the limit are live for the call and of the kernel's
        // sizes.
        let got = cerr(unsafe {
            libc::syscall(
                libc::SYS_rt_sigtimedwait,
                &raw const set,
                &raw mut info,
                limit,
                SET_BYTES,
            )
        });
        match got {
            Ok(signal) => {
                // SAFETY: the kernel has filled the union; pid, uid and value are integers, valid
                // with any bits.
                let (pid, uid, value) = unsafe {
                    (
                        info.si_pid(),
                        info.si_uid(),
                        info.si_value().sival_ptr as isize,
                    )
                };
                let code = info.si_code;
                return Ok(Some(Taken {
                    signal: signal as i32,
                    pid,
                    uid,
                    code,
                    value: value as i32,
                }));
            }
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => return Ok(None),
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// `kill(2)`.
pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: kill takes integers only.
    cerr(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// `rt_sigqueueinfo` as `sigqueue(3)` does it.
pub fn sigqueue(pid: i32, signal: i32, value: i32) -> io::Result<()> {
    let value = libc::sigval {
        sival_ptr: value as isize as *mut libc::c_void,
    };
    // SAFETY: sigqueue takes integers only; the value is never used as a pointer.
    cerr(unsafe { libc::sigqueue(pid, signal as c_int, value) }).map(drop)
}
