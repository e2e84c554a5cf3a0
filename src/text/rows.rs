//! Lists of short texts.

/// A list of texts: of each its length, in two bytes, and its bytes.
///
/// An array of `&str` takes 14 bytes more for each text. There are some 300,
/// so this saves 4 kB, 8 % of the binary.
#[derive(Clone, Copy, Debug)]
pub struct Rows(pub &'static [u8]);

impl Rows {
    /// The text of this index; empty where there is none.
    pub fn get(self, index: usize) -> &'static [u8] {
        let mut rows = self;
        rows.nth(index).unwrap_or_default()
    }

    /// Of the text that begins with this byte, what is behind it.
    // Apart: it is called in three places.
    #[inline(never)]
    pub fn behind(self, first: u8) -> Option<&'static [u8]> {
        let mut rows = self;
        rows.find_map(|row| match row {
            [byte, behind @ ..] if *byte == first => Some(behind),
            _ => None,
        })
    }
}

impl Iterator for Rows {
    type Item = &'static [u8];

    fn next(&mut self) -> Option<&'static [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (row, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        self.0 = rest;
        Some(row)
    }
}

/// Puts [`Rows`] together in the compiler.
pub struct RowBuilder {
    bytes: [u8; Self::MAX],
    length: usize,
    /// Where the length of the last row stands.
    last: usize,
}

// All of this runs in the compiler, where an index out of bounds is an error
// message.
#[allow(clippy::indexing_slicing)]
impl RowBuilder {
    /// Room for any list; only what it holds in the end gets into the binary.
    const MAX: usize = 8192;

    /// The empty list.
    pub const fn new() -> RowBuilder {
        RowBuilder {
            bytes: [0; Self::MAX],
            length: 0,
            last: 0,
        }
    }

    /// Begins a row.
    #[must_use]
    pub const fn row(mut self) -> RowBuilder {
        self.last = self.length;
        self.length += 2;
        self
    }

    /// Appends a byte to the last row.
    #[must_use]
    pub const fn byte(mut self, byte: u8) -> RowBuilder {
        self.bytes[self.length] = byte;
        self.length += 1;
        let length = (self.length - self.last - 2) as u16;
        self.bytes[self.last] = length.to_le_bytes()[0];
        self.bytes[self.last + 1] = length.to_le_bytes()[1];
        self
    }

    /// Appends a text to the last row.
    #[must_use]
    pub const fn text(mut self, text: &str) -> RowBuilder {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() {
            self = self.byte(text[at]);
            at += 1;
        }
        self
    }

    /// How many bytes the rows take.
    pub const fn length(&self) -> usize {
        self.length
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

impl Default for RowBuilder {
    fn default() -> RowBuilder {
        RowBuilder::new()
    }
}

/// [`Rows`] from a [`RowBuilder`], or from texts.
#[macro_export]
macro_rules! rows {
    (build $builder:expr) => {{
        // In the compiler, where an index out of bounds is an error message.
        #[allow(clippy::indexing_slicing)]
        const BUILDER: $crate::text::RowBuilder = $builder;
        static BYTES: [u8; BUILDER.length()] = BUILDER.finish();
        $crate::text::Rows(&BYTES)
    }};
    ($($text:expr),+ $(,)?) => {
        $crate::rows!(build $crate::text::RowBuilder::new()$(.row().text($text))+)
    };
}
