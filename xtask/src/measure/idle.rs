//! Memory and wake-ups of inits that have nothing to do.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use initlab::{Process, Running, Sandbox, Stdio};

use super::subject::Subject;

/// How long they are watched.
const WINDOW: Duration = Duration::from_secs(10);

/// An init counts as settled when it has slept for so long: it is done with its start.
const SETTLED: Duration = Duration::from_millis(300);
const SETTLE_LIMIT: Duration = Duration::from_secs(20);

pub struct Idle {
    pub pss_kb: u64,
    /// Context switches in the window, voluntary or not. A process that sleeps makes none.
    pub wake_ups: u64,
}

/// Watches the inits, all at the same time, each as PID 1 of a namespace of its own.
pub fn measure(subjects: &[Subject]) -> Result<Vec<Idle>> {
    log::info!("watching idle inits for {} s", WINDOW.as_secs());
    let mut inits = Vec::new();
    for subject in subjects {
        inits.push(start(subject).with_context(|| format!("cannot run {}", subject.name))?);
    }
    for init in &inits {
        settle(init.process())?;
    }
    let before = all_switches(&inits)?;
    thread::sleep(WINDOW);
    let after = all_switches(&inits)?;
    let mut idle = Vec::new();
    for ((init, before), after) in inits.iter().zip(before).zip(after) {
        let pss_kb = init
            .process()
            .pss()
            .context("cannot read smaps_rollup of an init")?;
        idle.push(Idle {
            pss_kb,
            wake_ups: after - before,
        });
    }
    Ok(idle)
}

fn start(subject: &Subject) -> Result<Running> {
    let init = Sandbox::new(&subject.path)
        .args(["--", "sleep", "1000"])
        .stdout(Stdio::Null)
        .stderr(Stdio::Null)
        .try_start()?;
    Ok(init)
}

/// Waits until the init has started its command and gone to sleep.
fn settle(init: Process) -> Result<()> {
    let deadline = Instant::now() + SETTLE_LIMIT;
    let mut last = switches(init)?;
    let mut since = Instant::now();
    while since.elapsed() < SETTLED || init.children().is_empty() {
        ensure!(Instant::now() < deadline, "an init does not come to rest");
        thread::sleep(Duration::from_millis(10));
        let now = switches(init)?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

fn all_switches(inits: &[Running]) -> Result<Vec<u64>> {
    inits.iter().map(|init| switches(init.process())).collect()
}

fn switches(init: Process) -> Result<u64> {
    init.context_switches()
        .context("an init has ended before its command")
}
