//! Which events are possible in a world, and what they do.

use super::{World, place};
use crate::event::{Event, Events, Menu, Stderr};
use crate::kernel::{Dealt, HIGHEST, Id, Kernel, Process, Sender, State};
use crate::scenario::{PLAIN_STATUS, Role};
use crate::signals::number::*;
use crate::signals::{IGNORED_BY_DEFAULT, STOPS, bit};

impl World {
    /// The events that are possible now.
    pub fn possible(&self) -> Events {
        let mut events = Events::none();
        let kernel = &self.kernel;
        let full = self.menu == Menu::Full;
        let room = kernel.ids().count() < usize::from(self.most_processes);
        for id in kernel.ids() {
            let process = *kernel.get(id);
            if id == kernel.init {
                continue;
            }
            if kernel.has_signal(id) {
                events.add(Event::Deal(id));
                continue;
            }
            if process.state == State::Exiting {
                events.add(Event::Finish(id));
            } else if process.state == State::Running && !self.is_scenery(id) {
                self.add_of_process(&mut events, id, &process, room);
            }
            if process.lives() && !self.is_scenery(id) {
                events.add(Event::FromOutside(id, KILL));
                if process.state == State::Stopped {
                    events.add(Event::FromOutside(id, CONT));
                } else if full {
                    events.add(Event::FromOutside(id, STOP));
                }
            }
        }
        for signal in self.scenario.signals {
            events.add(Event::FromOutside(kernel.init, signal));
        }
        if self.scenario.role != Role::First {
            let shell = kernel.get(place::SHELL);
            if shell.lives() {
                events.add(Event::Exit(place::SHELL, 0));
                if full && room {
                    events.add(Event::Stranger(place::SHELL));
                }
            }
            if full {
                events.add(Event::FromOutside(kernel.init, STOP));
            }
        } else if full && room {
            events.add(Event::Enter);
        }
        if kernel.terminal.is_some() {
            for signal in [TSTP, INT] {
                events.add(Event::FromTerminal(signal));
            }
            if full {
                events.add(Event::FromTerminal(WINCH));
            }
        }
        if full {
            for stderr in [Stderr::Closed, Stderr::Full, Stderr::Open] {
                events.add(Event::Stderr(stderr));
            }
            events.add(Event::Pass);
        }
        events
    }

    fn add_of_process(&self, events: &mut Events, id: Id, process: &Process, room: bool) {
        let kernel = &self.kernel;
        let full = self.menu == Menu::Full;
        events.add(Event::Exit(id, 0));
        events.add(Event::BeginExit(id));
        if room {
            events.add(Event::Fork(id));
        }
        if kernel.can_make_session(id) {
            events.add(Event::MakeSession(id));
        }
        if !full {
            return;
        }
        events.add(Event::Exit(id, PLAIN_STATUS));
        if kernel.can_join(id, id) {
            events.add(Event::Join(id, id));
        }
        if let Some(main) = self.main
            && kernel.can_join(id, main)
            && process.kin
            && main != id
        {
            events.add(Event::Join(id, main));
        }
        if process.handled != 0 {
            events.add(Event::Execute(id));
        }
        if let Some(child) = kernel.zombie_of(id) {
            events.add(Event::Reap(id, child));
        }
        events.add(Event::StopItself(id));
        for signal in self.scenario.signals {
            if process.ignored & bit(signal) == 0 {
                events.add(Event::Ignore(id, signal));
            }
            events.add(Event::Tell(id, signal));
        }
        if self.scenario.role != Role::First && !process.foreign {
            events.add(Event::BecomeForeign(id));
        }
    }

    /// Lets something happen.
    pub fn perform(&mut self, event: Event) {
        self.note(|_| format!("  * {event}"));
        let before = self.history.is_some().then(|| self.kernel.clone());
        self.calls = 0;
        match event {
            Event::Deal(id) => match self.kernel.deal(id) {
                Dealt::Survived(signal) => self.toy_got(id, signal),
                Dealt::Stopped => {}
                Dealt::Killed(status) => self.kernel.exit(id, status),
            },
            Event::Finish(id) => self.kernel.become_zombie(id),
            Event::Exit(id, status) => self.kernel.exit(id, i32::from(status) << 8),
            Event::BeginExit(id) => self.kernel.leave_children(id, 0),
            Event::Fork(id) => {
                self.kernel.fork(id);
            }
            Event::MakeSession(id) => self.kernel.make_session(id),
            Event::Join(id, group) => self.kernel.join(id, group),
            Event::Execute(id) => self.kernel.exec(id),
            Event::Ignore(id, signal) => {
                let process = self.kernel.get_mut(id);
                process.ignored |= bit(signal);
                process.handled &= !bit(signal);
            }
            Event::BecomeForeign(id) => self.kernel.get_mut(id).foreign = true,
            Event::Reap(_, child) => self.kernel.release(child),
            Event::StopItself(id) => {
                self.kernel.send(Sender::Process(id), STOP, id);
                self.kernel.deal(id);
            }
            Event::Tell(id, signal) => {
                let init = self.kernel.init;
                self.kernel.send(Sender::Process(id), signal, init);
                self.owe(signal);
            }
            Event::FromOutside(id, signal) => {
                self.kernel.send(Sender::Process(0), signal, id);
                if id == self.kernel.init {
                    self.owe(signal);
                    if signal == STOP {
                        self.init_is_stopped_from_outside();
                    }
                }
            }
            Event::FromTerminal(signal) => {
                if let Some(terminal) = self.kernel.terminal {
                    // A stop discards a CONT that is pending (signal(7)): its sender has to send another.
                    let init = self.kernel.get(self.kernel.init);
                    self.facts.owes_cont |= STOPS & bit(signal) != 0
                        && init.group == terminal.foreground
                        && init.pending & bit(CONT) != 0;
                    self.kernel
                        .send_to_group(Sender::Kernel, signal, terminal.foreground);
                }
            }
            Event::Enter => {
                if let Some(id) = self.kernel.free() {
                    self.kernel.add(id, 0, id, id);
                }
            }
            Event::Stranger(id) => {
                if let Some(child) = self.kernel.fork(id) {
                    self.kernel.join(child, child);
                }
            }
            Event::Stderr(stderr) => self.stderr = stderr,
            Event::Pass => {
                self.now += 1_000_000;
                self.spent += 1_000_000;
            }
        }
        if let Some(before) = before {
            self.note_changes(&before);
        }
    }

    /// A toy tells of its signals, and dies of those that would kill others.
    fn toy_got(&mut self, id: Id, signal: u8) {
        let Some(script) = &mut self.script else {
            return;
        };
        if signal == CHLD {
            return;
        }
        script.got.push((self.kernel.get(id).serial, signal));
        if IGNORED_BY_DEFAULT & bit(signal) == 0 {
            self.kernel.exit(id, i32::from(signal));
        }
    }

    fn note_changes(&mut self, before: &Kernel) {
        for id in 1..=HIGHEST as Id {
            let (old, new) = (*before.get(id), *self.kernel.get(id));
            let mut changes = Vec::new();
            if old.serial != new.serial && new.exists() {
                changes.push(format!("is new, child of {}", new.parent));
            } else if old.state != new.state {
                changes.push(match new.state {
                    State::None => "is gone".to_owned(),
                    State::Running => "runs".to_owned(),
                    State::Stopped => "is stopped".to_owned(),
                    State::Exiting => "exits".to_owned(),
                    State::Zombie => format!("is a zombie, status {:#06x}", new.status),
                });
            }
            if old.serial == new.serial && new.exists() {
                if old.parent != new.parent {
                    changes.push(format!("has parent {}", new.parent));
                }
                if old.group != new.group || old.session != new.session {
                    changes.push(format!(
                        "is in group {}, session {}",
                        new.group, new.session
                    ));
                }
            }
            if !changes.is_empty() {
                let text = changes.join(", ");
                self.note(|_| format!("      {id} {text}"));
            }
        }
    }
}
