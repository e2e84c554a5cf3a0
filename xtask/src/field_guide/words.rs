//! Words for what was seen.

use std::time::Duration;

use initlab::{show_duration, signal_name};

use super::entry::Entry;
use super::outcome::{Observation, Outcome};

/// How long `docker stop` waits.
const PATIENCE_MS: f64 = 10_000.0;

pub fn time(ms: f64) -> String {
    show_duration(Duration::from_secs_f64(ms / 1e3))
}

/// `143 (signal TERM)`.
pub fn status(status: i32) -> String {
    match status {
        129..=192 => format!("{status} (signal {})", signal_name(status - 128)),
        _ => status.to_string(),
    }
}

/// A command as a Dockerfile has it: `["nginx", "-g", "daemon off;"]`.
pub fn list(words: &[String]) -> String {
    let quoted = words
        .iter()
        .map(|word| serde_json::to_string(word).unwrap_or_default());
    format!("[{}]", quoted.collect::<Vec<_>>().join(", "))
}

/// Time and status of a run that ended: `after 3 ms with status 0`.
fn ends(run: &Observation) -> String {
    format!(
        "after {} with status {}",
        time(run.after_ms.unwrap_or_default()),
        status(run.status.unwrap_or_default())
    )
}

/// Whether two runs went the same way, as far as anybody would notice.
fn are_alike(one: &Observation, other: &Observation) -> bool {
    let [a, b] = [one, other].map(|run| run.after_ms.unwrap_or_default());
    one.status == other.status && (a - b).abs() < 2000.0
}

/// What people want to know, in a few sentences.
pub fn summary(entry: &Entry, outcome: &Outcome) -> String {
    if let Some(reason) = &outcome.not_started {
        return format!("It could not be probed: {}.", reason.trim_end_matches('.'));
    }
    let (Some(bare), Some(under)) = (outcome.bare(), outcome.under_init()) else {
        return String::new();
    };
    let title = &entry.title;
    let mut text = match (bare.stopped(), under.stopped()) {
        (false, true) => format!(
            "If {title} is PID 1, `docker stop` takes 10 seconds and kills it (status 137), because \
             as PID 1 it does not end at SIGTERM. Under an init it ends {}.",
            ends(under)
        ),
        (true, true) if are_alike(bare, under) => format!(
            "At SIGTERM {title} ends {}, both as PID 1 and under an init.",
            ends(under)
        ),
        (true, true) => format!(
            "At SIGTERM {title} ends {} as PID 1, and {} under an init.",
            ends(bare),
            ends(under)
        ),
        (false, false) => format!(
            "{title} does not end within {} of SIGTERM, with or without an init: `docker stop` \
             kills it (status 137).",
            show_duration(entry.stop_within())
        ),
        (true, false) => format!(
            "At SIGTERM {title} ends {} as PID 1, but does not end under an init that signals the whole \
             process group.",
            ends(bare)
        ),
    };
    if [bare, under]
        .iter()
        .any(|run| run.after_ms.is_some_and(|after| after > PATIENCE_MS))
    {
        text += " `docker stop` kills it after 10 seconds, unless you set a longer timeout.";
    }
    let bare_finished = bare.stopped() && bare.request.as_deref() == Some("finished");
    text += match under.request.as_deref() {
        Some("finished") => " A request in flight is finished.",
        Some("cut") if bare_finished => {
            " A request in flight is finished as PID 1, but cut off under an init that signals the \
             whole process group."
        }
        Some("cut") => " A request in flight is cut off.",
        Some("unanswered") => " A request in flight gets no answer.",
        _ => "",
    };
    if let Some(left) = under.left_behind.as_ref().filter(|left| !left.is_empty()) {
        text += match left.len() {
            1 => " It leaves a process behind, which is killed with the container.",
            _ => " It leaves processes behind, which are killed with the container.",
        };
    }
    if let Some(signal) = outcome.graceful_or(entry.graceful.as_deref()) {
        let option = format!("TERM:{signal}");
        let tried = outcome.tried.iter().find(|run| run.under.contains(&option));
        let finished = tried.is_some_and(|run| run.request.as_deref() == Some("finished"));
        text += &match tried {
            _ if finished => {
                format!(" At SIG{signal} it finishes a request in flight first.")
            }
            Some(run) if run.status == Some(0) && under.status != Some(0) => {
                format!(" At SIG{signal} it ends with status 0.")
            }
            _ => format!(" Stop it with SIG{signal}."),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let text = "title = 'Server'\npackages = ['server']\ncommand = ['server']\nready = 'port 80'\n\
                    in_flight = ''\nabout = ''\ndocumentation = []\n";
        toml::from_str(text).expect("it has all that it needs")
    }

    fn outcome(bare: Observation, under: Observation, tried: Option<Observation>) -> Outcome {
        Outcome {
            title: String::new(),
            kind: String::new(),
            package: String::new(),
            package_version: String::new(),
            date: String::new(),
            command: Vec::new(),
            not_started: None,
            handles: Vec::new(),
            ignores: Vec::new(),
            runs: vec![bare, under],
            graceful: tried.as_ref().map(|_| "QUIT".to_owned()),
            tried: tried.into_iter().collect(),
            advice: Vec::new(),
            init_options: Vec::new(),
        }
    }

    fn run(under: &str, status: Option<i32>, request: Option<&str>) -> Observation {
        Observation {
            under: under.to_owned(),
            outcome: if status.is_some() {
                "stopped"
            } else {
                "still_running"
            }
            .to_owned(),
            after_ms: status.map(|_| 3.0),
            status,
            request: request.map(str::to_owned),
            left_behind: None,
            zombies: 0,
        }
    }

    #[test]
    fn a_summary_says_when_docker_stop_kills() {
        let deaf = outcome(
            run("PID 1 itself", None, None),
            run("tidy-init", Some(143), None),
            None,
        );
        let text = summary(&entry(), &deaf);
        assert!(
            text.contains("takes 10 seconds and kills it (status 137)"),
            "{text}"
        );
        assert!(text.ends_with("Under an init it ends after 3 ms with status 143 (signal TERM)."));
        let stubborn = outcome(
            run("PID 1 itself", None, None),
            run("tidy-init", None, None),
            None,
        );
        let text = summary(&entry(), &stubborn);
        assert!(
            text.contains("does not end within 10 s of SIGTERM"),
            "{text}"
        );
    }

    #[test]
    fn a_summary_says_what_becomes_of_requests() {
        let cut = outcome(
            run("PID 1 itself", Some(0), Some("cut")),
            run("tidy-init", Some(0), Some("cut")),
            Some(run("tidy-init -r TERM:QUIT", Some(0), Some("finished"))),
        );
        assert_eq!(
            summary(&entry(), &cut),
            "At SIGTERM Server ends after 3 ms with status 0, both as PID 1 and under an init. A \
             request in flight is cut off. At SIGQUIT it finishes a request in flight first."
        );
    }

    #[test]
    fn what_could_not_be_probed_has_a_reason() {
        let mut failed = outcome(run("PID 1 itself", None, None), run("x", None, None), None);
        failed.not_started = Some("no such device".to_owned());
        assert_eq!(
            summary(&entry(), &failed),
            "It could not be probed: no such device."
        );
    }
}
