//! How a process ended, and the exit statuses that we give.

#![forbid(unsafe_code)]

use crate::signal::Signal;

/// The init failed, or was used wrongly: the command was never started.
pub const INIT_FAILED: u8 = 125;
/// The command was found and cannot be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// The command was not found.
pub const NOT_FOUND: u8 = 127;

/// How a process ended, as wait(2) tells it: the raw integer, and accessors
/// that know real-time signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitStatus(libc::c_int);

impl WaitStatus {
    /// From the integer that wait4(2) fills in.
    pub fn from_raw(raw: libc::c_int) -> WaitStatus {
        WaitStatus(raw)
    }

    /// The status given to exit(2), if it did exit.
    pub fn code(self) -> Option<u8> {
        // `WEXITSTATUS` is the second byte, so the cast loses nothing.
        libc::WIFEXITED(self.0).then(|| libc::WEXITSTATUS(self.0) as u8)
    }

    /// The signal that killed it, if one did.
    pub fn signal(self) -> Option<Signal> {
        Signal::new(self.0 & 0x7f)
    }

    /// Whether a core was written.
    pub fn core_dumped(self) -> bool {
        self.signal().is_some() && libc::WCOREDUMP(self.0)
    }

    /// The status as shells give it: the code, or 128 + n for signal n.
    pub fn shell_status(self) -> u8 {
        match self.signal() {
            Some(signal) => 128 + signal.number(),
            None => self.code().unwrap_or(INIT_FAILED),
        }
    }
}

/// What a look at our children shows (waitid(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Children {
    /// One has ended and is not reaped yet, so its ID is still its own.
    Zombie {
        /// Which one.
        pid: crate::process::Pid,
        /// How it ended.
        status: WaitStatus,
    },
    /// There are some, and none has ended.
    Running,
    /// There are none.
    None,
}
