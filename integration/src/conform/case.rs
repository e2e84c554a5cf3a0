//! A case: one behaviour, shown by one small function.

use std::fmt;

use serde::{Serialize, Serializer};

use super::context::Context;
use crate::{
    ended::Failure,
    init::{Feature, Init, Personality},
    start::StartError,
};

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What the command is given.
    Start,
    /// What reaches it.
    Signals,
    /// Who has the terminal.
    Terminal,
    /// Who buries the dead.
    Reaping,
    /// How it all ends.
    Shutdown,
    /// What is said of the end.
    ExitStatus,
    /// Unusual surroundings.
    OddStarts,
    /// What the init takes for itself.
    Resources,
}

impl Group {
    /// Its name: `exit-status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Signals => "signals",
            Self::Terminal => "terminal",
            Self::Reaping => "reaping",
            Self::Shutdown => "shutdown",
            Self::ExitStatus => "exit-status",
            Self::OddStarts => "odd-starts",
            Self::Resources => "resources",
        }
    }
}

/// A case of the catalogue.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it is about.
    pub group: Group,
    /// Its name in the group: `term-arrives-once`.
    pub name: &'static str,
    /// What it shows, as a sentence.
    pub shows: &'static str,
    /// Why that matters, and where users met it.
    pub matters: &'static str,
    needs: &'static [Feature],
    not_for: &'static [Personality],
    needs_root: bool,
    pub(super) run: fn(&Context<'_>) -> Verdict,
}

impl Case {
    /// A case that holds for every init.
    pub(super) const fn new(
        group: Group,
        name: &'static str,
        shows: &'static str,
        matters: &'static str,
        run: fn(&Context<'_>) -> Verdict,
    ) -> Self {
        Self {
            group,
            name,
            shows,
            matters,
            needs: &[],
            not_for: &[],
            needs_root: false,
            run,
        }
    }

    /// It holds for those that can be asked for this.
    pub(super) const fn needs(mut self, features: &'static [Feature]) -> Self {
        self.needs = features;
        self
    }

    /// It does not hold for these, which do something else on purpose.
    pub(super) const fn not_for(mut self, personalities: &'static [Personality]) -> Self {
        self.not_for = personalities;
        self
    }

    /// Only root can set it up.
    pub(super) const fn needs_root(mut self) -> Self {
        self.needs_root = true;
        self
    }

    /// Group and name: `signals/term-arrives-once`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.group.name(), self.name)
    }

    /// Whether it holds for inits that are spoken to like this.
    #[must_use]
    pub fn holds_for(&self, personality: Personality) -> bool {
        let can = |feature: &Feature| personality.options(*feature).is_some();
        self.needs.iter().all(can) && !self.not_for.contains(&personality)
    }

    /// The options that it gives to the init.
    pub(super) fn options(&self, init: &Init) -> Vec<String> {
        let options = |feature: &Feature| init.options(*feature).unwrap_or_default();
        self.needs.iter().flat_map(options).collect()
    }

    /// Why it cannot be run here; `None` when it can.
    pub(super) fn missing(&self) -> Option<String> {
        crate::missing_root().filter(|_| self.needs_root)
    }
}

/// What a case comes to.
pub type Verdict = Result<(), Fact>;

/// What was seen where something else should have been: a line, and behind it all there is to know.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The line.
    pub seen: String,
    /// Arguments, status, both streams, the process tree.
    pub detail: String,
}

impl Fact {
    /// A fact with nothing behind it.
    pub fn new(seen: impl Into<String>) -> Self {
        Self {
            seen: seen.into(),
            detail: String::new(),
        }
    }
}

impl From<Failure> for Fact {
    fn from(failure: Failure) -> Self {
        Self {
            seen: failure.0.what.clone(),
            detail: failure.to_string(),
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

/// A fact unless `holds`.
pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Fact::new(otherwise()))
    }
}

/// How a case went for an init.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Otherwise.
    Failed(Fact),
    /// It cannot be set up here; why.
    Skipped(String),
    /// It is not for this personality.
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
