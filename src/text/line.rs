//! Text put together at run time, in memory that the caller provides.

use core::ffi::CStr;

/// Writes into a slice, and remembers whether something did not fit.
///
/// The init has no heap, and the formatting machinery of the standard library
/// costs 2 kB of code, 4 % of the binary; so a text is written piece by piece:
/// `line.text("pid ").number(7)`.
#[derive(Debug)]
pub struct Line<'b> {
    room: &'b mut [u8],
    length: usize,
    cut: bool,
}

impl<'b> Line<'b> {
    /// Begins at the start of the slice.
    pub fn new(room: &'b mut [u8]) -> Line<'b> {
        Line {
            room,
            length: 0,
            cut: false,
        }
    }

    /// Appends bytes as they are, as many as fit.
    // LLVM inlines a function that only copies from an argument into all its callers on s390x, whatever
    // the optimization level (`SystemZTTIImpl::adjustInliningThreshold`): 24 kB. Elsewhere it does not.
    #[inline(never)]
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let left = self.room.len().saturating_sub(self.length);
        let fitting = bytes.get(..left).unwrap_or(bytes);
        let end = self.length + fitting.len();
        if let Some(place) = self.room.get_mut(self.length..end) {
            place.copy_from_slice(fitting);
            self.length = end;
        }
        self.cut |= fitting.len() < bytes.len();
        self
    }

    /// Appends a text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends one byte.
    pub fn byte(&mut self, byte: u8) -> &mut Self {
        self.bytes(&[byte])
    }

    /// Appends a number in decimal digits.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.digits(number, 1)
    }

    /// Appends a number in decimal digits, with leading zeros up to a width.
    pub fn digits(&mut self, number: u64, width: u32) -> &mut Self {
        if number > 9 || width > 1 {
            self.digits(number / 10, width.saturating_sub(1));
        }
        self.byte(b'0' + (number % 10) as u8)
    }

    /// Appends spaces until the line, which began at `start`, has this width.
    pub fn pad(&mut self, start: usize, width: usize) -> &mut Self {
        while self.length < start + width && !self.cut {
            self.byte(b' ');
        }
        self
    }

    /// Makes the text end like this, in the place of its last bytes where there
    /// is no room behind it.
    pub fn end_with(&mut self, end: &[u8]) {
        self.length = self.length.min(self.room.len().saturating_sub(end.len()));
        self.bytes(end);
    }

    /// Whether something did not fit.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// How many bytes there are.
    pub fn length(&self) -> usize {
        self.length
    }

    /// What has been written.
    pub fn as_bytes(&self) -> &[u8] {
        self.room.get(..self.length).unwrap_or_default()
    }

    /// The text as a C string: `None` where it was cut or holds a NUL itself.
    pub fn c_str(mut self) -> Option<&'b CStr> {
        self.byte(0);
        if self.cut {
            return None;
        }
        let Line { room, length, .. } = self;
        let room: &'b [u8] = room;
        CStr::from_bytes_until_nul(room.get(..length)?).ok()
    }
}
