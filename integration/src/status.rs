//! How a process ended.

use std::fmt;

use crate::signals::signal_name;

/// A raw wait status, as `wait(2)` stores it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WaitStatus(i32);

impl WaitStatus {
    /// Takes the integer that `wait(2)` stored.
    #[must_use]
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// The integer that `wait(2)` stored.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// The exit code, `None` unless the process exited.
    #[must_use]
    pub const fn code(self) -> Option<i32> {
        if libc::WIFEXITED(self.0) {
            Some(libc::WEXITSTATUS(self.0))
        } else {
            None
        }
    }

    /// The signal that killed the process, `None` unless one did. Real-time signals too.
    #[must_use]
    pub const fn signal(self) -> Option<i32> {
        if libc::WIFSIGNALED(self.0) {
            Some(libc::WTERMSIG(self.0))
        } else {
            None
        }
    }

    /// Whether the process dumped core.
    #[must_use]
    pub const fn core_dumped(self) -> bool {
        libc::WIFSIGNALED(self.0) && libc::WCOREDUMP(self.0)
    }

    /// The status as a shell reports it: the exit code, or 128 plus the signal.
    #[must_use]
    pub const fn shell(self) -> i32 {
        match self.signal() {
            Some(signal) => 128 + signal,
            None => libc::WEXITSTATUS(self.0),
        }
    }
}

impl fmt::Debug for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exited with {code}"),
            (_, Some(signal)) => write!(f, "killed by signal {signal} ({})", signal_name(signal)),
            _ => write!(f, "wait status {:#x}", self.0),
        }
    }
}

impl fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
