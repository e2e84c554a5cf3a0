//! What must hold in every world: the checks.

use super::{MILLISECOND, World};
use crate::facts::{Wait, Window};
use crate::failure::{Property, fail};
use crate::kernel::Sender;
use crate::scenario::{MAPPED_STATUS, PLAIN_STATUS, Refusal, Role};
use crate::signals::number::*;
use crate::signals::{STOPS, Set, bit, each, name};
use tidy_init::config::{Placement, Target};

impl World {
    pub(crate) fn has_attempted(&mut self, signal: u8) {
        self.window.attempted |= bit(signal);
        if self.facts.to_pass == Some(signal) {
            self.facts.to_pass = None;
        }
        if self.facts.ended.is_none() {
            self.is_sent(signal);
        }
        if signal != KILL {
            return;
        }
        let grace_is_over = self
            .scenario
            .grace
            .zip(self.facts.ended)
            .is_some_and(|(grace, ended)| ended + grace * MILLISECOND <= self.now);
        let allowed = self
            .facts
            .kill_allowed
            .is_some_and(|allowed| allowed <= self.now);
        // An init that cannot wait for children gives up, and does not leave the command without one.
        let gives_up = matches!(self.scenario.refusal, Refusal::Wait(_));
        if !grace_is_over && !allowed && !gives_up && self.scenario.rewrite != Some(KILL) {
            fail(Property::KillInTime, "KILL before any time has run out");
        }
        self.facts.kill_sent = true;
    }

    pub(crate) fn is_refused(&mut self, signal: u8) {
        // The STOP before a KILL is not reported: the KILL is.
        let killing = self.facts.kill_allowed.is_some_and(|at| at <= self.now);
        self.window.refused |= signal != STOP || !killing;
        self.facts.cont_refused |= signal == CONT;
    }

    /// A signal is taken off the queue: what it asks for.
    pub(crate) fn sees_signal(&mut self, signal: u8, sender: Sender) {
        if signal == CHLD || self.facts.ended.is_some() || self.main.is_none() {
            return;
        }
        if sender == Sender::Process(self.kernel.init) {
            return;
        }
        let first = self.scenario.signals[0] == signal;
        let delayed = first && self.scenario.delay.is_some();
        let rewrite = self.scenario.rewrite.filter(|_| first);
        let by_terminal = sender == Sender::Kernel && self.scenario.placement == Placement::Shared;
        let delivered = match rewrite {
            Some(0) => return,
            Some(other) => other,
            None => signal,
        };
        // The programs that we stand for send it to the command a second time, and a rewritten one is another.
        let has_reached = by_terminal && self.scenario.personality == 0 && rewrite.is_none();
        let wait = self.waits_for_pre_stop(signal, has_reached);
        if let Some(allowed) = self.scenario.kill_after
            && matches!(signal, TERM | INT | QUIT)
            && self.scenario.ignored & bit(signal) == 0
        {
            let at = self.now + allowed * MILLISECOND;
            self.facts.kill_allowed = Some(self.facts.kill_allowed.map_or(at, |is| is.min(at)));
            if (!delayed && wait != Wait::Along) || matches!(wait, Wait::Starts | Wait::Ends) {
                self.facts.kill_due = Some(self.facts.kill_due.map_or(at, |is| is.min(at)));
            }
        }
        let stops = STOPS & bit(signal) != 0;
        let lives = self.command().is_some_and(|(_, process)| process.lives());
        let waits = match wait {
            Wait::No => delayed,
            Wait::Starts | Wait::Along => true,
            Wait::Ends => false,
        };
        if lives && !waits && !by_terminal && !stops {
            self.facts.to_pass = Some(delivered);
        }
    }

    pub(crate) fn check_passed_on(&mut self) {
        if let Some(signal) = self.facts.to_pass.take()
            && self.command().is_some_and(|(_, process)| process.lives())
        {
            fail(
                Property::PassedOn,
                format!("{} was not passed on", name(signal)),
            );
        }
    }

    /// The init is about to sleep.
    pub(crate) fn check_sleep(&mut self, until: Option<u64>) {
        if let Some(since) = self.facts.lingers_since {
            return self.check_linger(since, until);
        }
        self.check_due(until);
        let excused = self.facts.excused;
        let init = self.kernel.init;
        if !excused && let Some(zombie) = self.kernel.zombie_of(init) {
            fail(
                Property::NoZombie,
                format!("the init sleeps, and {zombie} is a zombie"),
            );
        }
        if self.facts.reaped && self.scenario.grace.is_none() {
            fail(Property::Ends, "the command has ended, and the init sleeps");
        }
        if let Some(due) = self.facts.kill_due
            && !self.facts.kill_sent
            && self.facts.ended.is_none()
            && until.is_none_or(|until| until > due + self.spent)
        {
            fail(
                Property::KillInTime,
                "the init sleeps longer than -k allows",
            );
        }
        if let (Some(grace), Some(ended)) = (self.scenario.grace, self.facts.ended)
            && until.is_none_or(|until| until > ended + grace * MILLISECOND + self.spent)
        {
            fail(
                Property::GraceInTime,
                "the init sleeps longer than the grace period",
            );
        }
    }

    /// Between two of these the init acts on what it has seen.
    pub(crate) fn open_window(&mut self) {
        let init = self.kernel.init;
        let mut window = Window {
            lines: self.facts.lines,
            ..Window::default()
        };
        for id in self.kernel.ids() {
            let process = self.kernel.get_mut(id);
            process.got = 0;
            process.got_again = 0;
            process.moved = false;
            let process = *process;
            window.serials[usize::from(id)] = process.serial;
            if !process.kin || !process.lives() || process.doomed.is_some() {
                continue;
            }
            if self.kernel.descends(id, init) {
                window.kin |= 1 << id;
                if process.parent == init {
                    window.children |= 1 << id;
                }
                if self.main == Some(process.group) && !self.facts.reaped {
                    window.group |= 1 << id;
                }
            }
        }
        self.window = window;
    }

    pub(crate) fn close_window(&mut self) {
        let window = self.window;
        let init = self.kernel.init;
        if window.attempted == 0 {
            return;
        }
        // Where a look at a process fails, its whole group gets the signal, whoever has got it already.
        let all_looks = window.excused == 0 && !window.all_excused;
        for id in self.kernel.ids().filter(|_| all_looks) {
            let process = self.kernel.get(id);
            if id != init
                && process.got_again & !bit(KILL) != 0
                && !(process.moved && self.is_groupwise())
            {
                let twice = first_of(process.got_again & !bit(KILL));
                fail(
                    Property::Once,
                    format!("{id} has got {} twice", name(twice)),
                );
            }
        }
        if window.refused && self.scenario.personality == 0 && self.facts.lines == window.lines {
            fail(
                Property::Said,
                "a signal was refused, and nothing was said of it",
            );
        }
        for signal in each(window.attempted) {
            // An init that cannot wait for children kills the command alone.
            let gives_up = signal == KILL && matches!(self.scenario.refusal, Refusal::Wait(_));
            let to_all = self.scenario.target == Target::All && self.facts.ended.is_none()
                || signal == KILL
                || self.scenario.grace.is_some()
                    && self.facts.ended.is_some()
                    // Those that other reapers adopt are in reach only before.
                    && (self.facts.reaped || !self.is_ordinary());
            // STOP keeps the command from reacting to the KILL of its children; where the KILL is refused,
            // CONT undoes it.
            let holds = matches!(signal, STOP | CONT) && window.attempted & bit(KILL) != 0;
            let excused = gives_up || holds || window.stop_seen && signal == CONT;
            if to_all && !excused {
                self.check_all_reached(signal);
            }
        }
    }

    fn is_ordinary(&self) -> bool {
        self.scenario.role == Role::Ordinary
    }

    /// Whether some get the signal as members of the command's group and others one by one: who changes
    /// groups between may get it twice, or not.
    fn is_groupwise(&self) -> bool {
        self.is_ordinary()
            || self.window.no_walk
            || matches!(
                self.scenario.refusal,
                Refusal::Pidfd(_) | Refusal::Send(_) | Refusal::Proc
            )
    }

    fn check_all_reached(&self, signal: u8) {
        let window = &self.window;
        let init = self.kernel.init;
        let due = match self.scenario.refusal {
            // The command's group, and children where they can be found.
            Refusal::Proc => window.group,
            Refusal::Pidfd(_) | Refusal::Send(_) => window.group | window.children,
            _ if window.no_walk => window.group | window.children,
            _ => window.kin,
        };
        for id in self.kernel.ids() {
            let process = self.kernel.get(id);
            let same = window.serials[usize::from(id)] == process.serial;
            if !same || due & !window.excused & 1 << id == 0 || !process.lives() {
                continue;
            }
            let is_in_group = window.group & 1 << id != 0 && !process.moved;
            let stayed = self.kernel.descends(id, init) || is_in_group;
            let excused = window.all_excused
                || process.moved && self.is_groupwise()
                || process.foreign && !self.kernel.may_signal(init, signal, id);
            if stayed && !excused && process.got & bit(signal) == 0 {
                fail(
                    Property::AllReached,
                    format!("{id} has not got {}", name(signal)),
                );
            }
        }
    }

    /// The run is over, with this status, or by this signal.
    pub fn finish(&mut self, status: u8, by_signal: Option<u8>) {
        self.close_window();
        self.note(|_| format!("exit with {status}, by signal {by_signal:?}"));
        let init = self.kernel.init;
        if !self.facts.excused {
            for id in self.kernel.ids() {
                if self.kernel.get(id).parent == init && self.facts.zombies & 1 << id != 0 {
                    fail(Property::NoZombie, format!("{id} is left as a zombie"));
                }
            }
        }
        let expected = self.facts.status.map(|raw| {
            if libc::WIFEXITED(raw) {
                libc::WEXITSTATUS(raw) as u8
            } else {
                128 + (raw & 0x7f) as u8
            }
        });
        let mapped = match expected {
            Some(PLAIN_STATUS) if self.scenario.exit_map => Some(MAPPED_STATUS),
            other => other,
        };
        if mapped == Some(status) {
            return;
        }
        if self.facts.lines == 0 {
            fail(
                Property::Status,
                format!("the status is {status}, the command's {mapped:?}, and nothing was said"),
            );
        }
        let lives = self.command().is_some_and(|(_, process)| process.lives());
        if lives && !self.facts.kill_sent {
            fail(
                Property::Status,
                format!("the status is {status}, and the command lives on without an init"),
            );
        }
        if expected.is_some() || !self.facts.excused {
            fail(
                Property::Status,
                format!("the status is {status}, the command's {mapped:?}"),
            );
        }
    }
}

fn first_of(set: Set) -> u8 {
    each(set).next().unwrap_or(0)
}
