//! Thousands of orphans, which end as soon as they are there: how an init keeps up.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::going_on;
use crate::{deadline::timeout, exit::Trouble, init::Init, locate::fixture, process::Process};

/// So many orphans are alive at a time.
const ALIVE: usize = 64;

/// The time between two looks.
const PACE: Duration = Duration::from_millis(2);

/// One storm under one init.
#[derive(Clone, Debug, Serialize)]
pub struct Storm {
    /// Orphans reaped per second, from the start of the init until there is no zombie left.
    pub reaped_per_second: f64,
    /// The most zombies that were seen at a time.
    pub backlog: usize,
    /// The time that the init has spent on a processor, in milliseconds.
    pub cpu_ms: f64,
    /// How many zombies there were, and when: milliseconds from the start.
    #[serde(skip)]
    pub zombies: Vec<(f64, usize)>,
}

/// `rounds` storms of `orphans` each under each init, in turn: the storms of each init.
pub(super) fn measure(
    inits: &[Init],
    rounds: usize,
    orphans: usize,
) -> Result<Vec<Vec<Storm>>, Trouble> {
    let mut storms: Vec<Vec<Storm>> = inits.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (init, storms) in inits.iter().zip(&mut storms) {
            storms.push(storm(init, orphans)?);
        }
    }
    Ok(storms)
}

fn storm(init: &Init, orphans: usize) -> Result<Storm, Trouble> {
    let failed = |what: &str| Trouble(format!("{} in a storm of orphans: {what}", init.name()));
    let mut command = vec![fixture().into_os_string()];
    command.extend(["fixture", "orphan-storm"].map(Into::into));
    command.extend([orphans.to_string(), "--alive".to_owned(), ALIVE.to_string()].map(Into::into));
    let begin = Instant::now();
    let running = init.sandbox(&[], command).try_start();
    let running = running.map_err(|e| failed(&e.line(init.path())))?;
    let process = running.process();
    let is_zombie = |child: &Process| child.state() == Some('Z');
    let mut zombies = Vec::new();
    loop {
        going_on()?;
        // Asked first: no orphan is made after the command has said that it is done.
        let done = running.stdout_so_far().starts_with(b"done ");
        let count = process.children().into_iter().filter(is_zombie).count();
        let now = begin.elapsed();
        zombies.push((now.as_secs_f64() * 1e3, count));
        if done && count == 0 {
            let cpu = process.cpu_time();
            let cpu = cpu.ok_or_else(|| failed("it has ended before its command"))?;
            return Ok(Storm {
                reaped_per_second: orphans as f64 / now.as_secs_f64(),
                backlog: zombies.iter().map(|(_, count)| *count).max().unwrap_or(0),
                cpu_ms: cpu.as_secs_f64() * 1e3,
                zombies,
            });
        }
        if now > timeout() {
            return Err(failed("it has not reaped all when the time was over"));
        }
        // Not a wait for something: the pace of the samples.
        thread::sleep(PACE);
    }
}
