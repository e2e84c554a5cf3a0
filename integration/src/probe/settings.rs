//! How each run of a probe goes.

use std::{ffi::OsString, time::Duration};

use super::ready::Readiness;
use crate::signals::signal_name;

/// How long `docker stop` waits before it kills.
pub const DOCKER_STOP: Duration = Duration::from_secs(10);

/// How each run goes.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub readiness: Readiness,
    pub ready_within: Duration,
    pub settle: Duration,
    pub signal: i32,
    pub stop_within: Duration,
    /// The client of a request that is in flight when it is told to stop.
    pub request: Option<OsString>,
}

/// The name of a signal as Docker spells it: `SIGTERM`.
pub(super) fn sig(signal: i32) -> String {
    format!("SIG{}", signal_name(signal))
}
