//! The clocks.
//!
//! # Safety
//!
//! The calls fill in two C longs: the kernel's `struct timespec` on every
//! target that we have. The C library's may be wider on 32 bits.

use crate::time::Time;
use core::ffi::{c_int, c_long};

/// The time that deadlines go by: `CLOCK_MONOTONIC`, which nobody can set, and
/// which stands still while the machine is suspended. The command cannot work
/// then either, and would otherwise be killed on waking up, its time unused.
/// rt_sigtimedwait(2) measures its limit by the same clock.
pub fn now() -> Time {
    read(libc::CLOCK_MONOTONIC)
}

/// The time of day, since the beginning of 1970.
pub fn time_of_day() -> Time {
    read(libc::CLOCK_REALTIME)
}

fn read(clock: c_int) -> Time {
    let mut time: [c_long; 2] = [0, 0];
    // SAFETY: the call fills in two longs. It cannot fail for these clocks.
    let _ = unsafe { call!(clock_gettime, clock, time.as_mut_ptr()) };
    let [seconds, nanoseconds] = time;
    // By way of the unsigned number of the same width: of a time past 2038 a
    // 32-bit kernel interface gives the low half, which is negative as a long.
    Time::from_timespec(seconds as usize as u64, nanoseconds as u64)
}
