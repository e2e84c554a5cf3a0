//! Numbers in text.

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

/// An integer at the beginning of a text, and what follows it, as `strtol(3)`
/// reads it: white space and a sign may come first, and a number that does not
/// fit becomes the largest or smallest one.
pub fn leading_integer(text: &[u8]) -> Option<(i64, &[u8])> {
    // The white space of isspace(3), which has the vertical tab as well.
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
