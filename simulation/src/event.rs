//! What may happen between two calls of the init.

use crate::kernel::Id;
use crate::signals::name;
use std::fmt;

/// What takes our lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stderr {
    /// A reader that reads.
    Open,
    /// A pipe without room.
    Full,
    /// A pipe that nobody reads.
    Closed,
}

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

/// Events that are possible.
pub struct Events {
    list: [Event; 256],
    count: usize,
}

impl Events {
    /// None so far.
    pub fn none() -> Events {
        Events {
            list: [Event::Pass; 256],
            count: 0,
        }
    }

    /// A list of them.
    pub fn list(&self) -> &[Event] {
        &self.list[..self.count]
    }

    /// Adds one, if there is room.
    pub fn add(&mut self, event: Event) {
        if let Some(slot) = self.list.get_mut(self.count) {
            *slot = event;
            self.count += 1;
        }
    }
}
