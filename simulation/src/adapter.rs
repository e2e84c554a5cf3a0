//! The init's view of a world: its trait for the system calls.

use crate::kernel::Sender;
use crate::signals::{Set, bit};
use crate::world::{MILLISECOND, Pass, Peeked, PidFd, World};
use core::sync::atomic::{AtomicU32, Ordering};
use nix::errno::Errno;
use tidy_init::init::Kernel;
use tidy_init::log::Sink;
use tidy_init::process::{Pid, Recipient, Stat};
use tidy_init::received::{Origin, Received};
use tidy_init::signal::{Signal, SignalSet};
use tidy_init::status::{Children, WaitStatus};
use tidy_init::time::{Limit, Time};

impl Sink for World {
    fn write(&mut self, line: &[u8]) -> Result<usize, Errno> {
        self.write_line(line).map(|()| line.len())
    }

    fn time_of_day(&mut self) -> Time {
        self.count_call();
        Time::from_timespec(0, self.now)
    }

    fn process_id(&mut self) -> Pid {
        pid(self.kernel.init)
    }
}

/// Between two looks at the clock, on a busy machine: longer than a walk may go on.
const BUSY: u64 = 300 * MILLISECOND;

impl Kernel for World {
    type PidFd = PidFd;
    type Processes = Pass;

    fn ourselves(&self) -> Pid {
        pid(self.kernel.init)
    }

    fn now(&mut self) -> Time {
        self.count_call();
        if self.scenario.busy {
            self.now += BUSY;
            self.spent += BUSY;
        }
        Time::from_timespec(0, self.now)
    }

    fn memory(&mut self, _words: usize) -> Result<&'static [AtomicU32], Errno> {
        // One word has a bit for each process ID there is here.
        thread_local! {
            static WORD: &'static [AtomicU32; 1] = Box::leak(Box::new([AtomicU32::new(0)]));
        }
        Ok(WORD.with(|word| {
            word[0].store(0, Ordering::Relaxed);
            &word[..]
        }))
    }

    fn take_signal(&mut self, set: SignalSet, limit: Limit) -> Result<Received, Errno> {
        let until = match limit {
            Limit::None => None,
            Limit::After(span) => Some(
                self.now
                    .saturating_add(span.seconds() * 1_000_000_000 + span.nanoseconds()),
            ),
        };
        let (number, sender) = World::take_signal(self, bits(set), until)?;
        let origin = match sender {
            Sender::Kernel => Origin::Kernel,
            Sender::Process(id) if id == self.kernel.init => Origin::Ourselves,
            Sender::Process(id) => Origin::Process {
                pid: i32::from(id),
                uid: 0,
            },
        };
        Ok(Received {
            signal: signal(number),
            origin,
        })
    }

    fn is_pending(&mut self, signal: Signal) -> bool {
        World::is_pending(self, signal.number())
    }

    fn is_ignored(&mut self, signal: Signal) -> bool {
        World::is_ignored(self, signal.number())
    }

    fn send(&mut self, signal: Signal, to: Recipient) -> Result<(), Errno> {
        match to {
            Recipient::Process(pid) => self.send_to_process(signal.number(), pid.raw()),
            Recipient::Group(leader) => self.send_to_group(signal.number(), leader.raw()),
            Recipient::All => self.send_to_all(signal.number()),
        }
    }

    fn stop_ourselves(&mut self, by: Signal) {
        World::stop_ourselves(self, by == Signal::TSTP);
    }

    fn peek(&mut self) -> Result<Children, Errno> {
        Ok(match World::peek(self)? {
            Peeked::Zombie(id, status) => Children::Zombie {
                pid: pid(id),
                status: WaitStatus::from_raw(status),
            },
            Peeked::Running => Children::Running,
            Peeked::None => Children::None,
        })
    }

    fn reap(&mut self, pid: Pid) -> Result<(), Errno> {
        World::reap(self, pid.raw())
    }

    fn stopped_by(&mut self, pid: Pid) -> Option<Signal> {
        World::stopped_by(self, pid.raw()).map(signal)
    }

    fn start_pre_stop(&mut self, _: &[u8], _: Pid, _: Signal) -> Result<Pid, Errno> {
        World::start_pre_stop(self).map(|number| Pid::new(number).unwrap_or(Pid::INIT))
    }

    fn has_unacknowledged_data(&mut self) -> Result<bool, Errno> {
        World::has_unacknowledged_data(self)
    }

    fn proc_is_ours(&mut self) -> Result<(), Errno> {
        match self.proc_shows_us() {
            true => Ok(()),
            false => Err(Errno::ENOENT),
        }
    }

    fn processes(&mut self) -> Result<Pass, Errno> {
        World::processes(self)
    }

    fn next_process(&mut self, pass: &mut Pass) -> Result<Option<Pid>, Errno> {
        let number = World::next_process(self, pass)?;
        Ok(number.and_then(Pid::new))
    }

    fn stat(&mut self, pid: Pid) -> Result<Stat, Errno> {
        let process = World::stat(self, pid.raw())?;
        let id = |number: u8| Pid::new(i32::from(number));
        Ok(Stat {
            parent: id(process.parent),
            group: id(process.group),
            session: id(process.session),
            zombie: process.state == crate::kernel::State::Zombie,
        })
    }

    fn pidfd(&mut self, pid: Pid) -> Result<PidFd, Errno> {
        World::pidfd(self, pid.raw())
    }

    fn send_by_pidfd(&mut self, signal: Option<Signal>, to: &PidFd) -> Result<(), Errno> {
        match signal {
            Some(signal) => self.send_to_pidfd(signal.number(), *to),
            None => self.probe_pidfd(*to),
        }
    }
}

fn pid(id: u8) -> Pid {
    Pid::new(i32::from(id)).unwrap_or(Pid::INIT)
}

fn signal(number: u8) -> Signal {
    Signal::new(i32::from(number)).unwrap_or(Signal::KILL)
}

fn bits(set: SignalSet) -> Set {
    if set == SignalSet::ALL {
        return Set::MAX;
    }
    Signal::all()
        .filter(|signal| set.contains(*signal))
        .fold(0, |bits, signal| bits | bit(signal.number()))
}
