//! Whether a program has finished its start.
//!
//! A server often listens before it has installed its signal handlers, and a program that is told to
//! stop while it starts shows nothing but that. So a program counts as started when it is quiet: its
//! threads sleep, it uses hardly any processor time, and its processes and their signal handlers do
//! not change any more.

use std::time::{Duration, Instant};

use super::{ready::Waited, scene::Scene};
use crate::{deadline::try_poll_until, process::Process, signals::SignalSet};

/// A program that never becomes quiet is waited for this many times as long as it should be quiet.
const PATIENCE: u32 = 10;

/// The share of one processor that a quiet program may use.
const IDLE: f64 = 0.05;

/// Waits until all processes of the scene have been quiet for `settle`, and tells whether they have.
pub(super) fn wait(scene: &mut Scene, settle: Duration) -> (Waited, bool) {
    if settle.is_zero() {
        return (Waited::Ready, true);
    }
    let mut before = Activity::of(scene.pid1());
    let mut since = Instant::now();
    let (mut ended, mut quiet) = (false, false);
    try_poll_until(settle * PATIENCE, || {
        ended = scene.has_ended();
        let now = Activity::of(scene.pid1());
        let elapsed = since.elapsed();
        if now.differs_from(&before, elapsed) {
            (before, since) = (now, Instant::now());
        }
        quiet = elapsed >= settle && since.elapsed() >= settle;
        ended || quiet
    });
    match ended {
        true => (Waited::Ended, false),
        false => (Waited::Ready, quiet),
    }
}

/// What the processes of a namespace are doing.
struct Activity {
    processes: Vec<(i32, Option<[SignalSet; 2]>)>,
    runs: bool,
    used: Duration,
}

impl Activity {
    fn of(pid1: Process) -> Self {
        let mut all = pid1.descendants();
        all.push(pid1);
        all.sort_by_key(|process| process.pid);
        let handlers = |process: &Process| {
            let set = |name| process.signal_set(name);
            Some([set("SigCgt")?, set("SigIgn")?])
        };
        let threads: Vec<_> = all.iter().flat_map(|process| process.threads()).collect();
        Self {
            processes: all.iter().map(|p| (p.pid, handlers(p))).collect(),
            runs: threads
                .iter()
                .any(|thread| matches!(thread.state, 'R' | 'D')),
            used: threads.iter().map(|thread| thread.used).sum(),
        }
    }

    /// Whether something has happened in the time between.
    fn differs_from(&self, before: &Self, elapsed: Duration) -> bool {
        // At least the length of a clock tick, so that one look too many does not count.
        let idle = elapsed.mul_f64(IDLE).max(Duration::from_millis(10));
        self.runs
            || self.processes != before.processes
            || self.used.saturating_sub(before.used) > idle
    }
}
