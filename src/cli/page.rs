//! Texts that are printed because somebody asked for them.

use crate::text::Line;

/// A help text, a version, or the like.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Appends the text.
    pub write: fn(&mut Line<'_>),
    /// Whether it goes to stderr rather than stdout.
    pub to_stderr: bool,
    /// The status to exit with.
    pub status: u8,
}

impl Page {
    /// A text for stdout, after which the init exits with 0.
    pub const fn new(write: fn(&mut Line<'_>)) -> Page {
        Page {
            write,
            to_stderr: false,
            status: 0,
        }
    }
}
