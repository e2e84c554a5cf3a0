//! Memory and wake-ups of inits that have nothing to do.

use std::{thread, time::Duration};

use serde::Serialize;

use super::{going_on, rest};
use crate::{exit::Trouble, init::Init, running::Running, sandbox::Stdio};

/// An init at rest.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Idle {
    /// Its proportional set size in kB.
    pub pss_kb: u64,
    /// Its private memory in kB.
    pub private_kb: u64,
    /// Context switches in the window, voluntary or not. A process that sleeps makes none.
    pub wake_ups: u64,
}

/// How often each is started for its memory. The kernel begins the stack somewhere in two pages at
/// random, so that one start more or less needs a page more.
const STARTS: usize = 9;

/// Watches the inits, all at the same time, each as PID 1 of a namespace of its own.
pub(super) fn measure(inits: &[Init], window: Duration) -> Result<Vec<Idle>, Trouble> {
    let running = start_all(inits)?;
    let before = all_switches(&running)?;
    thread::sleep(window);
    going_on()?;
    let after = all_switches(&running)?;
    drop(running);
    let memory = memory(inits)?;
    let look = |((memory, before), after): ((Memory, u64), u64)| Idle {
        pss_kb: memory.pss_kb,
        private_kb: memory.private_kb,
        wake_ups: after - before,
    };
    Ok(memory
        .into_iter()
        .zip(before)
        .zip(after)
        .map(look)
        .collect())
}

#[derive(Clone, Copy)]
struct Memory {
    pss_kb: u64,
    private_kb: u64,
}

/// The medians of several starts.
fn memory(inits: &[Init]) -> Result<Vec<Memory>, Trouble> {
    let mut samples = vec![Vec::new(); inits.len()];
    for _ in 0..STARTS {
        going_on()?;
        for (init, samples) in start_all(inits)?.iter().zip(&mut samples) {
            let process = init.process();
            let memory = process.pss().zip(process.private_memory());
            samples.push(
                memory.ok_or_else(|| Trouble("cannot read smaps_rollup of an init".to_owned()))?,
            );
        }
    }
    let middle = |mut figures: Vec<u64>| {
        figures.sort_unstable();
        figures[figures.len() / 2]
    };
    let medians = |samples: Vec<(u64, u64)>| {
        let (pss, private) = samples.into_iter().unzip();
        Memory {
            pss_kb: middle(pss),
            private_kb: middle(private),
        }
    };
    Ok(samples.into_iter().map(medians).collect())
}

fn start_all(inits: &[Init]) -> Result<Vec<Running>, Trouble> {
    inits.iter().map(start).collect()
}

fn start(init: &Init) -> Result<Running, Trouble> {
    let failed = |what: String| Trouble(format!("cannot watch {} idle: {what}", init.name()));
    let sandbox = init.sandbox(&[], ["sleep", "1000"]);
    let sandbox = sandbox.stdout(Stdio::Null).stderr(Stdio::Null);
    // What is in the environment is memory of the init, too.
    let sandbox = sandbox.env_clear().env("PATH", "/usr/bin:/bin");
    let started = sandbox.try_start();
    let running = started.map_err(|e| failed(e.line(init.path())))?;
    rest(running.process()).map_err(failed)?;
    Ok(running)
}

fn all_switches(inits: &[Running]) -> Result<Vec<u64>, Trouble> {
    let gone = || Trouble("an init has ended before its command".to_owned());
    let switches = |init: &Running| init.process().context_switches().ok_or_else(gone);
    inits.iter().map(switches).collect()
}
