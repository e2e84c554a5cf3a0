//! What a case reports when it fails.

use crate::{ended::Failure, start::StartError};

/// The result of a case.
pub type Verdict = Result<(), Fact>;

/// Why a case failed: a line, and the full picture behind it.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The line.
    pub seen: String,
    /// Arguments, status, both streams, the process tree.
    pub detail: String,
    /// The case that shows what the failed step relies on: if that case fails too, this one has
    /// shown nothing.
    pub(super) relies_on: Option<&'static str>,
}

impl Fact {
    /// A fact without details.
    pub fn new(seen: impl Into<String>) -> Self {
        Self {
            seen: seen.into(),
            detail: String::new(),
            relies_on: None,
        }
    }

    /// The same fact, when the failed step relies on what the case `id` shows.
    pub(super) fn relying_on(self, id: &'static str) -> Self {
        Self {
            relies_on: Some(id),
            ..self
        }
    }
}

impl From<Failure> for Fact {
    fn from(failure: Failure) -> Self {
        Self {
            seen: failure.0.what.clone(),
            detail: failure.to_string(),
            relies_on: None,
        }
    }
}

impl From<StartError> for Fact {
    fn from(error: StartError) -> Self {
        let text = error.to_string();
        let (seen, detail) = text.split_once('\n').unwrap_or((&text, ""));
        Self {
            seen: seen.to_owned(),
            detail: detail.to_owned(),
            relies_on: None,
        }
    }
}

impl From<std::io::Error> for Fact {
    fn from(error: std::io::Error) -> Self {
        Self::new(format!("the harness failed: {error}"))
    }
}

impl From<String> for Fact {
    fn from(seen: String) -> Self {
        Self::new(seen)
    }
}

/// Fails with a fact unless `holds`.
pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Fact::new(otherwise()))
    }
}
