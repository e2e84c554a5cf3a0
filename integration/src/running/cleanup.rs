//! Killing what a sandbox has left behind.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use super::Running;
use crate::{deadline::scaled, process::Process, sys};

/// How long a process may take to die from SIGKILL.
const KILL_LIMIT: Duration = Duration::from_secs(20);

impl Running {
    fn kill_everything(&mut self) -> io::Result<()> {
        if !self.namespace {
            self.kill_descendants();
        }
        if self.status.is_none() {
            sys::pidfd_kill(self.pidfd.as_fd(), libc::SIGKILL)?;
            if self.reap_within(scaled(KILL_LIMIT))?.is_none() {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "it does not die from SIGKILL",
                ));
            }
        }
        Ok(())
    }

    /// Without a namespace: stops all first, so that none forks while we look, then kills.
    fn kill_descendants(&self) {
        if self.status.is_none() {
            let _ = sys::pidfd_kill(self.pidfd.as_fd(), libc::SIGSTOP);
        }
        let mut stopped: Vec<(Process, OwnedFd)> = Vec::new();
        loop {
            let mut new = self.others();
            new.retain(|p| {
                stopped.iter().all(|(known, _)| known != p) && p.state().is_some_and(|s| s != 'Z')
            });
            if new.is_empty() {
                break;
            }
            for process in new {
                // The pid may have been reused since we looked. The pidfd pins it, so look again.
                let Ok(pidfd) = sys::pidfd_open(process.pid) else {
                    continue;
                };
                if self.others().contains(&process) {
                    let _ = sys::pidfd_kill(pidfd.as_fd(), libc::SIGSTOP);
                    stopped.push((process, pidfd));
                }
            }
        }
        for (_, pidfd) in stopped {
            let _ = sys::pidfd_kill(pidfd.as_fd(), libc::SIGKILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.kill_everything() {
            eprintln!(
                "initlab: cannot clean up after {} (pid {}): {error}",
                self.command, self.pid
            );
        }
    }
}
