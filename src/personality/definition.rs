//! What makes a personality.

use crate::cli::{CommandLine, Fault, Grammar, Page, UsageError};
use crate::config::{Behaviour, Config};
use crate::log::{Messages, Sink};
use crate::text::Line;

/// A program that we stand for, or ourselves.
#[derive(Debug)]
pub struct Personality {
    /// The names by which it is called.
    pub names: &'static [&'static str],
    /// Its options.
    pub grammar: Grammar,
    /// Whether it reads native options in the environment.
    pub reads_variable: bool,
    /// Reads its command line, and its variables in the environment.
    /// What it asks for goes to the builder.
    pub parse: for<'a> fn(&mut CommandLine<'_, 'a>) -> Result<(), Fault>,
    /// Appends what it says of a wrong command line, and tells what it prints
    /// then.
    pub describe: fn(&UsageError<'_>, &mut Line<'_>, &mut dyn Sink) -> Option<&'static Page>,
    /// The status for a wrong command line.
    pub usage_status: u8,
    /// What it does where no option says otherwise.
    pub defaults: fn(&mut Config<'_>),
    /// What it does otherwise than others, whatever its options.
    pub behaviour: Behaviour,
    /// What it says.
    pub messages: Messages,
}
