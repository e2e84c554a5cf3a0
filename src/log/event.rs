//! What happens. A new event is an entry here: its text, its JSON form and its
//! documentation (`docs/log-format.md`) come from it.

use super::value::{Field, ParentPid, Reason, Value};
use crate::process::{Pid, Recipient};
use crate::received::Origin;
use crate::rows;
use crate::signal::Signal;
use crate::status::WaitStatus;
use crate::text::{Line, Rows};
use crate::time::Time;
use log::Level;
use nix::errno::Errno;

/// An event as the documentation shows it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name in the JSON form; "" where only other programs speak of it.
    pub name: &'static str,
    /// What happened.
    pub description: &'static str,
    /// How loud it is.
    pub level: Level,
    /// The names of its fields, as messages use them.
    pub fields: &'static [&'static str],
    /// The fields of its JSON object.
    pub keys: &'static [&'static str],
    /// Our own message.
    pub text: &'static str,
}

macro_rules! events {
    ($a:lifetime $(
        #[doc = $description:literal]
        $event:ident { $($field:ident: $type:ty),* } = $name:literal $level:ident $text:literal;
    )+) => {
        /// Something that happened, to be said with [`super::Log::say`].
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)] // Of the fields: their names and types say it.
        pub enum Event<$a> {$(
            #[doc = $description]
            $event { $($field: $type),* },
        )+}

        /// Which event it is.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs)] // The event says it.
        pub enum Kind { $($event),+ }

        impl<$a> Event<$a> {
            /// Which event it is.
            pub fn kind(&self) -> Kind {
                match self { $(Event::$event { .. } => Kind::$event),+ }
            }

            /// Calls `act` with its values, in the order of its fields.
            pub(super) fn with_values(&self, act: &mut dyn FnMut(&[Value<$a>])) {
                match *self {
                    $(Event::$event { $($field),* } => act(&[$($field.value()),*])),+
                }
            }

            /// Every event, in the order of their kinds.
            pub const CATALOGUE: &'static [Entry] = &[$(Entry {
                name: $name,
                description: $description.trim_ascii(),
                level: Level::$level,
                fields: &[$(stringify!($field)),*],
                keys: &[$(<$type as Field<$a>>::KEYS),*],
                text: $text,
            }),+];
        }

        /// Their names in the JSON form.
        static NAMES: Rows = rows![$($name),+];
    };
}

events! { 'a
    // First, since each orphan has its message looked up, which takes as many steps as there are before it.

    /// The init has reaped another process, which has exited.
    Exited { pid: Pid, status: WaitStatus }
        = "reaped" Debug "reaped pid {pid}, which {status}";
    /// The init has reaped another process, which a signal has killed.
    Killed { pid: Pid, status: WaitStatus }
        = "reaped" Debug "reaped pid {pid}, which {status}";
    /// The command runs.
    Started { command: &'a [u8], pid: Pid }
        = "started" Info "started {command} (pid {pid})";
    /// The command cannot be executed: the init ends with 126 or 127.
    CannotExecute { command: &'a [u8], errno: Errno }
        = "cannot_execute" Error "cannot execute {command}: {errno}";
    /// The init cannot create a process for the command: it ends with 125.
    CannotStart { command: &'a [u8], errno: Errno }
        = "cannot_start" Error "cannot make a process for {command}: {errno}";
    /// A step failed that is not essential: the run continues without its effect.
    StepFailed { step: &'static str, errno: Errno }
        = "step_failed" Warn "cannot {step}: {errno}";
    /// The init took a signal off its queue. SIGCHLD is not reported.
    Received { signal: Signal, sender: Origin }
        = "signal_received" Info "received {signal} from {sender}";
    /// The signal is held back (`--delay`).
    Held { signal: Signal, time: Time }
        = "signal_held" Info "holding {signal} back for {time} ms";
    /// The init sent a signal: a received one, after `--rewrite`, or one of its own.
    Sent { signal: Signal, target: Recipient }
        = "signal_sent" Info "sent {signal} to {target}";
    /// A signal could not be sent.
    NotSent { signal: Signal, target: Recipient, errno: Errno }
        = "signal_not_sent" Warn "cannot send {signal} to {target}: {errno}";
    /// The init stops itself along with the command, until SIGCONT.
    Stopping {}
        = "stopping" Info "stopping until SIGCONT";
    /// The program of `--pre-stop` runs; the stop signal waits for it.
    PreStopStarted { command: &'a [u8], pid: Pid }
        = "pre_stop_started" Info "started {command} (pid {pid}) before the stop";
    /// The program cannot be executed: the stop signal does not wait.
    PreStopNotStarted { command: &'a [u8], errno: Errno }
        = "pre_stop_not_started" Warn "cannot execute {command} before the stop: {errno}";
    /// The program has exited with 0.
    PreStopEnded { pid: Pid, status: WaitStatus }
        = "pre_stop_ended" Info "the pre-stop program (pid {pid}) {status}";
    /// The program has failed.
    PreStopFailed { pid: Pid, status: WaitStatus }
        = "pre_stop_ended" Warn "the pre-stop program (pid {pid}) {status}";
    /// The command has exited.
    CommandExited { pid: Pid, status: WaitStatus }
        = "command_ended" Info "the command (pid {pid}) {status}";
    /// A signal has killed the command.
    CommandKilled { pid: Pid, status: WaitStatus }
        = "command_ended" Info "the command (pid {pid}) {status}";
    /// The leftovers have this time to end (`--grace`).
    GraceBegins { time: Time }
        = "grace_begins" Info "what is left has {time} ms to end";
    /// TCP sockets still have unacknowledged data (`--linger`).
    LingerBegins { time: Time }
        = "linger_begins" Info "waiting up to {time} ms for sent TCP data to arrive";
    /// The time is over, and the sockets still have unacknowledged data.
    LingerOver {}
        = "linger_over" Warn "sent TCP data has not arrived";
    /// A process has ended, but its parent is alive and does not reap it. Only that parent can. Logged when a signal arrives and when the command has ended.
    NotReaped { pid: Pid, parent: ParentPid }
        = "not_reaped" Debug "pid {pid} is a zombie that its parent, pid {parent}, does not reap";
    /// The init ends with a status other than 0: the line that `--termination-log` gets.
    Failed { reason: Reason<'a> }
        = "command_failed" Info "{reason}";
    /// The command has ended, but its status is lost: the init ends with 125.
    StatusLost {}
        = "status_lost" Error "the command is gone without a status";
    /// `--exit-by-signal` is not possible as PID 1: the init ends with 128 plus the number.
    CannotDie { signal: Signal }
        = "cannot_die_by_signal" Warn "PID 1 cannot die by {signal}: exiting with 128 + its number";
    /// The init dropped this many lines before this one.
    LinesDropped { count: u64 }
        = "lines_dropped" Warn "{count} lines dropped: stderr did not take them";

    // What only other programs speak of.

    /// Children have changed their state.
    ChildSignal {} = "" Trace "";
    /// A received signal is delivered as another one.
    Rewritten { signal: Signal, delivered: Option<Signal> } = "" Trace "";
    /// A received signal is not delivered.
    Dropped {} = "" Trace "";
    /// The environment asked for verbose lines.
    Debugging {} = "" Trace "";
    /// The environment refused a session.
    NoSession {} = "" Trace "";
    /// The terminal could not be given up.
    NotDetached { errno: Errno } = "" Trace "";
    /// The leader of its session gave up the terminal.
    Detached {} = "" Trace "";
    /// A process that does not lead its session gave up the terminal.
    DetachedAsMember {} = "" Trace "";
    /// The kernel's signal about a terminal that was given up was ignored.
    HandedOff { signal: Signal } = "" Trace "";
    /// The command could not get the terminal.
    NotAttached { errno: Errno } = "" Trace "";
    /// The command has a session of its own.
    NewSession {} = "" Trace "";
    /// Orphans go to another process.
    NoReaper {} = "" Trace "";
    /// Orphans come to us, though we are not PID 1.
    Reaper {} = "" Trace "";
    /// An orphan was reaped.
    OrphanReaped { pid: Pid } = "" Trace "";
    /// No child has ended.
    NothingToReap {} = "" Trace "";
    /// There are no children.
    NoChildren {} = "" Trace "";
    /// The init exits with this status.
    Leaving { status: u64 } = "" Trace "";
}

impl<'a> Event<'a> {
    /// The main child has ended.
    pub fn command_ended(pid: Pid, status: WaitStatus) -> Event<'a> {
        match status.signal() {
            None => Event::CommandExited { pid, status },
            Some(_) => Event::CommandKilled { pid, status },
        }
    }

    /// The pre-stop program has ended.
    pub fn pre_stop_ended(pid: Pid, status: WaitStatus) -> Event<'a> {
        match status.code() {
            Some(0) => Event::PreStopEnded { pid, status },
            _ => Event::PreStopFailed { pid, status },
        }
    }

    /// A child was reaped.
    pub fn reaped(pid: Pid, status: WaitStatus) -> Event<'a> {
        match status.signal() {
            None => Event::Exited { pid, status },
            Some(_) => Event::Killed { pid, status },
        }
    }

    /// Appends its name and values to a JSON object.
    pub(super) fn json(&self, line: &mut Line<'_>) {
        line.text(",\"event\":\"");
        line.bytes({ NAMES }.get(self.kind() as usize)).text("\"");
        self.with_values(&mut |values| {
            for value in values {
                value.json(line);
            }
        });
    }
}
