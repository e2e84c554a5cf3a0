//! Memory and wake-ups of inits that have nothing to do.

use std::{thread, time::Duration};

use serde::Serialize;

use super::measure::{Measured, going_on, rest};
use crate::{exit::Trouble, init::Init, running::Running, sandbox::Stdio};

/// An idle init.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Idle {
    /// Its proportional set size in kB.
    pub pss_kb: u64,
    /// Its private memory in kB.
    pub private_kb: u64,
    /// Context switches in the window, voluntary or not. A process that sleeps makes none.
    pub wake_ups: u64,
}

/// How often each is started for its memory. The kernel starts the stack at a random place within
/// two pages, so that one start in a few needs a page more.
const STARTS: usize = 25;

/// Watches the inits, all at the same time, each as PID 1 of its own namespace. One that fails is
/// not started again.
pub(super) fn measure(inits: &[Init], window: Duration) -> Result<Vec<Measured<Idle>>, Trouble> {
    going_on()?;
    let running: Vec<_> = inits.iter().map(start).collect();
    let before: Vec<_> = running.iter().map(switches).collect();
    thread::sleep(window);
    going_on()?;
    let after: Vec<_> = running.iter().map(switches).collect();
    drop(running);
    let wake_ups = before.into_iter().zip(after);
    let mut all: Vec<Measured<Samples>> = wake_ups
        .map(|(before, after)| {
            Ok(Samples {
                wake_ups: after?.saturating_sub(before?),
                memory: Vec::new(),
            })
        })
        .collect();
    for _ in 0..STARTS {
        going_on()?;
        for (init, samples) in inits.iter().zip(&mut all) {
            let Ok(earlier) = samples else { continue };
            match start(init).and_then(|init| memory_of(&init)) {
                Ok(sample) => earlier.memory.push(sample),
                Err(why) => *samples = Err(why),
            }
        }
    }
    Ok(all
        .into_iter()
        .map(|samples| samples.map(Samples::medians))
        .collect())
}

/// What was seen of one init.
struct Samples {
    wake_ups: u64,
    memory: Vec<(u64, u64)>,
}

impl Samples {
    fn medians(self) -> Idle {
        let (pss, private) = self.memory.into_iter().unzip();
        Idle {
            pss_kb: middle(pss),
            private_kb: middle(private),
            wake_ups: self.wake_ups,
        }
    }
}

fn middle(mut figures: Vec<u64>) -> u64 {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

fn start(init: &Init) -> Measured<Running> {
    let sandbox = init.sandbox(&[], ["sleep", "1000"]);
    let sandbox = sandbox.stdout(Stdio::Null).stderr(Stdio::Null);
    // The environment is part of the init's memory.
    let sandbox = sandbox.env_clear().env("PATH", "/usr/bin:/bin");
    let running = sandbox.try_start().map_err(|e| e.line(init.path()))?;
    rest(running.process())?;
    Ok(running)
}

fn memory_of(init: &Running) -> Measured<(u64, u64)> {
    let process = init.process();
    let memory = process.pss().zip(process.private_memory());
    memory.ok_or_else(|| "its smaps_rollup cannot be read".to_owned())
}

fn switches(init: &Measured<Running>) -> Measured<u64> {
    let process = init.as_ref().map_err(Clone::clone)?.process();
    let switches = process.context_switches();
    switches.ok_or_else(|| "it has ended before its command".to_owned())
}
