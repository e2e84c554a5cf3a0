//! One run of the program: it is started, observed, told to stop, and observed again.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{
    last_look::LastLook,
    quiet,
    ready::Waited,
    request::{Client, Flight},
    scene::Scene,
    script::goes_on_after,
    seen::Seen,
    settings::{Settings, sig},
};
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

/// A zombie or a blocked signal that lasts longer than this is there to stay.
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

    /// The name of an init in a container, where the file need not have the name that it has here,
    /// `tidy-init-x86_64`.
    pub(super) fn name_of(init: &Init) -> &str {
        match init.personality() {
            Personality::Native if init.name().starts_with("tidy-init-") => "tidy-init",
            _ => init.name(),
        }
    }

    /// Its name in a table: `PID 1 itself`, `tidy-init -r TERM:QUIT`.
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

/// The observations of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// What the program ran under.
    pub under: Under,
    /// The program when it was ready; `None` if it never was.
    pub program: Option<Program>,
    /// Zombies when the program was ready.
    pub zombies: Vec<Seen>,
    /// How it ended.
    pub end: End,
    /// What became of the request that was in flight, if there was one.
    pub request: Option<Flight>,
    /// The last lines of output, standard error if there are any there, of a program that was not
    /// sent the signal.
    pub complaint: Vec<String>,
}

/// The program when it was ready.
#[derive(Clone, Debug, Serialize)]
pub struct Program {
    /// Its process.
    pub process: Seen,
    /// The time from the start until it was ready, in milliseconds.
    pub ready_after_ms: f64,
    /// Signals that it has a handler for.
    #[serde(serialize_with = "names")]
    pub handles: SignalSet,
    /// Signals that it ignores.
    #[serde(serialize_with = "names")]
    pub ignores: SignalSet,
    /// Signals that its first thread blocks.
    #[serde(serialize_with = "names")]
    pub blocks: SignalSet,
    /// Whether it was quiet when it was sent the signal; if not, it was still starting, or it is
    /// always busy.
    pub quiet: bool,
    /// The child that it waits for, if it is a shell.
    pub shell_waits_for: Option<Seen>,
    /// The children of a shell in its process group: several in a pipeline, or with `&`.
    pub shell_children: Vec<Seen>,
    /// Whether the shell's script goes on after that child; `None` if unknown.
    pub shell_goes_on: Option<bool>,
    /// The program at the end of a chain of shells and other programs that each have one child.
    pub leaf: Option<Seen>,
    /// Processes in sessions of their own whose parents have ended: they have put themselves into
    /// the background.
    pub daemons: Vec<Seen>,
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
    /// It ended before the signal was sent.
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
        /// The status of the program itself; `None` if unknown.
        program_status: Option<i32>,
        /// The signal that killed the program, if one did.
        killed_by: Option<i32>,
        /// The processes that lived when the program ended, and were killed with PID 1; `None` if
        /// unknown.
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

    /// Whether the program was sent the signal.
    #[must_use]
    pub fn was_signalled(&self) -> bool {
        matches!(self.end, End::Stopped { .. } | End::StillRunning { .. })
    }

    /// Whether a request was in flight and was not answered.
    #[must_use]
    pub fn lost_request(&self) -> bool {
        self.request.is_some_and(Flight::is_lost)
    }

    /// The processes that the program has left behind.
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

    /// A run that has failed at the start.
    pub(super) fn not_started(under: Under, reason: String) -> Self {
        Self {
            under,
            program: None,
            zombies: Vec::new(),
            end: End::NotStarted { reason },
            request: None,
            complaint: Vec::new(),
        }
    }
}

/// Observes one scene from its start to its end. `tell` is called with what is awaited.
pub(super) fn observe(
    under: Under,
    mut scene: Scene,
    settings: &Settings,
    started: Instant,
    tell: &mut dyn FnMut(String),
) -> Result<Run, Trouble> {
    let mut run = Run {
        program: None,
        zombies: Vec::new(),
        end: End::NotReady,
        request: None,
        complaint: Vec::new(),
        under,
    };
    let label = run.under.label();
    tell(format!("{label}: waiting for {}", settings.readiness));
    let main = find_main(&mut scene, run.under.init.is_some());
    let waited = settings.readiness.wait(&mut scene, settings.ready_within);
    let ready_after = started.elapsed();
    let (waited, quiet) = match waited {
        Waited::Ready => {
            tell(format!("{label}: waiting until it is quiet"));
            quiet::wait(&mut scene, settings.settle)
        }
        other => (other, false),
    };
    match (waited, main) {
        (Waited::Ready, Some(main)) => {
            let zombies = zombies_that_stay(&scene);
            let program = look(main, scene.pid1(), ready_after, quiet);
            tell(format!(
                "{label}: waiting for its end at {}",
                sig(settings.signal)
            ));
            let client = match &settings.request {
                Some(script) => Some(Client::start(scene.client_command(script), script)?),
                None => None,
            };
            (run.end, run.request) = stop(&mut scene, main, settings, client)?;
            if !matches!(run.end, End::EndedEarly { .. }) {
                (run.zombies, run.program) = (zombies, program);
            }
        }
        (Waited::Ended, _) => {
            run.end = End::EndedEarly {
                status: scene.status()?,
            };
        }
        _ => {}
    }
    if !run.was_signalled() {
        let [stdout, stderr] = scene.all_output();
        run.complaint = last_lines(if stderr.is_empty() { &stdout } else { &stderr });
    }
    Ok(run)
}

/// The program: PID 1, or the child that the init has started. `None` if it ended at once.
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

fn look(main: Process, pid1: Process, ready_after: Duration, quiet: bool) -> Option<Program> {
    let process = Seen::of(main)?;
    let set = |name| main.signal_set(name).unwrap_or_default();
    let executable = main.link("exe");
    let file = executable.as_deref().and_then(|path| path.file_name());
    let file = file.map_or(process.name.clone(), escape);
    let is_shell = SHELLS.contains(&file.as_str()) || SHELLS.contains(&process.name.as_str());
    let waits_for = is_shell.then(|| newest_child(main)).flatten();
    let goes_on = |child| goes_on_after(main, &process.arguments, child);
    Some(Program {
        shell_goes_on: waits_for.as_ref().and_then(goes_on),
        shell_children: match waits_for {
            Some(_) => children_of_script(main),
            None => Vec::new(),
        },
        shell_waits_for: waits_for,
        leaf: leaf(main),
        daemons: daemons(main, pid1),
        quiet,
        ready_after_ms: ready_after.as_secs_f64() * 1e3,
        handles: set("SigCgt"),
        ignores: set("SigIgn"),
        blocks: blocked_for_good(main),
        process,
    })
}

/// The last program that a script has started, if it runs. The script may be about to start it.
fn newest_child(shell: Process) -> Option<Seen> {
    let mut newest = None;
    try_poll_until(MOMENT, || {
        newest = children_of_script(shell).pop();
        newest.is_some()
    });
    newest
}

/// The programs that a script has started and that run: those in its own process group.
fn children_of_script(shell: Process) -> Vec<Seen> {
    let group = |process: Process| process.stat().map(|stat| stat.pgid);
    let own = shell.arguments();
    let mut children = shell.children();
    children.retain(|child| group(*child) == group(shell) && child.arguments() != own);
    let living = children.into_iter().filter_map(Seen::of);
    living.filter(|child| !child.zombie).collect()
}

/// The last process of a chain in which each has one child; `None` if the process has no child.
fn leaf(main: Process) -> Option<Seen> {
    let mut last = None;
    let mut children = main.children();
    while let [child] = children[..] {
        last = Some(child);
        children = child.children();
    }
    last.and_then(Seen::of)
}

/// The leaders of sessions that PID 1 has adopted.
fn daemons(main: Process, pid1: Process) -> Vec<Seen> {
    let own = main.stat().map(|stat| stat.sid);
    let mut adopted = pid1.children();
    adopted.retain(|child| {
        let session = child.stat().map(|stat| stat.sid);
        *child != main && session.is_some() && session != own
    });
    let living = adopted.into_iter().filter_map(Seen::of);
    living.filter(|daemon| !daemon.zombie).collect()
}

/// The blocked signals, without those that are blocked only for a moment, as by a shell that forks.
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

/// Sends the signal and waits for the end, and for that of the request.
fn stop(
    scene: &mut Scene,
    main: Process,
    settings: &Settings,
    mut client: Option<Client>,
) -> Result<(End, Option<Flight>), Trouble> {
    let waits = client.as_mut().map(Client::is_waiting);
    let end = send_and_wait(scene, main, settings)?;
    let flight = match (&end, client, waits) {
        (End::EndedEarly { .. }, ..) => None,
        (_, Some(client), Some(true)) => Some(client.outcome()),
        (_, Some(_), _) => Some(Flight::Over),
        _ => None,
    };
    Ok((end, flight))
}

fn send_and_wait(scene: &mut Scene, main: Process, settings: &Settings) -> Result<End, Trouble> {
    let pid1 = scene.pid1();
    // If it cannot be traced, the processes that it leaves behind are unknown.
    let last_look = LastLook::begin(main).ok();
    if scene.has_ended() {
        return Ok(End::EndedEarly {
            status: scene.status()?,
        });
    }
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

fn last_lines(output: &[u8]) -> Vec<String> {
    const LINES: usize = 5;
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(LINES)..].to_vec()
}
