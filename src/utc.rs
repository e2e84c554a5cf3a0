//! Points in time as RFC 3339 writes them: `2026-11-21T01:02:03.456Z`.

#![forbid(unsafe_code)]

use crate::time::Time;
use core::fmt::{self, Write};

/// How long since the beginning of 1970, without leap seconds.
pub struct Utc(pub Time);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.seconds();
        // Both fit 32 bits for millions of years.
        let (day, second) = ((seconds / 86_400) as u32, (seconds % 86_400) as u32);
        let (year, month, day) = civil(day);
        // Digit by digit: widths in the format string would bring in more code.
        for (mut number, mut unit, behind) in [
            (year, 1000, '-'),
            (month, 10, '-'),
            (day, 10, 'T'),
            (second / 3600, 10, ':'),
            (second / 60 % 60, 10, ':'),
            (second % 60, 10, '.'),
            ((self.0.milliseconds() % 1000) as u32, 100, 'Z'),
        ] {
            while unit > 0 {
                f.write_char(char::from(b'0' + (number / unit % 10) as u8))?;
                number %= unit;
                unit /= 10;
            }
            f.write_char(behind)?;
        }
        Ok(())
    }
}

/// Year, month and day of the Gregorian calendar, of a day counted from the
/// beginning of 1970. Counting takes a microsecond, and half the bytes of
/// arithmetic.
fn civil(mut day: u32) -> (u32, u32, u32) {
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for month in 1..=12 {
            let length = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            if day < length {
                return (year, month, day + 1);
            }
            day -= length;
        }
        year += 1;
    }
}
