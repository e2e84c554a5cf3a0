//! Text from outside, made fit to stand in a line or in a JSON string.

use super::Line;

/// How many bytes of a text from outside stand in a line: the rest of the line
/// and the end of a JSON object need room even where each byte becomes six.
pub const NAME_MAX: usize = 600;

/// Appends a text from outside: what is not printable UTF-8, quotes and
/// backslashes appear as `\xNN`, an empty text as `""`.
pub fn escaped(line: &mut Line<'_>, bytes: &[u8]) {
    if bytes.is_empty() {
        line.text("\"\"");
    }
    escape(line, bytes, "\\x", NAME_MAX);
}

/// Appends up to `limit` bytes of a text from outside, with `prefix` and two
/// hexadecimal digits for what is not printable UTF-8, and for what a JSON
/// string cannot hold; dots stand for the rest.
pub fn escape(line: &mut Line<'_>, bytes: &[u8], prefix: &str, limit: usize) {
    let shown = bytes.get(..limit).unwrap_or(bytes);
    let mut rest = shown;
    while let Some((first, others)) = rest.split_first() {
        let character = rest.split_at_checked(character(rest));
        // A terminal would act on some (C0, DEL, C1), and others would end or
        // continue a JSON string.
        rest = match character {
            Some(([0xc2, control @ 0x80..=0x9f], behind)) => {
                hexadecimal(line, *control, prefix);
                behind
            }
            Some((character @ [_, ..], behind))
                if !matches!(first, ..b' ' | 0x7f | b'"' | b'\\') =>
            {
                line.bytes(character);
                behind
            }
            _ => {
                hexadecimal(line, *first, prefix);
                others
            }
        };
    }
    if shown.len() < bytes.len() {
        line.text("...");
    }
}

fn hexadecimal(line: &mut Line<'_>, byte: u8, prefix: &str) {
    line.text(prefix);
    for digit in [byte >> 4, byte & 15] {
        line.byte(digit + if digit < 10 { b'0' } else { b'a' - 10 });
    }
}

/// How many bytes the character has that a text begins with; 0 where it is none
/// in UTF-8 (the Unicode standard, table 3-7). With the standard library's check
/// in its place the binary has 592 bytes more, 1.2 %.
fn character(text: &[u8]) -> usize {
    let continuation = 0x80..=0xbf;
    let [first, rest @ ..] = text else {
        return 0;
    };
    let (length, second) = match first {
        ..0x80 => return 1,
        0xc2..=0xdf => (2, continuation.clone()),
        0xe0 => (3, 0xa0..=0xbf),
        0xed => (3, 0x80..=0x9f),
        0xe1..=0xef => (3, continuation.clone()),
        0xf0 => (4, 0x90..=0xbf),
        0xf1..=0xf3 => (4, continuation.clone()),
        0xf4 => (4, 0x80..=0x8f),
        _ => return 0,
    };
    match rest.get(..length - 1) {
        Some([next, others @ ..])
            if second.contains(next) && others.iter().all(|byte| continuation.contains(byte)) =>
        {
            length
        }
        _ => 0,
    }
}
