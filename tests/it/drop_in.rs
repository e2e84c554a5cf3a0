//! The init under the names of other inits: the same command lines give the same answers. The
//! oracle is the original program as Debian packages it.

mod command_lines;
mod engine;
mod entry_points;
mod getopt;
mod names;
pub mod originals;
mod runtimes;
mod signals;
mod terminal;
