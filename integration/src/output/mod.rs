//! The output of the commands: for people, aligned and coloured on a terminal; for programs, JSON.
//!
//! Results go to standard output, progress and remarks to standard error. Callers always write
//! styles: `anstream` removes them when the stream is not a terminal or `NO_COLOR` is set.

use std::io::{self, Write as _};

pub mod json;
mod progress;
mod table;

pub use progress::Progress;
pub use table::Table;

use crate::exit::Trouble;

/// The colours that the commands share.
pub mod style {
    use anstyle::{AnsiColor, Style};

    /// Something that is right.
    pub const GOOD: Style = AnsiColor::Green.on_default();
    /// Something that is wrong.
    pub const BAD: Style = AnsiColor::Red.on_default().bold();
    /// Something that was left out.
    pub const FAINT: Style = Style::new().dimmed();
    /// A heading.
    pub const HEADING: Style = Style::new().bold();
}

/// `text` in this style.
#[must_use]
pub fn styled(style: anstyle::Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How much to print besides the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// No progress and no remarks.
    pub quiet: bool,
}

impl Output {
    /// A remark on standard error.
    pub fn remark(self, text: impl std::fmt::Display) {
        if !self.quiet {
            anstream::eprintln!("initlab: {text}");
        }
    }

    /// A progress bar for `total` steps, on a terminal only.
    pub fn progress(self, total: usize) -> Progress {
        Progress::new(total, !self.quiet)
    }
}

/// Writes a result to standard output.
///
/// # Errors
/// When it cannot be written: a full disk. A reader that has gone wants no more, which is fine.
pub fn print(text: &str) -> Result<(), Trouble> {
    let mut stdout = anstream::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Trouble(format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}
