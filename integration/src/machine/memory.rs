//! Out of memory in a cgroup (version 2): the machine is the only place where a test can be sure to
//! have the memory controller.

use std::{
    ffi::{CString, OsString},
    fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};

use super::case::{INIT, MachineCase};
use crate::{
    conform::{Fact, Outcome},
    locate::fixture,
    sandbox::Sandbox,
    sys::{self, CStrings},
};

pub(super) const CASES: &[MachineCase] = &[MachineCase::new(
    "oom-is-in-the-termination-log",
    out_of_memory,
)];

const ROOT: &str = "/sys/fs/cgroup";
const LIMIT: &str = "33554432";

/// More than the limit, and less than the machine has.
const MOST: usize = 128 << 20;

/// As in a container: the cgroup is the root of what is mounted.
fn out_of_memory() -> Result<Outcome, Fact> {
    let controllers = fs::read_to_string(format!("{ROOT}/cgroup.controllers"))?;
    if !controllers.split_whitespace().any(|name| name == "memory") {
        return Ok(Outcome::Skipped(format!(
            "this kernel has no memory controller, only {controllers}"
        )));
    }
    fs::write(format!("{ROOT}/cgroup.subtree_control"), "+memory")?;
    let group = PathBuf::from(format!("{ROOT}/initlab"));
    fs::create_dir(&group)?;
    fs::write(group.join("memory.max"), LIMIT)?;
    let log = "/tmp/termination-log";
    fs::write(log, "")?;
    let ended = Sandbox::new(fixture())
        .args(["machine", "enter"])
        .arg(&group)
        .args(["--", INIT, "--termination-log", log, "--"])
        .arg(fixture())
        .args(["machine", "fill"])
        .try_start()?
        .try_wait()?;
    let line = fs::read_to_string(log)?;
    let told = line.contains("1 OOM kill in this cgroup") && line.ends_with('\n');
    if ended.status.code() == Some(137) && told && line.lines().count() == 1 {
        return Ok(Outcome::Passed);
    }
    let events = fs::read_to_string(group.join("memory.events")).unwrap_or_default();
    let mut fact = Fact::new(format!("the init {}, the log is {line:?}", ended.status));
    fact.detail = format!("{}\n{events}", ended.stderr_text());
    Err(fact)
}

/// Joins the cgroup, makes it the root of what can be seen, and becomes the command.
pub(super) fn enter(group: &Path, command: &[OsString]) -> io::Error {
    match joined(group) {
        Err(error) => error,
        Ok(()) => {
            let words = command.iter().map(|w| CString::new(w.clone().into_vec()));
            match words.collect::<Result<Vec<_>, _>>() {
                Ok(words) => match words.first().cloned() {
                    Some(program) => sys::exec_search(&program, &CStrings::new(words)),
                    None => io::ErrorKind::InvalidInput.into(),
                },
                Err(error) => error.into(),
            }
        }
    }
}

fn joined(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), "0")?;
    unshare(CloneFlags::CLONE_NEWCGROUP | CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    // One file system cannot be mounted on itself, whatever part of it is to be seen.
    umount2(ROOT, MntFlags::MNT_DETACH)?;
    mount(
        Some("cgroup2"),
        ROOT,
        Some("cgroup2"),
        MsFlags::empty(),
        none,
    )?;
    Ok(())
}

/// Takes memory until the kernel ends this process; gives 3 where it does not.
pub(super) fn fill() -> i32 {
    let mut all = Vec::new();
    while all.len() < MOST {
        all.extend_from_slice(&[1; 1 << 16]);
    }
    // Only read, so that the compiler leaves it there.
    if all.iter().all(|byte| *byte == 1) {
        3
    } else {
        4
    }
}
