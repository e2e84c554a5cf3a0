//! The catalogue, a file for each group.

mod exit_status;
mod odd_starts;
mod reaping;
mod resources;
mod shutdown;
mod signals;
mod start;
mod terminal;

use super::{
    case::{Case, Fact, Group, Verdict, ensure},
    context::Context,
    subject::Subject,
};
use crate::init::{Feature, Personality};

/// All cases, group by group.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        start::CASES,
        signals::CASES,
        terminal::CASES,
        reaping::CASES,
        shutdown::CASES,
        exit_status::CASES,
        odd_starts::CASES,
        resources::CASES,
    ]
    .concat()
}

/// The signal that ends most fixtures: the last of the ordinary ones, so that what was sent before
/// it is taken before it.
const LAST: i32 = libc::SIGPWR;

/// [`LAST`] as a word for a fixture.
const UNTIL_LAST: &str = "PWR";
