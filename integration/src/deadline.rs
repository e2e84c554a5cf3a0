//! Waiting with a deadline.

use std::{
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::interrupt;

/// The default deadline: whatever takes longer counts as hung.
const ORDINARY: Duration = Duration::from_secs(20);

/// The longest limit: adding `Duration::MAX` to a time would overflow.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The ordinary deadline: 20 s, times the number in the environment variable
/// `INITLAB_TIMEOUT_FACTOR`.
#[must_use]
pub fn timeout() -> Duration {
    scaled(ORDINARY)
}

/// `limit` times the number in `INITLAB_TIMEOUT_FACTOR`.
pub(crate) fn scaled(limit: Duration) -> Duration {
    static FACTOR: OnceLock<f64> = OnceLock::new();
    let factor = FACTOR.get_or_init(|| {
        let given = std::env::var("INITLAB_TIMEOUT_FACTOR")
            .ok()
            .and_then(|f| f.parse().ok());
        given
            .filter(|f: &f64| f.is_finite() && *f > 0.0)
            .unwrap_or(1.0)
    });
    let scaled = Duration::try_from_secs_f64(limit.as_secs_f64() * factor);
    scaled.unwrap_or(FOREVER).min(FOREVER)
}

/// Waits until `condition` holds; panics with `what` at the ordinary deadline.
#[track_caller]
pub fn poll_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(
        try_poll_until(timeout(), condition),
        "timed out after {:?}, waiting for: {what}",
        timeout()
    );
}

/// Waits until `condition` holds, for at most `limit`; returns whether it does. The pauses between
/// two looks grow from 0.1 ms to 10 ms. An [`interrupt`](crate::interrupt) ends every wait.
pub fn try_poll_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + limit.min(FOREVER);
    let mut pause = Duration::from_micros(100);
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until || interrupt::caught().is_some() {
            return false;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}
