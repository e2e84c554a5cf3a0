//! What the init asks of the operating system.

use crate::log::Sink;
use crate::process::{Pid, Recipient, Stat};
use crate::received::Received;
use crate::signal::{Signal, SignalSet};
use crate::status::Children;
use crate::time::{Limit, Time};
use core::sync::atomic::AtomicU32;
use nix::errno::Errno;

/// The system calls between the decisions and Linux. [`super::Linux`] makes
/// them; the tests have a kernel in memory in its place, whose processes do
/// anything at any moment.
///
/// All signals are blocked in our process all the time.
pub trait Kernel: Sink {
    /// A handle on a process, which never means another one (pidfd_open(2)).
    type PidFd;
    /// A pass over the processes in /proc.
    type Processes;

    /// Our process ID, that of the init, whoever asks.
    fn ourselves(&self) -> Pid;

    /// The time that deadlines go by.
    fn now(&mut self) -> Time;

    /// Memory for so many words, all zero, for good.
    ///
    /// # Errors
    ///
    /// ENOMEM (mmap(2)).
    fn memory(&mut self, words: usize) -> Result<&'static [AtomicU32], Errno>;

    /// Waits for a signal of a set and takes it off our queue.
    ///
    /// # Errors
    ///
    /// EAGAIN where none came in time, EINTR after a stop and CONT
    /// (rt_sigtimedwait(2)).
    fn take_signal(&mut self, set: SignalSet, limit: Limit) -> Result<Received, Errno>;

    /// Whether a signal is pending for us.
    fn is_pending(&mut self, signal: Signal) -> bool;

    /// Whether we ignore a signal: whoever started us wants that of us, and of
    /// the command.
    fn is_ignored(&mut self, signal: Signal) -> bool;

    /// Sends a signal. [`Recipient::All`] is for the init of a PID namespace:
    /// elsewhere it would reach strangers.
    ///
    /// # Errors
    ///
    /// EPERM and ESRCH (kill(2)).
    fn send(&mut self, signal: Signal, to: Recipient) -> Result<(), Errno>;

    /// Stops us by STOP or TSTP, and returns when we are continued. TSTP stops us
    /// as the terminal would: where our process group is orphaned, so that
    /// nobody would continue us, it does nothing.
    fn stop_ourselves(&mut self, by: Signal);

    /// Looks for a child that has ended, without reaping it.
    ///
    /// # Errors
    ///
    /// What a filter of system calls makes up (waitid(2)).
    fn peek(&mut self) -> Result<Children, Errno>;

    /// Reaps a child that has ended.
    ///
    /// # Errors
    ///
    /// ECHILD where it is no child of ours, or has not ended (waitid(2)).
    fn reap(&mut self, pid: Pid) -> Result<(), Errno>;

    /// The signal that has stopped a child since the last such question.
    fn stopped_by(&mut self, pid: Pid) -> Option<Signal>;

    /// Starts the program of `--pre-stop`, with the main child's ID and the
    /// signal in its environment, and gives its process.
    ///
    /// # Errors
    ///
    /// Those of clone(2), and why the program cannot be executed.
    fn start_pre_stop(
        &mut self,
        program: &[u8],
        main_child: Pid,
        signal: Signal,
    ) -> Result<Pid, Errno>;

    /// Whether a TCP socket of our network namespace holds data that was not
    /// acknowledged.
    ///
    /// # Errors
    ///
    /// Those of open(2) and read(2) for /proc/net/tcp.
    fn has_unacknowledged_data(&mut self) -> Result<bool, Errno>;

    /// Makes sure that /proc shows our PID namespace: in another one's the
    /// numbers are other processes'.
    ///
    /// # Errors
    ///
    /// ENOENT where it does not, or what readlink(2) says.
    fn proc_is_ours(&mut self) -> Result<(), Errno>;

    /// Begins a pass over the processes.
    ///
    /// # Errors
    ///
    /// Those of open(2) for /proc.
    fn processes(&mut self) -> Result<Self::Processes, Errno>;

    /// The next process of a pass, in the order of the numbers; `None` behind
    /// the last.
    ///
    /// # Errors
    ///
    /// Those of getdents64(2).
    fn next_process(&mut self, pass: &mut Self::Processes) -> Result<Option<Pid>, Errno>;

    /// Looks at a process.
    ///
    /// # Errors
    ///
    /// ENOENT or ESRCH where there is none that we may see; otherwise those of
    /// open(2).
    fn stat(&mut self, pid: Pid) -> Result<Stat, Errno>;

    /// Opens a pidfd.
    ///
    /// # Errors
    ///
    /// ESRCH where there is no such process; ENOSYS before Linux 5.3, EPERM
    /// where a filter refuses it.
    fn pidfd(&mut self, pid: Pid) -> Result<Self::PidFd, Errno>;

    /// Sends a signal by a pidfd; `None` sends nothing, and shows whether that
    /// is possible.
    ///
    /// # Errors
    ///
    /// ESRCH where the process has been reaped, EPERM as with kill(2); ENOSYS
    /// before Linux 5.1, or what a filter makes up.
    fn send_by_pidfd(&mut self, signal: Option<Signal>, to: &Self::PidFd) -> Result<(), Errno>;
}
