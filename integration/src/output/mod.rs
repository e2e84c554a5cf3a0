//! What the commands print: for people, aligned and coloured on a terminal; for machines, JSON.
//!
//! Results go to standard output, progress and remarks to standard error. Colour is left out where
//! the stream is no terminal or `NO_COLOR` is set: `anstream` sees to that, so styles can be
//! written without asking.

pub mod json;
mod progress;
mod table;

pub use progress::Progress;
pub use table::Table;

/// The colours that the commands share.
pub mod style {
    use anstyle::{AnsiColor, Style};

    /// Something that is as it should be.
    pub const GOOD: Style = AnsiColor::Green.on_default();
    /// Something that is not.
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

/// How much is said besides the result.
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

    /// A bar for `total` steps, on a terminal only.
    pub fn progress(self, total: usize) -> Progress {
        Progress::new(total, !self.quiet)
    }
}
