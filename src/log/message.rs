//! Messages: the words for an event.
//!
//! A message names the fields of its event: `"started {command} (pid {pid})"`.
//! The compiler refuses a name that the event does not have. `{signal:raw}` is
//! the value as C programs print it, `{signal:description}` what `strsignal(3)`
//! calls it.

use super::event::{Entry, Event, Kind};
use super::sink::Sink;
use super::value::Style;
use crate::rows;
use crate::text::{Line, RowBuilder, Rows};
use log::Level;

/// The messages of a personality.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    /// Appends what a line begins with.
    pub prefix: fn(&mut Line<'_>, Level, &mut dyn Sink),
    /// Its messages, made by [`crate::messages`]. An event that has none is
    /// said in our own words.
    pub table: Rows,
    /// Whether it reports the main child as reaped like any other child.
    pub main_child_is_reaped_too: bool,
}

/// A message that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub level: Level,
    /// Text in ASCII, and a byte for each value, from [`FIRST_VALUE`] on.
    template: &'static [u8],
}

impl Messages {
    /// The message for an event; `None` where nothing is said of it.
    pub(super) fn find(&self, kind: Kind) -> Option<Message> {
        match find(self.table, kind) {
            Some(message) => message,
            None => native(kind),
        }
    }
}

/// Our own message for an event; `None` where we have none.
pub(super) fn native(kind: Kind) -> Option<Message> {
    find(NATIVE, kind).flatten()
}

impl Event<'_> {
    /// Appends the event in our own words.
    pub fn describe(&self, line: &mut Line<'_>) {
        if let Some(message) = native(self.kind()) {
            message.write(self, line);
        }
    }
}

/// A row of a table: `Some(None)` where it says nothing.
fn find(table: Rows, kind: Kind) -> Option<Option<Message>> {
    let (level, template) = table.behind(kind as u8)?.split_first()?;
    Some(level_of(*level).map(|level| Message { level, template }))
}

/// The level of this number; `None` for a message that is not said.
fn level_of(number: u8) -> Option<Level> {
    Level::iter().find(|level| *level as u8 == number)
}

impl Message {
    /// Appends the message, with the values of its event.
    pub(super) fn write(&self, event: &Event<'_>, line: &mut Line<'_>) {
        event.with_values(&mut |values| {
            for byte in self.template {
                let number = usize::from(byte.wrapping_sub(FIRST_VALUE));
                match values.get(number / STYLES.len()) {
                    Some(value) if *byte >= FIRST_VALUE => {
                        let style = STYLES.get(number % STYLES.len());
                        value.text(line, style.map_or(Style::Ours, |(_, style)| *style));
                    }
                    _ => {
                        line.byte(*byte);
                    }
                }
            }
        });
    }
}

/// The byte that stands for the first value in the first style.
const FIRST_VALUE: u8 = 0x80;

/// What is known of each event.
const CATALOGUE: &[Entry] = Event::CATALOGUE;

/// The styles, by the names that messages use.
const STYLES: [(&str, Style); 3] = [
    ("", Style::Ours),
    ("raw", Style::Raw),
    ("description", Style::Description),
];

/// Our own messages.
static NATIVE: Rows = rows!(build {
    let mut builder = RowBuilder::new();
    let mut at = 0;
    while at < CATALOGUE.len() {
        if !CATALOGUE[at].text.is_empty() {
            builder = add(builder, at, CATALOGUE[at].level as u8, CATALOGUE[at].text);
        }
        at += 1;
    }
    builder
});

/// A table of messages: `messages! { Started: Info "child {pid}"; Sent: silent; }`.
#[macro_export]
macro_rules! messages {
    ($($kind:ident: $level:ident $($text:literal)?;)+) => {
        $crate::rows!(build {
            let builder = $crate::text::RowBuilder::new();
            $(let builder = $crate::log::add_message(
                builder,
                $crate::log::Kind::$kind,
                $crate::messages!(@level $level),
                concat!($($text)?),
            );)+
            builder
        })
    };
    (@level silent) => { 0 };
    (@level $level:ident) => { ::log::Level::$level as u8 };
}

/// A table with one message more; level 0 stands for one that is not said.
pub const fn add_message(builder: RowBuilder, kind: Kind, level: u8, text: &str) -> RowBuilder {
    add(builder, kind as usize, level, text)
}

// In the compiler, where an index out of bounds is an error message.
#[allow(clippy::indexing_slicing)]
const fn add(builder: RowBuilder, kind: usize, level: u8, text: &str) -> RowBuilder {
    let fields = CATALOGUE[kind].fields;
    let text = text.as_bytes();
    let mut builder = builder.row().byte(kind as u8).byte(level);
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'{' {
            assert!(text[at] < FIRST_VALUE, "a message is in ASCII");
            builder = builder.byte(text[at]);
            at += 1;
            continue;
        }
        let end = position(text, at, b'}');
        let colon = position(text, at, b':');
        let name_end = if colon < end { colon } else { end };
        let mut field = 0;
        while !equal(text, at + 1, name_end, fields[field]) {
            field += 1;
            assert!(field < fields.len(), "the event has no such field");
        }
        let style_start = if colon < end { colon + 1 } else { end };
        let mut style = 0;
        while !equal(text, style_start, end, STYLES[style].0) {
            style += 1;
            assert!(style < STYLES.len(), "there is no such style");
        }
        builder = builder.byte(FIRST_VALUE + (field * STYLES.len() + style) as u8);
        at = end + 1;
    }
    builder
}

/// Where a byte stands next; the length of the text where it does not.
#[allow(clippy::indexing_slicing)] // In the compiler.
const fn position(text: &[u8], mut at: usize, byte: u8) -> usize {
    while at < text.len() && text[at] != byte {
        at += 1;
    }
    at
}

/// Whether a part of a text is this word.
#[allow(clippy::indexing_slicing)] // In the compiler.
const fn equal(text: &[u8], start: usize, end: usize, word: &str) -> bool {
    let word = word.as_bytes();
    if end - start != word.len() {
        return false;
    }
    let mut at = 0;
    while at < word.len() {
        if text[start + at] != word[at] {
            return false;
        }
        at += 1;
    }
    true
}
