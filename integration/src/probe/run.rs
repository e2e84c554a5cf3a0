//! One run of the program: started, waited for, told to stop, and looked at all the while.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Settings, last_look::LastLook, ready::Waited, scene::Scene, seen::Seen};
use crate::{
    deadline::try_poll_until,
    exit::Trouble,
    init::{Init, Personality},
    process::Process,
    signals::{SignalSet, signal_name},
    status::WaitStatus,
    text::escape,
};

/// How long the init may take to start the program.
const START_LIMIT: Duration = Duration::from_secs(20);

/// What lasts for longer, a zombie or a blocked signal, is there to stay.
const MOMENT: Duration = Duration::from_millis(100);

/// The shells: a script that does not end in `exec` leaves one of them waiting.
const SHELLS: [&str; 7] = ["ash", "bash", "busybox", "dash", "ksh", "sh", "zsh"];

/// What the program ran under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Under {
    /// The init's name; `None` where the program itself was PID 1.
    pub init: Option<String>,
    /// The init's options.
    pub options: Vec<String>,
}

impl Under {
    pub(super) fn new(init: Option<&Init>, options: &[String]) -> Self {
        Self {
            init: init.map(|init| Self::name_of(init).to_owned()),
            options: options.to_vec(),
        }
    }

    /// The name of an init in a container: its file there need not be called as it is here,
    /// `tidy-init-x86_64`.
    pub(super) fn name_of(init: &Init) -> &str {
        match init.personality() {
            Personality::Native if init.name().starts_with("tidy-init-") => "tidy-init",
            _ => init.name(),
        }
    }

    /// As a table names it: `PID 1 itself`, `tidy-init -r TERM:QUIT`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.init {
            None => "PID 1 itself".to_owned(),
            Some(init) => format!("{init} {}", self.options.join(" "))
                .trim_end()
                .to_owned(),
        }
    }
}

/// What one run has shown.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// What the program ran under.
    pub under: Under,
    /// What the program looked like when it was ready; `None` where it never was.
    pub program: Option<Program>,
    /// Processes that had ended and that nobody had reaped when the program was ready.
    pub zombies: Vec<Seen>,
    /// How it ended.
    pub end: End,
    /// The last lines of standard error, where the run did not come to the signal.
    pub complaint: Vec<String>,
}

/// The program when it was ready.
#[derive(Clone, Debug, Serialize)]
pub struct Program {
    /// It, with its arguments.
    pub process: Seen,
    /// The time from the start until it was ready, in milliseconds.
    pub ready_after_ms: f64,
    /// Signals that it has a handler for.
    #[serde(serialize_with = "names")]
    pub handles: SignalSet,
    /// Signals that it ignores.
    #[serde(serialize_with = "names")]
    pub ignores: SignalSet,
    /// Signals that it blocks; of one with several threads, its first.
    #[serde(serialize_with = "names")]
    pub blocks: SignalSet,
    /// The child that it waits for, where it is a shell.
    pub shell_waits_for: Option<Seen>,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum End {
    /// The program could not be started.
    NotStarted {
        /// Why, in a line.
        reason: String,
    },
    /// It ended before it was ready.
    EndedEarly {
        /// The status of PID 1: 128 + n where signal n killed it.
        status: i32,
    },
    /// It was not ready in time.
    NotReady,
    /// PID 1 ended after the signal.
    Stopped {
        /// The time from the signal to the end, in milliseconds.
        after_ms: f64,
        /// The status of PID 1.
        status: i32,
        /// The status of the program itself; `None` where that could not be seen.
        program_status: Option<i32>,
        /// The signal that killed the program, if one did.
        killed_by: Option<i32>,
        /// What lived when the program ended, and went down with PID 1; `None` where that could not
        /// be seen.
        left_behind: Option<Vec<Seen>>,
    },
    /// It still ran when the time was over, and was killed.
    StillRunning {
        /// What ran.
        processes: Vec<Seen>,
    },
}

fn names<S: serde::Serializer>(set: &SignalSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(set.iter().map(signal_name))
}

impl Run {
    /// The time from the signal to the end, and the status, if the program stopped.
    #[must_use]
    pub fn stopped(&self) -> Option<(Duration, i32)> {
        match self.end {
            End::Stopped {
                after_ms, status, ..
            } => Some((Duration::from_secs_f64(after_ms / 1e3), status)),
            _ => None,
        }
    }

    /// What was left behind.
    #[must_use]
    pub fn left_behind(&self) -> &[Seen] {
        match &self.end {
            End::Stopped {
                left_behind: Some(left),
                ..
            } => left,
            _ => &[],
        }
    }

    /// A run that came to nothing.
    pub(super) fn not_started(under: Under, reason: String) -> Self {
        Self {
            under,
            program: None,
            zombies: Vec::new(),
            end: End::NotStarted { reason },
            complaint: Vec::new(),
        }
    }
}

/// Looks at one scene from its start to its end.
pub(super) fn observe(
    under: Under,
    mut scene: Scene,
    settings: &Settings,
    started: Instant,
) -> Result<Run, Trouble> {
    let mut run = Run {
        program: None,
        zombies: Vec::new(),
        end: End::NotReady,
        complaint: Vec::new(),
        under,
    };
    let main = find_main(&mut scene, run.under.init.is_some());
    let waited = settings.readiness.wait(&mut scene, settings.ready_within);
    let ready_after = started.elapsed();
    match (waited, main) {
        (Waited::Ready, Some(main)) => {
            run.zombies = zombies_that_stay(&scene);
            run.program = look(main, ready_after);
            run.end = stop(&mut scene, main, settings)?;
        }
        (Waited::Ended, _) => {
            run.end = End::EndedEarly {
                status: scene.status()?,
            };
        }
        _ => {}
    }
    if !matches!(run.end, End::Stopped { .. } | End::StillRunning { .. }) {
        run.complaint = last_lines(&scene.all_stderr());
    }
    Ok(run)
}

/// The program: PID 1, or the child that the init has started. `None` where it ended at once.
fn find_main(scene: &mut Scene, under_init: bool) -> Option<Process> {
    if !under_init {
        return Some(scene.pid1());
    }
    let mut main = None;
    try_poll_until(START_LIMIT, || {
        main = scene.pid1().child_that_has_execd();
        main.is_some() || scene.has_ended()
    });
    main
}

fn look(main: Process, ready_after: Duration) -> Option<Program> {
    let process = Seen::of(main)?;
    let set = |name| main.signal_set(name).unwrap_or_default();
    let executable = main.link("exe");
    let file = executable.as_deref().and_then(|path| path.file_name());
    let file = file.map_or(process.name.clone(), escape);
    let is_shell = SHELLS.contains(&file.as_str()) || SHELLS.contains(&process.name.as_str());
    Some(Program {
        shell_waits_for: is_shell.then(|| newest_child(main)).flatten(),
        ready_after_ms: ready_after.as_secs_f64() * 1e3,
        handles: set("SigCgt"),
        ignores: set("SigIgn"),
        blocks: blocked_for_good(main),
        process,
    })
}

/// The last program that a script has started, if it runs. The script may just be about to start it.
fn newest_child(shell: Process) -> Option<Seen> {
    // What it has started is in its own group, unless it was meant to be by itself.
    let group = |process: Process| process.stat().map(|stat| stat.pgid);
    let own = shell.arguments();
    let mut newest = None;
    try_poll_until(MOMENT, || {
        let mut children = shell.children();
        children.retain(|child| group(*child) == group(shell) && child.arguments() != own);
        let mut living = children.into_iter().filter_map(Seen::of);
        newest = living.rfind(|child| !child.zombie);
        newest.is_some()
    });
    newest
}

/// What is blocked for a moment, as a shell blocks everything when it forks, is left out.
fn blocked_for_good(main: Process) -> SignalSet {
    let mut blocked = SignalSet::ALL;
    let begin = Instant::now();
    try_poll_until(MOMENT, || {
        let now = main.signal_set("SigBlk").unwrap_or_default();
        blocked = SignalSet::from_bits(blocked.bits() & now.bits());
        blocked == SignalSet::EMPTY || begin.elapsed() >= MOMENT
    });
    blocked
}

fn zombies_that_stay(scene: &Scene) -> Vec<Seen> {
    let zombies = || {
        let mut others = Seen::others_of(scene.pid1());
        others.retain(|seen| seen.zombie);
        others
    };
    let first = zombies();
    if first.is_empty() {
        return first;
    }
    let mut last = Vec::new();
    let begin = Instant::now();
    try_poll_until(MOMENT, || {
        last = zombies();
        last.is_empty() || begin.elapsed() >= MOMENT
    });
    last.retain(|seen| first.iter().any(|other| other.process == seen.process));
    last
}

fn stop(scene: &mut Scene, main: Process, settings: &Settings) -> Result<End, Trouble> {
    let pid1 = scene.pid1();
    // Where it cannot be traced, what it leaves behind is not known, and said to be so.
    let last_look = LastLook::begin(main).ok();
    let sent = Instant::now();
    scene.send(settings.signal)?;
    if !scene.wait(settings.stop_within) {
        let running = Seen::of(pid1).into_iter().chain(Seen::others_of(pid1));
        return Ok(End::StillRunning {
            processes: running.filter(|seen| !seen.zombie).collect(),
        });
    }
    let after = sent.elapsed();
    let moment = last_look.and_then(LastLook::end);
    let held = moment.as_ref().map_or(Duration::ZERO, |m| m.held);
    let program_status = moment.as_ref().map(|m| m.status);
    let left_behind = moment.map(|m| {
        let mut left = m.others;
        left.retain(|seen| seen.process != pid1 && !seen.zombie);
        left
    });
    Ok(End::Stopped {
        after_ms: after.saturating_sub(held).as_secs_f64() * 1e3,
        status: scene.status()?,
        program_status: program_status.map(WaitStatus::shell),
        killed_by: program_status.and_then(WaitStatus::signal),
        left_behind,
    })
}

fn last_lines(stderr: &[u8]) -> Vec<String> {
    const LINES: usize = 3;
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(LINES)..].to_vec()
}
