//! The command line of tini 0.19.

use super::Id;
use super::options::{self, Arguments, Flags, Spec};
use crate::config::{Config, Target};
use crate::number::leading_integer;
use crate::signal::Signal;
use crate::text::Draft;
use crate::voice::Kind;
use crate::{flags, packed};

/// The options.
pub const OPTIONS: &[Spec<Id>] = &[
    Spec::plain(Id::Help, b'h', "", "", "print this"),
    Spec::plain(
        Id::Subreaper,
        b's',
        "",
        "",
        "reap orphans where it is not PID 1",
    ),
    Spec::plain(
        Id::ParentDeath,
        b'p',
        "",
        "SIGNAL",
        "get SIGNAL when our own parent dies",
    ),
    Spec::plain(
        Id::Verbose,
        b'v',
        "",
        "",
        "say what happens; up to three times",
    ),
    Spec::plain(
        Id::WarnOnReap,
        b'w',
        "",
        "",
        "warn of each orphan that is reaped",
    ),
    Spec::plain(
        Id::ToGroup,
        b'g',
        "",
        "",
        "signals to the command's process group",
    ),
    Spec::plain(
        Id::ExitMap,
        b'e',
        "",
        "STATUS",
        "exit with 0 where the status is STATUS",
    ),
    Spec::plain(Id::License, b'l', "", "", "print the licence"),
];

pub(super) const FLAGS: Flags = flags!(OPTIONS);

/// The engine of Docker reads this line.
pub(super) static VERSION: &[u8] = packed!(Draft::new().text("tini version 0.19.0\n"));

pub(super) static HELP: &[u8] = packed!(
    options::describe(
        Draft::new().text(
            "tidy-init as tini 0.19\n\
             Usage: tini [OPTIONS] COMMAND -- [ARG...] | --version\n\n",
        ),
        OPTIONS,
    )
    .text("\nTINI_SUBREAPER, TINI_KILL_PROCESS_GROUP: as -s, -g. TINI_VERBOSITY: 0 to 4.\n")
);

/// Whether the command line is `--version` alone; elsewhere it is no option.
pub(super) fn asks_for_version(argv: &dyn Arguments<'_>) -> bool {
    argv.get(1) == Some(b"--version") && argv.get(2).is_none()
}

/// The variables, which win over the options.
pub(super) fn read_environment<'a>(
    config: &mut Config<'a>,
    target: &mut Option<Target>,
    variable: &dyn Fn(&str) -> Option<&'a [u8]>,
) {
    config.subreaper |= variable("TINI_SUBREAPER").is_some();
    if variable("TINI_KILL_PROCESS_GROUP").is_some() {
        *target = Some(Target::Group);
    }
    if let Some(value) = variable("TINI_VERBOSITY") {
        // As atoi(3): what is no number is 0; and unsigned. We count from the
        // warnings.
        let number = leading_integer(value).map_or(0, |(number, _)| number as u32);
        config.logging.verbosity = number.min(4) as i8 - 1;
    }
}

/// A status that becomes 0; no digits at all are 0, as `strtol(3)` has it.
pub(super) fn exit_map(value: &[u8]) -> Result<(u8, u8), Kind> {
    if value.is_empty() {
        return Ok((0, 0));
    }
    match leading_integer(value) {
        Some((number, b"")) => u8::try_from(number)
            .map(|from| (from, 0))
            .map_err(|_| Kind::NoStatus),
        _ => Err(Kind::NoSuchSignal),
    }
}

/// A name in full, of those that it knows.
pub(super) fn signal(value: &[u8]) -> Result<Signal, Kind> {
    value
        .strip_prefix(b"SIG")
        .and_then(Signal::named)
        .filter(|signal| !matches!(signal.raw(), libc::SIGSTKFLT | libc::SIGIO | libc::SIGPWR))
        .ok_or(Kind::NoSuchSignal)
}
