//! Shell scripts beside a program in a sandbox: with its files and its network, but not in its PID
//! namespace, so that they are neither its children nor left behind.

use std::{
    ffi::{OsStr, OsString},
    io,
    process::{Command, Stdio},
};

use crate::process::Process;

/// The script as a command.
pub(crate) fn command(process: Process, script: &OsStr) -> Command {
    // The current directory is still outside.
    let mut inside = OsString::from("cd /\n");
    inside.push(script);
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--target={}", process.pid))
        .args(["--mount", "--net", "--root", "--", "/bin/sh", "-c"])
        .arg(inside)
        .stdin(Stdio::null());
    command
}

/// Runs the script to its end. If it fails, its output is the error.
pub(crate) fn run(process: Process, script: &OsStr) -> io::Result<()> {
    let output = command(process, script).output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Err(io::Error::other(format!(
        "{}: {}",
        output.status,
        text.trim_end()
    )))
}
