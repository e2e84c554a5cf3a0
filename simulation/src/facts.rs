//! What the init has seen, and what it owes.

use crate::kernel::{HIGHEST, Id};
use crate::signals::Set;

/// Processes by their IDs: bit n is process n.
pub type Ids = u32;

/// What a process was as the init began to act.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Those that descended from the init and lived.
    pub kin: Ids,
    /// Those of them that were in the command's group.
    pub group: Ids,
    /// Their direct parents were the init.
    pub children: Ids,
    /// Which processes they were.
    pub serials: [u16; HIGHEST + 1],
    /// Signals that the init has tried to send.
    pub attempted: Set,
    /// Signals it has sent to everybody, as far as its calls show.
    pub excused: Ids,
    /// Whether the init was refused a pidfd for itself.
    pub no_walk: bool,
    /// Whether a call failed that concerns everybody.
    pub all_excused: bool,
    /// Whether it has learnt that the command is stopped: it continues the command's group then.
    pub stop_seen: bool,
    /// How many lines had been written.
    pub lines: u32,
    /// Whether the kernel refused to deliver a signal.
    pub refused: bool,
}

/// What the init has seen, and what it owes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// How the command ended, once the init has looked.
    pub status: Option<i32>,
    /// When the init has seen that.
    pub ended: Option<u64>,
    /// Whether the command was reaped.
    pub reaped: bool,
    /// A signal that was taken off the queue and has to be passed on.
    pub to_pass: Option<u8>,
    /// When the kill is due at the latest.
    pub kill_due: Option<u64>,
    /// From when on it is allowed.
    pub kill_allowed: Option<u64>,
    /// Whether KILL was sent.
    pub kill_sent: bool,
    /// Zombies that the init has left at its last look.
    pub zombies: Ids,
    /// Whether a call failed whose failure excuses a zombie or an end.
    pub excused: bool,
    /// Whether somebody who has stopped the init will wake it.
    pub owes_cont: bool,
    /// Whether it was refused to continue somebody.
    pub cont_refused: bool,
    /// Lines that the init has written, or tried to.
    pub lines: u32,
    /// How far the pre-stop program is.
    pub pre_stop: PreStop,
    /// The signals that wait for it, as they were received.
    pub awaiting: Set,
    /// Those that have waited, and may wait for their delay.
    pub due: Set,
    /// When the init has begun to look for TCP data.
    pub lingers_since: Option<u64>,
    /// Whether it saw some when it last looked.
    pub saw_data: bool,
}

/// How far the pre-stop program is, as far as the init can know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PreStop {
    /// It has not been needed.
    #[default]
    Due,
    /// A stop signal has come: it is to be started.
    Wanted,
    /// It was started, and the init has not seen its end.
    Running(Id, u16),
    /// Nobody waits for it.
    Over,
}

/// What a received signal means for the pre-stop program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// It does not wait.
    No,
    /// It starts the program.
    Starts,
    /// It waits along.
    Along,
    /// It is the second one, which ends the waits.
    Ends,
}

impl Facts {
    /// The program is over: what waited for it is due.
    pub fn end_pre_stop(&mut self) {
        self.pre_stop = PreStop::Over;
        self.due |= self.awaiting;
        self.awaiting = 0;
    }
}
