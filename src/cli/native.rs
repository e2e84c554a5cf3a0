//! The command line of `tidy-init` under its own name.

use super::options::{self, Flags, Spec};
use crate::config::{Format, Target};
use crate::number::decimal;
use crate::signal::Signal;
use crate::text::Draft as Text;
use crate::time::Time;
use crate::voice::Kind;
use crate::{flags, packed};

pub use super::Id;

/// The option table: a new option begins as a line here.
pub const OPTIONS: &[Spec<Id>] = &[
    Spec {
        id: Id::Rewrite,
        short: b'r',
        long: "rewrite",
        value: "FROM:TO",
        help: "deliver TO when FROM arrives; 0 drops it",
        group: "Signals",
    },
    Spec {
        id: Id::Target,
        short: b't',
        long: "target",
        value: "WHO",
        help: "child, group (default) or all get the signals",
        group: "",
    },
    Spec {
        id: Id::SingleChild,
        short: b'c',
        long: "single-child",
        value: "",
        help: "no session of its own, signals to the command alone",
        group: "",
    },
    Spec {
        id: Id::Delay,
        short: b'd',
        long: "delay",
        value: "SIG:TIME",
        help: "hold SIG back for TIME before it is forwarded;\nthe same signal again ends the wait",
        group: "",
    },
    Spec {
        id: Id::KillAfter,
        short: b'k',
        long: "kill-after",
        value: "[SIG:]TIME",
        help: "KILL everything where the command still runs TIME\nafter TERM, INT, QUIT, or SIG was forwarded: status 137",
        group: "Shutdown",
    },
    Spec {
        id: Id::Grace,
        short: 0,
        long: "grace",
        value: "TIME",
        help: "TERM what the command leaves behind, wait for it\nup to TIME, then KILL it; what was put into the\nnamespace from outside is not waited for",
        group: "",
    },
    Spec {
        id: Id::ExitMap,
        short: b'e',
        long: "exit-map",
        value: "FROM[:TO]",
        help: "exit with TO (default 0) where the status is FROM",
        group: "Exit status",
    },
    Spec {
        id: Id::ExitBySignal,
        short: b'x',
        long: "exit-by-signal",
        value: "",
        help: "die by the signal that killed the command\n(not as PID 1)",
        group: "",
    },
    Spec {
        id: Id::ParentDeath,
        short: b'p',
        long: "parent-death",
        value: "SIG",
        help: "get SIG when our own parent dies",
        group: "Process",
    },
    Spec {
        id: Id::Pause,
        short: 0,
        long: "pause",
        value: "",
        help: "no command: hold the namespaces, reap, exit with 0\non TERM or INT",
        group: "",
    },
    Spec {
        id: Id::TerminationLog,
        short: 0,
        long: "termination-log",
        value: "PATH",
        help: "write a line there when the command fails;\nthe file must exist",
        group: "",
    },
    Spec {
        id: Id::Verbose,
        short: b'v',
        long: "verbose",
        value: "",
        help: "say what happens; twice: everything",
        group: "Diagnostics",
    },
    Spec {
        id: Id::LogFormat,
        short: 0,
        long: "log-format",
        value: "FORM",
        help: "text (default) or json",
        group: "",
    },
    Spec {
        id: Id::ListSignals,
        short: b'l',
        long: "list-signals",
        value: "",
        help: "print the signals",
        group: "",
    },
    Spec {
        id: Id::Help,
        short: b'h',
        long: "help",
        value: "",
        help: "print this",
        group: "",
    },
    Spec {
        id: Id::Version,
        short: b'V',
        long: "version",
        value: "",
        help: "print the version",
        group: "",
    },
];

pub(super) const FLAGS: Flags = flags!(OPTIONS);

pub(super) fn signal(value: &[u8]) -> Result<Signal, Kind> {
    Signal::parse(value).ok_or(Kind::NoSuchSignal)
}

/// A signal that can arrive and is for us to pass on.
fn received(value: &[u8]) -> Result<Signal, Kind> {
    let signal = signal(value)?;
    if !signal.can_be_caught() {
        return Err(Kind::NotCaught);
    }
    if signal == Signal::CHLD {
        return Err(Kind::NeverForwarded);
    }
    Ok(signal)
}

/// What stands before the first colon and behind it.
fn pair(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = value.splitn(2, |byte| *byte == b':');
    Some((parts.next()?, parts.next()?))
}

/// `FROM:TO`, where TO may be 0.
pub(super) fn rewrite(value: &[u8]) -> Result<(Signal, Option<Signal>), Kind> {
    let (from, to) = pair(value).ok_or(Kind::NotFromTo)?;
    let from = received(from)?;
    let to = if to == b"0" { None } else { Some(signal(to)?) };
    Ok((from, to))
}

/// `SIG:TIME`
pub(super) fn signal_and_duration(value: &[u8]) -> Result<(Signal, Time), Kind> {
    let (signal, time) = pair(value).ok_or(Kind::NotSignalTime)?;
    Ok((received(signal)?, duration(time)?))
}

/// `[SIG:]TIME`
pub(super) fn kill_after(value: &[u8]) -> Result<(Option<Signal>, Time), Kind> {
    match pair(value) {
        None => Ok((None, duration(value)?)),
        Some((signal, time)) => Ok((Some(received(signal)?), duration(time)?)),
    }
}

/// A number and a unit: `500ms`, `10s`, `2m`, `1h`; seconds without one.
pub(super) fn duration(value: &[u8]) -> Result<Time, Kind> {
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, unit) = value.split_at_checked(digits).ok_or(Kind::NoDuration)?;
    let factor: u64 = match unit {
        b"ms" => 1,
        b"s" | b"" => 1000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        _ => return Err(Kind::NoDuration),
    };
    if number.is_empty() {
        return Err(Kind::NoDuration);
    }
    decimal(number)
        .and_then(|number| number.checked_mul(factor))
        .and_then(Time::from_milliseconds)
        .ok_or(Kind::TooLong)
}

/// `FROM[:TO]`
pub(super) fn exit_map(value: &[u8]) -> Result<(u8, u8), Kind> {
    let status = |text| {
        decimal(text)
            .and_then(|number| u8::try_from(number).ok())
            .ok_or(Kind::NoStatus)
    };
    match pair(value) {
        None => Ok((status(value)?, 0)),
        Some((from, to)) => Ok((status(from)?, status(to)?)),
    }
}

pub(super) fn who(value: &[u8]) -> Result<Target, Kind> {
    match value {
        b"child" => Ok(Target::Child),
        b"group" => Ok(Target::Group),
        b"all" => Ok(Target::All),
        _ => Err(Kind::NoTarget),
    }
}

pub(super) fn format(value: &[u8]) -> Result<Format, Kind> {
    match value {
        b"text" => Ok(Format::Text),
        b"json" => Ok(Format::Json),
        _ => Err(Kind::NoFormat),
    }
}

pub(super) fn absolute(value: &[u8]) -> Result<(), Kind> {
    value
        .starts_with(b"/")
        .then_some(())
        .ok_or(Kind::NotAbsolute)
}

/// Name and version.
pub(super) static VERSION: &[u8] =
    packed!(Text::new().text(concat!("tidy-init ", env!("CARGO_PKG_VERSION"), "\n")));

/// The help text.
pub static HELP: &[u8] = packed!(TEXT);
const TEXT: Text = options::describe(
    Text::new().text(
        "Usage: tidy-init [OPTIONS] [--] COMMAND [ARG...]\n\
         Forwards signals to COMMAND, reaps zombies, ends with its exit status.\n",
    ),
    OPTIONS,
)
.text(
    "\nSignals are names (TERM, SIGTERM, term, RTMIN+3) or numbers; TIME is 500ms, 10s,\n\
     2m, 1h, or seconds.\n\
     TIDY_INIT_OPTS holds options that are read first.\n\
     \nExit status: the command's; 128 + n where signal n killed it; 125 where tidy-init\n\
     failed, 126 where COMMAND cannot be executed, 127 where it was not found:\n\
     docs/exit-codes.md\n",
);
