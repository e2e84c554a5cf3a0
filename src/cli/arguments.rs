//! Lists of arguments: `argv`, and the words of a text.

use crate::sys::args::Strings;
use core::ffi::CStr;

/// A list of arguments, the first of which is the program's name.
pub trait Arguments<'a> {
    /// The argument of this index; `None` after the last.
    fn get(&self, index: usize) -> Option<&'a [u8]>;

    /// Puts the argument of one index in the place of an earlier one, which is
    /// not needed any more; the end of the list likewise. Only called where a
    /// grammar permutes.
    fn move_up(&self, from: usize, to: usize) {
        let _ = (from, to);
    }
}

impl<'a> Arguments<'a> for &'a [&'a [u8]] {
    fn get(&self, index: usize) -> Option<&'a [u8]> {
        <[_]>::get(self, index).copied()
    }
}

impl Arguments<'static> for Strings {
    fn get(&self, index: usize) -> Option<&'static [u8]> {
        self.string(index).map(CStr::to_bytes)
    }

    fn move_up(&self, from: usize, to: usize) {
        self.copy(from, to);
    }
}

/// The words of a text, split on white space, without quoting; behind an empty
/// argument in the place of the program's name.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a>(pub &'a [u8]);

impl<'a> Arguments<'a> for Words<'a> {
    fn get(&self, index: usize) -> Option<&'a [u8]> {
        let Some(before) = index.checked_sub(1) else {
            return Some(b"");
        };
        self.0
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .nth(before)
    }
}
