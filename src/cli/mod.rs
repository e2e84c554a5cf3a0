//! `argv` -> what to do. One file a personality, one option parser for all.
//!
//! Every personality reads the native options in [`OPTIONS_VARIABLE`] first,
//! and then the command line by the grammar of the program that it stands for.

#![forbid(unsafe_code)]

pub mod catatonit;
mod complaint;
mod draft;
pub mod dumb_init;
pub mod native;
pub mod options;
pub mod tini;
pub mod words;

pub use complaint::Complaint;
pub use draft::parse;
pub use options::Arguments;

use crate::config::{Personality, Text};
use crate::packed;
use crate::text::Draft;
use options::Flags;

/// The names by which we are another program. Any other name is our own.
pub const NAMES: &[(&str, Personality)] = &[
    ("dumb-init", Personality::DumbInit),
    ("tini", Personality::Tini),
    ("tini-static", Personality::Tini),
    ("docker-init", Personality::Tini),
    ("catatonit", Personality::Catatonit),
    ("podman-init", Personality::Catatonit),
    ("pause", Personality::Pause),
    ("nologin", Personality::Nologin),
];

/// Whom we are called as: by the last part of `argv[0]`, without the dash that
/// `su -` puts before it.
pub fn called_as(name: &[u8]) -> Personality {
    let file = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let file = file.strip_prefix(b"-").unwrap_or(file);
    NAMES
        .iter()
        .find(|(known, _)| known.as_bytes() == file)
        .map_or(Personality::Native, |(_, personality)| *personality)
}

/// What options mean, whoever has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Id {
    /// Deliver another signal than the one that arrives.
    Rewrite,
    /// Who gets the signals.
    Target,
    /// The command's process group gets the signals.
    ToGroup,
    /// No session of its own for the command.
    SingleChild,
    /// Hold a signal back.
    Delay,
    /// Kill what is left some time after a stop signal.
    KillAfter,
    /// Wait for what the command leaves behind.
    Grace,
    /// Another exit status for one of the command's.
    ExitMap,
    /// Die by the signal that killed the command.
    ExitBySignal,
    /// A signal for us when our parent dies.
    ParentDeath,
    /// Orphans come to us where we are not PID 1.
    Subreaper,
    /// No command.
    Pause,
    /// Where the reason of a failure goes.
    TerminationLog,
    /// Say more.
    Verbose,
    /// Warn of each orphan that is reaped.
    WarnOnReap,
    /// The form of lines.
    LogFormat,
    /// Print the signals.
    ListSignals,
    /// Print the options.
    Help,
    /// Print the licence.
    License,
    /// Print the version.
    Version,
}

impl Id {
    /// All of them, by their numbers.
    pub(crate) const ALL: [Id; 20] = [
        Id::Rewrite,
        Id::Target,
        Id::ToGroup,
        Id::SingleChild,
        Id::Delay,
        Id::KillAfter,
        Id::Grace,
        Id::ExitMap,
        Id::ExitBySignal,
        Id::ParentDeath,
        Id::Subreaper,
        Id::Pause,
        Id::TerminationLog,
        Id::Verbose,
        Id::WarnOnReap,
        Id::LogFormat,
        Id::ListSignals,
        Id::Help,
        Id::License,
        Id::Version,
    ];
}

/// The options of a personality.
fn flags(personality: Personality) -> Flags {
    match personality {
        Personality::DumbInit => dumb_init::FLAGS,
        Personality::Tini => tini::FLAGS,
        Personality::Catatonit => catatonit::FLAGS,
        Personality::Native | Personality::Pause | Personality::Nologin => native::FLAGS,
    }
}

/// What a personality prints for an option.
fn text(personality: Personality, id: Id) -> Text {
    let packed: &'static [u8] = match (personality, id) {
        (_, Id::License) => packed!(Draft::new().text("tidy-init: MIT OR Apache-2.0\n")),
        (Personality::DumbInit, Id::Help) => dumb_init::HELP,
        (Personality::DumbInit, _) => dumb_init::VERSION,
        (Personality::Tini, Id::Help) => tini::HELP,
        (Personality::Tini, _) => tini::VERSION,
        (Personality::Catatonit, Id::Help) => catatonit::HELP,
        (Personality::Catatonit, _) => catatonit::VERSION,
        (Personality::Nologin, _) => {
            packed!(Draft::new().text("This account is currently not available.\n"))
        }
        (_, Id::Help) => native::HELP,
        (_, _) => native::VERSION,
    };
    // As the originals have it.
    let to_stderr = match personality {
        Personality::DumbInit => true,
        Personality::Catatonit => id == Id::Help,
        _ => false,
    };
    Text {
        packed,
        to_stderr,
        status: u8::from(personality == Personality::Nologin),
    }
}

/// The variable that holds native options, for where no arguments can be
/// given, as with `docker run --init`.
pub const OPTIONS_VARIABLE: &str = "TIDY_INIT_OPTS";

/// Where options come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The arguments.
    Argv,
    /// The variable [`OPTIONS_VARIABLE`].
    Environment,
}

/// What is printed where a command line is wrong.
fn usage(personality: Personality) -> Text {
    Text {
        to_stderr: true,
        status: 1,
        ..text(personality, Id::Help)
    }
}
