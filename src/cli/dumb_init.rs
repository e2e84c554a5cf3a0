//! The command line of dumb-init 1.2.5.

use super::options::{self, Flags, Spec};
use super::{Id, native};
use crate::config::{Config, Placement};
use crate::number::leading_integer;
use crate::signal::Signal;
use crate::text::Draft;
use crate::voice::Kind;
use crate::{flags, packed};

/// The options, in the order in which an ambiguous one is explained.
pub const OPTIONS: &[Spec<Id>] = &[
    Spec::plain(Id::Help, b'h', "help", "", "print this"),
    Spec::plain(
        Id::SingleChild,
        b'c',
        "single-child",
        "",
        "no session of its own, signals to the command alone",
    ),
    Spec::plain(
        Id::Rewrite,
        b'r',
        "rewrite",
        "FROM:TO",
        "deliver TO when FROM arrives; 0 drops it",
    ),
    Spec::plain(Id::Verbose, b'v', "verbose", "", "say what happens"),
    Spec::plain(Id::Version, b'V', "version", "", "print the version"),
];

pub(super) const FLAGS: Flags = flags!(OPTIONS);

pub(super) static VERSION: &[u8] = packed!(Draft::new().text("dumb-init v1.2.5\n"));

pub(super) static HELP: &[u8] = packed!(options::describe(
    Draft::new().text(
        "tidy-init as dumb-init v1.2.5\n\
         Usage: dumb-init [OPTIONS] [--] COMMAND [ARG...]\n\n",
    ),
    OPTIONS,
));

/// What takes the place of options where none can be given.
pub(super) fn read_environment<'a>(
    config: &mut Config<'a>,
    variable: &dyn Fn(&str) -> Option<&'a [u8]>,
) {
    if variable("DUMB_INIT_DEBUG") == Some(b"1") {
        config.logging.verbosity = config.logging.verbosity.max(1);
        config.debug_by_environment = true;
    }
    if variable("DUMB_INIT_SETSID") == Some(b"0") {
        config.placement = Placement::Shared;
        config.shared_by_environment = true;
    }
}

/// `FROM:TO`: numbers up to 31 as `sscanf(3)` reads them, or what the native
/// option takes.
pub(super) fn rewrite(value: &[u8]) -> Result<(Signal, Option<Signal>), Kind> {
    let numbers = leading_integer(value).and_then(|(from, rest)| {
        let (to, _) = leading_integer(rest.strip_prefix(b":")?)?;
        // Cut to a C int, as there.
        Some((from as i32, to as i32))
    });
    match numbers {
        None => native::rewrite(value),
        Some((from @ 1..=31, to @ 0..=31)) => Ok((
            Signal::new(from).ok_or(Kind::NoSuchSignal)?,
            Signal::new(to),
        )),
        Some(_) => Err(Kind::NoSuchSignal),
    }
}
