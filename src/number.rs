//! Numbers in text.

#![forbid(unsafe_code)]

use core::fmt::{self, Write};

/// A number, in digits. The standard library's own knows widths and signs, which
/// costs half a kilobyte here.
#[derive(Clone, Copy, Debug)]
pub struct Decimal(pub u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decimal(number) = *self;
        if number > 9 {
            Decimal(number / 10).fmt(f)?;
        }
        f.write_char(char::from(b'0' + (number % 10) as u8))
    }
}

/// A decimal number: digits only, no sign, no space; `None` where it is not one
/// or does not fit.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// An integer at the beginning of a text, as `strtol(3)` reads it, and what is
/// behind it: white space before it and a sign are no obstacle.
pub fn leading_integer(text: &[u8]) -> Option<(i64, &[u8])> {
    // The white space of isspace(3), which is more than Rust's.
    let text = text
        .iter()
        .position(|byte| !matches!(byte, b' ' | 9..=13))
        .and_then(|at| text.get(at..))?;
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, text),
    };
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, rest) = digits.split_at_checked(length).filter(|_| length > 0)?;
    let number = digits.iter().fold(0i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        number
            .saturating_mul(10)
            .saturating_add(if negative { -digit } else { digit })
    });
    Some((number, rest))
}
