//! A scene: something that needs a moment after TERM, played under several inits.

use std::{fs, path::Path, time::Duration};

use initlab::{Place, Sandbox, timeout};

use super::service::Outcome;
use crate::support::native;

/// Under what it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Under {
    /// Debian's `dumb-init`.
    DumbInit,
    /// Debian's `tini`.
    Tini,
    /// Ours.
    TidyInit,
}

impl Under {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::DumbInit => "dumb-init",
            Self::Tini => "tini",
            Self::TidyInit => "tidy-init",
        }
    }
}

/// One init with its options, and what has to come of the scene under it.
#[derive(Debug)]
pub struct Row {
    pub under: Under,
    pub options: &'static str,
    /// Whether that which needs a moment had it.
    pub finished: bool,
    /// The exit status of the init.
    pub status: i32,
}

impl Row {
    /// What did not get its moment.
    pub const fn cut_off(under: Under, options: &'static str, status: i32) -> Self {
        Self::new(under, options, false, status)
    }

    /// What got its moment.
    pub const fn finished(under: Under, options: &'static str, status: i32) -> Self {
        Self::new(under, options, true, status)
    }

    const fn new(under: Under, options: &'static str, finished: bool, status: i32) -> Self {
        Self {
            under,
            options,
            finished,
            status,
        }
    }
}

/// What is played.
#[derive(Debug)]
pub struct Scene {
    /// What runs, and what needs a moment, in a sentence or two.
    pub story: &'static str,
    /// What the page calls it.
    pub name: &'static str,
    pub rows: &'static [Row],
}

/// The last line of the file that whatever needs a moment writes to.
pub const FINISHED: &str = "finished";

/// The init of the row, in this place. Add the command.
fn sandbox(row: &Row, place: Place) -> Sandbox {
    let init = match row.under {
        Under::TidyInit => native(place),
        other => Sandbox::new(other.name()).place(place),
    };
    init.args(row.options.split_whitespace()).arg("--")
}

impl Scene {
    /// Plays it under each init, and checks what comes of it. `play` gets the init, a name for
    /// this run, and gives the end and the file.
    #[track_caller]
    pub fn play(&self, play: impl Fn(Sandbox) -> (Outcome, String)) {
        for row in self.rows {
            // Where an init that is not PID 1 does not wait, the rest of its processes just lives
            // on: there is nothing to show.
            let places: &[Place] = match row.options.contains("--grace") {
                true => &[Place::Pid1, Place::Child],
                false => &[Place::Pid1],
            };
            for &place in places {
                let (outcome, file) = play(sandbox(row, place));
                let finished = file.lines().last() == Some(FINISHED);
                assert!(
                    file.starts_with("begun\n")
                        && finished == row.finished
                        && outcome.status.code() == Some(row.status)
                        // Nobody waits for longer than is needed, not even with --grace 10s.
                        && outcome.took < limit()
                        && outcome.left.is_empty(),
                    "{}, {place:?}: {row:?}\n--- file ---\n{file}--- end ---\n{outcome}",
                    self.name,
                );
            }
        }
    }
}

/// The time that the rows' options allow. The deadlines of the harness can be stretched for slow
/// machines: this one with them.
fn limit() -> Duration {
    timeout() / 2
}

/// What the file holds; nothing where there is none.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
