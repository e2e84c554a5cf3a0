//! Masks, waiting for signals, and sending them.
//!
//! # Safety
//!
//! A signal set of the kernel is 64 bits here, the size given with each call;
//! signals that are blocked run no handler, and none is ever installed.

use super::Errno;
use crate::process::{Pid, Recipient};
use crate::received::{Origin, Received};
use crate::signal::{Signal, SignalSet};
use crate::time::{Limit, Time};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;

/// The size of the kernel's `sigset_t`.
const SET_SIZE: usize = size_of::<u64>();

/// Blocks all 64 signals and returns the mask that was in force.
///
/// # Errors
///
/// None that rt_sigprocmask(2) names applies.
pub fn block_all() -> Result<SignalSet, Errno> {
    let mut old = SignalSet::EMPTY;
    change_mask(SignalSet::ALL, Some(&mut old))?;
    Ok(old)
}

/// Sets the mask.
///
/// # Errors
///
/// None that rt_sigprocmask(2) names applies.
pub fn set_mask(mask: SignalSet) -> Result<(), Errno> {
    change_mask(mask, None)
}

fn change_mask(mut mask: SignalSet, old: Option<&mut SignalSet>) -> Result<(), Errno> {
    let old = old.map_or(ptr::null_mut(), |old| ptr::from_mut(old.bits()));
    // SAFETY: both point to sets of the size given, or nowhere.
    unsafe {
        call!(
            rt_sigprocmask,
            libc::SIG_SETMASK,
            ptr::from_mut(mask.bits()),
            old,
            SET_SIZE
        )
    }
    .map(drop)
}

/// Sets the action of a signal to its default. For SIGCHLD this matters where
/// it is ignored: the kernel would throw the statuses of children away
/// (waitpid(2), "Notes").
pub fn default_action(signal: Signal) {
    // A `struct sigaction` of the kernel that is all zeros is SIG_DFL, without
    // flags and with an empty mask, on every architecture; none is larger.
    let default = [0u64; 4];
    // SAFETY: installs no handler. It fails for KILL and STOP only, which have
    // no other action.
    let _ = unsafe {
        call!(
            rt_sigaction,
            signal.raw(),
            default.as_ptr(),
            ptr::null_mut::<u64>(),
            SET_SIZE
        )
    };
}

/// Whether we ignore a signal.
pub fn is_ignored(signal: Signal) -> bool {
    // A `struct sigaction` of the kernel begins with the handler on every
    // architecture but MIPS; none is larger.
    let mut action = [0usize; 8];
    // SAFETY: the kernel fills it in; nothing is changed.
    let asked = unsafe {
        call!(
            rt_sigaction,
            signal.raw(),
            ptr::null::<usize>(),
            action.as_mut_ptr(),
            SET_SIZE
        )
    };
    asked.is_ok() && action[0] == libc::SIG_IGN
}

/// Stops us by STOP, or by TSTP as a terminal does: the kernel leaves out its
/// default action for an orphaned process group (signal(7)). Returns when we are
/// continued. All signals are blocked before and after.
pub fn stop_ourselves(ourselves: Pid, by: Signal) {
    default_action(by);
    let _ = send(by, Recipient::Process(ourselves));
    let _ = set_mask(SignalSet::ALL.without(by));
    let _ = set_mask(SignalSet::ALL);
}

/// The longest wait that we ask of the kernel, in seconds: they are a C long.
const LONGEST: u64 = 1_000_000_000;

/// Waits for a signal of `set` and takes it off our queue, the lowest number
/// first.
///
/// # Errors
///
/// EAGAIN where none came in time, EINTR after a stop and CONT, as
/// rt_sigtimedwait(2) says.
pub fn take(mut set: SignalSet, limit: Limit, ourselves: Pid) -> Result<Received, Errno> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // The system call takes a timespec of two C longs on every target that we
    // have. The C library's is wider than that on some 32-bit ones, and half
    // of the seconds would be taken for the nanoseconds.
    let span = match limit {
        Limit::None => Time::ZERO,
        Limit::After(time) => time,
    };
    let time: [libc::c_long; 2] = [
        span.seconds().min(LONGEST) as libc::c_long,
        span.nanoseconds() as libc::c_long,
    ];
    let time_pointer = match limit {
        Limit::None => ptr::null(),
        Limit::After(_) => time.as_ptr(),
    };
    // SAFETY: the set has the size given; the info is written by the kernel,
    // and valid as it is, all zeros; the time lives until the end of the
    // function.
    let (taken, info) = unsafe {
        let taken = call!(
            rt_sigtimedwait,
            ptr::from_mut(set.bits()),
            info.as_mut_ptr(),
            time_pointer,
            SET_SIZE
        );
        (taken, info.assume_init())
    };
    let number = taken?;
    Ok(Received {
        signal: Signal::new(number as c_int).ok_or(Errno::EINVAL)?,
        origin: origin(&info, ourselves),
    })
}

fn origin(info: &libc::siginfo_t, ourselves: Pid) -> Origin {
    match info.si_code {
        libc::SI_USER | libc::SI_QUEUE | libc::SI_TKILL => {
            // SAFETY: with these codes the kernel fills both in (sigaction(2)).
            let (pid, uid) = unsafe { (info.si_pid(), info.si_uid()) };
            if pid == ourselves.raw() {
                Origin::Ourselves
            } else {
                Origin::Process { pid, uid }
            }
        }
        _ => Origin::Kernel,
    }
}

/// Whether the signal is pending.
pub fn is_pending(signal: Signal) -> bool {
    let mut pending = SignalSet::EMPTY;
    // SAFETY: the set has the size given. It cannot fail.
    let _ = unsafe { call!(rt_sigpending, ptr::from_mut(pending.bits()), SET_SIZE) };
    pending.contains(signal)
}

/// Sends a signal. To send one to [`Recipient::All`] is for the init of a PID
/// namespace: elsewhere it would go to processes that are not ours.
///
/// # Errors
///
/// EPERM and ESRCH, as kill(2) says.
pub fn send(signal: Signal, to: Recipient) -> Result<(), Errno> {
    let pid = match to {
        Recipient::Process(pid) => pid.raw(),
        Recipient::Group(pid) => -pid.raw(),
        Recipient::All => -1,
    };
    // SAFETY: no memory is involved.
    unsafe { call!(kill, pid, signal.raw()) }.map(drop)
}
