//! Points in time, and how long something takes.

#![forbid(unsafe_code)]

/// A span of time, in nanoseconds; or a point in time, as the span since a
/// fixed one, on a clock that nobody sets. 64 bits last for 584 years.
///
/// The `Duration` of the standard library keeps the seconds apart, and its
/// arithmetic costs more than a kilobyte here, 2 % of the binary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Time(u64);

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

impl Time {
    /// No time; the fixed point.
    pub const ZERO: Time = Time(0);

    /// So many milliseconds; `None` where 64 bits cannot hold them.
    pub const fn from_milliseconds(milliseconds: u64) -> Option<Time> {
        match milliseconds.checked_mul(MILLISECOND) {
            Some(nanoseconds) => Some(Time(nanoseconds)),
            None => None,
        }
    }

    /// So many milliseconds, which always fit.
    pub const fn short(milliseconds: u32) -> Time {
        Time(milliseconds as u64 * MILLISECOND)
    }

    /// From the two numbers of a `struct timespec`; the longest span where 64
    /// bits cannot hold it.
    pub const fn from_timespec(seconds: u64, nanoseconds: u64) -> Time {
        Time(seconds.saturating_mul(SECOND).saturating_add(nanoseconds))
    }

    /// Whole milliseconds.
    pub fn milliseconds(self) -> u64 {
        self.0 / MILLISECOND
    }

    /// Whole seconds.
    pub fn seconds(self) -> u64 {
        self.0 / SECOND
    }

    /// The nanoseconds beyond the whole seconds.
    pub fn nanoseconds(self) -> u64 {
        self.0 % SECOND
    }

    /// So much later; the end of time at the latest.
    #[must_use]
    pub fn after(self, span: Time) -> Time {
        Time(self.0.saturating_add(span.0))
    }

    /// How long it is until then; nothing where that is past.
    #[must_use]
    pub fn until(self, then: Time) -> Time {
        Time(then.0.saturating_sub(self.0))
    }
}

/// How long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// For ever.
    None,
    /// So long.
    After(Time),
}

impl Limit {
    /// Not at all.
    pub const NOW: Limit = Limit::After(Time::ZERO);
}
