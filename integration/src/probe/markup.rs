//! The report for CI servers and for documents.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::{report::Report, words::quoted};

impl Report {
    /// JUnit's XML: a test case for each run, and one for the advice. Those that do not meet the
    /// expectations fail.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut suite = TestSuite::new("initlab probe");
        let mut add = |name: &str, about: &str| {
            let unmet = self.unmet.iter();
            let unmet = unmet.filter(|unmet| {
                unmet.run == name || (name == "advice" && !self.is_run(&unmet.run))
            });
            let unmet: Vec<_> = unmet.map(|unmet| unmet.what.as_str()).collect();
            let status = match unmet.is_empty() {
                true => TestCaseStatus::success(),
                false => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(unmet.join("; "));
                    status
                }
            };
            let mut case = TestCase::new(name, status);
            case.set_classname(quoted(&self.command));
            case.set_system_out(about);
            suite.add_test_case(case);
        };
        for run in &self.runs {
            let [reaction, after, status, ..] = run.cells();
            add(
                &run.under.label(),
                &format!("{reaction}, {after}, {status}"),
            );
        }
        let advice: Vec<_> = self
            .advice
            .iter()
            .map(|a| format!("{}: {}", a.id, a.text))
            .collect();
        add("advice", &advice.join("\n"));
        let mut document = Document::new("initlab probe");
        document.add_test_suite(suite);
        match document.to_string() {
            Ok(text) => text,
            // The writer is a string in memory, and the text is escaped.
            Err(error) => format!("<!-- {error} -->\n"),
        }
    }

    fn is_run(&self, label: &str) -> bool {
        self.runs.iter().any(|run| run.under.label() == label)
    }

    /// Markdown: a table of the runs, the advice, and what to paste.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!("## `{}`\n\n", quoted(&self.command));
        for unmet in &self.unmet {
            let _ = writeln!(text, "- **not as expected**: {}: {}", unmet.run, unmet.what);
        }
        if !self.unmet.is_empty() {
            text.push('\n');
        }
        text += &self.table().to_markdown();
        text.push('\n');
        for advice in &self.advice {
            let _ = writeln!(text, "- {} (`{}`)", advice.text, advice.id);
            if let Some(line) = &advice.line {
                let _ = writeln!(text, "\n      {line}\n");
            }
        }
        if let Some(paste) = &self.paste {
            let parts = [
                ("dockerfile", &paste.dockerfile),
                ("sh", &paste.docker_run),
                ("yaml", &paste.kubernetes),
            ];
            for (language, lines) in parts {
                let _ = write!(text, "\n```{language}\n{lines}\n```\n");
            }
        }
        if let Some(page) = &self.guide {
            let _ = write!(text, "\nMore about it: `{page}`\n");
        }
        text
    }
}
