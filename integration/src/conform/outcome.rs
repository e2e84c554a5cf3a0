//! How a case went for one init.

use std::fmt;

use serde::{Serialize, Serializer};

use super::fact::Fact;

/// How a case went for an init.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The init behaves as the case says.
    Passed,
    /// It behaves differently.
    Failed(Fact),
    /// The case was not run, and why.
    Skipped(String),
    /// The case does not apply to this personality.
    NotApplicable,
}

impl Outcome {
    /// `passed`, `failed`, `skipped`, `not-applicable`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// Whether it failed.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// What was seen, or why it was skipped.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed(fact) => Some(&fact.seen),
            Self::Skipped(reason) => Some(reason),
            Self::Passed | Self::NotApplicable => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
