//! A case for a machine.

use crate::conform::{Fact, Outcome};

/// Where the init under test is in the machine.
pub const INIT: &str = "/bin/tidy-init";

/// A case for the machine's real PID 1, whose child this process is.
pub(crate) struct MachineCase {
    pub(super) name: &'static str,
    pub(super) run: fn() -> Result<Outcome, Fact>,
}

impl MachineCase {
    pub(super) const fn new(name: &'static str, run: fn() -> Result<Outcome, Fact>) -> Self {
        Self { name, run }
    }
}
