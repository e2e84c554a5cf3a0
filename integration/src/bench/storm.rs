//! Storms of orphans: thousands of processes that end as soon as they exist.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::measure::{Measured, going_on};
use crate::{deadline::timeout, exit::Trouble, init::Init, locate::fixture, process::Process};

/// How many orphans live at a time.
const ALIVE: usize = 64;

/// The time between two looks.
const PACE: Duration = Duration::from_millis(2);

/// One storm under one init.
#[derive(Clone, Debug, Serialize)]
pub struct Storm {
    /// Orphans reaped per second, from the start of the init until no zombie is left.
    pub reaped_per_second: f64,
    /// The most zombies seen at a time.
    pub backlog: usize,
    /// Processor time of the init, in milliseconds.
    pub cpu_ms: f64,
    /// The number of zombies over time: milliseconds from the start, and the number.
    #[serde(skip)]
    pub zombies: Vec<(f64, usize)>,
}

/// `rounds` storms of `orphans` each under each init, in turn.
pub(super) fn measure(
    inits: &[Init],
    rounds: usize,
    orphans: usize,
) -> Result<Vec<Measured<Vec<Storm>>>, Trouble> {
    let mut all: Vec<Measured<Vec<Storm>>> = inits.iter().map(|_| Ok(Vec::new())).collect();
    for _ in 0..rounds {
        for (init, storms) in inits.iter().zip(&mut all) {
            let Ok(earlier) = storms else { continue };
            match storm(init, orphans)? {
                Ok(storm) => earlier.push(storm),
                Err(why) => *storms = Err(why),
            }
        }
    }
    Ok(all)
}

/// One storm. An error is ours; a failure of the init is inside.
fn storm(init: &Init, orphans: usize) -> Result<Measured<Storm>, Trouble> {
    let mut command = vec![fixture().into_os_string()];
    command.extend(["fixture", "orphan-storm"].map(Into::into));
    command.extend([orphans.to_string(), "--alive".to_owned(), ALIVE.to_string()].map(Into::into));
    let begin = Instant::now();
    let mut running = match init.sandbox(&[], command).try_start() {
        Ok(running) => running,
        Err(error) => return Ok(Err(error.line(init.path()))),
    };
    let process = running.process();
    let is_zombie = |child: &Process| child.state() == Some('Z');
    let mut zombies = Vec::new();
    loop {
        going_on()?;
        // Read before counting: the command makes no orphan after it has said that it is done.
        let done = running.stdout_so_far().starts_with(b"done ");
        let count = process.children().into_iter().filter(is_zombie).count();
        let now = begin.elapsed();
        zombies.push((now.as_secs_f64() * 1e3, count));
        if done && count == 0 {
            let Some(cpu) = process.cpu_time() else {
                return Ok(Err("it has ended before its command".to_owned()));
            };
            return Ok(Ok(Storm {
                reaped_per_second: orphans as f64 / now.as_secs_f64(),
                backlog: zombies.iter().map(|(_, count)| *count).max().unwrap_or(0),
                cpu_ms: cpu.as_secs_f64() * 1e3,
                zombies,
            }));
        }
        if running.try_status().is_some() {
            return Ok(Err("it has ended before its command".to_owned()));
        }
        if now > timeout() {
            return Ok(Err("it has not reaped all orphans in time".to_owned()));
        }
        // The interval of sampling, not a wait for a condition.
        thread::sleep(PACE);
    }
}
