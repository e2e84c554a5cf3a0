//! Points in time, and how long something takes.

#![forbid(unsafe_code)]

use core::num::NonZeroU64;

/// A span of time, in nanoseconds; or a point in time, as the span since a
/// fixed one, on a clock that nobody sets. 64 bits last for 584 years.
///
/// One more is stored, so that an `Option` of it takes no more room.
///
/// The `Duration` of the standard library counts seconds apart, which costs
/// more than a kilobyte of arithmetic here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Time(NonZeroU64);

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

impl Time {
    /// No time; the fixed point.
    pub const ZERO: Time = Time::new(0);

    /// From nanoseconds; the longest there is where that is too long.
    const fn new(nanoseconds: u64) -> Time {
        Time(NonZeroU64::MIN.saturating_add(nanoseconds))
    }

    const fn get(self) -> u64 {
        self.0.get() - 1
    }

    /// So many milliseconds; `None` where that is longer than can be told.
    pub fn from_milliseconds(milliseconds: u64) -> Option<Time> {
        milliseconds.checked_mul(MILLISECOND).map(Time::new)
    }

    /// From the two numbers of a `struct timespec`.
    pub const fn from_timespec(seconds: u64, nanoseconds: u64) -> Time {
        Time::new(seconds.saturating_mul(SECOND).saturating_add(nanoseconds))
    }

    /// Whole milliseconds.
    pub fn milliseconds(self) -> u64 {
        self.get() / MILLISECOND
    }

    /// Whole seconds.
    pub fn seconds(self) -> u64 {
        self.get() / SECOND
    }

    /// The nanoseconds beyond the whole seconds.
    pub fn nanoseconds(self) -> u64 {
        self.get() % SECOND
    }

    /// So much later; the end of time at the latest.
    #[must_use]
    pub fn after(self, span: Time) -> Time {
        Time::new(self.get().saturating_add(span.get()))
    }

    /// How long it is until then; nothing where that is past.
    #[must_use]
    pub fn until(self, then: Time) -> Time {
        Time::new(then.get().saturating_sub(self.get()))
    }
}
