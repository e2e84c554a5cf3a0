//! What happened: every line that the init says of a run stands here, in words
//! and in the fields of its JSON form (`docs/log-format.md`).

#![forbid(unsafe_code)]

use crate::errno::Reason;
use crate::number::Decimal;
use crate::signal::{Origin, Received, Signal};
use crate::status::WaitStatus;
use crate::supervisor::{Pid, Recipient};
use crate::sys::Errno;
use crate::time::Time;
use core::fmt::{self, Display, Write};

/// Something that happened, to be said with [`crate::log::say`].
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The command cannot be executed.
    CannotExecute(&'a [u8], Errno),
    /// No process could be made for the command.
    CannotStart(&'a [u8], Errno),
    /// A step that the run can do without failed.
    StepFailed(&'static str, Errno),
    /// The command runs.
    Started(&'a [u8], Pid),
    /// A signal was taken off our queue.
    Received(Received),
    /// A signal is held back.
    Held(Signal, Time),
    /// A signal was sent.
    Sent(Signal, Recipient),
    /// A signal could not be sent.
    NotSent(Signal, Recipient, Errno),
    /// We stop ourselves until SIGCONT.
    Stopping,
    /// The main child has ended.
    CommandEnded(Pid, WaitStatus),
    /// What the command left behind has so long to end.
    GraceBegins(Time),
    /// Another child was reaped.
    Reaped(Pid, WaitStatus),
    /// A zombie whose parent lives and does not reap it.
    NotReaped {
        /// The zombie.
        zombie: Pid,
        /// Whose it is to reap.
        parent: Pid,
    },
    /// The command failed: the line for the termination log.
    Failed(&'a [u8]),
    /// Our children are gone, the main child's status with them.
    StatusLost,
    /// The init of a namespace cannot die by a signal.
    CannotDie(Signal),
    /// So many lines were not written, since stderr did not take them.
    LinesDropped(usize),
}

impl Event<'_> {
    /// Errors and warnings are always said, `Info` at `-v`, `Debug` at `-vv`.
    pub fn level(&self) -> log::Level {
        match self {
            Event::CannotExecute(..) | Event::CannotStart(..) | Event::StatusLost => {
                log::Level::Error
            }
            Event::StepFailed(..)
            | Event::NotSent(..)
            | Event::CannotDie(_)
            | Event::LinesDropped(_) => log::Level::Warn,
            Event::Started(..)
            | Event::Received(_)
            | Event::Held(..)
            | Event::Sent(..)
            | Event::Stopping
            | Event::CommandEnded(..)
            | Event::GraceBegins(_)
            | Event::Failed(_) => log::Level::Info,
            Event::Reaped(..) | Event::NotReaped { .. } => log::Level::Debug,
        }
    }

    /// The event's name in the JSON form; what it is in words, a `%` standing
    /// for each of the values; and the values.
    fn parts(&self) -> (&'static str, &'static str, [Value<'_>; 3]) {
        use Value::{Command, Count, Errno, Milliseconds, Nobody, Parent, Reason, Step, Zombie};
        let nothing = [Nobody; 3];
        match *self {
            Event::CannotExecute(command, errno) => (
                "cannot_execute",
                "cannot execute %: %",
                [Command(command), Errno(errno), Nobody],
            ),
            Event::CannotStart(command, errno) => (
                "cannot_start",
                "cannot make a process for %: %",
                [Command(command), Errno(errno), Nobody],
            ),
            Event::StepFailed(step, errno) => (
                "step_failed",
                "cannot %: %",
                [Step(step), Errno(errno), Nobody],
            ),
            Event::Started(command, pid) => (
                "started",
                "started % (pid %)",
                [Command(command), Value::Pid(pid), Nobody],
            ),
            Event::Received(Received { signal, origin }) => (
                "signal_received",
                "received % from %",
                [Value::Signal(signal), Value::Origin(origin), Nobody],
            ),
            Event::Held(signal, time) => (
                "signal_held",
                "holding % back for % ms",
                [Value::Signal(signal), Milliseconds(time), Nobody],
            ),
            Event::Sent(signal, to) => (
                "signal_sent",
                "sent % to %",
                [Value::Signal(signal), Value::Recipient(to), Nobody],
            ),
            Event::NotSent(signal, to, errno) => (
                "signal_not_sent",
                "cannot send % to %: %",
                [Value::Signal(signal), Value::Recipient(to), Errno(errno)],
            ),
            Event::Stopping => ("stopping", "stopping until SIGCONT", nothing),
            Event::CommandEnded(pid, status) => (
                "command_ended",
                "the command (pid %) %",
                [Value::Pid(pid), Value::Status(status), Nobody],
            ),
            Event::GraceBegins(time) => (
                "grace_begins",
                "what is left has % ms to end",
                [Milliseconds(time), Nobody, Nobody],
            ),
            Event::Reaped(pid, status) => (
                "reaped",
                "reaped pid %, which %",
                [Value::Pid(pid), Value::Status(status), Nobody],
            ),
            Event::NotReaped { zombie, parent } => (
                "not_reaped",
                "pid % is a zombie that its parent, pid %, does not reap",
                [Zombie(zombie), Parent(parent), Nobody],
            ),
            Event::Failed(reason) => ("command_failed", "%", [Reason(reason), Nobody, Nobody]),
            Event::StatusLost => (
                "status_lost",
                "the command is gone without a status",
                nothing,
            ),
            Event::CannotDie(signal) => (
                "cannot_die_by_signal",
                "PID 1 cannot die by %: exiting with 128 + its number",
                [Value::Signal(signal), Nobody, Nobody],
            ),
            Event::LinesDropped(count) => (
                "lines_dropped",
                "% lines dropped: stderr did not take them",
                [Count(count), Nobody, Nobody],
            ),
        }
    }
}

/// In words.
impl Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, mut words, values) = self.parts();
        for value in values {
            let Some((before, behind)) = words.split_once('%') else {
                break;
            };
            f.write_str(before)?;
            value.text(f)?;
            words = behind;
        }
        f.write_str(words)
    }
}

/// The JSON form of an event, without the time and the braces.
pub struct Json<'a>(pub &'a Event<'a>);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _, values) = self.0.parts();
        string_field(
            f,
            "level",
            match self.0.level() {
                log::Level::Error => "error",
                log::Level::Warn => "warning",
                log::Level::Info => "info",
                log::Level::Debug | log::Level::Trace => "debug",
            },
        )?;
        f.write_str(",")?;
        string_field(f, "event", name)?;
        values.iter().try_for_each(|value| value.json(f))
    }
}

/// What stands for a `%`, and becomes one field or more.
#[derive(Clone, Copy)]
enum Value<'a> {
    Nobody,
    Command(&'a [u8]),
    Step(&'static str),
    Reason(&'a [u8]),
    Errno(Errno),
    Pid(Pid),
    Zombie(Pid),
    Parent(Pid),
    Count(usize),
    Milliseconds(Time),
    Signal(Signal),
    Origin(Origin),
    Recipient(Recipient),
    Status(WaitStatus),
}

impl Value<'_> {
    fn text(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nobody => Ok(()),
            Value::Command(bytes) => Shown(bytes).fmt(f),
            // Our own text: what was not fit to be shown in it is escaped.
            Value::Reason(bytes) => bytes
                .utf8_chunks()
                .try_for_each(|chunk| f.write_str(chunk.valid())),
            Value::Step(step) => f.write_str(step),
            Value::Errno(errno) => Reason(errno).fmt(f),
            Value::Pid(pid) | Value::Zombie(pid) | Value::Parent(pid) => pid.fmt(f),
            Value::Count(count) => Decimal(count as u64).fmt(f),
            Value::Milliseconds(time) => Decimal(time.milliseconds()).fmt(f),
            Value::Signal(signal) => write!(f, "SIG{signal}"),
            Value::Origin(origin) => origin.fmt(f),
            Value::Recipient(to) => to.fmt(f),
            Value::Status(status) => status.fmt(f),
        }
    }

    fn json(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nobody => Ok(()),
            Value::Command(bytes) => escaped_field(f, "command", bytes, SHOWN_MAX),
            Value::Step(step) => escaped_field(f, "step", step.as_bytes(), SHOWN_MAX),
            Value::Reason(bytes) => escaped_field(f, "reason", bytes, REASON_MAX),
            Value::Errno(errno) => {
                number_field(f, "errno", errno as u64)?;
                write!(f, ",\"reason\":\"{}\"", Reason(errno))
            }
            Value::Pid(pid) | Value::Zombie(pid) => pid_field(f, "pid", pid),
            Value::Parent(pid) => pid_field(f, "parent_pid", pid),
            Value::Count(count) => number_field(f, "count", count as u64),
            Value::Milliseconds(time) => number_field(f, "milliseconds", time.milliseconds()),
            Value::Signal(signal) => {
                write!(f, ",\"signal\":\"{signal}\"")?;
                number_field(f, "number", u64::from(signal.number()))
            }
            Value::Origin(Origin::Process { pid, uid }) => {
                number_field(f, "sender_pid", u64::from(pid.unsigned_abs()))?;
                number_field(f, "sender_uid", u64::from(uid))
            }
            Value::Origin(_) => Ok(()),
            Value::Recipient(to) => {
                let (target, pid) = match to {
                    Recipient::Process(pid) => ("process", Some(pid)),
                    Recipient::Group(pid) => ("group", Some(pid)),
                    Recipient::All => ("all", None),
                };
                f.write_str(",")?;
                string_field(f, "target", target)?;
                pid.map_or(Ok(()), |pid| pid_field(f, "pid", pid))
            }
            Value::Status(status) => {
                number_field(f, "status", u64::from(status.shell_status()))?;
                match status.signal() {
                    None => Ok(()),
                    Some(signal) => {
                        Value::Signal(signal).json(f)?;
                        f.write_str(",\"core_dumped\":")?;
                        f.write_str(if status.core_dumped() {
                            "true"
                        } else {
                            "false"
                        })
                    }
                }
            }
        }
    }
}

/// A field whose value needs no escaping, without a comma before it.
fn string_field(f: &mut fmt::Formatter<'_>, key: &str, value: &str) -> fmt::Result {
    ["\"", key, "\":\"", value, "\""]
        .into_iter()
        .try_for_each(|part| f.write_str(part))
}

fn number_field(f: &mut fmt::Formatter<'_>, key: &str, number: u64) -> fmt::Result {
    [",\"", key, "\":"]
        .into_iter()
        .try_for_each(|part| f.write_str(part))?;
    Decimal(number).fmt(f)
}

fn pid_field(f: &mut fmt::Formatter<'_>, key: &str, pid: Pid) -> fmt::Result {
    number_field(f, key, u64::from(pid.raw().unsigned_abs()))
}

fn escaped_field(f: &mut fmt::Formatter<'_>, key: &str, bytes: &[u8], limit: usize) -> fmt::Result {
    [",\"", key, "\":\""]
        .into_iter()
        .try_for_each(|part| f.write_str(part))?;
    escape(f, bytes, "\\u00", limit)?;
    f.write_str("\"")
}

/// Bytes from outside, fit to stand in a line: what is not printable UTF-8, and
/// quotes and backslashes, appear as `\xNN`. An empty string appears as `""`.
pub struct Shown<'a>(pub &'a [u8]);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("\"\"");
        }
        escape(f, self.0, "\\x", SHOWN_MAX)
    }
}

/// How much of a text from outside stands in a line: the rest of the line, and
/// the end of a JSON object, must have their place even where each byte of it
/// becomes six.
const SHOWN_MAX: usize = 600;

/// How much of the reason of a failure stands in a JSON object: one byte in four
/// at the most, a backslash of our own, becomes six.
const REASON_MAX: usize = 1600;

/// Writes text from outside, up to a limit, with `prefix` and two digits for
/// what is not printable UTF-8, and for what JSON cannot have in a string.
fn escape(f: &mut fmt::Formatter<'_>, bytes: &[u8], prefix: &str, limit: usize) -> fmt::Result {
    let shown = bytes.get(..limit).unwrap_or(bytes);
    for chunk in shown.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some((at, special)) = rest.char_indices().find(|(_, char)| is_special(*char)) {
            let (plain, behind) = rest.split_at(at);
            f.write_str(plain)?;
            // None of them is beyond U+009F.
            hexadecimal(f, &[special as u8], prefix)?;
            rest = behind.split_at(special.len_utf8()).1;
        }
        f.write_str(rest)?;
        hexadecimal(f, chunk.invalid(), prefix)?;
    }
    f.write_str(if shown.len() < bytes.len() { "..." } else { "" })
}

/// What a terminal would act upon (C0, DEL and C1), and what ends or continues a
/// JSON string.
fn is_special(char: char) -> bool {
    char.is_control() || matches!(char, '"' | '\\')
}

fn hexadecimal(f: &mut fmt::Formatter<'_>, bytes: &[u8], prefix: &str) -> fmt::Result {
    for byte in bytes {
        f.write_str(prefix)?;
        for digit in [byte >> 4, byte & 15] {
            let letter = if digit < 10 { b'0' } else { b'a' - 10 };
            f.write_char(char::from(letter + digit))?;
        }
    }
    Ok(())
}

impl Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal(u64::from(self.raw().unsigned_abs())).fmt(f)
    }
}

impl Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipient::Process(pid) => write!(f, "process {pid}"),
            Recipient::Group(pid) => write!(f, "process group {pid}"),
            Recipient::All => f.write_str("everybody"),
        }
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Kernel => f.write_str("the kernel"),
            Origin::Ourselves => f.write_str("ourselves"),
            // A sender's ID is never negative.
            Origin::Process { pid, uid } => write!(
                f,
                "pid {} (uid {})",
                Decimal(u64::from(pid.unsigned_abs())),
                Decimal(u64::from(*uid))
            ),
        }
    }
}

impl Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.signal(), self.code()) {
            (Some(signal), _) if self.core_dumped() => {
                write!(f, "was killed by SIG{signal} (core dumped)")
            }
            (Some(signal), _) => write!(f, "was killed by SIG{signal}"),
            (None, Some(code)) => write!(f, "exited with status {}", Decimal(u64::from(code))),
            (None, None) => f.write_str("ended"),
        }
    }
}
