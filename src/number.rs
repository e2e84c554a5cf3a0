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
