//! The groups of the catalogue.

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What the command inherits.
    Start,
    /// Which signals reach it.
    Signals,
    /// Who has the terminal.
    Terminal,
    /// Reaping.
    Reaping,
    /// Shutting down.
    Shutdown,
    /// The exit status.
    ExitStatus,
    /// Unusual surroundings.
    OddStarts,
    /// The init's own resource use.
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
