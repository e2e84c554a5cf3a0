//! Signal latency: from sending a signal to an init until the command has it.

use super::{
    measure::{Measured, going_on, rest},
    pinned::Pinned,
};
use crate::{exit::Trouble, init::Init, locate::fixture, running::Running, sandbox::Sandbox, sys};

/// Microseconds of each round.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    /// Without an init: sent to the command itself.
    pub bare: Vec<f64>,
    /// Through each init.
    pub inits: Vec<Measured<Vec<f64>>>,
}

/// Sends a signal to each in turn, `rounds` times. All of them run and wait the whole time, on one
/// processor, as for the start-up time.
pub(super) fn measure(inits: &[Init], rounds: usize) -> Result<Samples, Trouble> {
    let pinned = Pinned::new()?;
    let program = fixture();
    let command = [program.as_os_str(), "fixture".as_ref(), "stamps".as_ref()];
    let bare = Sandbox::plain(&program).args(&command[1..]);
    let bare = Target::start(bare).map_err(|why| Trouble(format!("the command: {why}")))?;
    let mut targets = vec![Ok(bare)];
    for init in inits {
        targets.push(Target::start(init.sandbox(&[], command)));
        going_on()?;
    }
    for _ in 0..rounds {
        going_on()?;
        for target in &mut targets {
            if let Ok(running) = target
                && let Err(why) = running.ask()
            {
                *target = Err(why);
            }
        }
    }
    going_on()?;
    drop(pinned);
    let mut samples = targets.into_iter().map(|target| Ok(target?.samples));
    let bare = samples.next().unwrap_or_else(|| Ok(Vec::new()));
    Ok(Samples {
        bare: bare.map_err(|why: String| Trouble(format!("the command: {why}")))?,
        inits: samples.collect(),
    })
}

/// A command, or an init with a command, that waits for signals.
struct Target {
    running: Running,
    samples: Vec<f64>,
}

impl Target {
    fn start(sandbox: Sandbox) -> Measured<Self> {
        let program = sandbox.program.clone();
        let mut running = sandbox.try_start().map_err(|e| e.line(program))?;
        let ready = running.try_expect_line("ready", |line| line.starts_with("ready "));
        ready.map_err(|_| "its command does not start".to_owned())?;
        rest(running.process())?;
        Ok(Self {
            running,
            samples: Vec::new(),
        })
    }

    /// Sends a signal, and keeps the microseconds until it arrived.
    fn ask(&mut self) -> Measured<()> {
        let sent = sys::monotonic_nanos().map_err(|e| e.to_string())?;
        self.running.kill(libc::SIGUSR1);
        let arrived = self
            .running
            .try_expect_line("a signal", |line| line.starts_with("signal "));
        let line = arrived.map_err(|_| "a signal has not arrived".to_owned())?;
        let at = line.split_once("at=").and_then(|(_, at)| at.parse().ok());
        let at: i64 = at.ok_or_else(|| format!("no time in {line:?}"))?;
        self.samples.push((at - sent) as f64 / 1e3);
        Ok(())
    }
}
