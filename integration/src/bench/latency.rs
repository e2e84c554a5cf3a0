//! How long a signal takes through an init: from the moment that it is sent to the init until the
//! command has it.

use super::{going_on, pinned::Pinned, rest};
use crate::{exit::Trouble, init::Init, locate::fixture, running::Running, sandbox::Sandbox, sys};

/// Microseconds of each round.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    /// Without an init: sent to the command itself.
    pub bare: Vec<f64>,
    /// Through each of the inits.
    pub inits: Vec<Vec<f64>>,
}

/// Sends a signal to each in turn, `rounds` times. All of them run all the while, and wait; on one
/// processor, as the start-up is measured.
pub(super) fn measure(inits: &[Init], rounds: usize) -> Result<Samples, Trouble> {
    let pinned = Pinned::new()?;
    let program = fixture();
    let command = [program.as_os_str(), "fixture".as_ref(), "stamps".as_ref()];
    let bare = Sandbox::plain(&program).args(&command[1..]);
    let mut targets = vec![Target::start("the command", bare)?];
    for init in inits {
        targets.push(Target::start(init.name(), init.sandbox(&[], command))?);
    }
    let mut samples = vec![Vec::with_capacity(rounds); targets.len()];
    for _ in 0..rounds {
        going_on()?;
        for (target, samples) in targets.iter_mut().zip(&mut samples) {
            samples.push(target.ask()?);
        }
    }
    drop(pinned);
    let mut samples = samples.into_iter();
    Ok(Samples {
        bare: samples.next().unwrap_or_default(),
        inits: samples.collect(),
    })
}

struct Target {
    name: String,
    running: Running,
}

impl Target {
    fn start(name: &str, sandbox: Sandbox) -> Result<Self, Trouble> {
        let failed = |what: String| Trouble(format!("cannot send signals to {name}: {what}"));
        let program = sandbox.program.clone();
        let started = sandbox.try_start();
        let mut running = started.map_err(|e| failed(e.line(program)))?;
        let ready = running.try_expect_line("ready", |line| line.starts_with("ready "));
        ready.map_err(|_| failed("its command does not start".to_owned()))?;
        rest(running.process()).map_err(failed)?;
        Ok(Self {
            name: name.to_owned(),
            running,
        })
    }

    /// Microseconds from sending a signal to its arrival.
    fn ask(&mut self) -> Result<f64, Trouble> {
        let Self { name, running } = self;
        let failed = |what: &str| Trouble(format!("{name}: {what}"));
        let sent = sys::monotonic_nanos().map_err(|e| failed(&e.to_string()))?;
        running.kill(libc::SIGUSR1);
        let arrived = running.try_expect_line("a signal", |line| line.starts_with("signal "));
        let line = arrived.map_err(|_| failed("a signal has not arrived"))?;
        let at = line
            .split_once("at=")
            .and_then(|(_, at)| at.parse::<i64>().ok());
        let at = at.ok_or_else(|| failed("a signal has no time"))?;
        Ok((at - sent) as f64 / 1e3)
    }
}
