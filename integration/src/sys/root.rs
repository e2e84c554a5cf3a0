//! A root file system of the new process's own. The rules of `child` apply: system calls only.

use std::{ffi::CStr, ptr};

use super::{
    Step,
    done::{Done, check},
    plan::RootPlan,
};

/// The devices that a container has.
const DEVICES: [[&CStr; 2]; 6] = [
    [c"/dev/null", c"/proc/m/dev/null"],
    [c"/dev/zero", c"/proc/m/dev/zero"],
    [c"/dev/full", c"/proc/m/dev/full"],
    [c"/dev/random", c"/proc/m/dev/random"],
    [c"/dev/urandom", c"/proc/m/dev/urandom"],
    [c"/dev/tty", c"/proc/m/dev/tty"],
];

const LINKS: [[&CStr; 2]; 4] = [
    [c"/proc/self/fd", c"/proc/m/dev/fd"],
    [c"/proc/self/fd/0", c"/proc/m/dev/stdin"],
    [c"/proc/self/fd/1", c"/proc/m/dev/stdout"],
    [c"/proc/self/fd/2", c"/proc/m/dev/stderr"],
];

/// Makes an overlay the root. Everything is put together below `/proc`: that directory always exists,
/// and no file system that somebody wants as a root lies there.
pub(super) fn enter(root: &RootPlan) -> Done {
    mount(
        Some(c"tmpfs"),
        c"/proc",
        Some(c"tmpfs"),
        0,
        Some(c"mode=755"),
    )?;
    for directory in [c"/proc/u", c"/proc/w", c"/proc/m"] {
        make_directory(directory);
    }
    mount(
        Some(c"overlay"),
        c"/proc/m",
        Some(c"overlay"),
        0,
        Some(&root.overlay),
    )?;
    for directory in [c"/proc/m/proc", c"/proc/m/sys", c"/proc/m/dev"] {
        make_directory(directory);
    }
    let recursive = libc::MS_BIND | libc::MS_REC;
    mount(Some(c"/sys"), c"/proc/m/sys", None, recursive, None)?;
    let nothing = Some(c"mode=755");
    mount(Some(c"tmpfs"), c"/proc/m/dev", Some(c"tmpfs"), 0, nothing)?;
    for [outside, inside] in DEVICES {
        bind_file(outside, inside)?;
    }
    for [content, place] in LINKS {
        // SAFETY: both are C strings.
        check(Step::MountRoot, unsafe {
            libc::symlink(content.as_ptr(), place.as_ptr())
        })?;
    }
    make_directory(c"/proc/m/dev/pts");
    mount(Some(c"/dev/pts"), c"/proc/m/dev/pts", None, recursive, None)?;
    make_directory(c"/proc/m/dev/shm");
    mount(
        Some(c"tmpfs"),
        c"/proc/m/dev/shm",
        Some(c"tmpfs"),
        0,
        Some(c"mode=1777"),
    )?;
    if let Some([outside, inside]) = &root.bind {
        bind_file(outside, inside)?;
    }
    // SAFETY: both are C strings.
    unsafe {
        check(Step::MountRoot, libc::chroot(c"/proc/m".as_ptr()))?;
        check(Step::MountRoot, libc::chdir(c"/".as_ptr()))
    }
}

/// It may be there already; if it cannot be made, the mount on it fails.
fn make_directory(path: &CStr) {
    // SAFETY: the path is a C string.
    unsafe { libc::mkdir(path.as_ptr(), 0o755) };
}

fn bind_file(outside: &CStr, inside: &CStr) -> Done {
    // SAFETY: the path is a C string; the descriptor is ours.
    unsafe {
        let fd = libc::open(inside.as_ptr(), libc::O_CREAT | libc::O_CLOEXEC, 0o755);
        check(Step::MountRoot, fd)?;
        check(Step::MountRoot, libc::close(fd))?;
    }
    mount(Some(outside), inside, None, libc::MS_BIND, None)
}

fn mount(
    source: Option<&CStr>,
    target: &CStr,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    data: Option<&CStr>,
) -> Done {
    let pointer = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: all strings are live C strings, or null where mount(2) does not look at them; the file
    // systems read their data as a string.
    check(Step::MountRoot, unsafe {
        libc::mount(
            pointer(source),
            target.as_ptr(),
            pointer(kind),
            flags,
            pointer(data).cast(),
        )
    })
}
