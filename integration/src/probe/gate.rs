//! Gates: what a user expects, for CI.

use std::time::Duration;

use super::{
    advice::Topic,
    report::Report,
    run::{End, Run},
    status::meaning,
    unmet::Unmet,
};
use crate::duration::show_duration;

/// What each run under an init has to meet; without such a run, the one as PID 1. No run at all meets
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// It stops within this time.
    pub stop_within: Option<Duration>,
    /// It ends with one of these statuses; if there are none, with any.
    pub exit: Vec<i32>,
    /// None of this advice is given.
    pub fail_on: Vec<Topic>,
}

impl Gate {
    /// Whether anything is expected at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stop_within.is_none() && self.exit.is_empty() && self.fail_on.is_empty()
    }

    /// What is not met; empty when all is well.
    #[must_use]
    pub fn judge(&self, report: &Report) -> Vec<Unmet> {
        if self.is_open() {
            return Vec::new();
        }
        let any_init = report.runs.iter().any(|run| run.under.init.is_some());
        let judged = |run: &&Run| run.under.init.is_some() == any_init;
        let runs: Vec<&Run> = report.runs.iter().filter(judged).collect();
        if runs.is_empty() {
            return vec![Unmet {
                run: "all".to_owned(),
                what: "there was no run to judge".to_owned(),
            }];
        }
        let unmet = runs.into_iter().flat_map(|run| {
            let label = run.under.label();
            let unmet = |what| Unmet {
                run: label.clone(),
                what,
            };
            self.judge_run(run)
                .into_iter()
                .map(unmet)
                .collect::<Vec<_>>()
        });
        let advice = report.advice.iter();
        let advice = advice.filter(|advice| self.fail_on.contains(&advice.id));
        let advice = advice.map(|advice| Unmet {
            run: "advice".to_owned(),
            what: format!("{} is given", advice.id),
        });
        unmet.chain(advice).collect()
    }

    fn judge_run(&self, run: &Run) -> Vec<String> {
        let Some((after, status)) = run.stopped() else {
            return vec![match &run.end {
                End::NotStarted { reason } => format!("it was not started: {reason}"),
                End::EndedEarly { status } => {
                    format!(
                        "it ended before it was told to stop, with {status} ({})",
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
