//! What happened: every line that the init says of a run stands here, in words
//! and in the fields of its JSON form (`docs/log-format.md`).

#![forbid(unsafe_code)]

use crate::cli::options::Spelling;
use crate::config::Personality;
use crate::errno::Reason;
use crate::number::Decimal;
use crate::signal::{Origin, Received, Signal};
use crate::status::WaitStatus;
use crate::supervisor::{Pid, Recipient};
use crate::sys::Errno;
use crate::text::{Packed, unpack};
use crate::time::Time;
use crate::voice::{Kind, NAME_END, OTHER_FORM, Words, signal_text, words};
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
    /// The init of a namespace cannot die by a signal.
    CannotDie(Signal),
    /// So many lines were not written, since stderr did not take them.
    LinesDropped(usize),
    /// A received signal becomes another one, or none.
    Rewritten(Signal, Option<Signal>),
    /// A signal came that only says that the terminal was given up.
    HandedOff(Signal),
    /// The terminal could not be given up.
    NotDetached(Errno),
    /// The command could not get the terminal.
    NotAttached(Errno),
    /// An orphan was reaped.
    OrphanReaped(Pid),
    /// We exit with this status.
    Leaving(u8),
    /// The command line is wrong.
    WrongUsage(WrongUsage<'a>),
    /// What has no values.
    Plain(Kind),
}

/// What is wrong with a command line.
#[derive(Clone, Copy, Debug)]
pub struct WrongUsage<'a> {
    /// What is wrong.
    pub kind: Kind,
    /// The option as it was written.
    pub option: Spelling<'a>,
    /// Its value, or a word that should not be there.
    pub value: &'a [u8],
    /// What is wrong with the value.
    pub why: Kind,
    /// The name that we were called by.
    pub name: &'a [u8],
}

impl Event<'_> {
    /// What it is, and its values. `Nobody` closes the list.
    fn parts(&self) -> (Kind, [Value<'_>; 3]) {
        use Value::{Command, Count, Errno, Milliseconds, Nobody, Parent, Reason, Step, Zombie};
        let exited = |exited, killed, status: WaitStatus| match status.signal() {
            None => exited,
            Some(_) => killed,
        };
        match *self {
            Event::CannotExecute(command, errno) => (
                Kind::CannotExecute,
                [Command(command), Errno(errno), Nobody],
            ),
            Event::CannotStart(command, errno) => {
                (Kind::CannotStart, [Command(command), Errno(errno), Nobody])
            }
            Event::StepFailed(step, errno) => {
                (Kind::StepFailed, [Step(step), Errno(errno), Nobody])
            }
            Event::Started(command, pid) => {
                (Kind::Started, [Command(command), Value::Pid(pid), Nobody])
            }
            Event::Received(Received { signal, origin }) => (
                Kind::Received,
                [Value::Signal(signal), Value::Origin(origin), Nobody],
            ),
            Event::Held(signal, time) => (
                Kind::Held,
                [Value::Signal(signal), Milliseconds(time), Nobody],
            ),
            Event::Sent(signal, to) => (
                Kind::Sent,
                [Value::Signal(signal), Value::Recipient(to), Nobody],
            ),
            Event::NotSent(signal, to, errno) => (
                Kind::NotSent,
                [Value::Signal(signal), Value::Recipient(to), Errno(errno)],
            ),
            Event::CommandEnded(pid, status) => (
                exited(Kind::CommandExited, Kind::CommandKilled, status),
                [Value::Pid(pid), Value::Status(status), Nobody],
            ),
            Event::GraceBegins(time) => (Kind::GraceBegins, [Milliseconds(time), Nobody, Nobody]),
            Event::Reaped(pid, status) => (
                exited(Kind::Exited, Kind::Killed, status),
                [Value::Pid(pid), Value::Status(status), Nobody],
            ),
            Event::NotReaped { zombie, parent } => {
                (Kind::NotReaped, [Zombie(zombie), Parent(parent), Nobody])
            }
            Event::Failed(reason) => (Kind::Failed, [Reason(reason), Nobody, Nobody]),
            Event::CannotDie(signal) => (Kind::CannotDie, [Value::Signal(signal), Nobody, Nobody]),
            Event::LinesDropped(count) => (Kind::LinesDropped, [Count(count), Nobody, Nobody]),
            Event::Rewritten(from, to) => (
                Kind::Rewritten,
                [
                    Value::Signal(from),
                    to.map_or(Count(0), Value::Signal),
                    Nobody,
                ],
            ),
            Event::HandedOff(signal) => (Kind::HandedOff, [Value::Signal(signal), Nobody, Nobody]),
            Event::NotDetached(errno) => (Kind::NotDetached, [Errno(errno), Nobody, Nobody]),
            Event::NotAttached(errno) => (Kind::NotAttached, [Errno(errno), Nobody, Nobody]),
            Event::OrphanReaped(pid) => (Kind::OrphanReaped, [Value::Pid(pid), Nobody, Nobody]),
            Event::Leaving(status) => (Kind::Leaving, [Count(usize::from(status)), Nobody, Nobody]),
            Event::WrongUsage(wrong) => (
                wrong.kind,
                [
                    Value::Option(wrong.option),
                    Command(wrong.value),
                    Value::Name(wrong.name, wrong.why),
                ],
            ),
            Event::Plain(kind) => (kind, [Nobody; 3]),
        }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.parts().0
    }

    /// Writes it in these words.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(&self, words: Words, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, values) = self.parts();
        let packed = if words.native {
            name_and_words(words).1
        } else {
            words.packed
        };
        packed.iter().try_for_each(|byte| {
            // Bytes from 1 on stand for values, then for their other form.
            let at = usize::from(*byte).wrapping_sub(1);
            if let Some(value) = values.get(at) {
                return match words.native {
                    true => value.text(f),
                    false => value.plain(f),
                };
            }
            match values.get(at.wrapping_sub(usize::from(OTHER_FORM))) {
                Some(value) => value.other(f),
                None => unpack(*byte, f),
            }
        })
    }
}

/// Our own words, and the name that stands before them.
fn name_and_words(words: Words) -> (&'static [u8], &'static [u8]) {
    let mut parts = words.packed.splitn(2, |byte| *byte == NAME_END);
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}

/// In our own words.
impl Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match words(Personality::Native, self.kind()) {
            Some(words) => self.write(words, f),
            None => Ok(()),
        }
    }
}

/// The JSON form of an event, without the time and the braces.
pub struct Json<'a>(pub &'a Event<'a>);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, values) = self.0.parts();
        let Some(words) = words(Personality::Native, kind) else {
            return Ok(());
        };
        let level = match words.level {
            1 => "error",
            2 => "warning",
            3 => "info",
            _ => "debug",
        };
        string_field(f, "level", level)?;
        f.write_str(",\"event\":\"")?;
        Packed(name_and_words(words).0).fmt(f)?;
        f.write_str("\"")?;
        values.iter().try_for_each(|value| value.json(f))
    }
}

/// A value in the words, which becomes one field or more.
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
    Option(Spelling<'a>),
    /// The name that we were called by, or what is wrong with a value.
    Name(&'a [u8], Kind),
}

impl Value<'_> {
    fn text(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nobody => Ok(()),
            Value::Command(bytes) => Shown(bytes).fmt(f),
            // Our own text: what was not fit to be shown in it is escaped.
            Value::Reason(bytes) => raw(bytes, f),
            Value::Step(step) => f.write_str(step),
            Value::Errno(errno) => Reason(errno).fmt(f),
            Value::Pid(pid) | Value::Zombie(pid) | Value::Parent(pid) => pid.fmt(f),
            Value::Count(count) => Decimal(count as u64).fmt(f),
            Value::Milliseconds(time) => Decimal(time.milliseconds()).fmt(f),
            Value::Signal(signal) => write!(f, "SIG{signal}"),
            Value::Origin(origin) => origin.fmt(f),
            Value::Recipient(to) => to.fmt(f),
            Value::Status(status) => status.fmt(f),
            Value::Option(option) => option.fmt(f),
            Value::Name(..) => Ok(()),
        }
    }

    /// As the originals write it: numbers, and bytes as they are.
    fn plain(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Command(bytes) | Value::Name(bytes, _) => raw(bytes, f),
            Value::Option(Spelling {
                letter: 0, called, ..
            }) => raw(called, f),
            Value::Option(Spelling { letter, .. }) => raw(&[letter], f),
            Value::Signal(signal) => Decimal(u64::from(signal.number())).fmt(f),
            Value::Status(status) => {
                let number = match status.signal() {
                    Some(signal) => signal.number(),
                    None => status.shell_status(),
                };
                Decimal(u64::from(number)).fmt(f)
            }
            other => other.text(f),
        }
    }

    /// The other form: what a signal is called, the number of an error.
    fn other(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Signal(signal) => signal_text(signal.number(), f),
            Value::Status(status) => status
                .signal()
                .map_or(Ok(()), |signal| signal_text(signal.number(), f)),
            Value::Errno(errno) => Decimal(errno as u64).fmt(f),
            Value::Name(_, why) => Event::Plain(why).fmt(f),
            other => other.plain(f),
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
            Value::Origin(_) | Value::Option(_) | Value::Name(..) => Ok(()),
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

/// Bytes from outside, as they are.
///
/// # Errors
///
/// Those of the writer.
pub fn raw(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes
        .iter()
        .try_for_each(|byte| f.write_char(char::from(*byte)))
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
    let mut rest = shown;
    while !rest.is_empty() {
        let length = character(rest);
        let (head, behind) = rest.split_at_checked(length.max(1)).unwrap_or((rest, b""));
        match head {
            // U+0080 to U+009F.
            [0xc2, special @ ..=0x9f] => hexadecimal(f, *special, prefix)?,
            [special] if length == 0 || is_special(*special) => hexadecimal(f, *special, prefix)?,
            _ => raw(head, f)?,
        }
        rest = behind;
    }
    f.write_str(if shown.len() < bytes.len() { "..." } else { "" })
}

/// How many bytes the character has that a text begins with; 0 where it is none
/// in UTF-8 (the Unicode standard, table 3-7). The standard library tells it in
/// half a kilobyte.
fn character(text: &[u8]) -> usize {
    let continuation = 0x80..=0xbf;
    let [first, rest @ ..] = text else {
        return 0;
    };
    let (length, second) = match first {
        ..0x80 => return 1,
        0xc2..=0xdf => (2, continuation.clone()),
        0xe0 => (3, 0xa0..=0xbf),
        0xed => (3, 0x80..=0x9f),
        0xe1..=0xef => (3, continuation.clone()),
        0xf0 => (4, 0x90..=0xbf),
        0xf1..=0xf3 => (4, continuation.clone()),
        0xf4 => (4, 0x80..=0x8f),
        _ => return 0,
    };
    match rest.get(..length - 1) {
        Some([next, others @ ..])
            if second.contains(next) && others.iter().all(|byte| continuation.contains(byte)) =>
        {
            length
        }
        _ => 0,
    }
}

/// What a terminal would act upon (C0 and DEL), and what ends or continues a JSON
/// string.
fn is_special(byte: u8) -> bool {
    byte < b' ' || matches!(byte, 0x7f | b'"' | b'\\')
}

fn hexadecimal(f: &mut fmt::Formatter<'_>, byte: u8, prefix: &str) -> fmt::Result {
    f.write_str(prefix)?;
    for digit in [byte >> 4, byte & 15] {
        let letter = if digit < 10 { b'0' } else { b'a' - 10 };
        f.write_char(char::from(letter + digit))?;
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
