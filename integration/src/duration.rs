//! Durations as people write them.

use std::time::Duration;

/// Parses `500ms`, `10s`, `2m`, `1h`, or a plain number of seconds, as tidy-init does; a fraction
/// is allowed (`1.5s`).
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("not a time: 500ms, 10s, 2m, 1h, or seconds".to_owned()),
    };
    let number = digits.starts_with(|c: char| c.is_ascii_digit());
    let seconds = digits.parse::<f64>().ok().filter(|_| number);
    let duration = seconds.and_then(|s| Duration::try_from_secs_f64(s * unit).ok());
    duration.ok_or_else(|| "not a time: 500ms, 10s, 2m, 1h, or seconds".to_owned())
}

/// A duration with two or three digits, for people: `0.4 ms`, `35 ms`, `3.2 s`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 0.001 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 => format!("{s:.1} s"),
        s => format!("{s:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_init_reads_them() {
        let ms = |text| parse_duration(text).map(|d| d.as_millis());
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("2"), Ok(2000));
        assert_eq!(ms("1.5s"), Ok(1500));
        assert_eq!(ms("2m"), Ok(120_000));
        assert_eq!(ms("1h"), Ok(3_600_000));
        for bad in ["", "s", "-1", "1d", "inf", "1e400", "ten"] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn times_are_shown_with_what_matters() {
        let show = |micros| show_duration(Duration::from_micros(micros));
        assert_eq!(show(412), "0.4 ms");
        assert_eq!(show(35_400), "35 ms");
        assert_eq!(show(3_240_000), "3.2 s");
        assert_eq!(show(600_000_000), "600 s");
    }
}
