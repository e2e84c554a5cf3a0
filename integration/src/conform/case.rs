//! A case: one behaviour, shown by one small function.

use super::{context::Context, fact::Verdict, group::Group};
use crate::init::{Feature, Init, Personality};

/// A case of the catalogue: a behaviour and the group that it belongs to.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its group.
    pub group: Group,
    /// What it shows, and how.
    pub behaviour: &'static Behaviour,
}

/// One behaviour of an init.
#[derive(Clone, Copy)]
pub struct Behaviour {
    /// Its name, unique within the group: `term-arrives-once`.
    pub name: &'static str,
    /// What the case shows, as a sentence.
    pub shows: &'static str,
    /// Why it matters, and where users met it.
    pub matters: &'static str,
    needs: &'static [Feature],
    not_for: &'static [Personality],
    needs_root: bool,
    run: fn(&Context<'_>) -> Verdict,
}

/// A behaviour that every init should have.
pub(super) const fn case(
    name: &'static str,
    shows: &'static str,
    matters: &'static str,
    run: fn(&Context<'_>) -> Verdict,
) -> Behaviour {
    Behaviour {
        name,
        shows,
        matters,
        needs: &[],
        not_for: &[],
        needs_root: false,
        run,
    }
}

impl Behaviour {
    /// Restricts the case to inits that have these options, and gives them to the init.
    pub(super) const fn needs(mut self, features: &'static [Feature]) -> Self {
        self.needs = features;
        self
    }

    /// Excludes inits that do something else on purpose.
    pub(super) const fn not_for(mut self, personalities: &'static [Personality]) -> Self {
        self.not_for = personalities;
        self
    }

    /// Only root can set the case up.
    pub(super) const fn needs_root(mut self) -> Self {
        self.needs_root = true;
        self
    }
}

impl Case {
    /// Group and name: `signals/term-arrives-once`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.group.name(), self.behaviour.name)
    }

    /// Whether the case applies to inits of this personality.
    #[must_use]
    pub fn holds_for(&self, personality: Personality) -> bool {
        let can = |feature: &Feature| personality.options(*feature).is_some();
        self.behaviour.needs.iter().all(can) && !self.behaviour.not_for.contains(&personality)
    }

    /// The options that the case gives to the init.
    pub(super) fn options(&self, init: &Init) -> Vec<String> {
        let options = |feature: &Feature| init.options(*feature).unwrap_or_default();
        self.behaviour.needs.iter().flat_map(options).collect()
    }

    /// Why the case cannot run here; `None` when it can.
    pub(super) fn missing(&self) -> Option<String> {
        crate::missing_root().filter(|_| self.behaviour.needs_root)
    }

    /// Runs the case.
    pub(super) fn run(&self, context: &Context<'_>) -> Verdict {
        (self.behaviour.run)(context)
    }
}
