//! Points in time as RFC 3339 writes them: `2026-11-21T01:02:03.456Z`.

use super::Line;
use crate::time::Time;

/// Appends a point in time, given as the time since the beginning of 1970,
/// without leap seconds (clock_gettime(2), `CLOCK_REALTIME`).
pub fn utc(line: &mut Line<'_>, time: Time) {
    let seconds = time.seconds();
    let (year, month, day) = civil(seconds / 86_400);
    for (number, width, end) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (seconds / 3600 % 24, 2, b':'),
        (seconds / 60 % 60, 2, b':'),
        (seconds % 60, 2, b'.'),
        (time.milliseconds() % 1000, 3, b'Z'),
    ] {
        line.digits(number, width).byte(end);
    }
}

/// Year, month and day of the Gregorian calendar, of a day counted from the
/// beginning of 1970. Counting month by month takes a microsecond.
fn civil(mut day: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for month in 1..=12 {
            let length = match month {
                2 => 28 + u64::from(leap),
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
