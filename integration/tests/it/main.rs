//! The harness tests the init; these tests test the harness.

mod bench;
mod compare;
mod conform;
mod examples;
mod fixtures;
mod locate;
mod machine;
mod network;
mod probe;
mod pty;
mod sandbox;
mod toys;
mod user;

use initlab::{Place, Sandbox, fixture};

const PLACES: [Place; 2] = [Place::Pid1, Place::Child];

/// A fixture in this place.
fn run_fixture(place: Place, words: &[&str]) -> Sandbox {
    Sandbox::new(fixture())
        .place(place)
        .arg("fixture")
        .args(words)
}
