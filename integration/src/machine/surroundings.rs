//! What an initramfs lacks: file systems, programs, and who this machine is.

use std::{fs, io, os::unix::fs::symlink, path::Path, process::Command};

use nix::mount::{MsFlags, mount};

use crate::sys;

/// Mounts what programs expect, makes the names of busybox, and keeps the kernel's messages off the
/// console: from here on it is ours. What the kernel says in a panic is shown all the same.
pub(super) fn prepare() -> io::Result<()> {
    let none: Option<&str> = None;
    for (kind, target, data) in [
        ("proc", "/proc", None),
        ("sysfs", "/sys", None),
        ("devtmpfs", "/dev", None),
        ("devpts", "/dev/pts", Some("ptmxmode=666")),
        ("tmpfs", "/tmp", Some("mode=1777")),
        ("cgroup2", "/sys/fs/cgroup", None),
    ] {
        if kind != "cgroup2" {
            fs::create_dir_all(target)?;
        }
        mount(
            Some(kind),
            target,
            Some(kind),
            MsFlags::empty(),
            data.or(none),
        )
        .map_err(|errno| io::Error::other(format!("cannot mount {target}: {errno}")))?;
    }
    fs::write("/proc/sys/kernel/printk", "1\n")?;
    for (target, link) in [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
    ] {
        if !Path::new(link).exists() {
            symlink(target, link)?;
        }
    }
    let installed = Command::new("/bin/busybox")
        .args(["--install", "-s", "/bin"])
        .status()?;
    if !installed.success() {
        return Err(io::Error::other(format!("busybox --install: {installed}")));
    }
    Ok(())
}

/// The kernel and the machine, as `key=value`.
pub(super) fn describe() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease");
    let release = release.trim();
    let machine = std::env::consts::ARCH;
    let page = sys::page_size();
    let endian = if cfg!(target_endian = "big") {
        "big"
    } else {
        "little"
    };
    let up = read("/proc/uptime");
    let up = up.split(' ').next().unwrap_or_default();
    let nowait = sys::pipes_take_nowait().map_or_else(|e| e.to_string(), |yes| yes.to_string());
    format!(
        "kernel={release} machine={machine} page={page} bits={} endian={endian} up={up} nowait={nowait}",
        usize::BITS
    )
}
