//! What every file of cases uses.

pub(super) use super::{
    case::{Behaviour, case},
    context::Context,
    fact::{Fact, Verdict, ensure},
    subject::Subject,
};
pub(super) use crate::init::{Feature, Personality};

/// The signal that ends most fixtures. It is the last of the ordinary signals, so the fixture takes
/// everything sent before it first.
pub(super) const LAST: i32 = libc::SIGPWR;

/// [`LAST`] as a word for a fixture.
pub(super) const UNTIL_LAST: &str = "PWR";
