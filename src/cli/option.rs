//! Option tables.

use super::builder::Builder;
use super::fault::Invalid;
use crate::text::{Line, Parts, Rows};

/// Does what an option says, with its value, which is empty where it takes
/// none.
pub type Apply = for<'a> fn(&mut Builder<'_, 'a>, &'a [u8]) -> Result<(), Invalid>;

/// An option table, made by [`crate::options`].
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Three texts for each: a heading or "", the usage, the help.
    pub texts: Rows,
    /// What each does.
    pub apply: &'static [Apply],
}

/// An option table. An option is one entry: spelling and value, help, and what
/// it does; a heading begins a group.
///
/// ```text
/// options! {
///     in "Signals", "-r, --rewrite FROM:TO", "deliver TO when FROM arrives" => |builder, value| ...;
/// }
/// ```
#[macro_export]
macro_rules! options {
    ($($(in $heading:literal,)? $usage:literal, $help:literal => $apply:expr;)+) => {
        $crate::cli::Options {
            texts: $crate::rows![$(concat!($($heading)?), $usage, $help),+],
            apply: &[$($apply),+],
        }
    };
}

/// An option as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// The letter, if it has one.
    pub short: Option<u8>,
    /// The long name, without the dashes; empty where it has none.
    pub long: &'static [u8],
    /// What stands for its value; empty where it takes none.
    pub value: &'static [u8],
}

impl Usage {
    /// Reads `-r, --rewrite FROM:TO`.
    fn parse(text: &'static [u8]) -> Usage {
        let mut usage = Usage::default();
        for word in Parts::of(text, b' ') {
            match word {
                [b'-', b'-', long @ ..] => usage.long = long,
                [b'-', short, ..] => usage.short = Some(*short),
                value => usage.value = value,
            }
        }
        usage
    }
}

/// An option as manuals show it.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    /// The heading of the group that begins with it, or "".
    pub group: &'static str,
    /// The letter, if it has one.
    pub short: Option<char>,
    /// The long name, without the dashes; empty where it has none.
    pub long: &'static str,
    /// What stands for its value; empty where it takes none.
    pub value: &'static str,
    /// What it does; lines are separated by line feeds.
    pub help: &'static str,
}

/// The column in which descriptions begin.
const HELP_COLUMN: usize = 30;

impl Options {
    /// The empty table.
    pub const NONE: Options = Options {
        texts: Rows(&[]),
        apply: &[],
    };

    /// The options: how each is written, and what it does.
    pub fn iter(&self) -> impl Iterator<Item = (Usage, Apply)> {
        let mut options = *self;
        core::iter::from_fn(move || options.next())
    }

    // Apart: it is called in three places.
    #[inline(never)]
    fn next(&mut self) -> Option<(Usage, Apply)> {
        let (_, usage, _) = (self.texts.next()?, self.texts.next()?, self.texts.next()?);
        let (apply, others) = self.apply.split_first()?;
        self.apply = others;
        Some((Usage::parse(usage), *apply))
    }

    /// The options as manuals show them.
    pub fn documented(&self) -> impl Iterator<Item = Documented> {
        let text = |bytes| core::str::from_utf8(bytes).unwrap_or_default();
        let mut texts = self.texts;
        core::iter::from_fn(move || {
            let (group, usage, help) = (texts.next()?, texts.next()?, texts.next()?);
            let usage = Usage::parse(usage);
            Some(Documented {
                group: text(group),
                short: usage.short.map(char::from),
                long: text(usage.long),
                value: text(usage.value),
                help: text(help),
            })
        })
    }

    /// The long options that a name may be the beginning of.
    pub fn fitting(&self, name: &[u8]) -> impl Iterator<Item = (Usage, Apply)> {
        self.iter()
            .filter(move |(usage, _)| !usage.long.is_empty() && usage.long.starts_with(name))
    }

    /// Appends the table as a help text shows it.
    pub fn describe(&self, line: &mut Line<'_>) {
        let mut texts = self.texts;
        while let (Some(heading), Some(usage), Some(help)) =
            (texts.next(), texts.next(), texts.next())
        {
            if !heading.is_empty() {
                line.byte(b'\n').bytes(heading).text(":\n");
            }
            let start = line.length();
            // Long names stand in one column.
            line.text(if usage.starts_with(b"--") {
                "      "
            } else {
                "  "
            });
            line.bytes(usage);
            let mut start = start;
            for part in Parts::of(help, b'\n') {
                line.pad(start, HELP_COLUMN).bytes(part).byte(b'\n');
                start = line.length();
            }
        }
    }
}
