//! What a user expects: for CI.

use std::time::Duration;

use serde::Serialize;

use super::{End, Report, Run, status::meaning};
use crate::duration::show_duration;

/// What each run under an init has to meet; where there is no such run, the one as PID 1.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// It stops within this time.
    pub stop_within: Option<Duration>,
    /// It ends with one of these statuses; any will do where there are none.
    pub exit: Vec<i32>,
}

/// Something that was expected and is not so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmet {
    /// The run.
    pub run: String,
    /// What was expected, and what was seen.
    pub what: String,
}

impl Gate {
    /// Whether anything is expected at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stop_within.is_none() && self.exit.is_empty()
    }

    /// What is not met; empty when all is well.
    #[must_use]
    pub fn judge(&self, report: &Report) -> Vec<Unmet> {
        if self.is_open() {
            return Vec::new();
        }
        let any_init = report.runs.iter().any(|run| run.under.init.is_some());
        let judged = |run: &&Run| run.under.init.is_some() == any_init;
        let runs = report.runs.iter().filter(judged);
        runs.flat_map(|run| {
            self.judge_run(run).into_iter().map(|what| Unmet {
                run: run.under.label(),
                what,
            })
        })
        .collect()
    }

    fn judge_run(&self, run: &Run) -> Vec<String> {
        let Some((after, status)) = run.stopped() else {
            return vec![match &run.end {
                End::NotStarted { reason } => format!("it was not started: {reason}"),
                End::EndedEarly { status } => {
                    format!(
                        "it ended before it was ready, with {status} ({})",
                        meaning(*status)
                    )
                }
                End::NotReady => "it was not ready in time".to_owned(),
                _ => "it did not stop".to_owned(),
            }];
        };
        let mut unmet = Vec::new();
        if let Some(limit) = self.stop_within.filter(|limit| after > *limit) {
            unmet.push(format!(
                "it took {} to stop, {} expected",
                show_duration(after),
                show_duration(limit)
            ));
        }
        if !self.exit.is_empty() && !self.exit.contains(&status) {
            let list: Vec<_> = self.exit.iter().map(i32::to_string).collect();
            unmet.push(format!(
                "it ended with {status} ({}), {} expected",
                meaning(status),
                list.join(" or ")
            ));
        }
        unmet
    }
}
