//! The clocks.
//!
//! # Safety
//!
//! The calls fill in two C longs: the kernel's `struct timespec` on every
//! target that we have. The C library's may be wider on 32 bits.

use super::Errno;
use crate::time::Time;
use crate::utc::Utc;
use core::ffi::{c_int, c_long};
use core::fmt;

/// What the deadlines go by: `CLOCK_MONOTONIC`, which nobody can set, and which
/// stands still while the machine is suspended: the command cannot work then
/// either, and would otherwise be killed on waking up, its time unused.
/// rt_sigtimedwait(2) measures its limit by the same clock.
pub fn now() -> Time {
    read(libc::CLOCK_MONOTONIC)
}

/// The present time of day.
pub struct Today;

impl fmt::Display for Today {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Utc(read(libc::CLOCK_REALTIME)).fmt(f)
    }
}

fn read(clock: c_int) -> Time {
    let mut time: [c_long; 2] = [0, 0];
    // SAFETY: the call fills in two longs. It cannot fail for these clocks.
    let _ =
        Errno::result(unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time.as_mut_ptr()) });
    let [seconds, nanoseconds] = time;
    Time::from_timespec(seconds as u64, nanoseconds as u64)
}
