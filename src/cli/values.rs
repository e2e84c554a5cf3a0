//! The values of native options.

use super::fault::Invalid;
use crate::config::{Format, Target};
use crate::signal::Signal;
use crate::text::{Parts, decimal};
use crate::time::Time;

/// A signal by name or number.
pub fn native_signal(value: &[u8]) -> Result<Signal, Invalid> {
    Signal::parse(value).ok_or(Invalid::NoSuchSignal)
}

/// A signal that can arrive and is forwarded.
fn received(value: &[u8]) -> Result<Signal, Invalid> {
    let signal = native_signal(value)?;
    if !signal.can_be_caught() {
        return Err(Invalid::NotCaught);
    }
    if signal == Signal::CHLD {
        return Err(Invalid::NeverForwarded);
    }
    Ok(signal)
}

/// The parts before and after the first colon.
pub fn pair(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = Parts::of(value, b':');
    Some((parts.next()?, parts.rest()?))
}

/// `FROM:TO`, where TO may be 0.
pub fn rewrite(value: &[u8]) -> Result<(Signal, Option<Signal>), Invalid> {
    let (from, to) = pair(value).ok_or(Invalid::NotFromTo)?;
    let from = received(from)?;
    let to = match to {
        b"0" => None,
        to => Some(native_signal(to)?),
    };
    Ok((from, to))
}

/// `SIG:TIME`
pub fn signal_and_duration(value: &[u8]) -> Result<(Signal, Time), Invalid> {
    let (signal, time) = pair(value).ok_or(Invalid::NotSignalTime)?;
    Ok((received(signal)?, duration(time)?))
}

/// `[SIG:]TIME`
pub fn kill_after(value: &[u8]) -> Result<(Option<Signal>, Time), Invalid> {
    match pair(value) {
        None => Ok((None, duration(value)?)),
        Some((signal, time)) => Ok((Some(received(signal)?), duration(time)?)),
    }
}

/// A number and a unit: `500ms`, `10s`, `2m`, `1h`; seconds without one.
pub fn duration(value: &[u8]) -> Result<Time, Invalid> {
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, unit) = value
        .split_at_checked(digits)
        .filter(|(number, _)| !number.is_empty())
        .ok_or(Invalid::NotADuration)?;
    let factor: u64 = match unit {
        b"ms" => 1,
        b"s" | b"" => 1000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        _ => return Err(Invalid::NotADuration),
    };
    decimal(number)
        .and_then(|number| number.checked_mul(factor))
        .and_then(Time::from_milliseconds)
        .ok_or(Invalid::TooLong)
}

/// `FROM[:TO]`
pub fn exit_map(value: &[u8]) -> Result<(u8, u8), Invalid> {
    let status = |text| {
        decimal(text)
            .and_then(|number| u8::try_from(number).ok())
            .ok_or(Invalid::NotAStatus)
    };
    match pair(value) {
        None => Ok((status(value)?, 0)),
        Some((from, to)) => Ok((status(from)?, status(to)?)),
    }
}

/// `child`, `group` or `all`
pub fn target(value: &[u8]) -> Result<Target, Invalid> {
    match value {
        b"child" => Ok(Target::Child),
        b"group" => Ok(Target::Group),
        b"all" => Ok(Target::All),
        _ => Err(Invalid::NotATarget),
    }
}

/// `text` or `json`
pub fn format(value: &[u8]) -> Result<Format, Invalid> {
    match value {
        b"text" => Ok(Format::Text),
        b"json" => Ok(Format::Json),
        _ => Err(Invalid::NotAFormat),
    }
}

/// The name or path of a program.
pub fn program(value: &[u8]) -> Result<&[u8], Invalid> {
    match value {
        [] => Err(Invalid::NotAProgram),
        _ => Ok(value),
    }
}

/// A path from the root on.
pub fn absolute(value: &[u8]) -> Result<&[u8], Invalid> {
    match value {
        [b'/', ..] => Ok(value),
        _ => Err(Invalid::NotAbsolute),
    }
}
