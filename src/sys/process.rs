//! Our own process, and making another one.
//!
//! # Safety
//!
//! Calls that take numbers and C strings only, and one clone(2), which see.

use super::Errno;
use super::args::Strings;
use crate::process::Pid;
use crate::signal::Signal;
use core::ffi::{CStr, c_int, c_ulong, c_void};
use core::ptr;

/// Our process ID in our PID namespace. In a child that shares our memory, the
/// child's.
pub fn id() -> Pid {
    // SAFETY: no memory is involved.
    let number = unsafe { call!(getpid) };
    // It cannot fail.
    number
        .ok()
        .and_then(|number| Pid::new(number as c_int))
        .unwrap_or(Pid::INIT)
}

/// Our parent's process ID; 0 stands for one outside our PID namespace.
fn parent_id() -> i32 {
    // SAFETY: no memory is involved.
    unsafe { call!(getppid) }.map_or(0, |number| number as i32)
}

/// Makes us the reaper of our descendants' orphans (prctl(2),
/// `PR_SET_CHILD_SUBREAPER`).
///
/// # Errors
///
/// EINVAL before Linux 3.4 and under emulators.
pub fn become_subreaper() -> Result<(), Errno> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, 1)
}

/// Whether we are one.
pub fn is_subreaper() -> bool {
    let mut answer: c_int = 0;
    // SAFETY: the kernel fills in an int.
    let _ = unsafe { call!(prctl, libc::PR_GET_CHILD_SUBREAPER, &raw mut answer) };
    answer != 0
}

/// Asks for `signal` when our parent dies, and tells whether it died before
/// the asking took effect (prctl(2), `PR_SET_PDEATHSIG`). The kernel means the
/// thread that made us.
///
/// # Errors
///
/// EINVAL under emulators.
pub fn signal_on_parent_death(signal: Signal) -> Result<bool, Errno> {
    let before = parent_id();
    prctl(libc::PR_SET_PDEATHSIG, c_ulong::from(signal.number()))?;
    Ok(parent_id() != before)
}

/// Makes sure that our own death writes no core: the limit of its size is for
/// files, and not being dumpable for cores that are piped to a program
/// (core(5)).
pub fn forbid_core() {
    let none = [0u64; 2];
    // SAFETY: the new limit is two numbers of 8 bytes. Lowering one cannot fail.
    let _ = unsafe {
        call!(
            prlimit64,
            0,
            libc::RLIMIT_CORE,
            none.as_ptr(),
            ptr::null_mut::<u64>()
        )
    };
    let _ = prctl(libc::PR_SET_DUMPABLE, 0);
}

fn prctl(option: c_int, value: c_ulong) -> Result<(), Errno> {
    // SAFETY: the options that are used take a number.
    unsafe { call!(prctl, option, value, 0, 0, 0) }.map(drop)
}

/// Makes the root our directory, so that no file system is kept busy.
///
/// # Errors
///
/// Those of chdir(2).
pub fn change_to_root() -> Result<(), Errno> {
    // SAFETY: the path is a C string.
    unsafe { call!(chdir, c"/".as_ptr()) }.map(drop)
}

/// Makes us the leader of a new session and process group.
///
/// # Errors
///
/// EPERM where we lead a group already.
pub fn new_session() -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { call!(setsid) }.map(drop)
}

/// Makes us the leader of a new process group in our session.
///
/// # Errors
///
/// EPERM where we lead a session.
pub fn new_group() -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { call!(setpgid, 0, 0) }.map(drop)
}

/// Executes a file in our place; returns only why it could not.
pub fn execute(path: &CStr, argv: Strings, environment: Strings) -> Errno {
    // SAFETY: a C string and two null-terminated arrays of them.
    match unsafe { call!(execve, path.as_ptr(), argv.as_ptr(), environment.as_ptr()) } {
        Err(error) => error,
        Ok(_) => Errno::UnknownErrno,
    }
}

/// Ends the process at once: no handler of the C library runs, since in a child
/// that shares our memory they would be ours.
pub fn exit_now(status: u8) -> ! {
    loop {
        // SAFETY: it does not return.
        let _ = unsafe { call!(exit_group, status) };
    }
}

/// How far below our own frame the child's begin: more than this function and
/// the few lines of assembly that it calls use on any architecture.
const BELOW: usize = 512;

struct Start<'a, T> {
    body: fn(&mut T) -> !,
    argument: &'a mut T,
}

/// Makes a child that runs `body` in our memory while we sleep, until it
/// executes a program or ends: as `vfork(2)`, except that the child never
/// returns to a frame of ours.
///
/// We act on no signal before the child has its session and its program, and no
/// page table is copied. The child runs on the unused part of our stack: a stack
/// of its own costs 10 of the 30 microseconds that we add to a start, for pages
/// that nobody uses again. Under an emulator it may be a plain fork: what the
/// body writes to `argument` is then not seen here.
///
/// # Errors
///
/// EAGAIN and ENOMEM, as clone(2) says.
#[inline(never)]
pub fn spawn<T>(body: fn(&mut T) -> !, argument: &mut T) -> Result<Pid, Errno> {
    extern "C" fn enter<T>(start: *mut c_void) -> c_int {
        // SAFETY: `spawn` passes a `Start<T>`, which lives in its frame, and
        // sleeps until we are gone.
        let start = unsafe { &mut *start.cast::<Start<'_, T>>() };
        (start.body)(start.argument)
    }
    unsafe extern "C" {
        // What both C libraries have below clone(2). musl's clone(2) prepares a
        // child that goes on to use the library, for 0.8 kB, 1.7 % of the
        // binary; ours does not.
        fn __clone(
            body: extern "C" fn(*mut c_void) -> c_int,
            stack: *mut c_void,
            flags: c_int,
            argument: *mut c_void,
            ...
        ) -> c_int;
    }
    let mut start = Start { body, argument };
    let start = ptr::from_mut(&mut start).cast::<c_void>();
    // Aligned as every ABI asks.
    let stack = start.map_addr(|address| (address - BELOW) & !15);
    // SAFETY: stacks grow down, and nobody uses what is below the frames of
    // this function and of the one it calls; `start` outlives the child's use
    // of it, since with CLONE_VFORK we sleep until the child has let go of our
    // memory. There is no other thread; handlers do not exist; the child never
    // returns.
    let made = unsafe {
        __clone(
            enter::<T>,
            stack,
            libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
            start,
        )
    };
    // Below the library's clone(2) musl gives the error itself, glibc -1.
    if cfg!(target_env = "musl") && made < 0 {
        return Err(Errno::from_raw(-made));
    }
    // The kernel returns a positive process ID.
    Errno::result(made).and_then(|pid| Pid::new(pid).ok_or(Errno::ESRCH))
}
