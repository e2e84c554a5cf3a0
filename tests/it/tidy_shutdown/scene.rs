//! A scene: something that needs a moment after TERM, played under several inits.

use std::{fs, path::Path, time::Duration};

use initlab::{Place, Sandbox, timeout};

use super::service::Outcome;
use crate::support::native;

/// The init that it runs under.
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

/// One init with its options, and the result of the scene under it.
#[derive(Debug)]
pub struct Row {
    pub under: Under,
    pub options: &'static str,
    /// Whether the process that needs a moment got it.
    pub finished: bool,
    /// The exit status of the init.
    pub status: i32,
}

impl Row {
    /// The process was killed before it had finished.
    pub const fn cut_off(under: Under, options: &'static str, status: i32) -> Self {
        Self::new(under, options, false, status)
    }

    /// The process finished its work.
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

/// The last line of the file that the process which needs a moment writes to.
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
    /// Plays the scene under each init, and checks the result. `play` gets the init, and gives how
    /// it ended and the file's content.
    #[track_caller]
    pub fn play(&self, play: impl Fn(Sandbox) -> (Outcome, String)) {
        for row in self.rows {
            // An init that is not PID 1 and does not wait leaves its other processes running: there
            // is nothing to compare.
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
                        // No init waits longer than necessary, not even with --grace 10s.
                        && outcome.took < limit()
                        && outcome.left.is_empty(),
                    "{}, {place:?}: {row:?}\n--- file ---\n{file}--- end ---\n{outcome}",
                    self.name,
                );
            }
        }
    }
}

/// The time that the rows' options allow. Slow machines can stretch the harness's deadlines; this
/// one is stretched as well.
fn limit() -> Duration {
    timeout() / 2
}

/// The file's content; empty where there is no file.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
