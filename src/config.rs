//! What to do, as plain data. No system call is made here.

#![forbid(unsafe_code)]

use crate::signal::{Rewrite, RewriteTable, Signal};
use crate::time::Time;

/// What a command line asks for. How to do it stands in the [`Config`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// Run the command whose name has this index in `argv`, at least 1.
    Run(usize),
    /// Run nothing: hold the namespaces and reap.
    Pause,
    /// Print a text, and end.
    Print(Text),
    /// Print the table of signals on stdout.
    ListSignals,
}

/// A text that was asked for, or that goes with an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text {
    /// What [`crate::text::Packed`] prints.
    pub packed: &'static [u8],
    /// Whether it goes to stderr.
    pub to_stderr: bool,
    /// The status to exit with.
    pub status: u8,
}

/// Whose options, messages and habits we have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Personality {
    /// Our own.
    #[default]
    Native,
    /// dumb-init 1.2.5
    DumbInit,
    /// tini 0.19
    Tini,
    /// catatonit 0.1.7
    Catatonit,
    /// `tidy-init --pause`
    Pause,
    /// The shell of an account that may not log in.
    Nologin,
}

impl Personality {
    /// Those that speak, by their numbers.
    pub(crate) const ALL: [Personality; 5] = [
        Personality::Native,
        Personality::DumbInit,
        Personality::Tini,
        Personality::Catatonit,
        Personality::Pause,
    ];
}

/// How to run a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config<'a> {
    /// Whose habits are followed where they differ.
    pub personality: Personality,
    /// What is delivered for what is received.
    pub rewrite: RewriteTable,
    /// Who gets the forwarded signals.
    pub target: Target,
    /// Where the command runs.
    pub placement: Placement,
    /// How long a received signal is held back.
    pub delay: PerSignal,
    /// How long after a received signal was sent the command is killed.
    pub kill_after: PerSignal,
    /// How long what the command leaves behind may take to end.
    pub grace: Option<Time>,
    /// What is reported for the command's status.
    pub exit_map: ExitMap,
    /// Whether to die by the signal that killed the command.
    pub exit_by_signal: bool,
    /// The signal that we want to get when our own parent dies.
    pub parent_death: Option<Signal>,
    /// Whether orphans are to come to us where we are not PID 1.
    pub subreaper: bool,
    /// Whether a warning is said of each orphan that is reaped.
    pub warn_on_reap: bool,
    /// Whether it was the environment that asked for lines.
    pub debug_by_environment: bool,
    /// Whether it was the environment that refused a session.
    pub shared_by_environment: bool,
    /// Where the reason goes when the command fails.
    pub termination_log: Option<&'a [u8]>,
    /// What is said.
    pub logging: Logging,
}

impl Default for Config<'_> {
    fn default() -> Self {
        Config {
            personality: Personality::Native,
            rewrite: RewriteTable::new(),
            target: Target::Group,
            placement: Placement::Session,
            delay: PerSignal::new(),
            kill_after: PerSignal::new(),
            grace: None,
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
            // Without its shell the command's group is orphaned, and the
            // kernel ignores the terminal's stops for it: only STOP works.
            Rewrite::Same if signal.is_terminal_stop() && self.placement == Placement::Session => {
                Some(Signal::STOP)
            }
            Rewrite::Same => Some(signal),
        }
    }

    /// Whether the time matters.
    pub fn has_deadlines(&self) -> bool {
        self.grace.is_some() || !self.delay.is_empty() || !self.kill_after.is_empty()
    }

    /// Whether there may be a signal for all that descends from us.
    pub fn reaches_all(&self) -> bool {
        self.target == Target::All || self.grace.is_some() || !self.kill_after.is_empty()
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

/// A duration for some of the signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PerSignal {
    durations: [Option<Time>; Signal::COUNT],
    /// How many have one. Mostly none has, and then nobody needs to look.
    count: u8,
}

impl PerSignal {
    /// For none.
    pub const fn new() -> PerSignal {
        PerSignal {
            durations: [None; Signal::COUNT],
            count: 0,
        }
    }

    /// Sets it for a signal; the last one wins.
    pub fn set(&mut self, signal: Signal, duration: Time) {
        if let Some(slot) = self.durations.get_mut(signal.index()) {
            self.count += u8::from(slot.is_none());
            *slot = Some(duration);
        }
    }

    /// Sets it for a signal that has none.
    pub fn set_default(&mut self, signal: Signal, duration: Time) {
        if self.get(signal).is_none() {
            self.set(signal, duration);
        }
    }

    /// The duration for a signal.
    pub fn get(&self, signal: Signal) -> Option<Time> {
        self.durations.get(signal.index()).copied().flatten()
    }

    /// Takes a signal's away, and tells whether it had one.
    pub fn clear(&mut self, signal: Signal) -> bool {
        let slot = self.durations.get_mut(signal.index());
        let had_one = slot.is_some_and(|slot| slot.take().is_some());
        self.count -= u8::from(had_one);
        had_one
    }

    /// Whether no signal has one.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The signal with the shortest one; of equals the lowest number.
    pub fn earliest(&self) -> Option<(Signal, Time)> {
        if self.is_empty() {
            return None;
        }
        let mut earliest: Option<(Signal, Time)> = None;
        for signal in Signal::all() {
            if let Some(time) = self.get(signal)
                && earliest.is_none_or(|(_, shortest)| time < shortest)
            {
                earliest = Some((signal, time));
            }
        }
        earliest
    }
}

impl Default for PerSignal {
    fn default() -> PerSignal {
        PerSignal::new()
    }
}

/// What is reported for a status of the command.
// All zeros without a rule, which is set up in one stroke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExitMap {
    /// A bit for each status that has a rule.
    mapped: [u8; 256 / 8],
    /// What is reported for it.
    to: [u8; 256],
}

impl ExitMap {
    /// Everything as it is.
    pub const fn new() -> ExitMap {
        ExitMap {
            mapped: [0; 256 / 8],
            to: [0; 256],
        }
    }

    /// Reports `to` for `from`; the last one wins.
    pub fn set(&mut self, from: u8, to: u8) {
        if let Some(bits) = self.mapped.get_mut(usize::from(from / 8)) {
            *bits |= 1 << (from % 8);
        }
        if let Some(slot) = self.to.get_mut(usize::from(from)) {
            *slot = to;
        }
    }

    /// What is reported for a status, if that was said.
    pub fn get(&self, from: u8) -> Option<u8> {
        let bits = *self.mapped.get(usize::from(from / 8))?;
        let to = *self.to.get(usize::from(from))?;
        (bits >> (from % 8) & 1 == 1).then_some(to)
    }
}

impl Default for ExitMap {
    fn default() -> ExitMap {
        ExitMap::new()
    }
}
