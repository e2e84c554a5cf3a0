//! What may happen between two calls of the init.

use crate::kernel::{Dealt, HIGHEST, Id, Process, Sender, State};
use crate::scenario::{PLAIN_STATUS, Role, Stderr};
use crate::signals::number::*;
use crate::signals::{IGNORED_BY_DEFAULT, STOPS, bit, name};
use crate::world::World;
use std::fmt;

/// Something that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A process deals with the first of its signals.
    Deal(Id),
    /// A process that has begun to exit becomes a zombie.
    Finish(Id),
    /// A process exits, with 0 or the plain status.
    Exit(Id, u8),
    /// A process begins to exit.
    BeginExit(Id),
    /// A process forks.
    Fork(Id),
    /// A process makes a session.
    MakeSession(Id),
    /// A process joins a group, or makes one.
    Join(Id, Id),
    /// A process executes another program.
    Execute(Id),
    /// A process begins to ignore a signal.
    Ignore(Id, u8),
    /// A process becomes another user's, as a setuid program does.
    BecomeForeign(Id),
    /// A process reaps a child.
    Reap(Id, Id),
    /// A process stops itself.
    StopItself(Id),
    /// A process sends the init a signal.
    Tell(Id, u8),
    /// Somebody outside sends a process a signal.
    FromOutside(Id, u8),
    /// The terminal sends its foreground group a signal.
    FromTerminal(u8),
    /// Somebody puts a process into the namespace.
    Enter,
    /// A stranger starts a process.
    Stranger(Id),
    /// Stderr changes.
    Stderr(Stderr),
    /// Time passes.
    Pass,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Event::Deal(id) => write!(f, "{id} deals with a signal"),
            Event::Finish(id) => write!(f, "{id} becomes a zombie"),
            Event::Exit(id, status) => write!(f, "{id} exits with {status}"),
            Event::BeginExit(id) => write!(f, "{id} begins to exit"),
            Event::Fork(id) => write!(f, "{id} forks"),
            Event::MakeSession(id) => write!(f, "{id} makes a session"),
            Event::Join(id, group) => write!(f, "{id} joins group {group}"),
            Event::Execute(id) => write!(f, "{id} executes another program"),
            Event::Ignore(id, signal) => write!(f, "{id} ignores {}", name(signal)),
            Event::BecomeForeign(id) => write!(f, "{id} becomes another user's"),
            Event::Reap(id, child) => write!(f, "{id} reaps {child}"),
            Event::StopItself(id) => write!(f, "{id} stops itself"),
            Event::Tell(id, signal) => write!(f, "{id} sends the init {}", name(signal)),
            Event::FromOutside(id, signal) => {
                write!(f, "somebody outside sends {id} {}", name(signal))
            }
            Event::FromTerminal(signal) => write!(f, "the terminal sends {}", name(signal)),
            Event::Enter => write!(f, "somebody puts a process into the namespace"),
            Event::Stranger(id) => write!(f, "{id} starts a stranger"),
            Event::Stderr(stderr) => write!(f, "stderr is {stderr:?}"),
            Event::Pass => write!(f, "a millisecond passes"),
        }
    }
}

/// How much may happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Menu {
    /// What races are made of: ends, forks, signals, new sessions.
    Small,
    /// Everything.
    Full,
}

/// The events that are possible now.
pub struct Events {
    list: [Event; 256],
    count: usize,
}

impl Events {
    /// All that are possible in this world.
    pub fn of(world: &World) -> Events {
        let mut events = Events {
            list: [Event::Pass; 256],
            count: 0,
        };
        events.collect(world);
        events
    }

    /// A list of them.
    pub fn list(&self) -> &[Event] {
        &self.list[..self.count]
    }

    fn add(&mut self, event: Event) {
        if let Some(slot) = self.list.get_mut(self.count) {
            *slot = event;
            self.count += 1;
        }
    }

    fn collect(&mut self, world: &World) {
        let kernel = &world.kernel;
        let full = world.menu == Menu::Full;
        let room = kernel.ids().count() < usize::from(world.most_processes);
        for id in kernel.ids() {
            let process = *kernel.get(id);
            if id == kernel.init {
                continue;
            }
            if kernel.has_signal(id) {
                self.add(Event::Deal(id));
                continue;
            }
            if process.state == State::Exiting {
                self.add(Event::Finish(id));
            } else if process.state == State::Running && !world.is_scenery(id) {
                self.of_process(world, id, &process, room);
            }
            if process.lives() && !world.is_scenery(id) {
                self.add(Event::FromOutside(id, KILL));
                if process.state == State::Stopped {
                    self.add(Event::FromOutside(id, CONT));
                } else if full {
                    self.add(Event::FromOutside(id, STOP));
                }
            }
        }
        for signal in world.scenario.signals {
            self.add(Event::FromOutside(kernel.init, signal));
        }
        if world.scenario.role != Role::First {
            let shell = kernel.get(world::SHELL);
            if shell.lives() {
                self.add(Event::Exit(world::SHELL, 0));
                if full && room {
                    self.add(Event::Stranger(world::SHELL));
                }
            }
            if full {
                self.add(Event::FromOutside(kernel.init, STOP));
            }
        } else if full && room {
            self.add(Event::Enter);
        }
        if kernel.terminal.is_some() {
            for signal in [TSTP, INT] {
                self.add(Event::FromTerminal(signal));
            }
            if full {
                self.add(Event::FromTerminal(WINCH));
            }
        }
        if full {
            for stderr in [Stderr::Closed, Stderr::Full, Stderr::Open] {
                self.add(Event::Stderr(stderr));
            }
            self.add(Event::Pass);
        }
    }

    fn of_process(&mut self, world: &World, id: Id, process: &Process, room: bool) {
        let kernel = &world.kernel;
        let full = world.menu == Menu::Full;
        self.add(Event::Exit(id, 0));
        self.add(Event::BeginExit(id));
        if room {
            self.add(Event::Fork(id));
        }
        if kernel.can_make_session(id) {
            self.add(Event::MakeSession(id));
        }
        if !full {
            return;
        }
        self.add(Event::Exit(id, PLAIN_STATUS));
        if kernel.can_join(id, id) {
            self.add(Event::Join(id, id));
        }
        if let Some(main) = world.main
            && kernel.can_join(id, main)
            && process.kin
            && main != id
        {
            self.add(Event::Join(id, main));
        }
        if process.handled != 0 {
            self.add(Event::Execute(id));
        }
        if let Some(child) = kernel.zombie_of(id) {
            self.add(Event::Reap(id, child));
        }
        self.add(Event::StopItself(id));
        for signal in world.scenario.signals {
            if process.ignored & bit(signal) == 0 {
                self.add(Event::Ignore(id, signal));
            }
            self.add(Event::Tell(id, signal));
        }
        if world.scenario.role != Role::First && !process.foreign {
            self.add(Event::BecomeForeign(id));
        }
    }
}

/// IDs that every world has which is not the init's own namespace.
pub mod world {
    use crate::kernel::Id;

    /// The init of the namespace, which reaps at once.
    pub const SYSTEM: Id = 1;
    /// Who started the init under test.
    pub const SHELL: Id = 2;
    /// The init under test.
    pub const INIT: Id = 3;
    /// A process that has nothing to do with it.
    pub const STRANGER: Id = 4;
}

impl World {
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

    fn note_changes(&mut self, before: &crate::kernel::Kernel) {
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
