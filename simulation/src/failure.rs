//! What a world must not show.

use std::fmt;

/// A property that must hold in every world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Property {
    /// Every run ends once its command has.
    Ends,
    /// No run makes calls without end while nothing happens.
    NoSpin,
    /// No process stays stopped that nobody can continue.
    NotFrozen,
    /// Signals go to children that are not reaped, and to what descends from the init.
    NoStranger,
    /// A walk reaches each descendant that lives from its beginning to its end.
    AllReached,
    /// No signal comes twice for one reason.
    Once,
    /// Every signal that is received while the command runs is passed on.
    PassedOn,
    /// KILL comes when a time that was set has run out, not before.
    KillInTime,
    /// The run ends when the grace period does.
    GraceInTime,
    /// No zombie is left while the init sleeps, nor when it exits.
    NoZombie,
    /// The status is the command's, or a documented one with a line that says why.
    Status,
    /// The pre-stop program is started once, because of a stop signal, which waits for it.
    PreStop,
    /// The wait for TCP data is at the end, bounded, and only while there is some.
    Linger,
    /// What is refused is said.
    Said,
    /// Nothing panics.
    NoPanic,
}

/// How a world failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Which property does not hold.
    pub property: Property,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.property, self.what)
    }
}

/// Ends the world: the init's code is unwound, and its panic message, which would say nothing, is not
/// printed.
pub fn fail(property: Property, what: impl Into<String>) -> ! {
    std::panic::resume_unwind(Box::new(Failure {
        property,
        what: what.into(),
    }))
}
