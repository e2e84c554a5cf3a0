//! The command line of `tidy-init` under its own name.

use super::options::{self, Arguments, End, Flag, Found, Parser, Spec};
use super::words::Words;
use super::{Problem, Source, UsageError};
use crate::config::{Config, Format, Placement, Request, Target};
use crate::number::decimal;
use crate::signal::Signal;
use crate::text::Draft as Text;
use crate::time::Time;

/// What the native options mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Id {
    /// `-r`
    Rewrite,
    /// `-t`
    Target,
    /// `-c`
    SingleChild,
    /// `-d`
    Delay,
    /// `-k`
    KillAfter,
    /// `--grace`
    Grace,
    /// `-e`
    ExitMap,
    /// `-x`
    ExitBySignal,
    /// `-p`
    ParentDeath,
    /// `--pause`
    Pause,
    /// `--termination-log`
    TerminationLog,
    /// `-v`
    Verbose,
    /// `--log-format`
    LogFormat,
    /// `-l`
    ListSignals,
    /// `-h`
    Help,
    /// `-V`
    Version,
}

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

static FLAGS: [Flag<Id>; OPTIONS.len()] = options::flags(OPTIONS);

/// Reads the options in `environment` (the value of
/// [`OPTIONS_VARIABLE`](super::OPTIONS_VARIABLE), if it is set), then the
/// command line, which wins; `argv` begins with our own name. What they say goes
/// to `config`, which is large: it is never copied.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn parse<'a>(
    argv: &dyn Arguments<'a>,
    environment: Option<&'a [u8]>,
    config: &mut Config<'a>,
) -> Result<Request, UsageError<'a>> {
    let mut draft = Draft {
        config,
        target: None,
        kill_after: None,
        pause: false,
        not_for_pause: false,
        text: None,
    };
    if let Some(text) = environment {
        let words = Words(text);
        let in_environment = |problem| UsageError {
            source: Source::Environment,
            problem,
        };
        let end = draft
            .read(&words, Source::Environment)
            .map_err(in_environment)?;
        // What the parser stopped at: a word, or `--`, which it has passed.
        let stopped_at = match end {
            End::Dashes(_) => Some(&b"--"[..]),
            End::Operands(index) => words.get(index),
        };
        if let Some(word) = stopped_at {
            return Err(in_environment(Problem::OperandInEnvironment(word)));
        }
        draft.check().map_err(in_environment)?;
    }
    let in_argv = |problem| UsageError {
        source: Source::Argv,
        problem,
    };
    let end = draft.read(argv, Source::Argv).map_err(in_argv)?;
    if let Some(request) = draft.text {
        return Ok(request);
    }
    let (End::Dashes(command) | End::Operands(command)) = end;
    draft
        .finish(command, argv.get(command).is_some())
        .map_err(in_argv)
}

/// What has been read so far.
struct Draft<'c, 'a> {
    config: &'c mut Config<'a>,
    target: Option<Target>,
    /// `-k` without a signal.
    kill_after: Option<Time>,
    pause: bool,
    /// Whether there was an option that has no meaning with `--pause`.
    not_for_pause: bool,
    /// A text was asked for: the rest does not matter.
    text: Option<Request>,
}

impl<'a> Draft<'_, 'a> {
    fn read(&mut self, argv: &dyn Arguments<'a>, source: Source) -> Result<End, Problem<'a>> {
        let mut parser = Parser::new(&FLAGS, argv);
        for found in parser.by_ref() {
            let found = found?;
            if source == Source::Environment
                && matches!(
                    found.id,
                    Id::Help | Id::Version | Id::ListSignals | Id::Pause
                )
            {
                return Err(Problem::NotInEnvironment(found.spelling));
            }
            self.apply(&found)?;
            if self.text.is_some() {
                break;
            }
        }
        Ok(parser.end())
    }

    fn apply(&mut self, found: &Found<'a, Id>) -> Result<(), Problem<'a>> {
        let config = &mut *self.config;
        self.not_for_pause |= !matches!(found.id, Id::Verbose | Id::LogFormat | Id::Pause);
        match found.id {
            Id::Rewrite => {
                let (from, to) = checked(found, rewrite)?;
                config.rewrite.set(from, to);
            }
            Id::Target => self.target = Some(checked(found, who)?),
            Id::SingleChild => config.placement = Placement::Shared,
            Id::Delay => {
                let (signal, delay) = checked(found, signal_and_duration)?;
                config.delay.set(signal, delay);
            }
            Id::KillAfter => match checked(found, kill_after)? {
                (Some(signal), allowed) => config.kill_after.set(signal, allowed),
                (None, allowed) => self.kill_after = Some(allowed),
            },
            Id::Grace => config.grace = Some(checked(found, duration)?),
            Id::ExitMap => {
                let (from, to) = checked(found, exit_map)?;
                config.exit_map.set(from, to);
            }
            Id::ExitBySignal => config.exit_by_signal = true,
            Id::ParentDeath => config.parent_death = Some(checked(found, signal)?),
            Id::Pause => self.pause = true,
            Id::TerminationLog => {
                checked(found, absolute)?;
                config.termination_log = found.value;
            }
            Id::Verbose => {
                config.logging.verbosity = config.logging.verbosity.saturating_add(1);
            }
            Id::LogFormat => config.logging.format = checked(found, format)?,
            Id::ListSignals => self.text = Some(Request::ListSignals),
            Id::Help => self.text = Some(Request::Help),
            Id::Version => self.text = Some(Request::Version),
        }
        Ok(())
    }

    /// Whether what was read so far goes together.
    fn check(&self) -> Result<(), Problem<'a>> {
        match (self.config.placement, self.target) {
            (Placement::Shared, Some(Target::Group)) => Err(Problem::Conflict(
                "-c and -t group exclude each other: with -c the command has no group of its own",
            )),
            _ => Ok(()),
        }
    }

    fn finish(self, command: usize, has_command: bool) -> Result<Request, Problem<'a>> {
        self.check()?;
        let config = self.config;
        if self.pause {
            return match has_command || self.not_for_pause {
                true => Err(Problem::Conflict(
                    "--pause takes no command and no options but -v and --log-format",
                )),
                false => Ok(Request::Pause),
            };
        }
        let default = match config.placement {
            Placement::Shared => Target::Child,
            Placement::Session => Target::Group,
        };
        config.target = self.target.unwrap_or(default);
        if let Some(allowed) = self.kill_after {
            for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
                config.kill_after.set_default(signal, allowed);
            }
        }
        match has_command {
            true => Ok(Request::Run(command)),
            false => Err(Problem::NoCommand),
        }
    }
}

/// The option's value as `read` takes it, or an error that names both.
fn checked<'a, T>(
    found: &Found<'a, Id>,
    read: fn(&[u8]) -> Result<T, &'static str>,
) -> Result<T, Problem<'a>> {
    let value = found.value.unwrap_or_default();
    read(value).map_err(|why| Problem::BadValue {
        option: found.spelling,
        value,
        why,
    })
}

/// Why a signal is none.
const NO_SUCH_SIGNAL: &str = "no such signal (--list-signals shows them)";

fn signal(value: &[u8]) -> Result<Signal, &'static str> {
    Signal::parse(value).ok_or(NO_SUCH_SIGNAL)
}

/// A signal that can arrive and is for us to pass on.
fn received(value: &[u8]) -> Result<Signal, &'static str> {
    let signal = signal(value)?;
    if !signal.can_be_caught() {
        return Err("SIGKILL and SIGSTOP cannot be caught");
    }
    if signal == Signal::CHLD {
        return Err("SIGCHLD is never forwarded");
    }
    Ok(signal)
}

/// What stands before the first colon and behind it.
fn pair(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = value.splitn(2, |byte| *byte == b':');
    Some((parts.next()?, parts.next()?))
}

/// `FROM:TO`, where TO may be 0.
fn rewrite(value: &[u8]) -> Result<(Signal, Option<Signal>), &'static str> {
    let (from, to) = pair(value).ok_or("not of the form FROM:TO")?;
    let from = received(from)?;
    let to = if to == b"0" { None } else { Some(signal(to)?) };
    Ok((from, to))
}

/// `SIG:TIME`
fn signal_and_duration(value: &[u8]) -> Result<(Signal, Time), &'static str> {
    let (signal, time) = pair(value).ok_or("not of the form SIG:TIME")?;
    Ok((received(signal)?, duration(time)?))
}

/// `[SIG:]TIME`
fn kill_after(value: &[u8]) -> Result<(Option<Signal>, Time), &'static str> {
    match pair(value) {
        None => Ok((None, duration(value)?)),
        Some((signal, time)) => Ok((Some(received(signal)?), duration(time)?)),
    }
}

/// A number and a unit: `500ms`, `10s`, `2m`, `1h`; seconds without one.
fn duration(value: &[u8]) -> Result<Time, &'static str> {
    const FORM: &str = "not a duration, such as 500ms, 10s, 2m or 1h";
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, unit) = value.split_at_checked(digits).ok_or(FORM)?;
    let factor: u64 = match unit {
        b"ms" => 1,
        b"s" | b"" => 1000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        _ => return Err(FORM),
    };
    if number.is_empty() {
        return Err(FORM);
    }
    decimal(number)
        .and_then(|number| number.checked_mul(factor))
        .and_then(Time::from_milliseconds)
        .ok_or("too long")
}

/// `FROM[:TO]`
fn exit_map(value: &[u8]) -> Result<(u8, u8), &'static str> {
    const RANGE: &str = "an exit status is a number from 0 to 255";
    let status = |text| {
        decimal(text)
            .and_then(|number| u8::try_from(number).ok())
            .ok_or(RANGE)
    };
    match pair(value) {
        None => Ok((status(value)?, 0)),
        Some((from, to)) => Ok((status(from)?, status(to)?)),
    }
}

fn who(value: &[u8]) -> Result<Target, &'static str> {
    match value {
        b"child" => Ok(Target::Child),
        b"group" => Ok(Target::Group),
        b"all" => Ok(Target::All),
        _ => Err("not child, group or all"),
    }
}

fn format(value: &[u8]) -> Result<Format, &'static str> {
    match value {
        b"text" => Ok(Format::Text),
        b"json" => Ok(Format::Json),
        _ => Err("not text or json"),
    }
}

fn absolute(value: &[u8]) -> Result<(), &'static str> {
    value
        .starts_with(b"/")
        .then_some(())
        .ok_or("not an absolute path")
}

/// The help text.
pub static HELP: [u8; TEXT.length()] = TEXT.finish();
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
