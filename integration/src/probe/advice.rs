//! From what was seen to what to do.

use std::time::Duration;

use serde::Serialize;

use super::{DOCKER_STOP, End, Program, Report, Run, Seen, Under, sig, status::meaning};
use crate::{
    duration::show_duration,
    init::{Feature, Personality},
    signals::signal_name,
};

/// The time that leftovers are given, and the upper bound for a program that does not stop.
const BOUND: Duration = Duration::from_secs(5);
const BOUND_MS: u32 = BOUND.as_millis() as u32;

/// What to do, in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What is the matter, and what helps.
    pub text: String,
    /// What to write, if there is something.
    pub line: Option<String>,
    /// What came of it when it was tried.
    pub tried: Option<String>,
}

/// An option that may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remedy {
    pub purpose: Purpose,
    pub feature: Feature,
}

/// What an option is to bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The program stops.
    Stop,
    /// It ends with this status, as it does without an init.
    Status(i32),
    /// What it leaves behind can finish.
    Leftovers,
}

/// An option that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    #[serde(skip)]
    pub(super) remedy: Remedy,
    /// Whether it has helped.
    pub helped: bool,
    /// What came of it.
    pub run: Run,
}

impl Tried {
    pub(super) fn new(remedy: Remedy, run: Run) -> Self {
        let helped = run
            .stopped()
            .is_some_and(|(after, status)| match remedy.purpose {
                Purpose::Stop => true,
                Purpose::Status(wanted) => status == wanted,
                Purpose::Leftovers => after < BOUND,
            });
        Self {
            remedy,
            helped,
            run,
        }
    }

    fn outcome(&self) -> String {
        match self.run.stopped() {
            Some((after, status)) => format!(
                "it ends after {}, with {status} ({})",
                show_duration(after),
                meaning(status)
            ),
            None => "it does not stop".to_owned(),
        }
    }
}

/// The options that may help, the likeliest first.
pub(super) fn worth_trying(report: &Report) -> Vec<Remedy> {
    let Some(under) = report.under_init() else {
        return Vec::new();
    };
    let mut remedies = Vec::new();
    let signal = report.signal;
    let bare_status = report.bare().and_then(Run::stopped).map(|(_, s)| s);
    if let (End::StillRunning { .. }, Some(program)) = (&under.end, &under.program) {
        // QUIT asks for a graceful end where servers tell it from TERM; INT is Ctrl-C.
        let others = [libc::SIGQUIT, libc::SIGINT, libc::SIGTERM];
        let handled = others
            .into_iter()
            .filter(|other| *other != signal && program.handles.contains(*other));
        remedies.extend(handled.map(|other| Remedy {
            purpose: Purpose::Stop,
            feature: Feature::Rewrite(signal, other),
        }));
    }
    let status = under.stopped().map(|(_, status)| status);
    if let Some(wanted) = bare_status.filter(|wanted| Some(*wanted) != status) {
        remedies.push(Remedy {
            purpose: Purpose::Status(wanted),
            feature: Feature::SingleChild,
        });
    }
    if !under.left_behind().is_empty() {
        remedies.push(Remedy {
            purpose: Purpose::Leftovers,
            feature: Feature::Grace(BOUND_MS),
        });
    }
    remedies
}

/// What to do about what the report shows.
pub(super) fn advise(report: &Report) -> Vec<Advice> {
    let writer = Writer(report);
    let rules = [
        Writer::never_ready,
        Writer::shell,
        Writer::deaf_as_pid1,
        Writer::deaf_under_init,
        Writer::other_status,
        Writer::status,
        Writer::leftovers,
        Writer::zombies,
        Writer::slow,
    ];
    let mut advice: Vec<_> = rules.iter().filter_map(|rule| rule(&writer)).collect();
    if advice.is_empty() {
        advice.push(Writer::nothing());
    }
    advice
}

struct Writer<'a>(&'a Report);

impl Writer<'_> {
    /// The command under the init with the option that asks for this; under tidy-init, where the
    /// one at hand cannot do it.
    fn line(&self, feature: Feature) -> Option<String> {
        let init = self.0.init.as_ref();
        let own = init.and_then(|init| Some((Under::name_of(init), init.options(feature)?)));
        let (name, options) = match own {
            Some(own) => own,
            None => ("tidy-init", Personality::Native.options(feature)?),
        };
        let command = shell_line(&self.0.command);
        Some(format!("{name} {} -- {command}", options.join(" ")))
    }

    fn tried(&self, wanted: impl Fn(&Remedy) -> bool) -> Option<String> {
        let mut tried = self.0.tried.iter().filter(|t| wanted(&t.remedy));
        tried.next().map(Tried::outcome)
    }

    fn never_ready(&self) -> Option<Advice> {
        let run = self.0.runs.iter().find(|run| run.program.is_none())?;
        let what = match &run.end {
            End::NotStarted { reason } => {
                return plain(format!("{}: {reason}.", run.under.label()));
            }
            End::EndedEarly { status } => format!(
                "{}: it ended before it was ready, with {status} ({})",
                run.under.label(),
                meaning(*status)
            ),
            _ => format!("{}: it was not ready in time", run.under.label()),
        };
        plain(format!(
            "{what}. See to what it needs to run, or say what makes it ready: --ready-port, \
             --ready-line, --ready-after."
        ))
    }

    fn shell(&self) -> Option<Advice> {
        let mut programs = self.0.runs.iter().filter_map(|run| run.program.as_ref());
        let (shell, child) = programs.find_map(|program| {
            // A shell that has a trap for the signal means to be there.
            let signal = self.0.signal;
            let trap = program.handles.contains(signal) || program.ignores.contains(signal);
            let child = program.shell_waits_for.as_ref().filter(|_| !trap)?;
            Some((&program.process.name, child))
        })?;
        Some(Advice {
            text: format!(
                "`exec` is missing: the program is a shell, {shell}, that waits for `{child}`. A \
                 signal to the container reaches the shell, which acts on it when its child has \
                 ended, if at all. Start the last command of the script by `exec`: it takes the \
                 shell's place."
            ),
            line: Some(format!("exec {}", shell_line(&child.arguments))),
            tried: None,
        })
    }

    fn deaf_as_pid1(&self) -> Option<Advice> {
        let bare = self.0.bare()?;
        let End::StillRunning { .. } = bare.end else {
            return None;
        };
        let under = self.0.under_init().map(|run| (run, run.stopped()));
        if matches!(under, Some((_, None))) {
            // It does not stop there either: that is another matter.
            return None;
        }
        let signal = sig(self.0.signal);
        let why = bare.program.as_ref().map_or("", |p| self.why(p));
        let tried = under.and_then(|(run, stopped)| {
            let (after, status) = stopped?;
            Some(format!(
                "under {} it ends after {}, with {status} ({})",
                run.under.label(),
                show_duration(after),
                meaning(status)
            ))
        });
        Some(Advice {
            text: format!(
                "As PID 1 it does not end at {signal}{why}: `docker stop` waits for {} and kills \
                 it. Run it under an init (`docker run --init`, or in the Dockerfile):",
                show_duration(DOCKER_STOP)
            ),
            line: Some("ENTRYPOINT [\"/bin/tidy-init\", \"--\"]".to_owned()),
            tried,
        })
    }

    /// Why the stop signal does not end a program.
    fn why(&self, program: &Program) -> &'static str {
        let signal = self.0.signal;
        if program.ignores.contains(signal) {
            ", which it ignores"
        } else if program.blocks.contains(signal) {
            ", which it blocks"
        } else if program.handles.contains(signal) {
            ", though it has a handler"
        } else if program.process.pid == 1 {
            ": it has no handler, and without one the kernel does not let a signal end PID 1"
        } else {
            ""
        }
    }

    fn deaf_under_init(&self) -> Option<Advice> {
        let under = self.0.under_init()?;
        let (End::StillRunning { .. }, Some(program)) = (&under.end, &under.program) else {
            return None;
        };
        let text = format!(
            "Under {} it does not end at {} either{}.",
            under.under.label(),
            sig(self.0.signal),
            self.why(program)
        );
        let helped = |t: &&Tried| t.helped && t.remedy.purpose == Purpose::Stop;
        if let Some(tried) = self.0.tried.iter().find(helped)
            && let Feature::Rewrite(_, other) = tried.remedy.feature
        {
            return Some(Advice {
                text: format!(
                    "{text} {} ends it: let the init deliver that instead.",
                    sig(other)
                ),
                line: self.line(tried.remedy.feature),
                tried: Some(tried.outcome()),
            });
        }
        let in_vain = self.0.tried.iter().map(|t| t.run.under.options.join(" "));
        let vain = in_vain.collect::<Vec<_>>().join(", ");
        Some(Advice {
            text: format!(
                "{text} Nothing that it has a handler for ends it: let it be killed before \
                 `docker stop` does so, or find out what it waits for."
            ),
            line: self.line(Feature::KillAfter(BOUND_MS)),
            tried: (!vain.is_empty()).then(|| format!("in vain: {vain}")),
        })
    }

    fn other_status(&self) -> Option<Advice> {
        let (bare, under) = (self.0.bare()?, self.0.under_init()?);
        let (_, alone) = bare.stopped()?;
        if under.stopped().is_some_and(|(_, status)| status == alone) {
            return None;
        }
        let is_status = |r: &Remedy| matches!(r.purpose, Purpose::Status(_));
        let helped = self
            .0
            .tried
            .iter()
            .any(|t| is_status(&t.remedy) && t.helped);
        let how = match under.stopped() {
            Some((_, status)) => format!("ends with {status} ({})", meaning(status)),
            None => "does not stop".to_owned(),
        };
        let text = format!(
            "Under {} it {how}, as PID 1 itself it ends with {alone} ({})",
            under.under.label(),
            meaning(alone)
        );
        if !helped {
            return plain(format!("{text}."));
        }
        Some(Advice {
            text: format!(
                "{text}: its children get the signal as well, being in its process group, and it \
                 wants to see to them itself. Let the signal go to it alone:"
            ),
            line: self.line(Feature::SingleChild),
            tried: self.tried(is_status),
        })
    }

    fn status(&self) -> Option<Advice> {
        let run = self.0.under_init().or_else(|| self.0.bare())?;
        let End::Stopped {
            status, killed_by, ..
        } = run.end
        else {
            return None;
        };
        let signal = self.0.signal;
        let text = match killed_by {
            _ if status == 0 => return None,
            Some(killer) if killer == signal => format!(
                "It has no handler for {}, which kills it in the middle of whatever it does: hence \
                 the status {status}. A handler that finishes and exits with 0 is best. Where \
                 being killed is fine, the status can be made a success:",
                sig(signal)
            ),
            Some(killer) => format!(
                "It ends by {}: that is a crash, not a way to stop.",
                sig(killer)
            ),
            None => format!(
                "It ends with {status} when it is told to stop. Where that is how it is meant to \
                 end (143 is usual for Java programs), it can be made a success:"
            ),
        };
        let mappable = killed_by.is_none_or(|killer| killer == signal);
        Some(Advice {
            text,
            line: mappable
                .then(|| self.line(Feature::ExitMap(status)))
                .flatten(),
            tried: None,
        })
    }

    fn leftovers(&self) -> Option<Advice> {
        let left = |run: &&Run| !run.left_behind().is_empty();
        let under = self.0.under_init();
        if let Some(run) = under.filter(left) {
            return Some(Advice {
                text: format!(
                    "It leaves behind {}: {} killed the moment that PID 1 ends. With --grace they \
                     are told to stop and waited for.",
                    list(run.left_behind()),
                    if run.left_behind().len() == 1 {
                        "it is"
                    } else {
                        "they are"
                    },
                ),
                line: self.line(Feature::Grace(BOUND_MS)),
                tried: self.tried(|r| r.purpose == Purpose::Leftovers),
            });
        }
        let bare = self.0.bare().filter(left)?;
        let (text, line) = match under {
            Some(run) if run.stopped().is_some() => (
                format!(
                    "Under {} they get the signal too, and end.",
                    run.under.label()
                ),
                None,
            ),
            _ => (
                "An init can tell them to stop, and wait for them:".to_owned(),
                self.line(Feature::Grace(BOUND_MS)),
            ),
        };
        Some(Advice {
            text: format!(
                "As PID 1 it leaves behind {}, killed the moment that it ends. {text}",
                list(bare.left_behind())
            ),
            line,
            tried: None,
        })
    }

    fn zombies(&self) -> Option<Advice> {
        let with = |run: &&Run| !run.zombies.is_empty();
        if let Some(run) = self.0.under_init().filter(with) {
            return plain(format!(
                "It does not reap its own children: {} had ended, and nobody had asked how. No \
                 init can do that for a parent that lives; they take up process IDs.",
                list(&run.zombies)
            ));
        }
        let run = self.0.bare().filter(with)?;
        plain(format!(
            "As PID 1 it gets the orphans of the container and does not reap them: {} had ended and \
             stayed. An init reaps them.",
            list(&run.zombies)
        ))
    }

    fn slow(&self) -> Option<Advice> {
        let run = self.0.under_init().or_else(|| self.0.bare())?;
        let (after, _) = run.stopped()?;
        if after < DOCKER_STOP / 2 {
            return None;
        }
        let seconds = (after.as_secs_f64() * 1.5).ceil();
        Some(Advice {
            text: format!(
                "It needs {} to stop: `docker stop` kills after {}. Give it more: \
                 `stop_grace_period` in Compose, `terminationGracePeriodSeconds` in Kubernetes \
                 (30 s unless you say more), or",
                show_duration(after),
                show_duration(DOCKER_STOP)
            ),
            line: Some(format!("docker stop --time {seconds}")),
            tried: None,
        })
    }

    fn nothing() -> Advice {
        Advice {
            text: "Nothing needs to be changed.".to_owned(),
            line: None,
            tried: None,
        }
    }
}

fn plain(text: String) -> Option<Advice> {
    Some(Advice {
        text,
        line: None,
        tried: None,
    })
}

/// `2 processes (sleep 100, cat)`, shortened.
fn list(processes: &[Seen]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<_> = processes
        .iter()
        .take(SHOWN)
        .map(|seen| format!("`{seen}`"))
        .collect();
    if processes.len() > SHOWN {
        names.push("…".to_owned());
    }
    let noun = if processes.len() == 1 {
        "process"
    } else {
        "processes"
    };
    format!("{} {noun} ({})", processes.len(), names.join(", "))
}

/// The words as a shell would have to read them; a long command is cut off after its first word.
fn shell_line(words: &[String]) -> String {
    const LONGEST: usize = 70;
    // Words come from argument vectors: there is no NUL, which alone cannot be quoted.
    let line = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
    if line.len() <= LONGEST && !line.contains('\n') {
        return line;
    }
    let first = words.first().map(String::as_str).unwrap_or_default();
    format!("{} ...", shlex::try_quote(first).unwrap_or_default())
}

/// The names of a set of signals, `-` for none.
pub(super) fn names(set: crate::SignalSet) -> String {
    let names: Vec<_> = set.iter().map(signal_name).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" ")
    }
}
