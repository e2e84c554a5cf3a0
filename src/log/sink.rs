//! Where lines go.

use crate::process::Pid;
use crate::time::Time;
use nix::errno::Errno;

/// Where lines go, and what they have to ask the system for.
pub trait Sink {
    /// Writes to stderr without blocking, and returns how many bytes were
    /// written.
    ///
    /// # Errors
    ///
    /// EAGAIN where there is no room; otherwise what write(2) says. EPIPE comes
    /// with a SIGPIPE, which we have sent to ourselves.
    fn write(&mut self, line: &[u8]) -> Result<usize, Errno>;

    /// The time of day (clock_gettime(2), `CLOCK_REALTIME`).
    fn time_of_day(&mut self) -> Time;

    /// Our process ID.
    fn process_id(&mut self) -> Pid;
}
