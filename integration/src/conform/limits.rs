//! How long a case may wait.

use std::time::{Duration, Instant};

/// The limits of one case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    each: Duration,
    until: Instant,
}

impl Limits {
    /// `each` bounds every wait, `all` the whole case, which begins now.
    pub fn new(each: Duration, all: Duration) -> Self {
        Self {
            each,
            until: Instant::now() + all,
        }
    }

    /// How long a wait that begins now may take.
    pub fn left(&self) -> Duration {
        self.each
            .min(self.until.saturating_duration_since(Instant::now()))
    }
}
