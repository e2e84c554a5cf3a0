//! What a probe has shown, for people and for programs.

use std::{ffi::OsString, fmt::Write as _};

use serde::Serialize;

use super::{
    Advice, End, Run, Settings,
    advice::{self, Tried, names},
    gate::Unmet,
    sig,
    status::meaning,
};
use crate::{
    duration::show_duration,
    init::Init,
    output::{Table, json, style, styled},
    signals::signal_name,
    text::escape,
};

/// What all runs of a program have shown.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The words of the program; what is no UTF-8 is replaced.
    pub command: Vec<String>,
    /// The image, if it ran in one.
    pub image: Option<String>,
    /// The number of the signal that asked it to stop.
    pub signal: i32,
    /// How long it was given to stop, in milliseconds.
    pub stop_within_ms: f64,
    /// As PID 1 itself first, if that was wanted, then under each init.
    pub runs: Vec<Run>,
    /// The options that were tried.
    pub tried: Vec<Tried>,
    /// What to do: at least one sentence.
    pub advice: Vec<Advice>,
    /// What was expected and is not so.
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
            unmet: Vec::new(),
            init: init.cloned(),
        }
    }

    pub(super) fn advise(&mut self) {
        self.advice = advice::advise(self);
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
        let mut text = styled(style::HEADING, escape(self.command.join(" ")));
        if let Some(image) = &self.image {
            let _ = write!(text, " in {image}");
        }
        text.push_str("\n\n");
        text += &self.table().to_text();
        text += &self.remarks();
        text += &self.signals();
        text.push('\n');
        for advice in &self.advice {
            let _ = writeln!(text, "* {}", advice.text);
            if let Some(line) = &advice.line {
                let _ = writeln!(text, "      {}", styled(style::HEADING, line));
            }
            if let Some(tried) = &advice.tried {
                let _ = writeln!(text, "  tried: {tried}");
            }
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

    fn table(&self) -> Table {
        let signal = sig(self.signal);
        let mut table = Table::new([
            "run as / under",
            &format!("at {signal}"),
            "after",
            "status",
            "left behind",
            "zombies",
            "docker stop",
        ]);
        for run in self.runs.iter().chain(self.tried.iter().map(|t| &t.run)) {
            let [reaction, after, status, left, docker] = cells(run);
            let zombies = match run.program {
                Some(_) => run.zombies.len().to_string(),
                None => "-".to_owned(),
            };
            table.row([
                run.under.label(),
                reaction,
                after,
                status,
                left,
                zombies,
                docker,
            ]);
        }
        table
    }

    /// What does not fit into the table.
    fn remarks(&self) -> String {
        let mut text = String::new();
        for run in &self.runs {
            if let End::NotStarted { reason } = &run.end {
                let _ = writeln!(text, "{}: {reason}", run.under.label());
            }
            for line in &run.complaint {
                let _ = writeln!(text, "{} said: {}", run.under.label(), escape(line));
            }
        }
        text
    }

    /// The signals that the program handles, ignores and blocks: the same in every run, so once.
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

/// Reaction, time, status, what was left behind, what `docker stop` does.
fn cells(run: &Run) -> [String; 5] {
    let none = || "-".to_owned();
    match &run.end {
        End::Stopped {
            after_ms,
            status,
            left_behind,
            killed_by,
            ..
        } => {
            let after = std::time::Duration::from_secs_f64(after_ms / 1e3);
            let docker = if after > super::DOCKER_STOP {
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
            "had ended before".to_owned(),
            none(),
            format!("{status} ({})", meaning(*status)),
            none(),
            none(),
        ],
        End::NotReady => ["not ready".to_owned(), none(), none(), none(), none()],
        End::NotStarted { .. } => ["not started".to_owned(), none(), none(), none(), none()],
    }
}
