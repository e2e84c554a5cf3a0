//! Advice, and the options that are tried before it is given.

use clap::ValueEnum;
use serde::{Serialize, Serializer};
use std::{fmt, time::Duration};

use super::{run::Run, status::meaning};
use crate::{duration::show_duration, init::Feature};

/// The time that leftovers are given, and the upper bound for a program that does not stop.
pub(super) const BOUND: Duration = Duration::from_secs(5);
pub(super) const BOUND_MS: u32 = BOUND.as_millis() as u32;

/// What advice is about. The names are stable: gates and scripts refer to them, and `docs/probe.md`
/// explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Topic {
    /// The program was not ready in time
    NotReady,
    /// The program ended before it was told to
    EndedEarly,
    /// It has to run in the foreground
    Foreground,
    /// A shell waits for the last command of its script
    Exec,
    /// A shell runs several programs
    ShellJobs,
    /// A shell has something to do after the program
    ShellGoesOn,
    /// A package manager stands before the program
    SkipNpm,
    /// It does not stop as PID 1
    NeedsInit,
    /// Another signal than the one that is sent stops it
    StopSignal,
    /// It does not stop
    DoesNotStop,
    /// It may need longer than it was given
    NeedsLonger,
    /// The init changes its status
    OtherStatus,
    /// Another signal stops it gracefully
    GracefulSignal,
    /// It needs the signal for itself alone to finish requests
    SingleChild,
    /// It cuts off a request that is in flight
    RequestCut,
    /// Its status is not 0
    ExitStatus,
    /// It crashes at the signal
    Crash,
    /// The stop signal cannot be caught
    Uncatchable,
    /// It leaves processes behind
    Leftovers,
    /// It does not reap
    Zombies,
    /// It is slower than the engine's patience
    Slow,
    /// A command stops it best
    PreStop,
    /// Nothing needs to be changed
    AllIsWell,
}

impl Topic {
    /// Whether the command has to be changed before anything else is worth a setting.
    pub(super) fn comes_first(self) -> bool {
        matches!(
            self,
            Self::NotReady | Self::EndedEarly | Self::Foreground | Self::Exec | Self::SkipNpm
        )
    }
}

/// As it is spelled on the command line and in JSON.
impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What to do, in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it is about.
    pub id: Topic,
    /// The problem and the remedy.
    pub text: String,
    /// What to write.
    pub line: Option<String>,
    /// The result when it was tried.
    pub tried: Option<String>,
    /// The option of the init that does it.
    #[serde(skip)]
    pub(super) feature: Option<Feature>,
}

impl Advice {
    pub(super) fn new(id: Topic, text: impl Into<String>) -> Self {
        Self {
            id,
            text: text.into(),
            line: None,
            tried: None,
            feature: None,
        }
    }

    pub(super) fn line(self, line: impl Into<String>) -> Self {
        Self {
            line: Some(line.into()),
            ..self
        }
    }
}

/// An option that may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remedy {
    pub purpose: Purpose,
    pub feature: Feature,
}

/// What an option is to achieve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The program stops.
    Stop,
    /// It stops with status 0, and finishes the request that is in flight.
    Grace,
    /// It finishes the request that is in flight, as it does without an init.
    Answer,
    /// It ends with this status, as it does without an init.
    Status(i32),
    /// Its leftovers can finish.
    Leftovers,
}

/// An option that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    #[serde(skip)]
    pub(super) remedy: Remedy,
    /// Whether it has helped.
    pub helped: bool,
    /// The run with it.
    pub run: Run,
}

impl Tried {
    /// A run that has to be better than the one without the option.
    pub(super) fn new(remedy: Remedy, run: Run, before: &Run) -> Self {
        let was_lost_and_failed =
            before.lost_request() && before.stopped().is_some_and(|(_, status)| status != 0);
        let helped = run
            .stopped()
            .is_some_and(|(after, status)| match remedy.purpose {
                Purpose::Stop => true,
                Purpose::Answer => !run.lost_request(),
                Purpose::Grace => status == 0 && (!run.lost_request() || was_lost_and_failed),
                Purpose::Status(wanted) => status == wanted,
                Purpose::Leftovers => after < BOUND,
            });
        Self {
            remedy,
            helped,
            run,
        }
    }

    pub(super) fn outcome(&self) -> String {
        match self.run.stopped() {
            Some((after, status)) => ends_after(after, status),
            None if self.run.was_signalled() => "it does not stop".to_owned(),
            None => "the program did not start again, so nothing was shown".to_owned(),
        }
    }
}

/// `it ends after 3 ms, with 143 (signal TERM)`.
pub(super) fn ends_after(after: Duration, status: i32) -> String {
    format!(
        "it ends after {}, with {status} ({})",
        show_duration(after),
        meaning(status)
    )
}
