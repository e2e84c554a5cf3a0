//! What is measured, and what all measurements share.

use std::{
    fmt,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use fastrand::Rng;
use serde::Serialize;

use crate::{
    deadline::{scaled, try_poll_until},
    exit::Trouble,
    interrupt,
    process::Process,
};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Start to end of an empty command, compared with executing it twice
    Startup,
    /// From sending a signal to its arrival at the command
    Latency,
    /// Thousands of orphans: reaped per second, zombies, processor time
    Storm,
    /// Memory and wake-ups of an init with nothing to do
    Idle,
    /// System calls from start to end of an empty command
    Syscalls,
    /// Bytes of the binary
    Size,
}

/// Its name on the command line.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Measure {
    /// All measures.
    pub const ALL: [Self; 6] = [
        Self::Startup,
        Self::Latency,
        Self::Storm,
        Self::Idle,
        Self::Syscalls,
        Self::Size,
    ];
}

/// What one init came to: its figures, or why there are none.
pub(super) type Measured<T> = Result<T, String>;

/// How thoroughly it is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// How often each init is started, and sent a signal.
    pub rounds: usize,
    /// The number of storms under each init.
    pub storms: usize,
    /// The number of orphans in a storm.
    pub orphans: usize,
    /// How long idle inits are watched.
    pub window: Duration,
}

/// An init that has slept this long has finished its start.
const AT_REST: Duration = Duration::from_millis(300);

/// How long an init may take until then; inits that fail this are left out.
const REST_LIMIT: Duration = Duration::from_secs(10);

/// Waits until a process has finished its start and sleeps.
pub(super) fn rest(process: Process) -> Measured<()> {
    let mut last = None;
    let mut since = Instant::now();
    let at_rest = try_poll_until(scaled(REST_LIMIT), || {
        let now = process.context_switches();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        since.elapsed() >= AT_REST
    });
    match (at_rest, last) {
        (_, None) => Err("it has ended".to_owned()),
        (false, _) => Err("it does not come to rest".to_owned()),
        _ => Ok(()),
    }
}

/// Fails after an interrupt.
pub(super) fn going_on() -> Result<(), Trouble> {
    match interrupt::caught() {
        Some(_) => Err(Trouble("interrupted".to_owned())),
        None => Ok(()),
    }
}

/// Who comes next, in another order in each round: what has just run leaves caches that suit the next one
/// more or less.
pub(super) struct Turns {
    random: Rng,
    order: Vec<usize>,
}

impl Turns {
    pub fn of(count: usize) -> Self {
        Self {
            random: Rng::with_seed(1),
            order: (0..count).collect(),
        }
    }

    /// The numbers below the count, shuffled.
    pub fn round(&mut self) -> &[usize] {
        self.random.shuffle(&mut self.order);
        &self.order
    }
}
