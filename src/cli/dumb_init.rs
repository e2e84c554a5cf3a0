//! The command line of dumb-init 1.2.5.

use super::options::{self, Flags, Spec};
use super::{Id, native};
use crate::config::{Config, Placement};
use crate::signal::Signal;
use crate::text::Draft;
use crate::voice::Kind;
use crate::{flags, packed};

/// The options, in the order in which an ambiguous one is explained.
pub const OPTIONS: &[Spec<Id>] = &[
    spec(Id::Help, b'h', "help", "", "print this"),
    spec(
        Id::SingleChild,
        b'c',
        "single-child",
        "",
        "no session of its own, signals to the command alone",
    ),
    spec(
        Id::Rewrite,
        b'r',
        "rewrite",
        "FROM:TO",
        "deliver TO when FROM arrives; 0 drops it",
    ),
    spec(Id::Verbose, b'v', "verbose", "", "say what happens"),
    spec(Id::Version, b'V', "version", "", "print the version"),
];

const fn spec(
    id: Id,
    short: u8,
    long: &'static str,
    value: &'static str,
    help: &'static str,
) -> Spec<Id> {
    Spec {
        id,
        short,
        long,
        value,
        help,
        group: "",
    }
}

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
    let numbers = number(value).and_then(|(from, rest)| {
        let (to, _) = number(rest.strip_prefix(b":")?)?;
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

/// An integer at the beginning of a text, as `strtol(3)` reads it, and what is
/// behind it: white space before it and a sign are no obstacle.
pub(super) fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    // The white space of isspace(3), which is more than Rust's.
    let text = text
        .iter()
        .position(|byte| !matches!(byte, b' ' | 9..=13))
        .and_then(|at| text.get(at..))?;
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, text),
    };
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, rest) = digits.split_at_checked(length).filter(|_| length > 0)?;
    let number = digits.iter().fold(0i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        number
            .saturating_mul(10)
            .saturating_add(if negative { -digit } else { digit })
    });
    Some((number, rest))
}
