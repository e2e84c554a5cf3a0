//! The results.

mod junit;
mod markdown;
mod tap;
mod text;

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use super::{case::Case, outcome::Outcome};
use crate::{
    init::{Init, Personality},
    output::json,
};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// The results of all cases for all inits.
pub struct Report {
    /// The inits, in the order of the columns.
    pub inits: Vec<AboutInit>,
    /// The cases.
    pub rows: Vec<Row>,
    /// The duration of the whole run.
    pub elapsed: Duration,
}

/// A case and its outcome for each init, with the duration.
pub struct Row {
    /// The case.
    pub case: Case,
    /// For each init.
    pub outcomes: Vec<(Outcome, Duration)>,
}

/// An init that was checked.
#[derive(Clone, Debug, Serialize)]
pub struct AboutInit {
    /// Its name, as [`Init::name`].
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// Its personality.
    pub personality: Personality,
    /// The version that it prints.
    pub version: Option<String>,
}

/// The description of a case.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// Group and name.
    pub id: String,
    /// What it shows.
    pub shows: &'static str,
    /// Why it matters.
    pub matters: &'static str,
    /// The personalities that it applies to.
    pub holds_for: Vec<Personality>,
}

impl About {
    pub(super) fn new(case: &Case) -> Self {
        let all = Personality::ALL.into_iter();
        Self {
            id: case.id(),
            shows: case.behaviour.shows,
            matters: case.behaviour.matters,
            holds_for: all.filter(|p| case.holds_for(*p)).collect(),
        }
    }
}

/// The number of cases with each outcome.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Count {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases that were not run.
    pub skipped: usize,
    /// Cases that do not apply to this personality.
    pub not_applicable: usize,
}

impl Report {
    pub(super) fn new(inits: &[Init], rows: Vec<Row>, elapsed: Duration) -> Self {
        let about = |init: &Init| AboutInit {
            name: init.name().to_owned(),
            path: init.path().to_owned(),
            personality: init.personality(),
            version: init.version(),
        };
        Self {
            inits: inits.iter().map(about).collect(),
            rows,
            elapsed,
        }
    }

    /// The outcomes for the init in this column.
    pub fn outcomes_of(&self, column: usize) -> impl Iterator<Item = (&Case, &Outcome)> {
        let of_row = move |row: &'_ Row| row.outcomes.get(column).is_some();
        self.rows
            .iter()
            .filter(move |row| of_row(row))
            .map(move |row| (&row.case, &row.outcomes[column].0))
    }

    /// The number of cases with each outcome for the init in this column.
    #[must_use]
    pub fn count(&self, column: usize) -> Count {
        let mut count = Count::default();
        for (_, outcome) in self.outcomes_of(column) {
            *match outcome {
                Outcome::Passed => &mut count.passed,
                Outcome::Failed(_) => &mut count.failed,
                Outcome::Skipped(_) => &mut count.skipped,
                Outcome::NotApplicable => &mut count.not_applicable,
            } += 1;
        }
        count
    }

    /// The number of failures over all inits.
    #[must_use]
    pub fn failures(&self) -> usize {
        (0..self.inits.len())
            .map(|column| self.count(column).failed)
            .sum()
    }

    /// As a JSON document, `initlab-conform`.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Body {
            seconds: f64,
            inits: Vec<InitBody>,
            cases: Vec<CaseBody>,
        }
        #[derive(Serialize)]
        struct InitBody {
            #[serde(flatten)]
            about: AboutInit,
            #[serde(flatten)]
            count: Count,
        }
        #[derive(Serialize)]
        struct CaseBody {
            #[serde(flatten)]
            about: About,
            results: Vec<ResultBody>,
        }
        #[derive(Serialize)]
        struct ResultBody {
            init: String,
            outcome: Outcome,
            #[serde(skip_serializing_if = "Option::is_none")]
            seen: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<String>,
            seconds: f64,
        }
        let result = |(about, (outcome, took)): (&AboutInit, &(Outcome, Duration))| ResultBody {
            init: about.name.clone(),
            outcome: outcome.clone(),
            seen: outcome.reason().map(str::to_owned),
            detail: match outcome {
                Outcome::Failed(fact) if !fact.detail.is_empty() => Some(fact.detail.clone()),
                _ => None,
            },
            seconds: took.as_secs_f64(),
        };
        let inits = self.inits.iter().cloned().enumerate();
        let body = Body {
            seconds: self.elapsed.as_secs_f64(),
            inits: inits
                .map(|(column, about)| InitBody {
                    about,
                    count: self.count(column),
                })
                .collect(),
            cases: self
                .rows
                .iter()
                .map(|row| CaseBody {
                    about: About::new(&row.case),
                    results: self.inits.iter().zip(&row.outcomes).map(result).collect(),
                })
                .collect(),
        };
        json::document("initlab-conform", VERSION, &body) + "\n"
    }
}
