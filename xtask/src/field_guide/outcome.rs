//! What the probe of a program has shown, as `docs/field-guide/field-guide.json` keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use initlab::probe::{End, Flight, Report, Run, Topic};
use initlab::{SignalSet, signal_name};
use serde::{Deserialize, Serialize};

use crate::project;

const FORMAT: &str = "tidy-init-field-guide";
const VERSION: u32 = 1;

/// The document.
#[derive(Default, Serialize, Deserialize)]
pub struct Outcomes {
    format: String,
    version: u32,
    /// By the name of the program.
    pub programs: BTreeMap<String, Outcome>,
}

/// What one program has shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub title: String,
    pub kind: String,
    pub package: String,
    pub package_version: String,
    /// The day of the probe, in UTC.
    pub date: String,
    pub command: Vec<String>,
    /// Why it could not be started.
    pub not_started: Option<String>,
    /// The signals that it handles, and those that it ignores.
    pub handles: Vec<String>,
    pub ignores: Vec<String>,
    /// As PID 1, and under each init.
    pub runs: Vec<Observation>,
    /// With options and signals that may help.
    pub tried: Vec<Observation>,
    pub advice: Vec<Advice>,
    /// The signal that stops it most gracefully; `None` for TERM.
    pub graceful: Option<String>,
    /// The options of tidy-init that follow.
    pub init_options: Vec<String>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// `PID 1 itself`, or the init and its options.
    pub under: String,
    /// `stopped`, `still_running`, `ended_early`, `not_ready`, `not_started`.
    pub outcome: String,
    pub after_ms: Option<f64>,
    pub status: Option<i32>,
    /// The request that was in flight: `finished`, `cut`, `unanswered`, `over`.
    pub request: Option<String>,
    /// The processes that it has left behind.
    pub left_behind: Option<Vec<String>>,
    pub zombies: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    pub id: String,
    pub text: String,
    pub line: Option<String>,
}

impl Outcomes {
    pub fn file() -> PathBuf {
        project::root().join("docs/field-guide/field-guide.json")
    }

    /// Those that are checked in; none where there is no file yet.
    pub fn read() -> Result<Self> {
        let path = Self::file();
        if !path.exists() {
            return Ok(Self {
                format: FORMAT.to_owned(),
                version: VERSION,
                programs: BTreeMap::new(),
            });
        }
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let read: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is not right", path.display()))?;
        ensure!(
            read.format == FORMAT && read.version == VERSION,
            "{} has another format",
            path.display()
        );
        Ok(read)
    }

    pub fn write(&self) -> Result<()> {
        let path = Self::file();
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Outcome {
    /// The run as PID 1 itself.
    pub fn bare(&self) -> Option<&Observation> {
        self.runs.iter().find(|run| run.under == BARE)
    }

    /// The run under tidy-init.
    pub fn under_init(&self) -> Option<&Observation> {
        self.runs.iter().find(|run| run.under != BARE)
    }

    /// The signal to stop it with, where that is not TERM: the stated one, or that of the runs.
    pub fn graceful_or<'a>(&'a self, stated: Option<&'a str>) -> Option<&'a str> {
        stated.or(self.graceful.as_deref())
    }

    pub fn has_advice(&self, id: &str) -> bool {
        self.advice.iter().any(|advice| advice.id == id)
    }

    /// Takes what the runs have shown.
    pub fn take(&mut self, report: &Report) {
        let mut programs = report.runs.iter().filter_map(|run| run.program.as_ref());
        if let Some(program) = programs.next() {
            self.handles = names(program.handles);
            self.ignores = names(program.ignores);
        }
        self.runs = report.runs.iter().map(Observation::of).collect();
        let tried = report.tried.iter();
        self.tried = tried.map(|tried| Observation::of(&tried.run)).collect();
        self.advice = report.advice.iter().map(Advice::of).collect();
        let signalled = report.runs.iter().any(Run::was_signalled);
        if !signalled {
            self.not_started = report.runs.first().map(|run| match &run.end {
                End::NotStarted { reason } => reason.clone(),
                End::EndedEarly { status } => {
                    format!("it ends with {status}: {}", run.complaint.join(" / "))
                }
                _ => format!("it is not ready in time: {}", run.complaint.join(" / ")),
            });
        }
        let words = |topic: Topic| {
            let advice = report.advice.iter().find(|advice| advice.id == topic)?;
            advice.line.clone()
        };
        let stop = words(Topic::StopSignal).and_then(|line| {
            let (_, rest) = line.split_once("-r TERM:")?;
            Some(rest.split_whitespace().next()?.to_owned())
        });
        let graceful = words(Topic::GracefulSignal)
            .and_then(|line| Some(line.strip_prefix("STOPSIGNAL SIG")?.to_owned()));
        self.graceful = graceful.or(stop);
        self.init_options = options(report, self.graceful.as_deref());
    }
}

/// The options of tidy-init in what the probe says to paste, without the one that replaces TERM: a
/// STOPSIGNAL says that.
fn options(report: &Report, graceful: Option<&str>) -> Vec<String> {
    let pasted = report.paste.as_ref().and_then(|paste| {
        let words = paste
            .dockerfile
            .lines()
            .next()?
            .strip_prefix("ENTRYPOINT ")?;
        serde_json::from_str::<Vec<String>>(words).ok()
    });
    let words = pasted.unwrap_or_default();
    let mut options: Vec<_> = words
        .into_iter()
        .skip(1)
        .take_while(|w| w != "--")
        .collect();
    if let Some(signal) = graceful {
        let value = format!("TERM:{signal}");
        if let Some(at) = options.iter().position(|word| *word == value) {
            options.drain(at.saturating_sub(1)..=at);
        }
    }
    options
}

/// The label of the run without an init.
const BARE: &str = "PID 1 itself";

impl Observation {
    fn of(run: &Run) -> Self {
        let outcome = match &run.end {
            End::NotStarted { .. } => "not_started",
            End::EndedEarly { .. } => "ended_early",
            End::NotReady => "not_ready",
            End::Stopped { .. } => "stopped",
            End::StillRunning { .. } => "still_running",
        };
        let left_behind = match &run.end {
            End::Stopped { left_behind, .. } => left_behind
                .as_ref()
                .map(|left| left.iter().map(ToString::to_string).collect()),
            _ => None,
        };
        let early = match run.end {
            End::EndedEarly { status } => Some(status),
            _ => None,
        };
        Self {
            under: run.under.label(),
            outcome: outcome.to_owned(),
            // To a tenth of a millisecond: more would be noise.
            after_ms: run
                .stopped()
                .map(|(after, _)| (after.as_secs_f64() * 1e4).round() / 10.0),
            status: run.stopped().map(|(_, status)| status).or(early),
            request: run.request.map(|flight| {
                match flight {
                    Flight::Finished => "finished",
                    Flight::Cut => "cut",
                    Flight::Unanswered => "unanswered",
                    Flight::Over => "over",
                }
                .to_owned()
            }),
            left_behind,
            zombies: run.zombies.len(),
        }
    }

    pub fn stopped(&self) -> bool {
        self.outcome == "stopped"
    }
}

impl Advice {
    fn of(advice: &initlab::probe::Advice) -> Self {
        Self {
            id: advice.id.to_string(),
            text: advice.text.clone(),
            line: advice.line.clone(),
        }
    }
}

/// Without those that the C library keeps for itself: they say nothing of the program.
fn names(set: SignalSet) -> Vec<String> {
    let own = set.iter().filter(|signal| !(32..=34).contains(signal));
    own.map(signal_name).collect()
}
