//! For CI servers.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::Report;
use crate::conform::Outcome;

impl Report {
    /// JUnit's XML: a suite for each init, a test case for each case.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut document = Document::new("initlab conform");
        document.set_time(self.elapsed);
        for (column, init) in self.inits.iter().enumerate() {
            let mut suite = TestSuite::new(init.name.as_str());
            for row in &self.rows {
                let Some((outcome, took)) = row.outcomes.get(column) else {
                    continue;
                };
                let status = match outcome {
                    Outcome::Passed => TestCaseStatus::success(),
                    Outcome::Failed(fact) => {
                        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                        status.set_message(fact.seen.as_str());
                        status.set_description(format!("{}\n{}", fact.seen, fact.detail));
                        status
                    }
                    Outcome::Skipped(reason) => skipped(reason),
                    Outcome::NotApplicable => skipped("not for this personality"),
                };
                let mut case = TestCase::new(row.case.behaviour.name, status);
                case.set_classname(format!("{}.{}", init.name, row.case.group.name()));
                case.set_time(*took);
                suite.add_test_case(case);
            }
            document.add_test_suite(suite);
        }
        match document.to_string() {
            Ok(text) => text,
            // The writer is a string in memory, and the text is escaped.
            Err(error) => format!("<!-- {error} -->\n"),
        }
    }
}

fn skipped(reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(reason);
    status
}
