//! What to do, as plain data. No system call is made here.

#![forbid(unsafe_code)]

use crate::exit_map::ExitMap;
use crate::per_signal::PerSignal;
use crate::rewrite::{Rewrite, RewriteTable};
use crate::signal::Signal;
use crate::status::{INIT_FAILED, NOT_EXECUTABLE, NOT_FOUND};
use crate::time::Time;
use nix::errno::Errno;

/// How to run a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config<'a> {
    /// What differs between the programs that we stand for.
    pub behaviour: Behaviour,
    /// Who gets the forwarded signals.
    pub target: Target,
    /// Where the command runs.
    pub placement: Placement,
    /// How long the leftovers may take to end.
    pub grace: Option<Time>,
    /// The program that is run before the first stop signal is forwarded.
    pub pre_stop: Option<&'a [u8]>,
    /// How long to wait, when all has ended, for what was sent over TCP.
    pub linger: Option<Time>,
    /// Whether to die by the signal that killed the command.
    pub exit_by_signal: bool,
    /// The signal that we want to get when our own parent dies.
    pub parent_death: Option<Signal>,
    /// Whether to become a child subreaper where we are not PID 1.
    pub subreaper: bool,
    /// Whether to warn of each orphan that is reaped.
    pub warn_on_reap: bool,
    /// Whether a variable of the environment asked for verbose lines.
    pub debug_by_environment: bool,
    /// Whether a variable of the environment refused a session.
    pub shared_by_environment: bool,
    /// The file that gets the reason when the command fails.
    pub termination_log: Option<&'a [u8]>,
    /// What is said.
    pub logging: Logging,
    /// What is delivered for what is received.
    pub rewrite: RewriteTable,
    /// How long a received signal is held back.
    pub delay: PerSignal,
    /// How long after a stop signal was sent the command is killed.
    pub kill_after: KillAfter,
    /// What is reported for the command's status.
    pub exit_map: ExitMap,
}

impl Default for Config<'_> {
    fn default() -> Self {
        Config {
            behaviour: Behaviour::NATIVE,
            rewrite: RewriteTable::new(),
            target: Target::Group,
            placement: Placement::Session,
            delay: PerSignal::new(),
            kill_after: KillAfter::default(),
            grace: None,
            pre_stop: None,
            linger: None,
            exit_map: ExitMap::new(),
            exit_by_signal: false,
            parent_death: None,
            subreaper: true,
            warn_on_reap: false,
            debug_by_environment: false,
            shared_by_environment: false,
            termination_log: None,
            logging: Logging::default(),
        }
    }
}

impl Config<'_> {
    /// What is delivered for a received signal; `None` where that is nothing.
    pub fn delivered(&self, signal: Signal) -> Option<Signal> {
        match self.rewrite.get(signal) {
            Rewrite::Drop => None,
            Rewrite::To(other) => Some(other),
            // In a session of its own the command's group is orphaned, and the
            // kernel ignores the terminal's stops for it: only STOP works.
            Rewrite::Same if signal.is_terminal_stop() && self.placement == Placement::Session => {
                Some(Signal::STOP)
            }
            Rewrite::Same => Some(signal),
        }
    }

    /// Whether a signal asks for the end: TERM, INT, QUIT, and those that
    /// `--kill-after` names.
    pub fn is_stop_signal(&self, signal: Signal) -> bool {
        signal.asks_for_the_end() || self.kill_after.named.get(signal).is_some()
    }

    /// Whether a stop signal is delivered, in whatever form.
    pub fn stops_the_command(&self, signal: Signal) -> bool {
        self.is_stop_signal(signal) && self.delivered(signal).is_some()
    }

    /// Whether the time matters.
    pub fn has_deadlines(&self) -> bool {
        self.grace.is_some()
            || self.pre_stop.is_some()
            || !self.delay.is_empty()
            || !self.kill_after.is_empty()
    }

    /// Whether a signal may go to all descendants.
    pub fn reaches_all(&self) -> bool {
        self.target == Target::All || self.grace.is_some() || !self.kill_after.is_empty()
    }
}

/// How long after a stop signal was sent the command is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KillAfter {
    /// For the signals that the user names, which beat the general one.
    pub named: PerSignal,
    /// For TERM, INT and QUIT.
    pub general: Option<Time>,
}

impl KillAfter {
    /// Whether nothing is ever killed.
    pub fn is_empty(&self) -> bool {
        self.general.is_none() && self.named.is_empty()
    }
}

/// What is said, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Logging {
    /// How much: 0 warnings and errors, 1 what happens, 2 everything; -1
    /// errors alone, 3 what only some personalities say.
    pub verbosity: i8,
    /// In which form.
    pub format: Format,
}

/// The form of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// `[tidy-init] message`
    #[default]
    Text,
    /// A JSON object.
    Json,
}

/// Who gets the forwarded signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// The main child.
    Child,
    /// The main child's process group.
    Group,
    /// Every process of the namespace, if we are its init; else every
    /// descendant.
    All,
}

/// Where the command runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// In a session of its own, which takes our controlling terminal along.
    Session,
    /// In our session, in a process group of its own, which becomes the
    /// foreground one of the terminal.
    Group,
    /// In our own session and process group.
    Shared,
}

/// What differs between the programs that we stand for, beyond their options
/// and messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Behaviour {
    /// When we stop along with the command.
    pub stops: Stops,
    /// Whether a signal that the terminal has sent to the command as well is
    /// not forwarded: two of one Ctrl-C make programs that count them quit the
    /// hard way.
    pub terminal_signals_once: bool,
    /// Whether TTIN and TTOU from the terminal are our own affair: it stops
    /// background processes that write, and we write lines.
    pub keeps_background_stops: bool,
    /// Whether a terminal's stop of the command is undone as PID 1: no shell is
    /// there to continue it.
    pub undoes_terminal_stops: bool,
    /// Whether the TERM that follows the command's end is rewritten.
    pub rewrites_final_term: bool,
    /// Whether the terminal is given up by a process that does not lead its
    /// session.
    pub gives_up_terminal_as_member: bool,
    /// Whether the controlling terminal is found as /dev/tty before standard
    /// input.
    pub opens_dev_tty: bool,
    /// What is reported of a command that cannot be started.
    pub failed_start: FailedStart,
}

impl Behaviour {
    /// Our own.
    pub const NATIVE: Behaviour = Behaviour {
        stops: Stops::WithCommand,
        terminal_signals_once: true,
        keeps_background_stops: false,
        undoes_terminal_stops: false,
        rewrites_final_term: false,
        gives_up_terminal_as_member: false,
        opens_dev_tty: false,
        failed_start: FailedStart {
            not_found: NOT_FOUND,
            denied: NOT_EXECUTABLE,
            other: NOT_EXECUTABLE,
            no_process: INIT_FAILED,
            is_command_status: false,
            names_missing_shell: false,
        },
    };
}

/// When we stop along with the command. The shell that started us watches us
/// alone: its prompt does not come back before we stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stops {
    /// Never.
    Never,
    /// When the command is sent a stop, unless we are the init of a PID
    /// namespace, which nothing stops.
    WithCommand,
    /// On a terminal's stop, whatever the command is sent instead.
    Always,
}

/// What is reported of a command that cannot be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailedStart {
    /// The status where there is no such file.
    pub not_found: u8,
    /// The status where access to it is denied.
    pub denied: u8,
    /// The status where it cannot be executed for another reason.
    pub other: u8,
    /// The status where no process could be made.
    pub no_process: u8,
    /// Whether the status of a failed exec is taken for the command's, so that
    /// options map it.
    pub is_command_status: bool,
    /// Whether a script that needs `/bin/sh`, where there is none, is reported
    /// by the shell's error, "No such file or directory", rather than its own,
    /// "Exec format error".
    pub names_missing_shell: bool,
}

impl FailedStart {
    /// The status for a failed execve(2).
    pub fn exec_status(&self, errno: Errno) -> u8 {
        match errno {
            Errno::ENOENT => self.not_found,
            Errno::EACCES => self.denied,
            _ => self.other,
        }
    }
}
