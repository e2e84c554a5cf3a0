//! The pre-stop program and the wait for TCP data in a world: what the init may do about them, and what it owes.

use super::{MILLISECOND, World};
use crate::event::Event;
use crate::facts::{PreStop, Wait};
use crate::failure::{Property, fail};
use crate::kernel::{Id, State};
use crate::scenario::Refusal;
use crate::signals::number::*;
use crate::signals::{Set, bit, name};
use nix::errno::Errno;

impl World {
    /// What a received signal, which the command is to get, means for the pre-stop program.
    pub(crate) fn waits_for_pre_stop(&mut self, signal: u8, has_reached: bool) -> Wait {
        let stops = matches!(signal, TERM | INT | QUIT);
        let ignored = self.scenario.ignored & bit(signal) != 0;
        if !self.scenario.pre_stop || !stops || has_reached || ignored {
            return Wait::No;
        }
        match self.facts.pre_stop {
            PreStop::Due => {
                self.facts.pre_stop = PreStop::Wanted;
                self.facts.awaiting |= bit(signal);
                Wait::Starts
            }
            PreStop::Wanted | PreStop::Running(..) if self.facts.awaiting & bit(signal) != 0 => {
                self.facts.awaiting &= !bit(signal);
                self.facts.end_pre_stop();
                Wait::Ends
            }
            PreStop::Wanted | PreStop::Running(..) => {
                self.facts.awaiting |= bit(signal);
                Wait::Along
            }
            // The second one ends what is left of a delay.
            PreStop::Over if self.facts.due & bit(signal) != 0 => Wait::Ends,
            PreStop::Over => Wait::No,
        }
    }

    /// Starts the pre-stop program.
    pub fn start_pre_stop(&mut self) -> Result<i32, Errno> {
        self.count_call();
        self.interleave();
        if self.facts.pre_stop != PreStop::Wanted {
            fail(
                Property::PreStop,
                format!(
                    "the pre-stop program is started though it is {:?}",
                    self.facts.pre_stop
                ),
            );
        }
        let init = self.kernel.init;
        let made = match self.fault(&[Errno::EAGAIN, Errno::ENOENT]) {
            Some(errno) => Err(errno),
            None => self.kernel.fork(init).ok_or(Errno::EAGAIN),
        };
        self.note(|_| format!("start the pre-stop program: {made:?}"));
        match made {
            Ok(child) => {
                self.kernel.join(child, child);
                let process = self.kernel.get_mut(child);
                process.blocked = 0;
                self.facts.pre_stop = PreStop::Running(child, process.serial);
                Ok(i32::from(child))
            }
            Err(errno) => {
                self.facts.end_pre_stop();
                Err(errno)
            }
        }
    }

    /// The init has seen this zombie.
    pub(crate) fn sees_zombie(&mut self, id: Id) {
        let serial = self.kernel.get(id).serial;
        if self.facts.pre_stop == PreStop::Running(id, serial) {
            self.facts.end_pre_stop();
        }
    }

    /// The init tries to send a signal while the command runs.
    pub(crate) fn is_sent(&mut self, signal: u8) {
        if self.scenario.rewrite.is_none() && self.facts.awaiting & bit(signal) != 0 {
            fail(
                Property::PreStop,
                format!("{} is sent, and the pre-stop program runs", name(signal)),
            );
        }
        let rewritten = match self.scenario.rewrite {
            Some(to) if to == signal => bit(self.scenario.signals[0]),
            _ => 0,
        };
        self.facts.due &= !(bit(signal) | rewritten);
    }

    /// The init sleeps without a limit: nothing that waited may be left, unless it still waits.
    pub(crate) fn check_due(&self, until: Option<u64>) {
        let lives = self.command().is_some_and(|(_, command)| command.lives());
        if self.facts.pre_stop == PreStop::Wanted {
            fail(Property::PreStop, "the pre-stop program was not started");
        }
        if until.is_none() && lives && self.facts.due != 0 {
            let signals: Set = self.facts.due;
            fail(
                Property::PassedOn,
                format!("{signals:#x} waited for the pre-stop program, and is not passed on"),
            );
        }
    }

    /// Lets the pre-stop program come to its end, where nothing else happens. Tells whether it runs.
    pub(crate) fn end_pre_stop_program(&mut self) -> bool {
        let PreStop::Running(id, serial) = self.facts.pre_stop else {
            return false;
        };
        let process = *self.kernel.get(id);
        if process.serial != serial {
            return false;
        }
        match process.state {
            State::Running => self.perform(Event::Exit(id, 0)),
            State::Stopped => self.perform(Event::FromOutside(id, CONT)),
            _ => return false,
        }
        true
    }

    /// Whether a TCP socket holds data that was not acknowledged.
    pub fn has_unacknowledged_data(&mut self) -> Result<bool, Errno> {
        self.count_call();
        self.interleave();
        if self.scenario.linger.is_none() || self.facts.ended.is_none() && !self.facts.excused {
            fail(Property::Linger, "the init looks at sockets too early");
        }
        let since = *self.facts.lingers_since.get_or_insert(self.now);
        let result =
            if self.scenario.refusal == Refusal::Proc {
                Err(Errno::ENOENT)
            } else if let Some(errno) = self.fault(&[Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM]) {
                Err(errno)
            } else {
                Ok(self.now
                    < since.saturating_add(self.scenario.in_flight.saturating_mul(MILLISECOND)))
            };
        self.facts.saw_data = result == Ok(true);
        self.note(|_| format!("data in flight: {result:?}"));
        result
    }

    /// The init is about to sleep at the end: only for data, and not too long.
    pub(crate) fn check_linger(&self, since: u64, until: Option<u64>) {
        let limit = self.scenario.linger.unwrap_or(0) * MILLISECOND;
        if !self.facts.saw_data {
            fail(Property::Linger, "the init lingers for nothing");
        }
        if until.is_none_or(|until| until > since + limit + self.spent) {
            fail(Property::Linger, "the init lingers too long");
        }
    }
}
