//! A text as a list of arguments: split on white space, without quoting.

use super::Arguments;

/// The words of a text, behind an empty argument in the place of the program's
/// name.
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
