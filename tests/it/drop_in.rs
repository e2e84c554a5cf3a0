//! The init under the names of others: the same command lines, the same answers. The oracle is the
//! program itself, as Debian packages it.

mod command_lines;
mod engine;
mod entry_points;
mod getopt;
mod names;
pub mod originals;
mod runtimes;
mod signals;
mod terminal;
