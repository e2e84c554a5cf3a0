//! When a program counts as started.

use std::time::{Duration, Instant};

use regex::Regex;

use super::scene::Scene;
use crate::deadline::try_poll_until;

/// What says that a program has started and can be told to stop.
#[derive(Clone, Debug)]
pub enum Readiness {
    /// So much time has passed.
    After(Duration),
    /// Somebody listens on this TCP port in its network.
    Port(u16),
    /// A line of its standard output or error matches.
    Line(Regex),
}

/// How the wait for it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// It is ready.
    Ready,
    /// It has ended before.
    Ended,
    /// The time is over.
    TimedOut,
}

impl Readiness {
    /// Waits for `limit` at most.
    pub(super) fn wait(&self, scene: &mut Scene, limit: Duration) -> Waited {
        let begin = Instant::now();
        let mut lines = Lines::default();
        let mut waited = Waited::TimedOut;
        try_poll_until(limit, || {
            // Looked at first: what a program writes before it ends is complete when it has ended.
            let ended = scene.has_ended();
            let ready = match self {
                Self::After(time) => begin.elapsed() >= *time,
                Self::Port(port) => scene.pid1().sees_listener(*port),
                Self::Line(regex) => lines.any(scene, regex),
            };
            waited = match (ended, ready) {
                // A program that has ended cannot be told anything any more.
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
            // A line that is not complete may match already: a prompt has no line feed.
            let complete = new.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            *seen += complete;
            let text = String::from_utf8_lossy(new);
            text.lines().any(|line| regex.is_match(line))
        })
    }
}
