//! What a command line asks for.

use super::page::Page;

/// What a command line asks for. How to do it stands in the
/// [`Config`](crate::config::Config).
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// Run the command whose name has this index in `argv`, at least 1.
    Run(usize),
    /// Run nothing: hold the namespaces and reap.
    Pause,
    /// Print a text, and end.
    Print(&'static Page),
    /// Print the table of signals on stdout.
    ListSignals,
}
