//! Texts put together at compile time.
//!
//! What is known at compile time costs the binary its letters only: no pieces
//! with their addresses and lengths, and no code that joins them.

#![forbid(unsafe_code)]

use core::fmt::{self, Write};

/// Room for any text that is put together here; only what it holds in the end
/// gets into the binary.
const MAX: usize = 8192;

/// A text under construction.
pub struct Draft {
    bytes: [u8; MAX],
    length: usize,
    /// How many bytes stand since the last line feed.
    column: usize,
}

// All of this runs in the compiler, where an index out of bounds is an error
// message.
#[allow(clippy::indexing_slicing)]
impl Draft {
    /// The empty text.
    pub const fn new() -> Draft {
        Draft {
            bytes: [0; MAX],
            length: 0,
            column: 0,
        }
    }

    /// With a text behind.
    #[must_use]
    pub const fn text(mut self, text: &str) -> Draft {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() {
            self = self.byte(text[at]);
            at += 1;
        }
        self
    }

    /// With a text behind whose further lines begin at a column.
    #[must_use]
    pub const fn indented(mut self, text: &str, column: usize) -> Draft {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() {
            if self.column == 0 {
                self = self.pad(column);
            }
            self = self.byte(text[at]);
            at += 1;
        }
        self
    }

    /// With a byte behind.
    #[must_use]
    pub const fn byte(mut self, byte: u8) -> Draft {
        self.bytes[self.length] = byte;
        self.length += 1;
        self.column = if byte == b'\n' { 0 } else { self.column + 1 };
        self
    }

    /// With a text behind in its short form, which [`Packed`] prints.
    #[must_use]
    pub const fn packed(mut self, text: &Draft) -> Draft {
        let mut bytes = text.bytes;
        let mut length = text.length;
        let mut pair = 0;
        while 2 * pair < PAIRS.len() {
            let mut from = 0;
            let mut to = 0;
            while from < length {
                if from + 1 < length
                    && bytes[from] == PAIRS[2 * pair]
                    && bytes[from + 1] == PAIRS[2 * pair + 1]
                {
                    bytes[to] = FIRST_PAIR + pair as u8;
                    from += 2;
                } else {
                    bytes[to] = bytes[from];
                    from += 1;
                }
                to += 1;
            }
            length = to;
            pair += 1;
        }
        let mut at = 0;
        while at < length {
            self = self.byte(bytes[at]);
            at += 1;
        }
        self
    }

    /// With spaces behind, up to a column.
    #[must_use]
    pub const fn pad(mut self, column: usize) -> Draft {
        while self.column < column {
            self = self.byte(b' ');
        }
        self
    }

    /// How many bytes there are.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The bytes, and zeros behind them.
    pub const fn pad_with_zeros<const N: usize>(&self) -> [u8; N] {
        assert!(self.length <= N, "the text is too long");
        self.finish()
    }

    /// The bytes; `N` is the length.
    pub const fn finish<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let mut at = 0;
        while at < N {
            bytes[at] = self.bytes[at];
            at += 1;
        }
        bytes
    }
}

impl Default for Draft {
    fn default() -> Draft {
        Draft::new()
    }
}

/// A text in ASCII whose commonest pairs of bytes are a byte each.
#[derive(Clone, Copy, Debug)]
pub struct Packed(pub &'static [u8]);

impl fmt::Display for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| unpack(*byte, f))
    }
}

/// Writes what a byte of a packed text stands for.
///
/// # Errors
///
/// Those of the writer.
pub fn unpack(byte: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let pair = byte
        .checked_sub(FIRST_PAIR)
        .map(usize::from)
        .and_then(|at| PAIRS.get(2 * at..2 * at + 2));
    match pair {
        Some([left, right]) => {
            unpack(*left, f)?;
            unpack(*right, f)
        }
        _ => f.write_char(char::from(byte)),
    }
}

/// A text in its short form.
#[macro_export]
macro_rules! packed {
    ($draft:expr) => {{
        const DRAFT: $crate::text::Draft = $crate::text::Draft::new().packed(&$draft);
        static PACKED: [u8; DRAFT.length()] = DRAFT.finish();
        &PACKED
    }};
}

/// What the first pair is written as; ASCII is below.
const FIRST_PAIR: u8 = 0x80;

/// The pairs, of which later ones may consist of earlier ones. They are the
/// commonest of the texts as they were when they were counted: other texts only
/// get longer by them.
#[rustfmt::skip]
static PAIRS: [u8; 256] = *b"\
    \x20 \x80\x80t e s d inth\x81\x81onerorilsio al, anretign: itedchro\
    e\x85\x8d\x94en--\x9b\x8fnoex\x87\x83\x89 esstt\x8e\n\x80\xa6-op\x86g\
    atom\x9f\x82ari\x82f\x8bap\x98\x8cm\x91\xa9 wi\xa8\x93c\xabwh\x88\x88\
    \xb4\x87i\x84\xb6\xb2y \xb9 \x81\x80a\x84SI\xb5\xa2\x90\x9duspi\x9e \
    \xc0GTI\xb8\x88 dcepav\x8aumlefa\xb1\x85\x92\xb0p\x99unD \xa1\xbb\x8b \
    gem n\x8eOM] c\xa3a\x82ut\xa0\x96\xa4\xaa \xa5-\x86\x86\x82 \xb7prelwn\
    c\x91\xd2\xdc\x9c \xcf\x8ca \x92nER\xd5\x85taupsa\x8a\x83\xc8\x80\
    \xe5\xe3\x98 iv\x86i.\nTO\xb1dtt\xcc\x8dsu\x8c\x83";
