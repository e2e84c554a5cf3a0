//! For people.

use std::fmt::Write as _;

use super::Report;
use crate::conform::Outcome;
use crate::output::{Table, style, styled};

impl Report {
    /// The matrix, what was seen in failed cases, and the totals.
    #[must_use]
    pub fn to_text(&self) -> String {
        let head = self.inits.iter().map(|init| init.name.clone());
        let mut table = Table::new(["case".to_owned()].into_iter().chain(head));
        for row in &self.rows {
            let cells = row.outcomes.iter().map(|(outcome, _)| match outcome {
                Outcome::Passed => styled(style::GOOD, "ok"),
                Outcome::Failed(_) => styled(style::BAD, "FAIL"),
                Outcome::Skipped(_) => styled(style::FAINT, "skip"),
                Outcome::NotApplicable => styled(style::FAINT, "-"),
            });
            table.row([row.case.id()].into_iter().chain(cells));
        }
        let mut text = table.to_text();
        for (column, init) in self.inits.iter().enumerate() {
            let reasons = self
                .outcomes_of(column)
                .filter(|(_, o)| o.reason().is_some());
            let mut reasons = reasons.peekable();
            if reasons.peek().is_some() {
                let _ = writeln!(text, "\n{}", styled(style::HEADING, &init.name));
            }
            for (case, outcome) in reasons {
                let reason = outcome.reason().unwrap_or_default();
                let _ = writeln!(text, "  {} {}: {reason}", outcome.name(), case.id());
            }
        }
        text.push('\n');
        for (column, init) in self.inits.iter().enumerate() {
            let count = self.count(column);
            let failed = format!("{} failed", count.failed);
            let failed = match count.failed {
                0 => failed,
                _ => styled(style::BAD, failed),
            };
            let _ = write!(text, "{}: {} passed, {failed}", init.name, count.passed);
            for (number, what) in [
                (count.skipped, "skipped"),
                (count.not_applicable, "not for it"),
            ] {
                if number > 0 {
                    let _ = write!(text, ", {number} {what}");
                }
            }
            text.push('\n');
        }
        let _ = writeln!(text, "in {:.1} s", self.elapsed.as_secs_f64());
        text
    }
}
