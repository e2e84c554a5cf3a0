//! The report of a probe, for people and for programs.

use std::{ffi::OsString, fmt::Write as _};

use serde::Serialize;

use super::{
    advice::{Advice, Tried},
    guide,
    paste::Paste,
    request::Flight,
    run::{End, Run},
    seen::Seen,
    settings::{DOCKER_STOP, Settings, sig},
    status::meaning,
    unmet::Unmet,
    words::{names, printable, quoted},
};
use crate::{
    duration::show_duration,
    init::Init,
    output::{Table, json, style, styled},
    signals::signal_name,
};

/// The observations of all runs of a program, and what follows from them.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The command; invalid UTF-8 is replaced.
    pub command: Vec<String>,
    /// The image, if there was one.
    pub image: Option<String>,
    /// The number of the signal that asked it to stop.
    pub signal: i32,
    /// How long it had to stop, in milliseconds.
    pub stop_within_ms: f64,
    /// The run as PID 1 itself, unless it was left out, then those under each init.
    pub runs: Vec<Run>,
    /// The options that were tried.
    pub tried: Vec<Tried>,
    /// What to do: at least one piece of advice.
    pub advice: Vec<Advice>,
    /// Settings to paste, if there is anything to set.
    pub paste: Option<Paste>,
    /// The page of the field guide on the program, from the root of the repository.
    pub guide: Option<String>,
    /// The expectations that are not met.
    pub unmet: Vec<Unmet>,
    /// The init that options were tried with.
    #[serde(skip)]
    pub(super) init: Option<Init>,
}

impl Report {
    pub(super) fn new(
        command: &[OsString],
        settings: &Settings,
        image: Option<&str>,
        init: Option<&Init>,
    ) -> Self {
        Self {
            command: command
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            image: image.map(str::to_owned),
            signal: settings.signal,
            stop_within_ms: settings.stop_within.as_secs_f64() * 1e3,
            runs: Vec::new(),
            tried: Vec::new(),
            advice: Vec::new(),
            paste: None,
            guide: None,
            unmet: Vec::new(),
            init: init.cloned(),
        }
    }

    pub(super) fn take_advice(&mut self, advice: Vec<Advice>) {
        self.paste = Paste::of(&advice, &self.command, self.image.as_deref());
        self.advice = advice;
        self.guide = self.page();
    }

    /// The page on the program, or on the one at the end of a chain of shells and the like.
    fn page(&self) -> Option<String> {
        let mut programs = self.runs.iter().filter_map(|run| run.program.as_ref());
        let program = programs.next()?;
        let of = |seen: &Option<Seen>| seen.as_ref().and_then(guide::page_of);
        of(&program.leaf)
            .or_else(|| of(&program.shell_waits_for))
            .or_else(|| guide::page_of(&program.process))
    }

    /// The run as PID 1 itself.
    #[must_use]
    pub fn bare(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.under.init.is_none())
    }

    /// The run under the first init.
    #[must_use]
    pub fn under_init(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.under.init.is_some())
    }

    /// The report as a JSON document: `format` is `initlab-probe`, `version` 1, and the fields are
    /// those of this structure.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::document("initlab-probe", 1, self)
    }

    /// The report for people, with colours.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = styled(style::HEADING, printable(&quoted(&self.command)));
        if let Some(image) = &self.image {
            let _ = write!(text, " in {image}");
        }
        text.push_str("\n\n");
        text += &self.table().to_text();
        text += &self.remarks();
        text += &self.signals();
        text.push('\n');
        for advice in &self.advice {
            let _ = writeln!(text, "* {} [{}]", advice.text, advice.id);
            if let Some(line) = &advice.line {
                let _ = writeln!(text, "      {}", styled(style::HEADING, line));
            }
            if let Some(tried) = &advice.tried {
                let _ = writeln!(text, "  tried: {tried}");
            }
        }
        if let Some(paste) = &self.paste {
            let parts = [
                ("Dockerfile", &paste.dockerfile),
                ("docker run", &paste.docker_run),
                ("Kubernetes", &paste.kubernetes),
            ];
            let _ = writeln!(text, "\nTo paste:");
            for (place, lines) in parts {
                for (number, line) in lines.lines().enumerate() {
                    let place = if number == 0 { place } else { "" };
                    let _ = writeln!(text, "  {place:<12}{line}");
                }
            }
        }
        if let Some(page) = &self.guide {
            let _ = writeln!(text, "\nMore about it: {page}");
        }
        for unmet in &self.unmet {
            let _ = writeln!(
                text,
                "{} {}: {}",
                styled(style::BAD, "not as expected:"),
                unmet.run,
                unmet.what
            );
        }
        text
    }

    pub(super) fn table(&self) -> Table {
        let signal = sig(self.signal);
        let runs = || self.runs.iter().chain(self.tried.iter().map(|t| &t.run));
        let any_request = runs().any(|run| run.request.is_some());
        let at = format!("at {signal}");
        let mut headings = vec!["run as / under", &at, "after", "status"];
        headings.extend(any_request.then_some("request"));
        headings.extend(["left behind", "zombies", "docker stop"]);
        let mut table = Table::new(headings);
        for run in runs() {
            let [reaction, after, status, left, docker] = run.cells();
            let zombies = match run.program {
                Some(_) => run.zombies.len().to_string(),
                None => "-".to_owned(),
            };
            let mut cells = vec![run.under.label(), reaction, after, status];
            cells.extend(any_request.then(|| run.request_cell()));
            cells.extend([left, zombies, docker]);
            table.row(cells);
        }
        table
    }

    /// Reasons and output of runs that failed, which do not fit into the table.
    fn remarks(&self) -> String {
        let mut text = String::new();
        for run in &self.runs {
            if let End::NotStarted { reason } = &run.end {
                let _ = writeln!(text, "{}: {reason}", run.under.label());
            }
            if run.program.as_ref().is_some_and(|program| !program.quiet) {
                let label = run.under.label();
                let _ = writeln!(text, "{label}: it was still busy when it was told to stop");
            }
            for line in &run.complaint {
                let _ = writeln!(text, "{} said: {}", run.under.label(), printable(line));
            }
        }
        text
    }

    /// The signals that the program handles, ignores and blocks. They are the same in every run.
    fn signals(&self) -> String {
        let mut programs = self.runs.iter().filter_map(|run| run.program.as_ref());
        let Some(program) = programs.next() else {
            return String::new();
        };
        format!(
            "\nsignals handled: {}\n        ignored: {}\n        blocked: {}\n",
            names(program.handles),
            names(program.ignores),
            names(program.blocks)
        )
    }
}

impl Run {
    /// What became of the request that was in flight.
    fn request_cell(&self) -> String {
        match self.request {
            None => "-".to_owned(),
            Some(Flight::Finished) => "finished".to_owned(),
            Some(Flight::Cut) => styled(style::BAD, "cut"),
            Some(Flight::Unanswered) => styled(style::BAD, "unanswered"),
            Some(Flight::Over) => "was over".to_owned(),
        }
    }

    /// Reaction, time, status, what was left behind, what `docker stop` does.
    pub(super) fn cells(&self) -> [String; 5] {
        let none = || "-".to_owned();
        match &self.end {
            End::Stopped {
                after_ms,
                status,
                left_behind,
                killed_by,
                ..
            } => {
                let after = std::time::Duration::from_secs_f64(after_ms / 1e3);
                let docker = if after > DOCKER_STOP {
                    styled(style::BAD, "kills after 10 s: 137")
                } else {
                    format!("returns after {}", show_duration(after))
                };
                [
                    match killed_by {
                        Some(signal) => format!("killed by {}", signal_name(*signal)),
                        None => styled(style::GOOD, "ends"),
                    },
                    show_duration(after),
                    format!("{status} ({})", meaning(*status)),
                    left_behind
                        .as_ref()
                        .map_or("not seen".to_owned(), |left| left.len().to_string()),
                    docker,
                ]
            }
            End::StillRunning { .. } => [
                styled(style::BAD, "runs on"),
                none(),
                none(),
                none(),
                styled(style::BAD, "kills after 10 s: 137"),
            ],
            End::EndedEarly { status } => [
                "ended before".to_owned(),
                none(),
                format!("{status} ({})", meaning(*status)),
                none(),
                none(),
            ],
            End::NotReady => ["not ready".to_owned(), none(), none(), none(), none()],
            End::NotStarted { .. } => ["not started".to_owned(), none(), none(), none(), none()],
        }
    }
}
