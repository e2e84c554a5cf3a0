//! The operating system: the system calls themselves.

use super::child::Command;
use super::kernel::Kernel;
use super::pre_stop::PreStop;
use crate::log::Sink;
use crate::process::{Pid, Recipient, Stat};
use crate::received::Received;
use crate::signal::{Signal, SignalSet};
use crate::status::Children;
use crate::sys::descriptor::Descriptor;
use crate::sys::proc::Numbers;
use crate::sys::{clock, io, memory, proc, process, signals, tcp, wait};
use crate::time::{Limit, Time};
use core::ffi::c_int;
use core::sync::atomic::AtomicU32;
use nix::errno::Errno;

/// Linux, seen from our process.
#[derive(Debug)]
pub struct Linux {
    ourselves: Pid,
    /// Which kinds of children waitid(2) is asked for.
    kinds: c_int,
    /// What the pre-stop program inherits, if there is one.
    pre_stop: Option<PreStop>,
}

impl Linux {
    /// From the process that is to be the init.
    pub fn new() -> Linux {
        Linux {
            ourselves: process::id(),
            kinds: wait::ALL_KINDS,
            pre_stop: None,
        }
    }

    /// Keeps what the pre-stop program will inherit. To be called before the
    /// command is started.
    pub fn prepare_pre_stop(&mut self, command: &Command) {
        self.pre_stop = PreStop::new(command).ok();
    }
}

impl Default for Linux {
    fn default() -> Linux {
        Linux::new()
    }
}

impl Sink for Linux {
    fn write(&mut self, line: &[u8]) -> Result<usize, Errno> {
        io::write_without_blocking(line)
    }

    fn time_of_day(&mut self) -> Time {
        clock::time_of_day()
    }

    fn process_id(&mut self) -> Pid {
        process::id()
    }
}

impl Kernel for Linux {
    type PidFd = Descriptor;
    type Processes = Numbers;

    fn ourselves(&self) -> Pid {
        self.ourselves
    }

    fn now(&mut self) -> Time {
        clock::now()
    }

    fn memory(&mut self, words: usize) -> Result<&'static [AtomicU32], Errno> {
        memory::zeros(words)
    }

    fn take_signal(&mut self, set: SignalSet, limit: Limit) -> Result<Received, Errno> {
        signals::take(set, limit, self.ourselves)
    }

    fn is_pending(&mut self, signal: Signal) -> bool {
        signals::is_pending(signal)
    }

    fn is_ignored(&mut self, signal: Signal) -> bool {
        signals::is_ignored(signal)
    }

    fn send(&mut self, signal: Signal, to: Recipient) -> Result<(), Errno> {
        signals::send(signal, to)
    }

    fn stop_ourselves(&mut self, by: Signal) {
        signals::stop_ourselves(self.ourselves, by);
    }

    fn peek(&mut self) -> Result<Children, Errno> {
        let seen = wait::peek(self.kinds);
        if seen.is_ok() || self.kinds == 0 {
            return seen;
        }
        // Linux before 4.7, or a filter: look at the ordinary kind alone.
        self.kinds = 0;
        wait::peek(self.kinds)
    }

    fn reap(&mut self, pid: Pid) -> Result<(), Errno> {
        wait::reap(pid, self.kinds)
    }

    fn stopped_by(&mut self, pid: Pid) -> Option<Signal> {
        wait::stopped_by(pid)
    }

    fn start_pre_stop(
        &mut self,
        program: &[u8],
        main_child: Pid,
        signal: Signal,
    ) -> Result<Pid, Errno> {
        // There was no memory for what it inherits.
        let prepared = self.pre_stop.as_ref().ok_or(Errno::ENOMEM)?;
        prepared.start(program, main_child, signal)
    }

    fn has_unacknowledged_data(&mut self) -> Result<bool, Errno> {
        tcp::has_unacknowledged_data()
    }

    fn proc_is_ours(&mut self) -> Result<(), Errno> {
        proc::is_ours(self.ourselves)
    }

    fn processes(&mut self) -> Result<Numbers, Errno> {
        Numbers::open(c"/proc")
    }

    fn next_process(&mut self, pass: &mut Numbers) -> Result<Option<Pid>, Errno> {
        // No process has the number 0.
        pass.next_number().map(|number| number.and_then(Pid::new))
    }

    fn stat(&mut self, pid: Pid) -> Result<Stat, Errno> {
        proc::stat(pid)
    }

    fn pidfd(&mut self, pid: Pid) -> Result<Descriptor, Errno> {
        proc::pidfd(pid)
    }

    fn send_by_pidfd(&mut self, signal: Option<Signal>, to: &Descriptor) -> Result<(), Errno> {
        proc::send(signal, to)
    }
}
