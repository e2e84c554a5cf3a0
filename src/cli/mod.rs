//! `argv` -> what to do. One file a personality, one option parser for all.

#![forbid(unsafe_code)]

pub mod native;
pub mod options;
pub mod words;

pub use options::Arguments;

use crate::event::Shown;
use core::fmt;
use options::Spelling;

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

/// Why we cannot obey: one line that names the option and the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsageError<'a> {
    /// Where it stands.
    pub source: Source,
    /// What it is.
    pub problem: Problem<'a>,
}

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem<'a> {
    /// There is no such option.
    Unknown(Spelling<'a>),
    /// The prefix fits several long options.
    Ambiguous(Spelling<'a>),
    /// An option that takes a value has none.
    MissingValue(Spelling<'a>),
    /// A long option that takes no value was given one.
    UnwantedValue(Spelling<'a>),
    /// The value is not one that the option takes.
    BadValue {
        /// The option as it was written.
        option: Spelling<'a>,
        /// The value as it was written.
        value: &'a [u8],
        /// What is wrong with it.
        why: &'static str,
    },
    /// Options that exclude each other.
    Conflict(&'static str),
    /// There is no command.
    NoCommand,
    /// An option that cannot be given in the environment.
    NotInEnvironment(Spelling<'a>),
    /// A command, or the end of options, in the environment.
    OperandInEnvironment(&'a [u8]),
}

impl fmt::Display for UsageError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source == Source::Environment {
            f.write_str(OPTIONS_VARIABLE)?;
            f.write_str(": ")?;
        }
        match self.problem {
            Problem::Unknown(option) => write!(f, "unknown option {option}"),
            Problem::Ambiguous(option) => write!(f, "option {option} is ambiguous"),
            Problem::MissingValue(option) => write!(f, "option {option} needs a value"),
            Problem::UnwantedValue(option) => write!(f, "option {option} takes no value"),
            Problem::BadValue { option, value, why } => {
                write!(f, "option {option}: {}: ", Shown(value))?;
                f.write_str(why)
            }
            Problem::Conflict(why) => f.write_str(why),
            Problem::NoCommand => f.write_str("no command given"),
            Problem::NotInEnvironment(option) => {
                write!(f, "option {option} belongs on the command line")
            }
            Problem::OperandInEnvironment(operand) => {
                write!(f, "{} is no option", Shown(operand))
            }
        }
    }
}
