//! Making bytes readable.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

/// The bytes as ASCII, with escapes such as `\n` and `\xff` for all others: different bytes give
/// different texts.
pub fn escape(bytes: impl AsRef<OsStr>) -> String {
    bytes.as_ref().as_bytes().escape_ascii().to_string()
}

/// At most the first and the last `limit` bytes of an output as text.
pub(crate) fn excerpt(bytes: &[u8], limit: usize) -> String {
    if bytes.len() <= 2 * limit {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let (head, tail) = (&bytes[..limit], &bytes[bytes.len() - limit..]);
    let left_out = bytes.len() - 2 * limit;
    format!(
        "{}\n... {left_out} bytes ...\n{}",
        String::from_utf8_lossy(head),
        String::from_utf8_lossy(tail)
    )
}
