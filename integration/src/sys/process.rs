//! Processes: starting them, waiting for them, querying them.

use std::{
    ffi::{CStr, OsString, c_char, c_int, c_void},
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
};

use super::{CStrings, cerr};

/// The result of a fork.
#[derive(Clone, Copy, Debug)]
pub enum Fork {
    /// We are the new process.
    Child,
    /// We are the old one; this is the new one's pid.
    Parent(i32),
}

/// `fork(2)`. Only for the fixtures: they have one thread, so the child may do anything.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: the fixtures run single-threaded, so no lock can be held by a thread that the child
    // lacks.
    match cerr(unsafe { libc::fork() })? {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// `_exit(2)`: no buffers are flushed, no handlers of `atexit(3)` run.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit ends the process and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

/// The raw wait status of a child that has ended, `None` while it lives.
///
/// `wait4(2)` with the child's own pid, so no other child's status is taken.
pub fn try_reap(pid: i32) -> io::Result<Option<i32>> {
    wait(pid, libc::WNOHANG)
}

/// Waits for a child's end and returns its raw wait status.
pub fn reap(pid: i32) -> io::Result<i32> {
    loop {
        match wait(pid, 0) {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reaps any child that has ended: its pid and its raw wait status. `Ok(None)`: no child has ended.
pub fn reap_any(block: bool) -> io::Result<Option<(i32, i32)>> {
    let mut status = 0;
    // SAFETY: the status is live; no usage is asked for.
    let pid =
        cerr(unsafe { libc::waitpid(-1, &raw mut status, if block { 0 } else { libc::WNOHANG }) })?;
    Ok((pid != 0).then_some((pid, status)))
}

/// Waits until a child has ended, and leaves it a zombie: `waitid(2)` with `WNOWAIT`.
pub fn wait_dead(pid: i32) -> io::Result<()> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOWAIT;
    // SAFETY: the information is live and has room for what the kernel writes.
    cerr(unsafe { libc::waitid(libc::P_PID, pid.cast_unsigned(), info.as_mut_ptr(), flags) })
        .map(drop)
}

fn wait(pid: i32, flags: c_int) -> io::Result<Option<i32>> {
    let mut status = 0;
    // SAFETY: the status is live; no usage is asked for.
    let got = cerr(unsafe { libc::waitpid(pid, &raw mut status, flags) })?;
    Ok((got == pid).then_some(status))
}

/// A descriptor for the process `pid`, `pidfd_open(2)`.
pub fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes integers only.
    let fd = cerr(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the call has just made the descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// Sends a signal to the process of a pidfd as `kill(2)` does: never to a process that got the pid
/// later.
pub fn pidfd_kill(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: without information the kernel fills in that of kill(2).
    cerr(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            none,
            0,
        )
    })
    .map(drop)
}

/// Queues a signal with a value to the process of a pidfd as `sigqueue(3)` does.
pub fn pidfd_sigqueue(pidfd: BorrowedFd<'_>, signal: i32, value: i32) -> io::Result<()> {
    /// The head of `siginfo_t` for a queued signal: three integers, then, aligned for a pointer,
    /// the union.
    #[repr(C)]
    struct Queued {
        signo: c_int,
        errno: c_int,
        code: c_int,
        fields: Fields,
        rest: [u64; 16],
    }
    #[repr(C)]
    struct Fields {
        pid: libc::pid_t,
        uid: libc::uid_t,
        value: *mut c_void,
    }
    let info = Queued {
        signo: signal,
        errno: 0,
        code: libc::SI_QUEUE,
        fields: Fields {
            pid: std::process::id().cast_signed(),
            // SAFETY: getuid cannot fail and takes nothing.
            uid: unsafe { libc::getuid() },
            value: value as isize as *mut c_void,
        },
        rest: [0; 16],
    };
    // SAFETY: the structure is larger than the 128 bytes that the kernel reads, laid out as
    // siginfo_t for SI_QUEUE.
    cerr(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            &raw const info,
            0,
        )
    })
    .map(drop)
}

/// The nanoseconds of `CLOCK_MONOTONIC`, which is the same for all processes.
pub fn monotonic_nanos() -> io::Result<i64> {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)?;
    Ok(nix::sys::time::TimeValLike::num_nanoseconds(&now))
}

/// `setsid(2)`.
pub fn setsid() -> io::Result<()> {
    // SAFETY: setsid takes nothing.
    cerr(unsafe { libc::setsid() }).map(drop)
}

/// `setpgid(2)`.
pub fn setpgid(pid: i32, group: i32) -> io::Result<()> {
    // SAFETY: setpgid takes integers only.
    cerr(unsafe { libc::setpgid(pid, group) }).map(drop)
}

/// `setresuid(2)` with the same id three times.
pub fn set_all_uids(uid: u32) -> io::Result<()> {
    // SAFETY: setresuid takes integers only.
    cerr(unsafe { libc::setresuid(uid, uid, uid) }).map(drop)
}

/// The ids that a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its own pid.
    pub pid: i32,
    /// Its parent's; 0 for a parent outside the PID namespace.
    pub ppid: i32,
    /// Its process group.
    pub pgid: i32,
    /// Its session.
    pub sid: i32,
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
}

/// The ids of this process.
pub fn identity_of_self() -> Identity {
    // SAFETY: these calls take nothing, or 0 for the caller, and cannot fail.
    unsafe {
        Identity {
            pid: libc::getpid(),
            ppid: libc::getppid(),
            pgid: libc::getpgid(0),
            sid: libc::getsid(0),
            uid: libc::getuid(),
            euid: libc::geteuid(),
            gid: libc::getgid(),
            egid: libc::getegid(),
        }
    }
}

/// The supplementary groups of this process.
pub fn groups() -> io::Result<Vec<u32>> {
    // SAFETY: with a size of 0 the list is not touched.
    let count = cerr(unsafe { libc::getgroups(0, std::ptr::null_mut()) })?;
    let mut list = vec![0; count as usize];
    // SAFETY: the list has room for as many groups as the call is told.
    let count = cerr(unsafe { libc::getgroups(count, list.as_mut_ptr()) })?;
    list.truncate(count as usize);
    Ok(list)
}

/// A flag of `prctl(2)` that is read through a pointer: `PR_GET_PDEATHSIG`,
/// `PR_GET_CHILD_SUBREAPER`.
pub fn prctl_read(option: c_int) -> io::Result<i32> {
    let mut value: c_int = 0;
    // SAFETY: the two options named above write one integer, which is live.
    cerr(unsafe { libc::prctl(option, &raw mut value, 0, 0, 0) })?;
    Ok(value)
}

/// A flag of `prctl(2)` that is the call's result: `PR_GET_NO_NEW_PRIVS`, `PR_GET_DUMPABLE`.
pub fn prctl_value(option: c_int) -> io::Result<i32> {
    // SAFETY: these options take no pointers.
    cerr(unsafe { libc::prctl(option, 0, 0, 0, 0) })
}

/// `RLIMIT_CORE`: the C libraries disagree about the type of these constants.
#[allow(clippy::unnecessary_cast)]
pub const LIMIT_CORE: u32 = libc::RLIMIT_CORE as u32;

/// `RLIMIT_NOFILE`.
#[allow(clippy::unnecessary_cast)]
pub const LIMIT_NOFILE: u32 = libc::RLIMIT_NOFILE as u32;

/// Sets a resource limit, soft and hard.
pub fn set_limit(resource: u32, value: u64) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: value as libc::rlim_t,
        rlim_max: value as libc::rlim_t,
    };
    // SAFETY: the structure is live.
    cerr(unsafe { libc::setrlimit(resource as _, &raw const limit) }).map(drop)
}

/// The soft and the hard resource limit.
pub fn limit(resource: u32) -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure is live.
    cerr(unsafe { libc::getrlimit(resource as _, &raw mut limit) })?;
    #[allow(clippy::unnecessary_cast)]
    Ok((limit.rlim_cur as u64, limit.rlim_max as u64))
}

/// The environment as this process got it, byte for byte, in its order, entries without `=` and
/// doubles included.
pub fn environment() -> Vec<OsString> {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: environ is null or an array of C strings that ends in null; the fixtures,
    // single-threaded, do not change it.
    unsafe { strings(environ, usize::MAX) }
}

/// The arguments of the C entry point.
///
/// # Safety
/// `argv` must be that of `main`: an array of `argc` C strings, or one that a null pointer
/// terminates.
#[must_use]
pub unsafe fn arguments(argc: c_int, argv: *const *const c_char) -> Vec<OsString> {
    // SAFETY: as the caller promises.
    unsafe { strings(argv, usize::try_from(argc).unwrap_or(0)) }
}

/// # Safety
/// `list` must be null or an array of C strings that ends in null or has at least `limit` elements.
unsafe fn strings(list: *const *const c_char, limit: usize) -> Vec<OsString> {
    let mut found = Vec::new();
    if list.is_null() {
        return found;
    }
    while found.len() < limit {
        // SAFETY: every element before this one was not null and below the limit, so this one
        // belongs to the array.
        let entry = unsafe { *list.add(found.len()) };
        if entry.is_null() {
            break;
        }
        // SAFETY: elements that are not null are C strings.
        found.push(OsString::from_vec(
            unsafe { CStr::from_ptr(entry) }.to_bytes().to_vec(),
        ));
    }
    found
}

/// `execve(2)`: returns only on failure.
pub fn exec(program: &CStr, arguments: &CStrings, environment: &CStrings) -> io::Error {
    // SAFETY: the path and both arrays are live, made of C strings, and the arrays end in null.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Registers `run` to be called when the process ends by `exit(3)` or by returning from `main`.
pub fn at_exit(run: extern "C" fn()) {
    // SAFETY: the function takes nothing, gives nothing, and lives as long as the program.
    unsafe { libc::atexit(run) };
}

/// `execvp(3)`, with the search in `PATH`: returns only on failure.
pub fn exec_search(program: &CStr, arguments: &CStrings) -> io::Error {
    // SAFETY: the name and the array are live, made of C strings, and the array ends in null.
    unsafe { libc::execvp(program.as_ptr(), arguments.as_ptr()) };
    io::Error::last_os_error()
}

/// Makes the process adopt the orphans among its descendants: `PR_SET_CHILD_SUBREAPER`.
pub fn become_subreaper() -> io::Result<()> {
    // SAFETY: the option takes an integer.
    cerr(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// A child of the caller that has stopped or ended, and its raw wait status: `waitpid(2)` with
/// `WUNTRACED`. `Ok(None)`: none.
pub fn reap_or_stopped() -> io::Result<Option<(i32, i32)>> {
    let mut status = 0;
    // SAFETY: the status is live.
    let pid = cerr(unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::WUNTRACED) })?;
    Ok((pid != 0).then_some((pid, status)))
}
