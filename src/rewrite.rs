//! What is delivered where a signal arrives.

#![forbid(unsafe_code)]

use crate::signal::{Signal, SignalSet};

/// What a [`RewriteTable`] says of a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rewrite {
    /// There is no rule.
    Same,
    /// Deliver this one instead.
    To(Signal),
    /// Deliver nothing.
    Drop,
}

/// Rules for some of the signals. A rule is applied once, never in a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RewriteTable {
    /// Which signals have a rule.
    ruled: SignalSet,
    /// What is delivered for those.
    to: [Option<Signal>; Signal::COUNT],
}

impl RewriteTable {
    /// The table without a rule.
    pub const fn new() -> RewriteTable {
        RewriteTable {
            ruled: SignalSet::EMPTY,
            to: [None; Signal::COUNT],
        }
    }

    /// Sets the rule for a signal; the last one wins. `None` drops it.
    pub fn set(&mut self, from: Signal, to: Option<Signal>) {
        if let Some(rule) = self.to.get_mut(from.index()) {
            *rule = to;
            self.ruled = self.ruled.with(from);
        }
    }

    /// The rule for a signal.
    pub fn get(&self, from: Signal) -> Rewrite {
        if !self.ruled.contains(from) {
            return Rewrite::Same;
        }
        let to = self.to.get(from.index()).copied().flatten();
        to.map_or(Rewrite::Drop, Rewrite::To)
    }
}

impl Default for RewriteTable {
    fn default() -> RewriteTable {
        RewriteTable::new()
    }
}
