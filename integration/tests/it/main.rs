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

use std::time::Duration;

use initlab::{Ended, Place, Sandbox, fixture};
use serde_json::Value;

const PLACES: [Place; 2] = [Place::Pid1, Place::Child];

/// A fixture in this place.
fn run_fixture(place: Place, words: &[&str]) -> Sandbox {
    Sandbox::new(fixture())
        .place(place)
        .arg("fixture")
        .args(words)
}

/// `initlab` with these arguments.
fn initlab(words: &[&str]) -> Sandbox {
    Sandbox::plain(fixture())
        .args(words)
        .timeout(Duration::from_secs(60))
}

/// What it has printed as JSON: a document of this kind, of version 1.
#[track_caller]
fn document(ended: &Ended, kind: &str) -> Value {
    let document: Value = serde_json::from_slice(&ended.stdout)
        .unwrap_or_else(|error| panic!("no JSON, {error}: {ended}"));
    assert_eq!(document["format"], kind, "{ended}");
    assert_eq!(document["version"], 1, "{ended}");
    document
}

/// Panics unless it ends with this status and begins stderr with this line.
#[track_caller]
fn assert_says(sandbox: Sandbox, status: i32, line: &str) {
    let ended = sandbox.run().assert_code(status).assert_stdout("");
    assert_eq!(ended.stderr_text().lines().next(), Some(line), "{ended}");
}

/// Panics unless it fails with one line where nothing can be written to standard output.
#[track_caller]
fn assert_needs_stdout(words: &[&str]) {
    Sandbox::plain("sh")
        .args(["-c", "\"$@\" >/dev/full", "sh"])
        .arg(fixture())
        .args(words)
        .run()
        .assert_code(125)
        .assert_stderr("initlab: cannot write the result: No space left on device (os error 28)\n");
}
