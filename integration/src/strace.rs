//! strace, attached from outside, so that the traced program is PID 1 and has no extra relatives.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{sys::signal, unistd::Pid};

use crate::{
    deadline::{scaled, timeout, try_poll_until},
    process::Process,
};

/// The system calls of a program that strace has followed from before its exec, `execve` first,
/// each as a line of the log: `kill(-2, SIGTERM) = 0`. Empty if the log has no `execve`.
#[must_use]
pub fn traced_calls(log: &str) -> Vec<String> {
    log.lines()
        // The log shows signals as `--- ... ---`, and the end of the process as `+++ ... +++`.
        .filter(|line| !line.starts_with("---") && !line.starts_with("+++"))
        .map(str::to_owned)
        .skip_while(|line| !line.starts_with("execve("))
        .collect()
}

/// A strace that follows one process, and is killed when dropped.
#[must_use]
pub struct Strace {
    tracer: Child,
    log: PathBuf,
}

impl Strace {
    /// Attaches to `pid`, and waits until it is attached. strace writes to `log`; `options` precede
    /// its own, such as `-f` to follow children. The error is the reason.
    pub fn attach(pid: i32, log: impl Into<PathBuf>, options: &[&str]) -> Result<Self, String> {
        let log = log.into();
        let mut command = Command::new("strace");
        command
            .args(options)
            .arg("-o")
            .arg(&log)
            .args(["-p", &pid.to_string()]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let tracer = command
            .spawn()
            .map_err(|e| format!("cannot execute strace: {e}"))?;
        let mut strace = Self { tracer, log };
        let traced = || {
            Process::new(pid)
                .status_field("TracerPid")
                .is_some_and(|tracer| tracer != "0")
        };
        let attached = try_poll_until(timeout(), || traced() || strace.has_ended());
        if attached && traced() {
            Ok(strace)
        } else {
            Err(format!("strace does not attach to {pid}"))
        }
    }

    /// The file that it writes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.tracer.try_wait(), Ok(None))
    }

    /// Detaches from the process, and returns the log. The error is the reason.
    pub fn detach(mut self) -> Result<String, String> {
        let tracer = Pid::from_raw(self.tracer.id().cast_signed());
        signal::kill(tracer, signal::Signal::SIGINT)
            .map_err(|e| format!("cannot stop strace: {e}"))?;
        self.finish(scaled(Duration::from_secs(20)))
    }

    /// Waits for its end, which follows that of the traced process, and returns the log.
    pub(crate) fn finish(&mut self, limit: Duration) -> Result<String, String> {
        if !try_poll_until(limit, || self.has_ended()) {
            return Err("strace does not end".to_owned());
        }
        fs::read_to_string(&self.log)
            .map_err(|e| format!("cannot read {}: {e}", self.log.display()))
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}
