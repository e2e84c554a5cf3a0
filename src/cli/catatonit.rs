//! The command line of catatonit 0.1.7.

use super::Id;
use super::options::{self, Flags, Spec};
use crate::text::Draft;
use crate::{flags, packed};

/// The options.
pub const OPTIONS: &[Spec<Id>] = &[
    spec(
        Id::ToGroup,
        b'g',
        "",
        "signals to the command's process group",
    ),
    spec(Id::Help, b'h', "", "print this"),
    spec(Id::License, b'L', "", "print the licence"),
    spec(
        Id::Pause,
        b'P',
        "",
        "no command: exit with 0 on TERM or INT",
    ),
    spec(Id::Version, b'V', "version", "print the version"),
];

const fn spec(id: Id, short: u8, long: &'static str, help: &'static str) -> Spec<Id> {
    Spec {
        id,
        short,
        long,
        value: "",
        help,
        group: "",
    }
}

pub(super) const FLAGS: Flags = flags!(OPTIONS);

pub(super) static VERSION: &[u8] = packed!(Draft::new().text("tini version 0.1.7_catatonit\n"));

pub(super) static HELP: &[u8] = packed!(options::describe(
    Draft::new().text(
        "tidy-init as catatonit 0.1.7\n\
         Usage: catatonit [OPTIONS] [--] COMMAND [ARG...]\n\n",
    ),
    OPTIONS,
));
