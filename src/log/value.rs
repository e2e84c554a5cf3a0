//! The values of events: how they stand in a message, and in a JSON object.

use crate::process::{Pid, Recipient};
use crate::received::Origin;
use crate::signal::Signal;
use crate::status::WaitStatus;
use crate::text::{Line, NAME_MAX, escape, escaped, reason};
use crate::time::Time;
use nix::errno::Errno;

/// A value of an event.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Command(&'a [u8]),
    Step(&'static str),
    Reason(Reason<'a>),
    Errno(Errno),
    Pid(Pid),
    ParentPid(ParentPid),
    Count(u64),
    Status(WaitStatus),
    Milliseconds(Time),
    Signal(Signal),
    /// What a signal is delivered as; `None` for nothing.
    Delivered(Option<Signal>),
    Sender(Origin),
    Target(Recipient),
}

/// Why the command failed, in a line of our own.
#[derive(Clone, Copy, Debug)]
pub struct Reason<'a>(pub &'a [u8]);

/// A parent's process ID.
#[derive(Clone, Copy, Debug)]
pub struct ParentPid(pub Pid);

/// How a value stands in a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// In our own way: text from outside escaped, signals as `SIGTERM`.
    Ours,
    /// As C programs print it: text from outside as it is, signals, statuses
    /// and errors as numbers.
    Raw,
    /// What `strsignal(3)` calls a signal.
    Description,
}

/// What a field of an event may be.
pub trait Field<'a> {
    /// The fields of the JSON object that it becomes.
    const KEYS: &'static str;

    /// As a value.
    fn value(self) -> Value<'a>;
}

macro_rules! fields {
    ($($type:ty => $variant:ident $keys:literal;)+) => {$(
        impl<'a> Field<'a> for $type {
            const KEYS: &'static str = $keys;

            fn value(self) -> Value<'a> {
                Value::$variant(self)
            }
        }
    )+};
}

fields! {
    &'a [u8] => Command "`command`";
    &'static str => Step "`step`";
    Reason<'a> => Reason "`reason`";
    Errno => Errno "`errno`, `reason`";
    Pid => Pid "`pid`";
    ParentPid => ParentPid "`parent_pid`";
    u64 => Count "`count`";
    WaitStatus => Status "`status`, `signal`?, `number`?, `core_dumped`?";
    Time => Milliseconds "`milliseconds`";
    Signal => Signal "`signal`, `number`";
    Option<Signal> => Delivered "";
    Origin => Sender "`sender_pid`?, `sender_uid`?";
    Recipient => Target "`target`, `pid`?";
}

impl Value<'_> {
    /// The field of a JSON object that is a number, if the value has one, and
    /// the number, which C programs print.
    fn number(&self) -> Option<(&'static str, u64)> {
        Some(match *self {
            Value::Pid(pid) => ("pid", pid.number()),
            Value::ParentPid(ParentPid(pid)) => ("parent_pid", pid.number()),
            Value::Count(count) => ("count", count),
            Value::Milliseconds(time) => ("milliseconds", time.milliseconds()),
            Value::Errno(errno) => ("errno", errno as u64),
            Value::Signal(signal) => ("number", u64::from(signal.number())),
            Value::Status(status) => ("status", u64::from(status.shell_status())),
            Value::Delivered(signal) => ("", u64::from(signal.map_or(0, Signal::number))),
            _ => return None,
        })
    }

    /// Appends the value as it stands in a message.
    pub fn text(&self, line: &mut Line<'_>, style: Style) {
        match (*self, style) {
            (Value::Command(bytes), Style::Ours) => escaped(line, bytes),
            // What must not stand in a line has been escaped in a reason.
            (Value::Command(bytes) | Value::Reason(Reason(bytes)), _) => {
                line.bytes(bytes);
            }
            (Value::Step(step), _) => {
                line.text(step);
            }
            (Value::Errno(errno), Style::Ours) => reason(line, errno),
            (Value::Signal(signal), Style::Ours) => signal.name(line.text("SIG")),
            (Value::Signal(signal), Style::Description) => signal.description(line),
            (Value::Status(status), Style::Ours) => self::status(line, status),
            (Value::Status(status), _) if status.signal().is_some() => {
                if let Some(signal) = status.signal() {
                    Value::Signal(signal).text(line, style);
                }
            }
            (Value::Sender(origin), _) => sender(line, origin),
            (Value::Target(to), _) => target(line, to),
            _ => {
                line.number(self.number().map_or(0, |(_, number)| number));
            }
        }
    }

    /// Appends the value as fields of a JSON object, each behind a comma.
    pub fn json(&self, line: &mut Line<'_>) {
        if let Value::Signal(signal) = *self {
            signal.name(key(line, "signal").text("\""));
            line.text("\"");
        }
        if let Some((name, number)) = self.number().filter(|(name, _)| !name.is_empty()) {
            number_field(line, name, number);
        }
        match *self {
            Value::Command(bytes) => text_field(line, "command", bytes, NAME_MAX),
            Value::Step(step) => text_field(line, "step", step.as_bytes(), NAME_MAX),
            Value::Reason(Reason(bytes)) => text_field(line, "reason", bytes, REASON_MAX),
            Value::Errno(errno) => {
                reason(key(line, "reason").text("\""), errno);
                line.text("\"");
            }
            Value::Sender(Origin::Process { pid, uid }) => {
                number_field(line, "sender_pid", u64::from(pid.unsigned_abs()));
                number_field(line, "sender_uid", u64::from(uid));
            }
            Value::Target(to) => {
                let (kind, pid) = match to {
                    Recipient::Process(pid) => ("process", Some(pid)),
                    Recipient::Group(pid) => ("group", Some(pid)),
                    Recipient::All => ("all", None),
                };
                key(line, "target").text("\"").text(kind).text("\"");
                if let Some(pid) = pid {
                    number_field(line, "pid", pid.number());
                }
            }
            Value::Status(status) => {
                if let Some(signal) = status.signal() {
                    Value::Signal(signal).json(line);
                    let dumped = status.core_dumped();
                    key(line, "core_dumped").text(if dumped { "true" } else { "false" });
                }
            }
            _ => {}
        }
    }
}

/// How much of the reason of a failure stands in a JSON object: at most one
/// byte in four, a backslash of our own, becomes six.
const REASON_MAX: usize = 1600;

fn key<'l, 'b>(line: &'l mut Line<'b>, key: &str) -> &'l mut Line<'b> {
    line.text(",\"").text(key).text("\":")
}

fn number_field(line: &mut Line<'_>, name: &str, number: u64) {
    key(line, name).number(number);
}

fn text_field(line: &mut Line<'_>, name: &str, bytes: &[u8], limit: usize) {
    key(line, name).text("\"");
    escape(line, bytes, "\\u00", limit);
    line.text("\"");
}

/// Appends how a process ended: `exited with status 3`.
pub fn status(line: &mut Line<'_>, status: WaitStatus) {
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            signal.name(line.text("was killed by SIG"));
            line.text(if status.core_dumped() {
                " (core dumped)"
            } else {
                ""
            });
        }
        (None, Some(code)) => {
            line.text("exited with status ").number(u64::from(code));
        }
        (None, None) => {
            line.text("ended");
        }
    }
}

fn sender(line: &mut Line<'_>, origin: Origin) {
    match origin {
        Origin::Kernel => line.text("the kernel"),
        Origin::Ourselves => line.text("ourselves"),
        // A sender's ID is never negative.
        Origin::Process { pid, uid } => line
            .text("pid ")
            .number(u64::from(pid.unsigned_abs()))
            .text(" (uid ")
            .number(u64::from(uid))
            .text(")"),
    };
}

fn target(line: &mut Line<'_>, to: Recipient) {
    match to {
        Recipient::Process(pid) => line.text("process ").number(pid.number()),
        Recipient::Group(pid) => line.text("process group ").number(pid.number()),
        Recipient::All => line.text("everybody"),
    };
}
