//! Text put together at run time, in memory that the caller has.

#![forbid(unsafe_code)]

use crate::sys::args::c_str;
use core::ffi::CStr;
use core::fmt;

/// Writes into a slice, and remembers whether something did not fit.
#[derive(Debug)]
pub struct Buffer<'b> {
    room: &'b mut [u8],
    length: usize,
    cut: bool,
}

impl<'b> Buffer<'b> {
    /// Begins at the start of the slice.
    pub fn new(room: &'b mut [u8]) -> Buffer<'b> {
        Buffer {
            room,
            length: 0,
            cut: false,
        }
    }

    /// Appends what fits.
    pub fn push(&mut self, bytes: &[u8]) {
        let left = self.room.len().saturating_sub(self.length);
        let fitting = bytes.get(..left).unwrap_or(bytes);
        let end = self.length + fitting.len();
        if let Some(place) = self.room.get_mut(self.length..end) {
            place.copy_from_slice(fitting);
            self.length = end;
        }
        self.cut |= fitting.len() < bytes.len();
    }

    /// Makes the text end like this, in the place of its last bytes where there
    /// is no room behind it.
    pub fn end_with(&mut self, end: &[u8]) {
        self.length = self.length.min(self.room.len().saturating_sub(end.len()));
        self.push(end);
    }

    /// Whether something did not fit.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// What is there.
    pub fn bytes(&self) -> &[u8] {
        self.room.get(..self.length).unwrap_or_default()
    }

    /// The text as a C string: `None` where it was cut or holds a NUL itself.
    pub fn c_str(mut self) -> Option<&'b CStr> {
        self.push(&[0]);
        if self.cut {
            return None;
        }
        let Buffer { room, length, .. } = self;
        let room: &'b [u8] = room;
        c_str(room.get(..length)?)
    }
}

impl fmt::Write for Buffer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !self.cut {
            self.push(text.as_bytes());
        }
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }

    /// Appends one byte: what is written by the character is ASCII, or bytes
    /// from outside as they are.
    fn write_char(&mut self, letter: char) -> fmt::Result {
        self.push(&[letter as u8]);
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }
}
