//! Signal latency: from sending a signal to an init until the command has it.

use std::iter;

use super::{
    measure::{Measured, Turns, going_on, rest},
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

/// How many rounds a process takes part in, and how many processes there are of each at most. Where the
/// kernel puts its stack and its pages makes one process up to a tenth slower than the next, all its
/// life.
const ROUNDS_EACH: usize = 50;
const STARTS: usize = 20;

/// Sends a signal to each once in each of `rounds`. All of them run and wait the whole time, on one
/// processor, as for the start-up time.
pub(super) fn measure(inits: &[Init], rounds: usize) -> Result<Samples, Trouble> {
    let pinned = Pinned::new()?;
    let mut bare = Ok(Vec::new());
    let mut under: Vec<Measured<Vec<f64>>> = inits.iter().map(|_| Ok(Vec::new())).collect();
    let starts = (rounds / ROUNDS_EACH).clamp(1, STARTS);
    for start in 0..starts {
        let share = rounds * (start + 1) / starts - rounds * start / starts;
        take_part(inits, share, &mut bare, &mut under)?;
    }
    going_on()?;
    drop(pinned);
    Ok(Samples {
        bare: bare.map_err(|why| Trouble(format!("the command: {why}")))?,
        inits: under,
    })
}

/// Starts all of them, and adds the samples of so many rounds. What has failed before is left out.
fn take_part(
    inits: &[Init],
    rounds: usize,
    bare: &mut Measured<Vec<f64>>,
    under: &mut [Measured<Vec<f64>>],
) -> Result<(), Trouble> {
    let program = fixture();
    let command = [program.as_os_str(), "fixture".as_ref(), "stamps".as_ref()];
    let alone = Sandbox::plain(&program).args(&command[1..]);
    let sandboxes = inits.iter().map(|init| init.sandbox(&[], command));
    let mut targets = Vec::new();
    for (sandbox, samples) in iter::once((alone, bare)).chain(sandboxes.zip(under)) {
        going_on()?;
        if samples.is_ok() {
            match Target::start(sandbox) {
                Ok(target) => targets.push((target, samples)),
                Err(why) => *samples = Err(why),
            }
        }
    }
    let mut turns = Turns::of(targets.len());
    for _ in 0..rounds {
        going_on()?;
        for at in turns.round() {
            let (target, samples) = &mut targets[*at];
            if let Ok(all) = samples {
                match target.ask() {
                    Ok(sample) => all.push(sample),
                    Err(why) => **samples = Err(why),
                }
            }
        }
    }
    Ok(())
}

/// A command, or an init with a command, that waits for signals.
struct Target(Running);

impl Target {
    fn start(sandbox: Sandbox) -> Measured<Self> {
        let program = sandbox.program.clone();
        let mut running = sandbox.try_start().map_err(|e| e.line(program))?;
        let ready = running.try_expect_line("ready", |line| line.starts_with("ready "));
        ready.map_err(|_| "its command does not start".to_owned())?;
        rest(running.process())?;
        Ok(Self(running))
    }

    /// Sends a signal, and gives the microseconds until it arrived.
    fn ask(&mut self) -> Measured<f64> {
        let sent = sys::monotonic_nanos().map_err(|e| e.to_string())?;
        self.0.kill(libc::SIGUSR1);
        let arrived = self
            .0
            .try_expect_line("a signal", |line| line.starts_with("signal "));
        let line = arrived.map_err(|_| "a signal has not arrived".to_owned())?;
        let at = line.split_once("at=").and_then(|(_, at)| at.parse().ok());
        let at: i64 = at.ok_or_else(|| format!("no time in {line:?}"))?;
        Ok((at - sent) as f64 / 1e3)
    }
}
