//! What happens beside the init, before each of its calls and while it sleeps.

use super::World;
use crate::event::Event;
use crate::failure::{Property, fail};
use crate::kernel::{Sender, State};
use crate::scenario::{Manner, PLAIN_STATUS, Role};
use crate::signals::number::*;
use crate::signals::{STOPS, bit};
use nix::errno::Errno;

/// So many calls may the init make while nothing happens.
const MOST_CALLS: u32 = 4000;

impl World {
    /// A call of the init: what may come between it and the one before happens now.
    pub fn interleave(&mut self) {
        while self.fuel > 0 && self.something_happens() {}
    }

    pub(super) fn something_happens(&mut self) -> bool {
        if !self.choices.wants_event() {
            return false;
        }
        let events = self.possible();
        let Some(event) = self.choices.event(events.list()) else {
            return false;
        };
        self.fuel -= 1;
        self.perform(event);
        true
    }

    /// Counts a call, and ends the world where the init calls and calls.
    pub fn count_call(&mut self) {
        self.calls += 1;
        self.all_calls += 1;
        if self.calls > MOST_CALLS {
            fail(
                Property::NoSpin,
                format!("{MOST_CALLS} calls, and nothing has happened"),
            );
        }
    }

    /// Whether this call fails, and how, where the kernel could have done it.
    pub fn fault(&mut self, errnos: &[Errno]) -> Option<Errno> {
        if !self.scenario.faults || self.fuel == 0 {
            return None;
        }
        let errno = match self.choices.rare_event(24, errnos.len()) {
            0 => None,
            number => errnos.get(number - 1).copied(),
        };
        if let Some(errno) = errno {
            self.fuel -= 1;
            self.note(|_| format!("    ! {errno:?}"));
        }
        errno
    }

    /// Somebody has sent the init a stop, and is expected to send CONT when all else is done.
    pub fn owe(&mut self, signal: u8) {
        let means_stop = STOPS & bit(signal) != 0
            || self.scenario.signals[0] == signal
                && self
                    .scenario
                    .rewrite
                    .is_some_and(|to| to != 0 && STOPS & bit(to) != 0);
        if means_stop {
            self.facts.owes_cont = true;
        } else if signal == CONT {
            self.facts.owes_cont = false;
        }
    }

    /// Nothing else happens: what has been begun goes on. Tells whether there was something.
    pub(super) fn go_on(&mut self) -> bool {
        let next = self.kernel.ids().find_map(|id| {
            if self.kernel.has_signal(id) {
                Some(Event::Deal(id))
            } else if self.kernel.get(id).state == State::Exiting {
                Some(Event::Finish(id))
            } else {
                None
            }
        });
        if let Some(event) = next {
            self.perform(event);
        }
        next.is_some()
    }

    /// Who has sent the init a stop sends CONT, as a user who types `fg`.
    fn continue_init(&mut self) {
        self.facts.owes_cont = false;
        self.calls = 0;
        let init = self.kernel.init;
        self.note(|_| "  * somebody sends the init CONT".to_owned());
        self.kernel.send(Sender::Process(0), CONT, init);
    }

    /// The init sleeps without a limit, and nothing has been begun: the least that still has to happen.
    pub(super) fn end_of_time(&mut self) {
        if self.facts.owes_cont {
            return self.continue_init();
        }
        if self.end_pre_stop_program() {
            return;
        }
        let Some((id, command)) = self.command() else {
            fail(Property::Ends, "the command is gone, and the init sleeps");
        };
        match command.state {
            // The originals that tini and dumb-init stand for freeze it, too.
            State::Stopped
                if command.stopped_by_init
                    && self.scenario.personality == 0
                    && !self.facts.cont_refused =>
            {
                fail(
                    Property::NotFrozen,
                    "the command is stopped by the init, which sleeps: nobody wakes it",
                )
            }
            State::Stopped
                if command.terminal_stop
                    && self.scenario.role == Role::First
                    && self.scenario.personality == 3 =>
            {
                fail(
                    Property::NotFrozen,
                    "the command is stopped by the terminal, and nobody does job control",
                )
            }
            State::Stopped => self.perform(Event::FromOutside(id, CONT)),
            State::Running if self.scenario.manner == Manner::Stays => {
                self.perform(Event::FromOutside(id, KILL));
            }
            State::Running => self.perform(Event::Exit(id, PLAIN_STATUS)),
            _ => fail(
                Property::NoZombie,
                "the command is a zombie, and the init sleeps",
            ),
        }
    }

    /// The init is stopped until it is not.
    pub(super) fn while_stopped(&mut self) {
        let init = self.kernel.init;
        let mut bound = 200;
        while self.kernel.get(init).state == State::Stopped {
            bound -= 1;
            let goes_on = self.fuel > 0 && self.something_happens() || self.go_on();
            if bound == 0 || !goes_on {
                self.continue_init();
            }
        }
    }

    /// Somebody has stopped the init from outside.
    pub fn init_is_stopped_from_outside(&mut self) {
        let init = self.kernel.init;
        if init == 1 {
            self.kernel.get_mut(init).pending &= !bit(STOP);
            return;
        }
        let process = self.kernel.get_mut(init);
        process.pending &= !bit(STOP);
        process.state = State::Stopped;
        process.stopped_by_init = false;
        self.while_stopped();
    }
}
