//! The longer steps of the new process. The rules of `child` apply: system calls only.

use std::{
    ffi::{CStr, c_char, c_long},
    os::fd::{AsRawFd, RawFd},
    ptr,
};

use super::{
    Plan, ProcMount, Step,
    done::{Done, check},
    plan::Filter,
    root,
};

pub(super) fn namespaces(plan: &Plan) -> Done {
    if let Some(maps) = &plan.maps {
        // user_namespaces(7): without privilege in the parent's namespace, setgroups has to be
        // denied first.
        write_file(c"/proc/self/setgroups", b"deny")?;
        write_file(c"/proc/self/uid_map", maps.uid.as_bytes())?;
        write_file(c"/proc/self/gid_map", maps.gid.as_bytes())?;
    }
    let none = ptr::null::<c_char>();
    if plan.make_mounts_private {
        // SAFETY: the paths are C strings, or null where mount(2) does not look at them.
        check(Step::MakeMountsPrivate, unsafe {
            libc::mount(
                none,
                c"/".as_ptr(),
                none,
                libc::MS_REC | libc::MS_PRIVATE,
                ptr::null(),
            )
        })?;
    }
    for directory in &plan.tmpfs {
        mount(
            Step::MountTmpfs,
            c"tmpfs",
            directory,
            libc::MS_NOSUID | libc::MS_NODEV,
            Some(c"mode=1777"),
        )?;
    }
    if let Some(root) = &plan.root {
        root::enter(root)?;
    }
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    match plan.proc_mount {
        ProcMount::Keep => {}
        ProcMount::Fresh => mount(Step::MountProc, c"proc", c"/proc", flags, None)?,
        ProcMount::Empty => mount(
            Step::MountProc,
            c"tmpfs",
            c"/proc",
            flags,
            Some(c"mode=555"),
        )?,
    }
    if let Some(number) = &plan.pid_max {
        // A safety net, not a promise: a failure is ignored.
        let _ = write_file(c"/proc/sys/kernel/pid_max", number);
    }
    if plan.loopback { loopback() } else { Ok(()) }
}

fn mount(
    step: Step,
    kind: &CStr,
    target: &CStr,
    flags: libc::c_ulong,
    data: Option<&CStr>,
) -> Done {
    let data = data.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: all strings are live C strings; both file systems read their data as a string, or
    // take none.
    check(step, unsafe {
        libc::mount(
            kind.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            data.cast(),
        )
    })
}

fn write_file(path: &CStr, content: &[u8]) -> Done {
    // SAFETY: the path is a C string, the content is live and its length is given; the descriptor
    // is ours.
    unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        check(Step::MapIds, fd)?;
        check(
            Step::MapIds,
            libc::write(fd, content.as_ptr().cast(), content.len()) as i64,
        )?;
        check(Step::MapIds, libc::close(fd))
    }
}

/// A new network namespace has its loopback interface down.
fn loopback() -> Done {
    // SAFETY: ifreq is plain data; name and flags are set before the kernel reads them; the
    // descriptor is ours.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        check(Step::Loopback, fd)?;
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as c_char;
        request.ifr_name[1] = b'o' as c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(
            Step::Loopback,
            libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw const request),
        )?;
        check(Step::Loopback, libc::close(fd))
    }
}

pub(super) fn session(plan: &Plan) -> Done {
    // SAFETY: these calls take integers only; the terminal is an open descriptor.
    unsafe {
        if plan.new_session {
            check(Step::Session, libc::setsid())?;
        } else if plan.new_group {
            check(Step::Session, libc::setpgid(0, 0))?;
        }
        if let Some(terminal) = &plan.terminal {
            check(
                Step::Terminal,
                libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0),
            )?;
        }
    }
    Ok(())
}

/// Closes the caller's descriptors. Those without the close-on-exec flag must not get into the
/// sandbox. Those with it must not stay open until this child's exec: other tests wait for the end
/// of a pipe, or for a file not to be busy.
pub(super) fn close_others(plan: &Plan) {
    let mut first = 3;
    for keep in plan.kept.iter().copied().chain([RawFd::MAX]) {
        // SAFETY: the calls take integers only. The owners of the closed descriptors are in the
        // parent; this process has only their numbers, and keeps those that it goes on to use.
        unsafe {
            if first < keep && libc::syscall(libc::SYS_close_range, first, keep - 1, 0) == -1 {
                for fd in first..keep.min(4096) {
                    libc::close(fd);
                }
            }
        }
        first = keep.saturating_add(1);
    }
}

pub(super) fn descriptors(plan: &Plan) -> Done {
    // SAFETY: the calls take integers only.
    unsafe {
        for (source, target) in &plan.descriptors {
            check(Step::Descriptors, libc::dup2(source.as_raw_fd(), *target))?;
        }
        for fd in &plan.closed {
            libc::close(*fd);
        }
    }
    Ok(())
}

#[cfg(any(target_arch = "x86", target_arch = "arm"))]
const ID_CALLS: [c_long; 3] = [
    libc::SYS_setgroups32,
    libc::SYS_setresgid32,
    libc::SYS_setresuid32,
];
#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const ID_CALLS: [c_long; 3] = [
    libc::SYS_setgroups,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
];

pub(super) fn privileges(plan: &Plan) -> Done {
    // SAFETY: the calls take integers, the list of groups with its length, and the filter with its
    // length; all live.
    unsafe {
        if plan.no_new_privileges {
            check(
                Step::Seccomp,
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            )?;
        }
        // Before the user changes: the filter needs CAP_SYS_ADMIN or no_new_privs, and the latter
        // would change what is tested.
        if let Some(Filter(program)) = &plan.filter {
            let filter = libc::sock_fprog {
                len: program.len() as u16,
                filter: program.as_ptr().cast_mut(),
            };
            let install = || {
                libc::syscall(
                    libc::SYS_seccomp,
                    libc::SECCOMP_SET_MODE_FILTER,
                    0,
                    &raw const filter,
                )
            };
            if install() == -1 {
                check(
                    Step::Seccomp,
                    libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                )?;
                check(Step::Seccomp, install())?;
            }
        }
        if let Some(ids) = &plan.ids {
            let [setgroups, setresgid, setresuid] = ID_CALLS;
            check(
                Step::SetIds,
                libc::syscall(setgroups, ids.groups.len(), ids.groups.as_ptr()),
            )?;
            check(
                Step::SetIds,
                libc::syscall(setresgid, ids.gid, ids.gid, ids.gid),
            )?;
            check(
                Step::SetIds,
                libc::syscall(setresuid, ids.uid, ids.uid, ids.uid),
            )?;
        }
    }
    Ok(())
}
