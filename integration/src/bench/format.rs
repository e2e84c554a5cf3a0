//! The forms in which figures are printed.

use clap::ValueEnum;

use super::report::Report;
use crate::{exit::Trouble, output};

/// How to print figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned, for people
    Table,
    /// A document of its own, for programs
    Json,
    /// For documents
    Markdown,
}

impl Report {
    /// Prints the figures to standard output.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn print(&self, format: Format) -> Result<(), Trouble> {
        output::print(&match format {
            Format::Table => self.to_text(),
            Format::Json => self.to_json() + "\n",
            Format::Markdown => self.to_markdown(),
        })
    }
}
