//! Waiting with an end.

use std::{
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::interrupt;

/// How long anything may take before it counts as hung, unless the caller says otherwise.
const ORDINARY: Duration = Duration::from_secs(20);

/// The longest limit: `Duration::MAX` added to a time would overflow.
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

/// Waits until `condition` holds, and panics with `what` when it does not within the ordinary
/// deadline.
#[track_caller]
pub fn poll_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(
        try_poll_until(timeout(), condition),
        "waited {:?} for this, in vain: {what}",
        timeout()
    );
}

/// Waits until `condition` holds, for `limit` at most; tells whether it does. The only place that
/// sleeps: first for a tenth of a millisecond, then longer, up to ten. After an
/// [`interrupt`](crate::interrupt) nothing is waited for any more.
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
