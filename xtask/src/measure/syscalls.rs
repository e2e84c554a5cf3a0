//! System calls from start to end.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::subject::Subject;
use crate::{command, project};

/// How many system calls the init makes from its `execve` to its `exit_group`, both included, when
/// the command does nothing. strace counts in the init alone. `None` without strace.
pub fn count(subject: &Subject, empty: &Path) -> Result<Option<u64>> {
    if !command::exists("strace") {
        log::info!("strace is not installed: system calls are not counted");
        return Ok(None);
    }
    let log = project::work_dir().join("strace.txt");
    let mut strace = Command::new("strace");
    strace
        .arg("-o")
        .arg(&log)
        .arg(&subject.path)
        .arg("--")
        .arg(empty);
    // Inits that are not PID 1 complain on stderr.
    strace
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command::run(&mut strace)?;
    let text =
        fs::read_to_string(&log).with_context(|| format!("cannot read {}", log.display()))?;
    // `--- SIGCHLD ... ---` and `+++ exited with 0 +++` are no calls.
    let calls = text
        .lines()
        .filter(|line| !line.starts_with("---") && !line.starts_with("+++"));
    Ok(Some(calls.count() as u64))
}
