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
/// beginning of 1970.
///
/// The year is taken to begin in March, so that the leap day is its last one
/// and the lengths of the months before it follow one rule.
fn civil(day: u32) -> (u32, u32, u32) {
    // Days since 1 March of the year 0, which began a cycle of 400 years.
    let day = day + 719_468;
    let (cycle, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (cycle * 400 + year + next_year, month, day)
}
