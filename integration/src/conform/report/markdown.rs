//! For documents.

use std::fmt::Write as _;

use super::Report;
use crate::conform::Outcome;
use crate::output::Table;

impl Outcome {
    /// How Markdown shows it: `yes`, `**no**`, `skipped`, `-`.
    #[must_use]
    pub const fn mark(&self) -> &'static str {
        match self {
            Self::Passed => "yes",
            Self::Failed(_) => "**no**",
            Self::Skipped(_) => "skipped",
            Self::NotApplicable => "-",
        }
    }
}

impl Report {
    /// The totals, a matrix for each group, what was seen in failed cases, and why each case
    /// matters. Without times: two runs with the same outcomes give the same text.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = self.sums();
        let mut group = None;
        let mut table = Table::new(Vec::<String>::new());
        for row in &self.rows {
            if group != Some(row.case.group) {
                self.close(&mut text, group.is_some(), &table);
                group = Some(row.case.group);
                let _ = writeln!(text, "\n## {}\n", row.case.group.name());
                let names = self.inits.iter().map(|init| init.name.clone());
                let head = ["case", "shows"].map(str::to_owned);
                table = Table::new(head.into_iter().chain(names));
            }
            let about = [
                format!("`{}`", row.case.behaviour.name),
                row.case.behaviour.shows.to_owned(),
            ];
            let marks = row
                .outcomes
                .iter()
                .map(|(outcome, _)| outcome.mark().to_owned());
            table.row(about.into_iter().chain(marks));
        }
        self.close(&mut text, group.is_some(), &table);
        self.facts(&mut text);
        text.push_str("\n## Why each matters\n\n");
        for row in &self.rows {
            let _ = writeln!(
                text,
                "- `{}`: {}",
                row.case.id(),
                row.case.behaviour.matters
            );
        }
        text
    }

    fn close(&self, text: &mut String, open: bool, table: &Table) {
        if open {
            text.push_str(&table.to_markdown());
        }
    }

    fn sums(&self) -> String {
        let head = [
            "init",
            "version",
            "holds",
            "does not",
            "not for it",
            "skipped",
        ];
        let mut table = Table::new(head);
        for (column, init) in self.inits.iter().enumerate() {
            let count = self.count(column);
            table.row([
                init.name.clone(),
                init.version.clone().unwrap_or_else(|| "?".to_owned()),
                count.passed.to_string(),
                count.failed.to_string(),
                count.not_applicable.to_string(),
                count.skipped.to_string(),
            ]);
        }
        table.to_markdown()
    }

    fn facts(&self, text: &mut String) {
        for (column, init) in self.inits.iter().enumerate() {
            let mut reasons = self
                .outcomes_of(column)
                .filter_map(|(case, outcome)| Some((case, outcome, outcome.reason()?)))
                .peekable();
            if reasons.peek().is_none() {
                continue;
            }
            let _ = writeln!(text, "\n## What was seen of {}\n", init.name);
            for (case, outcome, reason) in reasons {
                let skipped = match outcome {
                    Outcome::Skipped(_) => "skipped, ",
                    _ => "",
                };
                let _ = writeln!(text, "- `{}`: {skipped}{reason}", case.id());
            }
        }
    }
}
