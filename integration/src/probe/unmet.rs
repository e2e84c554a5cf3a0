//! Expectations that are not met.

use serde::Serialize;

/// An expectation that is not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmet {
    /// The run, or `advice`.
    pub run: String,
    /// What was expected, and what was seen.
    pub what: String,
}
