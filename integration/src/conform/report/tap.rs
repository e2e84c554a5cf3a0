//! For consumers of the Test Anything Protocol.

use std::fmt::Write as _;

use super::Report;
use crate::conform::Outcome;

impl Report {
    /// TAP version 14: a test point for each case and init, with what was seen as a YAML block.
    #[must_use]
    pub fn to_tap(&self) -> String {
        let total = self.rows.len() * self.inits.len();
        let mut text = format!("TAP version 14\n1..{total}\n");
        let points = self.rows.iter().flat_map(|row| {
            let inits = self.inits.iter().zip(&row.outcomes);
            inits.map(move |(init, (outcome, _))| (row, init, outcome))
        });
        for (number, (row, init, outcome)) in (1..).zip(points) {
            let name = format!("{number} - {} {}", init.name, row.case.id());
            let _ = match outcome {
                Outcome::Passed => writeln!(text, "ok {name}"),
                Outcome::Skipped(reason) => writeln!(text, "ok {name} # SKIP {reason}"),
                Outcome::NotApplicable => {
                    writeln!(
                        text,
                        "ok {name} # SKIP not for the personality {}",
                        init.personality
                    )
                }
                Outcome::Failed(fact) => {
                    // JSON strings are valid in YAML.
                    let seen = serde_json::Value::from(fact.seen.as_str());
                    let shows = serde_json::Value::from(row.case.behaviour.shows);
                    writeln!(
                        text,
                        "not ok {name}\n  ---\n  shows: {shows}\n  seen: {seen}\n  ..."
                    )
                }
            };
        }
        text
    }
}
