//! A signal that has arrived, and who sent it.

#![forbid(unsafe_code)]

use crate::signal::Signal;

/// Who sent a signal, as far as the kernel tells (sigaction(2), `si_code`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The kernel by itself: the terminal's Ctrl-C, a hang-up, a timer.
    Kernel,
    /// This very process: a write to a broken pipe, a terminal given up.
    Ourselves,
    /// A process; pid 0 stands for one outside our PID namespace.
    Process {
        /// Its process ID in our namespace.
        pid: i32,
        /// Its real user ID in our user namespace.
        uid: u32,
    },
}

/// A signal taken off our queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// Which one.
    pub signal: Signal,
    /// Its sender.
    pub origin: Origin,
}

impl Received {
    /// Whether our own write to stderr raised it: stderr is a pipe that nobody
    /// reads, or a file that may not grow. It does not concern the command, and
    /// a line about it would raise the next one.
    ///
    /// Any other signal that we seem to have sent was sent by this process
    /// before it became the init.
    pub fn is_raised_by_our_line(self) -> bool {
        matches!(self.signal, Signal::PIPE | Signal::XFSZ) && self.origin == Origin::Ourselves
    }
}
