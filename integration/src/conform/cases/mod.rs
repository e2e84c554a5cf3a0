//! The catalogue, a file for each group.

mod common;
mod exit_status;
mod odd_starts;
mod reaping;
mod resources;
mod shutdown;
mod signals;
mod start;
mod terminal;

use super::{
    case::{Behaviour, Case},
    group::Group,
};

/// All cases, group by group.
#[must_use]
pub fn all() -> Vec<Case> {
    let groups: [(Group, &'static [Behaviour]); 8] = [
        (Group::Start, start::CASES),
        (Group::Signals, signals::CASES),
        (Group::Terminal, terminal::CASES),
        (Group::Reaping, reaping::CASES),
        (Group::Shutdown, shutdown::CASES),
        (Group::ExitStatus, exit_status::CASES),
        (Group::OddStarts, odd_starts::CASES),
        (Group::Resources, resources::CASES),
    ];
    let cases = |(group, all): (Group, &'static [Behaviour])| {
        all.iter().map(move |behaviour| Case { group, behaviour })
    };
    groups.into_iter().flat_map(cases).collect()
}
