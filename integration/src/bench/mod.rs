//! `initlab bench`: how big, how frugal and how fast inits are.
//!
//! All that is timed is interleaved, A B C A B C, so that what else happens on the machine meets all
//! inits alike; ratios have bootstrapped 95 % intervals. [`Measure`] says what is measured, and how.
//!
//! ```no_run
//! use initlab::bench::{Bench, Measure};
//!
//! let report = Bench::new(["tini".parse()?, "dumb-init".parse()?])
//!     .only([Measure::Startup, Measure::Size])
//!     .run()?;
//! print!("{}", report.to_text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod args;
mod empty;
mod idle;
mod latency;
mod pinned;
mod plots;
mod report;
mod startup;
mod statistics;
mod storm;
mod syscalls;

use std::{
    fmt, fs,
    path::Path,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use serde::Serialize;

pub use args::{Args, main};
pub use idle::Idle;
pub use report::{Figures, Latency, Report, Startup, Storms};
pub use statistics::{Estimate, median, percentile, ratio};
pub use storm::Storm;

use crate::{
    deadline::try_poll_until,
    elf::is_dynamic,
    exit::Trouble,
    init::Init,
    interrupt,
    process::Process,
    sandbox::{Sandbox, Stdio},
    skip::missing_program,
    temp::TempDir,
};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Start to end of an empty command, beside the bare exec of it
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

/// As it is called on the command line.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Startup,
        Self::Latency,
        Self::Storm,
        Self::Idle,
        Self::Syscalls,
        Self::Size,
    ];
}

/// Inits to be measured, and how much.
#[must_use]
#[derive(Clone, Debug)]
pub struct Bench {
    inits: Vec<Init>,
    only: Vec<Measure>,
    rounds: usize,
    storms: usize,
    orphans: usize,
    window: Duration,
}

impl Bench {
    /// The first init is the one that the others are compared with.
    pub fn new(inits: impl IntoIterator<Item = Init>) -> Self {
        Self {
            inits: inits.into_iter().collect(),
            only: Measure::ALL.to_vec(),
            rounds: 1000,
            storms: 5,
            orphans: 5000,
            window: Duration::from_secs(10),
        }
    }

    /// Measures these only.
    pub fn only(mut self, only: impl IntoIterator<Item = Measure>) -> Self {
        self.only = only.into_iter().collect();
        self
    }

    /// How often each is started, and sent a signal.
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds.max(1);
        self
    }

    /// How many storms there are under each init, and of how many orphans.
    pub fn storms(mut self, storms: usize, orphans: usize) -> Self {
        (self.storms, self.orphans) = (storms.max(1), orphans.max(1));
        self
    }

    /// How long idle inits are watched.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Measures.
    pub fn run(&self) -> Result<Report, Trouble> {
        self.run_telling(|_| {})
    }

    /// As [`run`](Self::run); `tell` is called with what is going to be measured.
    pub fn run_telling(&self, mut tell: impl FnMut(Measure)) -> Result<Report, Trouble> {
        if self.inits.is_empty() {
            return Err(Trouble("there is no init to measure".to_owned()));
        }
        for init in &self.inits {
            init.check().map_err(|e| Trouble(e.to_string()))?;
        }
        let directory = TempDir::try_new();
        let directory = directory.map_err(|e| Trouble(format!("cannot make a directory: {e}")))?;
        let empty = directory.join("empty");
        empty::write(&empty)
            .map_err(|e| Trouble(format!("cannot write the empty command: {e}")))?;
        for init in &self.inits {
            runs_a_command(init, &empty)?;
        }
        let mut wants = |measure| {
            let wanted = self.only.contains(&measure);
            if wanted {
                tell(measure);
            }
            wanted
        };
        let inits = &self.inits[..];
        let figures = inits.iter().map(Figures::new).collect::<Result<_, _>>()?;
        let mut report = Report::new(figures, self);
        if wants(Measure::Size) {
            for (init, figures) in inits.iter().zip(&mut report.inits) {
                let failed = |e| Trouble(format!("cannot look at {}: {e}", init.path().display()));
                let size = fs::metadata(init.path()).map_err(failed)?.len();
                let dynamic = is_dynamic(init.path()).map_err(failed)?;
                (figures.bytes, figures.dynamic) = (Some(size), Some(dynamic));
            }
        }
        if wants(Measure::Syscalls) && missing_program("strace").is_none() {
            let counts = syscalls::count(inits, &empty)?;
            for (figures, count) in report.inits.iter_mut().zip(counts) {
                figures.syscalls = Some(count);
            }
        }
        if wants(Measure::Startup) {
            report.take_startup(startup::measure(&empty, inits, self.rounds)?);
        }
        if wants(Measure::Latency) {
            report.take_latency(latency::measure(inits, self.rounds)?);
        }
        if wants(Measure::Storm) {
            report.take_storms(storm::measure(inits, self.storms, self.orphans)?);
        }
        if wants(Measure::Idle) {
            let idle = idle::measure(inits, self.window)?;
            for (figures, idle) in report.inits.iter_mut().zip(idle) {
                figures.idle = Some(idle);
            }
        }
        Ok(report)
    }
}

/// Fails where an init does not run a command that does nothing, and end: whoever times it does not
/// look at a clock.
fn runs_a_command(init: &Init, empty: &Path) -> Result<(), Trouble> {
    let failed = |what: String| Trouble(format!("cannot measure {}: {what}", init.name()));
    let sandbox = Sandbox::plain(init.path())
        .arg0(init.arg0())
        .args(init.arguments(&[], [empty]))
        .stdout(Stdio::Null)
        .stderr(Stdio::Null)
        .timeout(COMMAND_LIMIT);
    let mut running = sandbox
        .try_start()
        .map_err(|e| failed(e.line(init.path())))?;
    let ended = running.try_wait_exit();
    going_on()?;
    match ended.map(|status| (status, status.code())) {
        Ok((_, Some(0))) => Ok(()),
        Ok((status, _)) => Err(failed(format!(
            "given a command that does nothing, it {status}"
        ))),
        Err(_) => Err(failed(format!(
            "given a command that does nothing, it does not end within {COMMAND_LIMIT:?}"
        ))),
    }
}

/// How long an init may take for a command that does nothing.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// An init is at rest when it has slept for so long: it is done with its start.
const AT_REST: Duration = Duration::from_millis(300);
const REST_LIMIT: Duration = Duration::from_secs(20);

/// Waits until a process has started what it is to start, and sleeps.
fn rest(process: Process) -> Result<(), String> {
    let mut last = None;
    let mut since = Instant::now();
    let at_rest = try_poll_until(REST_LIMIT, || {
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

/// Fails when we are to end.
fn going_on() -> Result<(), Trouble> {
    match interrupt::caught() {
        Some(_) => Err(Trouble("interrupted".to_owned())),
        None => Ok(()),
    }
}
