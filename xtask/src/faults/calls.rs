//! System calls: their names, what tells their uses apart, and the errors that their manual pages name.

use libc::{
    EACCES, EAGAIN, EBADF, EBUSY, ECHILD, EDQUOT, EEXIST, EFAULT, EFBIG, EINTR, EINVAL, EIO,
    EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOSYS, ENOTDIR,
    ENOTTY, ENXIO, EOPNOTSUPP, EOVERFLOW, EPERM, EPIPE, EROFS, ESPIPE, ESRCH, ETXTBSY,
};

/// What a seccomp filter or an odd kernel may answer to any call.
pub const ANY_CALL: [i32; 4] = [ENOSYS, EPERM, EINVAL, EIO];

/// EINTR and EAGAIN say "try again": a caller that does so for ever is right. They come so many times,
/// and then no more.
pub const RETRIES: u32 = 100;

/// Those errors.
pub fn asks_for_retry(errno: i32) -> bool {
    errno == EINTR || errno == EAGAIN
}

/// Whether an error is no failure but an answer: there is no such process, no child, no signal. An init
/// has to believe it, and to go on.
pub fn is_answer(number: i64, errno: i32) -> bool {
    match number {
        libc::SYS_kill
        | libc::SYS_tgkill
        | libc::SYS_pidfd_open
        | libc::SYS_pidfd_send_signal
        | libc::SYS_getpgid
        | libc::SYS_read => errno == ESRCH,
        libc::SYS_openat => errno == ENOENT,
        libc::SYS_waitid | libc::SYS_wait4 => errno == ECHILD,
        libc::SYS_rt_sigtimedwait => errno == EAGAIN,
        // No terminal, one that has hung up, or another session's.
        libc::SYS_ioctl => [ENOTTY, EBADF, EIO, ENXIO, EPERM].contains(&errno),
        _ => false,
    }
}

/// Whether an error is tried of a part of the calls as well: the others of the manual page are treated as
/// these are, as far as is known, and are tried of all calls only.
pub fn stands_for_others(number: i64, errno: i32) -> bool {
    ANY_CALL.contains(&errno) || asks_for_retry(errno) || is_answer(number, errno)
}

/// A call as far as it is known here.
struct Known {
    number: i64,
    name: &'static str,
    /// Its manual page's errors.
    errors: &'static [i32],
}

macro_rules! calls {
    ($($(#[$condition:meta])* $constant:ident $name:literal [$($errno:ident)*])*) => {
        const CALLS: &[Known] = &[
            $($(#[$condition])* Known {
                number: libc::$constant,
                name: $name,
                errors: &[$($errno),*],
            },)*
        ];
    };
}

// The order is that of the table in the document: the life of an init.
calls! {
    SYS_rt_sigprocmask "rt_sigprocmask" [EFAULT EINVAL]
    SYS_rt_sigaction "rt_sigaction" [EFAULT EINVAL]
    SYS_rt_sigpending "rt_sigpending" [EFAULT]
    SYS_rt_sigtimedwait "rt_sigtimedwait" [EAGAIN EINTR EINVAL]
    SYS_prctl "prctl" [EACCES EBADF EBUSY EFAULT EINVAL ENODEV ENXIO EOPNOTSUPP EPERM]
    SYS_getpid "getpid" []
    SYS_getppid "getppid" []
    SYS_gettid "gettid" []
    SYS_getpgid "getpgid" [ESRCH]
    #[cfg(target_arch = "x86_64")]
    SYS_getpgrp "getpgrp" []
    SYS_getsid "getsid" [EPERM ESRCH]
    SYS_setsid "setsid" [EPERM]
    SYS_setpgid "setpgid" [EACCES EINVAL EPERM ESRCH]
    SYS_ioctl "ioctl" [EBADF EFAULT EINVAL ENOTTY EPERM EIO ENXIO]
    SYS_clone "clone" [EAGAIN EINVAL ENOMEM ENOSPC EPERM]
    SYS_clone3 "clone3" [EAGAIN EINVAL ENOMEM ENOSPC EPERM EEXIST]
    SYS_chdir "chdir" [EACCES EFAULT EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR]
    SYS_close_range "close_range" [EINVAL EMFILE ENOMEM]
    SYS_close "close" [EBADF EINTR EIO ENOSPC EDQUOT]
    SYS_waitid "waitid" [EAGAIN ECHILD EINTR EINVAL ESRCH]
    SYS_wait4 "wait4" [EAGAIN ECHILD EINTR EINVAL ESRCH]
    SYS_kill "kill" [EINVAL EPERM ESRCH]
    SYS_tgkill "tgkill" [EAGAIN EINVAL EPERM ESRCH]
    SYS_tkill "tkill" [EAGAIN EINVAL EPERM ESRCH]
    SYS_pidfd_open "pidfd_open" [EINVAL EMFILE ENFILE ENODEV ENOMEM ESRCH]
    SYS_pidfd_send_signal "pidfd_send_signal" [EBADF EINVAL EPERM ESRCH]
    SYS_readlinkat "readlinkat" [EACCES EBADF EFAULT EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR]
    #[cfg(target_arch = "x86_64")]
    SYS_readlink "readlink" [EACCES EFAULT EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR]
    SYS_openat "openat" [
        EACCES EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EINTR EINVAL EISDIR ELOOP EMFILE ENAMETOOLONG
        ENFILE ENODEV ENOENT ENOMEM ENOSPC ENOTDIR ENXIO EOPNOTSUPP EOVERFLOW EPERM EROFS ETXTBSY
        EAGAIN
    ]
    #[cfg(target_arch = "x86_64")]
    SYS_open "open" [
        EACCES EBUSY EDQUOT EEXIST EFAULT EFBIG EINTR EINVAL EISDIR ELOOP EMFILE ENAMETOOLONG ENFILE
        ENODEV ENOENT ENOMEM ENOSPC ENOTDIR ENXIO EOPNOTSUPP EOVERFLOW EPERM EROFS ETXTBSY EAGAIN
    ]
    SYS_getdents64 "getdents64" [EBADF EFAULT EINVAL ENOENT ENOTDIR]
    SYS_read "read" [EAGAIN EBADF EFAULT EINTR EINVAL EIO EISDIR ESRCH]
    SYS_pread64 "pread64" [EAGAIN EBADF EFAULT EINTR EINVAL EIO EISDIR ENXIO EOVERFLOW ESPIPE]
    SYS_fstat "fstat" [EBADF EFAULT ENOMEM EOVERFLOW]
    SYS_newfstatat "newfstatat" [
        EACCES EBADF EFAULT EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EOVERFLOW
    ]
    SYS_statx "statx" [EACCES EBADF EFAULT EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR]
    SYS_faccessat "faccessat" [
        EACCES EBADF EFAULT EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EPERM EROFS ETXTBSY
    ]
    SYS_fcntl "fcntl" [EACCES EAGAIN EBADF EBUSY EINVAL EMFILE EPERM]
    SYS_ftruncate "ftruncate" [EBADF EFBIG EINTR EINVAL EIO EPERM]
    SYS_lseek "lseek" [EBADF EINVAL ENXIO EOVERFLOW ESPIPE]
    SYS_pwritev2 "pwritev2" [
        EAGAIN EBADF EDQUOT EFAULT EFBIG EINTR EINVAL EIO ENOSPC EOPNOTSUPP EPERM EPIPE ESPIPE
    ]
    SYS_write "write" [EAGAIN EBADF EDQUOT EFAULT EFBIG EINTR EINVAL EIO ENOSPC EPERM EPIPE]
    SYS_writev "writev" [EAGAIN EBADF EDQUOT EFAULT EFBIG EINTR EINVAL EIO ENOSPC EPERM EPIPE]
    #[cfg(target_arch = "x86_64")]
    SYS_poll "poll" [EFAULT EINTR EINVAL ENOMEM]
    SYS_ppoll "ppoll" [EFAULT EINTR EINVAL ENOMEM]
    SYS_mmap "mmap" [
        EACCES EAGAIN EBADF EEXIST EINVAL ENFILE ENODEV ENOMEM EOVERFLOW EPERM ETXTBSY
    ]
    SYS_munmap "munmap" [EINVAL]
    SYS_mprotect "mprotect" [EACCES EINVAL ENOMEM]
    SYS_brk "brk" [ENOMEM]
    SYS_madvise "madvise" [EACCES EAGAIN EBADF EINVAL EIO ENOMEM EPERM]
    SYS_clock_gettime "clock_gettime" [EACCES EFAULT EINVAL ENODEV EOPNOTSUPP EPERM]
    SYS_clock_nanosleep "clock_nanosleep" [EFAULT EINTR EINVAL EOPNOTSUPP]
    SYS_nanosleep "nanosleep" [EFAULT EINTR EINVAL]
    SYS_getrlimit "getrlimit" [EFAULT EINVAL]
    SYS_setrlimit "setrlimit" [EFAULT EINVAL EPERM]
    SYS_prlimit64 "prlimit64" [EFAULT EINVAL EPERM ESRCH]
    SYS_getuid "getuid" []
    SYS_geteuid "geteuid" []
    SYS_umask "umask" []
    SYS_sched_yield "sched_yield" []
}

/// The errors that are tried of a call; nothing is known of a call that is not in the list.
pub fn errors(number: i64) -> Option<Vec<i32>> {
    let known = CALLS.iter().find(|call| call.number == number)?;
    let mut errors: Vec<i32> = ANY_CALL.to_vec();
    errors.extend(
        known
            .errors
            .iter()
            .filter(|errno| !ANY_CALL.contains(errno)),
    );
    Some(errors)
}

/// The name of a call.
pub fn name(number: i64) -> String {
    let known = CALLS.iter().find(|call| call.number == number);
    known.map_or(format!("call {number}"), |call| call.name.to_owned())
}

/// Where a call stands in the table.
pub fn position(name: &str) -> usize {
    let found = CALLS.iter().position(|call| call.name == name);
    found.unwrap_or(CALLS.len())
}

macro_rules! numbers {
    ($type:ty: $($constant:ident)*) => {
        [$((libc::$constant as $type, stringify!($constant))),*]
    };
}

/// What a call is for, where its number does not say it: the request of ioctl(2), the signal of
/// kill(2), the path of openat(2), which `path` reads from the caller's memory.
pub fn purpose(number: i64, arguments: &[u64; 6], path: impl Fn(u64) -> String) -> Option<String> {
    let named = |value: u64, names: &[(u64, &str)]| {
        let found = names.iter().find(|(number, _)| *number == value);
        found.map_or(format!("{value:#x}"), |(_, name)| (*name).to_owned())
    };
    Some(match number {
        libc::SYS_ioctl => named(
            arguments[1] & u64::from(u32::MAX),
            &numbers!(u64: TIOCGSID TIOCNOTTY TIOCSCTTY TIOCSPGRP TIOCGPGRP TIOCGWINSZ TCGETS),
        ),
        libc::SYS_prctl => named(
            arguments[0] & u64::from(u32::MAX),
            &numbers!(u64: PR_SET_CHILD_SUBREAPER PR_GET_CHILD_SUBREAPER PR_SET_PDEATHSIG
                PR_GET_PDEATHSIG PR_SET_DUMPABLE PR_SET_NAME PR_SET_VMA),
        ),
        libc::SYS_kill | libc::SYS_pidfd_send_signal | libc::SYS_tkill => {
            initlab::signal_name(arguments[1] as i32)
        }
        libc::SYS_tgkill => initlab::signal_name(arguments[2] as i32),
        libc::SYS_openat => without_numbers(&path(arguments[1])),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => without_numbers(&path(arguments[0])),
        _ => return None,
    })
}

/// A path with N for each process ID in it, and PATH for one of the harness's own.
fn without_numbers(path: &str) -> String {
    if !path.starts_with("/proc") && !path.starts_with("/dev") && !path.starts_with("/sys") {
        return "PATH".to_owned();
    }
    let part = |part: &str| match part.parse::<u32>() {
        Ok(number) if number > 1 => "N".to_owned(),
        _ => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The name of an error number: `EPERM`.
pub fn errno_name(errno: i32) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno))
}

/// An error in the words of strerror(3), which are those of our lines, too.
pub fn errno_text(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_there_once_and_has_its_errors_once() {
        for (at, call) in CALLS.iter().enumerate() {
            let later = &CALLS[at + 1..];
            let same = |other: &&Known| other.number == call.number || other.name == call.name;
            assert!(!later.iter().any(|other| same(&other)), "{}", call.name);
            let all = errors(call.number).expect("it is known");
            let mut once = all.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), all.len(), "{}", call.name);
        }
    }

    #[test]
    fn a_use_is_told_by_request_signal_or_path() {
        let purpose = |number, at: usize, value: u64| {
            let mut arguments = [0; 6];
            arguments[at] = value;
            purpose(number, &arguments, |_| "/proc/1234/stat".to_owned())
        };
        assert_eq!(
            purpose(libc::SYS_ioctl, 1, libc::TIOCNOTTY).as_deref(),
            Some("TIOCNOTTY")
        );
        assert_eq!(purpose(libc::SYS_kill, 1, 15).as_deref(), Some("TERM"));
        assert_eq!(
            purpose(libc::SYS_openat, 1, 0).as_deref(),
            Some("/proc/N/stat")
        );
        assert_eq!(purpose(libc::SYS_setsid, 0, 0), None);
        assert_eq!(without_numbers("/tmp/x/log-3"), "PATH");
    }
}
