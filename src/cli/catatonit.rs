//! The command line of catatonit 0.1.7.

use super::Id;
use super::options::{self, Flags, Spec};
use crate::text::Draft;
use crate::{flags, packed};

/// The options.
pub const OPTIONS: &[Spec<Id>] = &[
    Spec::plain(
        Id::ToGroup,
        b'g',
        "",
        "",
        "signals to the command's process group",
    ),
    Spec::plain(Id::Help, b'h', "", "", "print this"),
    Spec::plain(Id::License, b'L', "", "", "print the licence"),
    Spec::plain(
        Id::Pause,
        b'P',
        "",
        "",
        "no command: exit with 0 on TERM or INT",
    ),
    Spec::plain(Id::Version, b'V', "version", "", "print the version"),
];

pub(super) const FLAGS: Flags = flags!(OPTIONS);

pub(super) static VERSION: &[u8] = packed!(Draft::new().text("tini version 0.1.7_catatonit\n"));

pub(super) static HELP: &[u8] = packed!(options::describe(
    Draft::new().text(
        "tidy-init as catatonit 0.1.7\n\
         Usage: catatonit [OPTIONS] [--] COMMAND [ARG...]\n\n",
    ),
    OPTIONS,
));
