//! What an init does in a run, with everything as it should be or with one call that fails.

/// How the init is started, what it runs, and what it is sent.
pub struct Scenario {
    pub name: &'static str,
    /// `argv[0]`.
    pub called: &'static str,
    /// The init's options.
    pub options: &'static [&'static str],
    /// The words of the command (`program/command.rs`); empty where there is none to start.
    pub command: Command,
    pub place: Place,
    /// What happens, each step when all have come to rest.
    pub steps: &'static [Step],
}

#[derive(Clone, Copy)]
pub enum Step {
    /// The init is sent a signal.
    Signal(i32),
    /// The command makes an orphan, which ends at once.
    Orphan,
}

const TERM: Step = Step::Signal(libc::SIGTERM);
const TSTP: Step = Step::Signal(libc::SIGTSTP);
const CONT: Step = Step::Signal(libc::SIGCONT);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command {
    None,
    /// One that does not exist.
    Missing,
    Words(&'static [&'static str]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A child of the harness that leads a process group: a shell's job.
    Job,
    /// The same, in a network namespace of its own: other programs' sockets are not in it.
    JobWithoutNetwork,
    /// A job with a child that has ended before the init's program ran.
    JobWithZombie,
    /// A session leader with a terminal as standard input, not PID 1.
    Terminal,
    /// The same, and standard error is the terminal, too.
    TerminalForStderr,
    /// As PID 1 of a PID namespace.
    Pid1,
    /// PID 1, with a child that has ended before the init's program ran.
    Pid1WithZombie,
}

use Command::{Missing, None as NoCommand, Words};
use Step::Orphan;

/// Where the init finds the termination log; the worker puts its own path there.
pub const LOG: &str = "{log}";
/// A program that ends at once with 0; the worker puts the path of the command there.
pub const PROGRAM: &str = "{program}";

const NATIVE: &str = "tidy-init";

macro_rules! scenario {
    ($name:literal, $called:expr, $place:ident, $options:expr, $command:expr, $steps:expr) => {
        Scenario {
            name: $name,
            called: $called,
            options: &$options,
            command: $command,
            place: Place::$place,
            steps: &$steps,
        }
    };
}

/// All of them. Times are short where they are waited for, in `grace` and `kill`, and long enough for a busy
/// machine in `grace, in time`.
pub const SCENARIOS: &[Scenario] = &[
    scenario!("plain", NATIVE, Job, [], Words(&["wait"]), [Orphan, TERM]),
    scenario!("PID 1", NATIVE, Pid1, [], Words(&["wait"]), [Orphan, TERM]),
    scenario!("pty", NATIVE, Terminal, [], Words(&["wait"]), [TERM]),
    scenario!(
        "pty, verbose",
        NATIVE,
        TerminalForStderr,
        ["-v"],
        Words(&["wait"]),
        [TERM]
    ),
    scenario!(
        "job control",
        NATIVE,
        Job,
        [],
        Words(&["wait"]),
        [TSTP, CONT, TERM]
    ),
    scenario!(
        "single child",
        NATIVE,
        Job,
        ["-c"],
        Words(&["wait"]),
        [TERM]
    ),
    scenario!("no command", NATIVE, Job, [], Missing, []),
    scenario!(
        "grace",
        NATIVE,
        Job,
        ["--grace", "40ms"],
        Words(&["stubborn", "wait"]),
        [TERM]
    ),
    scenario!(
        "grace, in time",
        NATIVE,
        Job,
        ["--grace", "500ms"],
        Words(&["member", "leftover", "wait"]),
        [TERM]
    ),
    scenario!(
        "grace, PID 1",
        NATIVE,
        Pid1,
        ["--grace", "40ms"],
        Words(&["stubborn", "wait"]),
        [TERM]
    ),
    scenario!(
        "kill",
        NATIVE,
        Job,
        ["-k", "20ms"],
        Words(&["ignore", "wait-for-end"]),
        [TERM]
    ),
    scenario!(
        "kill, PID 1",
        NATIVE,
        Pid1,
        ["-k", "20ms"],
        Words(&["ignore", "wait-for-end"]),
        [TERM]
    ),
    scenario!(
        "pre-stop",
        NATIVE,
        Job,
        ["--pre-stop", PROGRAM],
        Words(&["wait"]),
        [TERM]
    ),
    scenario!(
        "pre-stop, PID 1, verbose",
        NATIVE,
        Pid1,
        ["-v", "-d", "TERM:5ms", "--pre-stop", PROGRAM],
        Words(&["wait"]),
        [TERM]
    ),
    scenario!(
        "linger",
        NATIVE,
        JobWithoutNetwork,
        ["--linger", "40ms"],
        Words(&["wait"]),
        [TERM]
    ),
    scenario!(
        "target all",
        NATIVE,
        Job,
        ["-t", "all"],
        Words(&["reporter", "wait"]),
        [TERM]
    ),
    scenario!(
        "target all, PID 1",
        NATIVE,
        Pid1,
        ["-t", "all"],
        Words(&["reporter", "wait"]),
        [TERM]
    ),
    scenario!(
        "termination log",
        NATIVE,
        Job,
        ["--termination-log", LOG],
        Words(&["wait"]),
        [TERM]
    ),
    scenario!(
        "JSON, verbose",
        NATIVE,
        Job,
        ["--log-format", "json", "-v", "-v"],
        Words(&["wait"]),
        [Orphan, TERM]
    ),
    scenario!(
        "exit by signal",
        NATIVE,
        Job,
        ["-p", "HUP", "-x"],
        Words(&["wait-for-end"]),
        [TERM]
    ),
    scenario!(
        "pause",
        NATIVE,
        JobWithZombie,
        ["--pause"],
        NoCommand,
        [TERM]
    ),
    scenario!(
        "pause, PID 1",
        NATIVE,
        Pid1WithZombie,
        ["--pause", "-v"],
        NoCommand,
        [TERM]
    ),
    scenario!(
        "dumb-init",
        "dumb-init",
        Terminal,
        ["-v"],
        Words(&["wait"]),
        [Orphan, TERM]
    ),
    scenario!(
        "dumb-init, PID 1",
        "dumb-init",
        Pid1,
        [],
        Words(&["wait"]),
        [Orphan, TERM]
    ),
    scenario!(
        "tini",
        "tini",
        Terminal,
        ["-s", "-vvv"],
        Words(&["wait"]),
        [Orphan, TERM]
    ),
    scenario!(
        "tini, PID 1",
        "tini",
        Pid1,
        ["-g"],
        Words(&["wait"]),
        [Orphan, TERM]
    ),
    scenario!(
        "catatonit",
        "catatonit",
        Terminal,
        [],
        Words(&["wait"]),
        [Orphan, TERM]
    ),
    scenario!(
        "catatonit, PID 1",
        "catatonit",
        Pid1,
        ["-g"],
        Words(&["wait"]),
        [Orphan, TERM]
    ),
];

impl Scenario {
    pub fn by_name(name: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    pub fn is_native(&self) -> bool {
        self.called == NATIVE
    }

    /// The statuses that say that the init itself has failed, before or after the start: 125 under
    /// every name, and those of the originals.
    pub fn failures(&self) -> &'static [i32] {
        match self.called {
            // 125: the init failed. 126 and 127 are for the command's file.
            NATIVE => &[125, 126, 127],
            // A failed fork is 1, a failed exec 2.
            "dumb-init" => &[1, 2, 125],
            // 126 and 127 as natively, all others 1.
            "tini" => &[1, 125, 126, 127],
            _ => &[1, 125],
        }
    }
}
