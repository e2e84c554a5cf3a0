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

/// Watches the inits, all at the same time, each as PID 1 of a namespace of its own.
pub(super) fn measure(inits: &[Init], window: Duration) -> Result<Vec<Idle>, Trouble> {
    let running = inits.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    let before = all_switches(&running)?;
    thread::sleep(window);
    going_on()?;
    let after = all_switches(&running)?;
    let look = |((init, before), after): ((&Running, u64), u64)| {
        let process = init.process();
        let memory = process.pss().zip(process.private_memory());
        let (pss_kb, private_kb) =
            memory.ok_or_else(|| Trouble("cannot read smaps_rollup of an init".to_owned()))?;
        Ok(Idle {
            pss_kb,
            private_kb,
            wake_ups: after - before,
        })
    };
    running.iter().zip(before).zip(after).map(look).collect()
}

fn start(init: &Init) -> Result<Running, Trouble> {
    let failed = |what: String| Trouble(format!("cannot watch {} idle: {what}", init.name()));
    let sandbox = init.sandbox(&[], ["sleep", "1000"]);
    let sandbox = sandbox.stdout(Stdio::Null).stderr(Stdio::Null);
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
