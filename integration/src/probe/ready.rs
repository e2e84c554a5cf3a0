//! What tells that a program has started.

use std::{
    fmt,
    time::{Duration, Instant},
};

use regex::Regex;

use super::scene::Scene;
use crate::{deadline::try_poll_until, duration::show_duration};

/// What tells that a program has started. After that it also has to become quiet.
#[derive(Clone, Debug)]
pub enum Readiness {
    /// This much time has passed.
    After(Duration),
    /// A socket listens on this TCP port in its network.
    Port(u16),
    /// A line of its standard output or error matches.
    Line(Regex),
}

/// What a line has to match, for [`Readiness::Line`].
///
/// # Errors
/// What is wrong with the regular expression.
pub fn line(regex: &str) -> Result<Regex, regex::Error> {
    Regex::new(regex)
}

/// The result of the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// It is ready.
    Ready,
    /// It has ended.
    Ended,
    /// The time is over.
    TimedOut,
}

/// As it is shown while it is waited for.
impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => write!(f, "{} to pass", show_duration(*time)),
            Self::Port(port) => write!(f, "port {port}"),
            Self::Line(regex) => write!(f, "a line that matches {regex}"),
        }
    }
}

impl Readiness {
    /// Waits for at most `limit`.
    pub(super) fn wait(&self, scene: &mut Scene, limit: Duration) -> Waited {
        let begin = Instant::now();
        let mut lines = Lines::default();
        let mut waited = Waited::TimedOut;
        try_poll_until(limit, || {
            // First: the output is complete once the program has ended.
            let ended = scene.has_ended();
            let ready = match self {
                Self::After(time) => begin.elapsed() >= *time,
                Self::Port(port) => scene.pid1().sees_listener(*port),
                Self::Line(regex) => lines.any(scene, regex),
            };
            waited = match (ended, ready) {
                // A program that has ended cannot be told to stop.
                (true, _) => Waited::Ended,
                (false, true) => Waited::Ready,
                (false, false) => Waited::TimedOut,
            };
            waited != Waited::TimedOut
        });
        waited
    }
}

/// How far the two streams have been searched.
#[derive(Default)]
struct Lines([usize; 2]);

impl Lines {
    fn any(&mut self, scene: &Scene, regex: &Regex) -> bool {
        let streams = [scene.stdout(), scene.stderr()];
        streams.iter().zip(&mut self.0).any(|(bytes, seen)| {
            let new = &bytes[*seen..];
            // An incomplete line may match too: a prompt has no line feed.
            let complete = new.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            *seen += complete;
            let text = String::from_utf8_lossy(new);
            text.lines().any(|line| regex.is_match(line))
        })
    }
}
