//! The page of one program.

use std::fmt::Write as _;

use super::entry::Entry;
use super::outcome::{Observation, Outcome};
use super::{words, write};

/// The page, in Markdown.
pub fn text(entry: &Entry, outcome: &Outcome) -> String {
    let title = &entry.title;
    let mut text = format!(
        "# {title}: docker stop, SIGTERM and exit status\n\n\
         <!-- Written by `cargo xtask field-guide`. -->\n\n\
         **{}**\n\n{}\n",
        words::summary(entry, outcome),
        entry.about.trim()
    );
    if outcome.not_started.is_none() {
        text += &what_to_write(entry, outcome);
        text += &what_was_seen(entry, outcome);
    }
    if !entry.documentation.is_empty() {
        text += "\n## Official documentation\n\n";
        for [name, address] in &entry.documentation {
            let _ = writeln!(text, "- [{name}]({address})");
        }
    }
    let _ = write!(
        text,
        "\n[All programs](README.md), and an explanation of this page.\n"
    );
    text
}

fn what_to_write(entry: &Entry, outcome: &Outcome) -> String {
    let mut text = format!(
        "\n## What to write\n\n<!-- not run: a part of a Dockerfile -->\n```dockerfile\n{}\n```\n",
        write::dockerfile(entry, outcome)
    );
    if !entry.hint.is_empty() {
        let _ = write!(text, "\n{}\n", entry.hint.trim());
    }
    let advice: Vec<_> = outcome
        .advice
        .iter()
        .filter(|a| a.id != "pre-stop")
        .collect();
    if !advice.is_empty() {
        text += "\n`initlab probe` reports:\n\n";
    }
    for advice in advice {
        let _ = write!(text, "- {} ", advice.text);
        if let Some(line) = &advice.line {
            let _ = write!(text, "{} ", code(line));
        }
        let _ = writeln!(text, "(`{}`)", advice.id);
    }
    text
}

fn what_was_seen(entry: &Entry, outcome: &Outcome) -> String {
    let command = words::list(&outcome.command);
    let registry = entry.wheel.as_ref().map_or("Debian 12", |_| "PyPI");
    let user = entry
        .user
        .as_ref()
        .map(|user| format!(", as the user {user}"));
    let mut text = format!(
        "\n## Observations\n\nVersion {} (package {} of {registry}), on {}, started as {}{}. {}\n\n\
         | under | at SIGTERM | after | status | request in flight | left behind | zombies |\n\
         | --- | --- | ---: | --- | --- | --- | ---: |\n",
        outcome.package_version,
        outcome.package,
        outcome.date,
        code(&command),
        user.unwrap_or_default(),
        entry.in_flight.trim()
    );
    for run in outcome.runs.iter().chain(&outcome.tried) {
        text += &row(run);
    }
    let list = |names: &[String]| match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(" "),
    };
    let _ = write!(
        text,
        "\nHandled signals: {}. Ignored signals: {}.\n",
        list(&outcome.handles),
        list(&outcome.ignores)
    );
    text
}

fn row(run: &Observation) -> String {
    let none = || "-".to_owned();
    let under = match run.under.split_once(' ') {
        Some((_, options)) if options.starts_with('-') => code(&run.under),
        _ => run.under.clone(),
    };
    let reaction = match run.outcome.as_str() {
        "stopped" => "ends",
        "still_running" => "**runs on**",
        "ended_early" => "ended earlier",
        "not_ready" => "was not ready",
        _ => "did not start",
    };
    let request = match run.request.as_deref() {
        Some("cut") => "**cut off**".to_owned(),
        Some("unanswered") => "**no answer**".to_owned(),
        Some("over") => "was over earlier".to_owned(),
        Some(other) => other.to_owned(),
        None => none(),
    };
    let left = match run.left_behind.as_deref() {
        None => none(),
        Some([]) => "nothing".to_owned(),
        Some([one]) => code(one),
        Some([one, ..]) => {
            let count = run.left_behind.as_ref().map_or(0, Vec::len);
            format!("{count} processes, including {}", code(one))
        }
    };
    format!(
        "| {under} | {reaction} | {} | {} | {request} | {left} | {} |\n",
        run.after_ms.map_or_else(none, words::time),
        run.status.map_or_else(none, words::status),
        run.zombies
    )
}

/// As code that may stand in a table.
fn code(text: &str) -> String {
    let text = text.replace('\n', " ").replace('|', "\\|");
    match text.contains('`') {
        true => format!("`` {text} ``"),
        false => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(under: &str, outcome: &str) -> Observation {
        Observation {
            under: under.to_owned(),
            outcome: outcome.to_owned(),
            after_ms: None,
            status: None,
            request: None,
            left_behind: None,
            zombies: 0,
        }
    }

    #[test]
    fn a_row_tells_a_kill_from_an_end() {
        let deaf = row(&run("PID 1 itself", "still_running"));
        assert_eq!(deaf, "| PID 1 itself | **runs on** | - | - | - | - | 0 |\n");
        let ends = row(&Observation {
            after_ms: Some(3.2),
            status: Some(143),
            request: Some("cut".to_owned()),
            left_behind: Some(vec!["a | b".to_owned(), "c".to_owned()]),
            ..run("tidy-init -r TERM:QUIT", "stopped")
        });
        assert_eq!(
            ends,
            "| `tidy-init -r TERM:QUIT` | ends | 3 ms | 143 (signal TERM) | **cut off** | \
             2 processes, including `a \\| b` | 0 |\n"
        );
    }
}
