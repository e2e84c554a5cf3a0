//! What is said of a command line that is wrong, in the words of the original.

use super::options::{Spelling, fitting};
use super::{OPTIONS_VARIABLE, Source, flags, usage};
use crate::config::{Personality, Text};
use crate::event::{self, Event};
use crate::status::INIT_FAILED;
use crate::voice::{Kind, Prefix, words};
use core::fmt::{self, Display};

/// Why we cannot obey.
#[derive(Clone, Copy, Debug)]
pub struct Complaint<'a> {
    /// Whose words are used.
    pub personality: Personality,
    /// Where it stands.
    pub source: Source,
    /// What is wrong.
    pub kind: Kind,
    /// The option as it was written.
    pub option: Spelling<'a>,
    /// Its value, or a word that should not be there.
    pub value: &'a [u8],
    /// The name that we were called by, in full.
    pub name: &'a [u8],
}

impl Complaint<'_> {
    /// The status to exit with.
    pub fn status(&self) -> u8 {
        if self.is_ours() { INIT_FAILED } else { 1 }
    }

    /// What is printed behind it, if something is.
    pub fn usage(&self) -> Option<Text> {
        let shows = match self.personality {
            Personality::Tini => !self.kind.is_about_a_value(),
            Personality::Catatonit => self.kind != Kind::Reserved,
            _ => false,
        };
        (shows && !self.is_ours()).then(|| usage(self.personality))
    }

    /// Whether it is in our own words.
    fn is_ours(&self) -> bool {
        self.source == Source::Environment
            || matches!(self.personality, Personality::Native | Personality::Pause)
    }
}

impl Display for Complaint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let speaker = match self.is_ours() {
            true => Personality::Native,
            false => self.personality,
        };
        // A value is wrong for many reasons, of which the originals say none.
        let kind = match self.kind.is_about_a_value() {
            true => Kind::BadValue,
            false => self.kind,
        };
        let Some(words) = words(speaker, kind) else {
            return Ok(());
        };
        if words.level > 0 {
            Prefix(self.personality, words.level).fmt(f)?;
        }
        if self.source == Source::Environment {
            f.write_str(OPTIONS_VARIABLE)?;
            f.write_str(": ")?;
        }
        Event::WrongUsage(event::WrongUsage {
            kind,
            option: self.option,
            value: self.value,
            why: self.kind,
            name: self.name,
        })
        .write(words, f)?;
        if words.native {
            f.write_str(" (tidy-init --help shows the usage)")
        } else if kind == Kind::Ambiguous {
            fitting(flags(self.personality), self.option.name).try_for_each(|flag| {
                f.write_str(" '--")?;
                event::raw(flag.long(), f)?;
                f.write_str("'")
            })
        } else {
            Ok(())
        }
    }
}
