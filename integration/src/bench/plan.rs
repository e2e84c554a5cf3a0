//! The inits to measure, and measuring them.

use std::{fs, path::Path, time::Duration};

use super::{
    empty, idle, latency,
    measure::{Effort, Measure, going_on},
    report::Report,
    startup, storm, syscalls,
};
use crate::{
    elf::is_dynamic,
    exit::Trouble,
    init::Init,
    sandbox::{Sandbox, Stdio},
    skip::missing_program,
    temp::TempDir,
};

/// The inits to measure, and how thoroughly.
#[must_use]
#[derive(Clone, Debug)]
pub struct Bench {
    inits: Vec<Init>,
    reference: Option<Init>,
    only: Vec<Measure>,
    effort: Effort,
}

impl Bench {
    /// The others are compared with the first init.
    pub fn new(inits: impl IntoIterator<Item = Init>) -> Self {
        Self {
            inits: inits.into_iter().collect(),
            reference: None,
            only: Measure::ALL.to_vec(),
            effort: Effort {
                rounds: 1000,
                storms: 5,
                orphans: 5000,
                window: Duration::from_secs(10),
            },
        }
    }

    /// Also compares all inits with this one: a reference in C that makes the same system calls
    /// and does nothing else.
    pub fn reference(mut self, reference: Init) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Restricts the measurement.
    pub fn only(mut self, only: impl IntoIterator<Item = Measure>) -> Self {
        self.only = only.into_iter().collect();
        self
    }

    /// How often each init is started, and sent a signal.
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.effort.rounds = rounds.max(1);
        self
    }

    /// How many storms there are under each init, and of how many orphans.
    pub fn storms(mut self, storms: usize, orphans: usize) -> Self {
        (self.effort.storms, self.effort.orphans) = (storms.max(1), orphans.max(1));
        self
    }

    /// How long idle inits are watched.
    pub fn window(mut self, window: Duration) -> Self {
        self.effort.window = window;
        self
    }

    /// Measures everything that is wanted.
    pub fn run(&self) -> Result<Report, Trouble> {
        self.run_telling(|_| {})
    }

    /// As [`run`](Self::run); `tell` is called before each measurement.
    pub fn run_telling(&self, mut tell: impl FnMut(Measure)) -> Result<Report, Trouble> {
        if self.inits.is_empty() {
            return Err(Trouble("there is no init to measure".to_owned()));
        }
        // The reference comes last: the first is the base of the other ratios.
        let all: Vec<Init> = self.inits.iter().chain(&self.reference).cloned().collect();
        for init in &all {
            init.check().map_err(|e| Trouble(e.to_string()))?;
        }
        let directory = TempDir::try_new();
        let directory = directory.map_err(|e| Trouble(format!("cannot make a directory: {e}")))?;
        let empty = directory.join("empty");
        empty::write(&empty)
            .map_err(|e| Trouble(format!("cannot write the empty command: {e}")))?;
        for init in &all {
            runs_a_command(init, &empty)?;
        }
        let mut wants = |measure| {
            let wanted = self.only.contains(&measure);
            if wanted {
                tell(measure);
            }
            wanted
        };
        let (inits, effort) = (&self.inits[..], self.effort);
        let mut report = Report::new(inits, self.reference.as_ref(), self.effort);
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
            report.take_startup(startup::measure(&empty, &all, effort.rounds)?);
        }
        if wants(Measure::Latency) {
            report.take_latency(latency::measure(&all, effort.rounds)?);
        }
        if wants(Measure::Storm) {
            report.take_storms(storm::measure(&all, effort.storms, effort.orphans)?);
        }
        if wants(Measure::Idle) {
            report.take_idle(idle::measure(inits, effort.window)?);
        }
        // What failed because we are to end is no figure.
        going_on()?;
        Ok(report)
    }
}

/// Fails when an init does not run an empty command to its end: the timed runs have no deadline.
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

/// How long an init may take for an empty command.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
