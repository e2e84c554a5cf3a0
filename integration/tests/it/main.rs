//! The harness judges the init; these tests judge the harness.

mod bench;
mod conform;
mod examples;
mod fixtures;
mod locate;
mod network;
mod probe;
mod pty;
mod sandbox;
mod toys;
mod user;

use initlab::{Place, Sandbox, fixture};

const PLACES: [Place; 2] = [Place::Pid1, Place::Child];

/// A fixture of ours in this place.
fn run_fixture(place: Place, words: &[&str]) -> Sandbox {
    Sandbox::new(fixture())
        .place(place)
        .arg("fixture")
        .args(words)
}
