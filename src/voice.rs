//! The words for what happens, in the manner of each personality: scripts match
//! the lines of the originals.
//!
//! In the words `%1` stands for the first of the event's values, and `#1` for
//! another form of it.

#![forbid(unsafe_code)]

use crate::config::Personality;
use crate::number::Decimal;
use crate::sys::process;
use crate::text::{Draft, Packed, unpack};
use core::fmt::{self, Display};

/// What an event is, whatever its values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // The words say it.
pub enum Kind {
    CannotExecute = 1,
    CannotStart,
    StepFailed,
    Started,
    Received,
    Held,
    Sent,
    NotSent,
    Stopping,
    CommandExited,
    CommandKilled,
    GraceBegins,
    Exited,
    Killed,
    NotReaped,
    Failed,
    StatusLost,
    CannotDie,
    LinesDropped,
    // What only some personalities speak of.
    ChildSignal,
    Rewritten,
    Dropped,
    Debugging,
    NoSession,
    NotDetached,
    Detached,
    DetachedAsMember,
    HandedOff,
    NotAttached,
    NewSession,
    NoReaper,
    Reaper,
    OrphanReaped,
    NothingToReap,
    NoChildren,
    Leaving,
    // What is wrong with a command line.
    UnknownShort,
    UnknownLong,
    Ambiguous,
    ShortWithout,
    LongWithout,
    LongWith,
    BadValue,
    NoCommand,
    NotInEnvironment,
    NoOption,
    GroupOfItsOwn,
    PauseWith,
    Reserved,
    // What is wrong with a value.
    NoSuchSignal,
    NotCaught,
    NeverForwarded,
    NotFromTo,
    NotSignalTime,
    NoDuration,
    TooLong,
    NoStatus,
    NoTarget,
    NoFormat,
    NotAbsolute,
}

impl Kind {
    /// Whether it is the value of an option that is wrong.
    pub fn is_about_a_value(self) -> bool {
        self as u8 >= Kind::NoSuchSignal as u8
    }
}

/// Levels, as the `log` crate numbers them; 0 stands for an error that has
/// nothing before it.
const BARE: u8 = 0;
const ERROR: u8 = 1;
const WARN: u8 = 2;
const INFO: u8 = 3;
const DEBUG: u8 = 4;
const TRACE: u8 = 5;

/// What is said of an event; nothing where there are no words.
type Line = (Kind, u8, &'static str);

/// An event's name in the JSON form stands before its words, and a `|`.
const NATIVE: &[Line] = &[
    (
        Kind::CannotExecute,
        ERROR,
        "cannot_execute|cannot execute %1: %2",
    ),
    (
        Kind::CannotStart,
        ERROR,
        "cannot_start|cannot make a process for %1: %2",
    ),
    (Kind::StepFailed, WARN, "step_failed|cannot %1: %2"),
    (Kind::Started, INFO, "started|started %1 (pid %2)"),
    (Kind::Received, INFO, "signal_received|received %1 from %2"),
    (Kind::Held, INFO, "signal_held|holding %1 back for %2 ms"),
    (Kind::Sent, INFO, "signal_sent|sent %1 to %2"),
    (
        Kind::NotSent,
        WARN,
        "signal_not_sent|cannot send %1 to %2: %3",
    ),
    (Kind::Stopping, INFO, "stopping|stopping until SIGCONT"),
    (
        Kind::CommandExited,
        INFO,
        "command_ended|the command (pid %1) %2",
    ),
    (
        Kind::CommandKilled,
        INFO,
        "command_ended|the command (pid %1) %2",
    ),
    (
        Kind::GraceBegins,
        INFO,
        "grace_begins|what is left has %1 ms to end",
    ),
    (Kind::Exited, DEBUG, "reaped|reaped pid %1, which %2"),
    (Kind::Killed, DEBUG, "reaped|reaped pid %1, which %2"),
    (
        Kind::NotReaped,
        DEBUG,
        "not_reaped|pid %1 is a zombie that its parent, pid %2, does not reap",
    ),
    (Kind::Failed, INFO, "command_failed|%1"),
    (
        Kind::StatusLost,
        ERROR,
        "status_lost|the command is gone without a status",
    ),
    (
        Kind::CannotDie,
        WARN,
        "cannot_die_by_signal|PID 1 cannot die by %1: exiting with 128 + its number",
    ),
    (
        Kind::LinesDropped,
        WARN,
        "lines_dropped|%1 lines dropped: stderr did not take them",
    ),
    (Kind::UnknownShort, ERROR, "|unknown option %1"),
    (Kind::UnknownLong, ERROR, "|unknown option %1"),
    (Kind::Ambiguous, ERROR, "|option %1 is ambiguous"),
    (Kind::ShortWithout, ERROR, "|option %1 needs a value"),
    (Kind::LongWithout, ERROR, "|option %1 needs a value"),
    (Kind::LongWith, ERROR, "|option %1 takes no value"),
    (Kind::BadValue, ERROR, "|option %1: %2: #3"),
    (Kind::NoCommand, ERROR, "|no command given"),
    (
        Kind::NotInEnvironment,
        ERROR,
        "|option %1 belongs on the command line",
    ),
    (Kind::NoOption, ERROR, "|%2 is no option"),
    (
        Kind::GroupOfItsOwn,
        ERROR,
        "|-c and -t group exclude each other: with -c the command has no group of its own",
    ),
    (
        Kind::PauseWith,
        ERROR,
        "|--pause takes no command and no options but -v and --log-format",
    ),
    (
        Kind::NoSuchSignal,
        ERROR,
        "|no such signal (--list-signals shows them)",
    ),
    (
        Kind::NotCaught,
        ERROR,
        "|SIGKILL and SIGSTOP cannot be caught",
    ),
    (Kind::NeverForwarded, ERROR, "|SIGCHLD is never forwarded"),
    (Kind::NotFromTo, ERROR, "|not of the form FROM:TO"),
    (Kind::NotSignalTime, ERROR, "|not of the form SIG:TIME"),
    (
        Kind::NoDuration,
        ERROR,
        "|not a duration, such as 500ms, 10s, 2m or 1h",
    ),
    (Kind::TooLong, ERROR, "|too long"),
    (
        Kind::NoStatus,
        ERROR,
        "|an exit status is a number from 0 to 255",
    ),
    (Kind::NoTarget, ERROR, "|not child, group or all"),
    (Kind::NoFormat, ERROR, "|not text or json"),
    (Kind::NotAbsolute, ERROR, "|not an absolute path"),
];

/// Those of glibc's `getopt_long(3)`, which have no name of a program before
/// them but the one it was called by.
const GETOPT: &[Line] = &[
    (Kind::UnknownShort, BARE, "%3: invalid option -- '%1'"),
    (Kind::UnknownLong, BARE, "%3: unrecognized option '--%1'"),
    (
        Kind::Ambiguous,
        BARE,
        "%3: option '--%1' is ambiguous; possibilities:",
    ),
    (
        Kind::ShortWithout,
        BARE,
        "%3: option requires an argument -- '%1'",
    ),
    (
        Kind::LongWithout,
        BARE,
        "%3: option '--%1' requires an argument",
    ),
    (
        Kind::LongWith,
        BARE,
        "%3: option '--%1' doesn't allow an argument",
    ),
];

const DUMB_INIT: &[Line] = &[
    (Kind::CannotExecute, ERROR, "%1: %2"),
    (Kind::CannotStart, ERROR, "Unable to fork. Exiting."),
    (Kind::Started, INFO, "Child spawned with PID %2."),
    (Kind::Received, INFO, "Received signal %1."),
    (Kind::Sent, INFO, "Forwarded signal %1 to children."),
    (Kind::NotSent, INFO, "Forwarded signal %1 to children."),
    (Kind::Stopping, INFO, "Suspending self due to TTY signal."),
    (Kind::CommandExited, INFO, ""),
    (Kind::CommandKilled, INFO, ""),
    (
        Kind::Exited,
        INFO,
        "A child with PID %1 exited with exit status %2.",
    ),
    (
        Kind::Killed,
        INFO,
        "A child with PID %1 was terminated by signal %2.",
    ),
    (Kind::Failed, INFO, ""),
    (Kind::ChildSignal, INFO, "Received signal 17."),
    (Kind::Rewritten, INFO, "Translating signal %1 to %2."),
    (
        Kind::Dropped,
        INFO,
        "Not forwarding signal 0 to children (ignored).",
    ),
    (Kind::Debugging, INFO, "Running in debug mode."),
    (Kind::NoSession, INFO, "Not running in setsid mode."),
    (
        Kind::NotDetached,
        INFO,
        "Unable to detach from controlling tty (errno=#1 %1).",
    ),
    (
        Kind::Detached,
        INFO,
        "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.",
    ),
    (
        Kind::DetachedAsMember,
        INFO,
        "Detached from controlling tty, but was not session leader.",
    ),
    (Kind::HandedOff, INFO, "Ignoring tty hand-off signal %1."),
    (
        Kind::NotAttached,
        INFO,
        "Unable to attach to controlling tty (errno=#1 %1).",
    ),
    (Kind::NewSession, INFO, "setsid complete."),
    (Kind::Leaving, INFO, "Child exited with status %1. Goodbye."),
    (
        Kind::BadValue,
        BARE,
        "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n\
         This option can be specified multiple times.\nUse --help for full usage.",
    ),
    (
        Kind::NoCommand,
        BARE,
        "Usage: %3 [option] program [args]\nTry %3 --help for full usage.",
    ),
];

const TINI: &[Line] = &[
    (Kind::CannotExecute, ERROR, "exec %1 failed: %2"),
    (Kind::CannotStart, ERROR, "fork failed: %2"),
    (
        Kind::Started,
        INFO,
        "Spawned child process '%1' with pid '%2'",
    ),
    (Kind::Received, INFO, ""),
    (Kind::Sent, DEBUG, "Passing signal: '#1'"),
    (Kind::NotSent, DEBUG, "Passing signal: '#1'"),
    (
        Kind::CommandExited,
        INFO,
        "Main child exited normally (with status '%2')",
    ),
    (
        Kind::CommandKilled,
        INFO,
        "Main child exited with signal (with signal '#2')",
    ),
    (Kind::Exited, DEBUG, "Reaped child with pid: '%1'"),
    (Kind::Killed, DEBUG, "Reaped child with pid: '%1'"),
    (Kind::Failed, INFO, ""),
    (Kind::ChildSignal, DEBUG, "Received SIGCHLD"),
    (
        Kind::NoReaper,
        WARN,
        "Tini is not running as PID 1 and isn't registered as a child subreaper.\n\
         Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n\
         To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER \
         to register Tini as a child subreaper, or run Tini as PID 1.",
    ),
    (Kind::Reaper, TRACE, "Registered as child subreaper"),
    (
        Kind::OrphanReaped,
        WARN,
        "Reaped zombie process with pid=%1",
    ),
    (Kind::NothingToReap, TRACE, "No child to reap"),
    (Kind::NoChildren, TRACE, "No child to wait"),
    (Kind::Leaving, TRACE, "Exiting: child has exited"),
    (Kind::BadValue, ERROR, "Not a valid option for -%1: %2"),
];

const CATATONIT: &[Line] = &[
    (Kind::CannotExecute, ERROR, "failed to exec pid1: %2"),
    (Kind::CannotStart, ERROR, "failed to fork child: %2"),
    (Kind::Started, DEBUG, "pid1 (%2) spawned: %1"),
    (Kind::Received, DEBUG, ""),
    (Kind::Sent, DEBUG, ""),
    (Kind::CommandExited, DEBUG, ""),
    (Kind::CommandKilled, DEBUG, ""),
    (Kind::Exited, DEBUG, "child process %1 exited with code %2"),
    (
        Kind::Killed,
        DEBUG,
        "child process %1 exited due to signal %2",
    ),
    (Kind::Failed, DEBUG, ""),
    (
        Kind::NotAttached,
        DEBUG,
        "setting foreground process failed: no tty present: %1",
    ),
    (
        Kind::NoChildren,
        DEBUG,
        "got ECHILD: no children left to monitor",
    ),
    (Kind::NoCommand, ERROR, "missing program name"),
    (
        Kind::Reserved,
        ERROR,
        "CATATONIT_LOG is reserved for future use",
    ),
];

/// A table in its short form: of each line the kind, the level, the words, and
/// a zero.
#[allow(clippy::indexing_slicing)] // In the compiler.
const fn table(lines: &[Line]) -> Draft {
    let mut draft = Draft::new();
    let mut at = 0;
    while at < lines.len() {
        let (kind, level, words) = lines[at];
        draft = draft
            .byte(kind as u8)
            .byte(level + 1)
            .packed(&marked(words))
            .byte(0);
        at += 1;
    }
    draft
}

/// Words with a byte for each value: 1 to 3, and 4 to 6 for the other form.
#[allow(clippy::indexing_slicing)] // In the compiler.
const fn marked(words: &str) -> Draft {
    let words = words.as_bytes();
    let mut draft = Draft::new();
    let mut at = 0;
    while at < words.len() {
        let first = match words[at] {
            b'%' => 0,
            b'#' => OTHER_FORM,
            b'|' => {
                draft = draft.byte(NAME_END);
                at += 1;
                continue;
            }
            byte => {
                draft = draft.byte(byte);
                at += 1;
                continue;
            }
        };
        draft = draft.byte(first + (words[at + 1] - b'0'));
        at += 2;
    }
    draft
}

/// What stands for the end of a name.
pub const NAME_END: u8 = 7;

/// What is added to the number of a value for its other form.
pub const OTHER_FORM: u8 = 3;

macro_rules! tables {
    ($($name:ident = $lines:expr;)+) => {$(
        static $name: [u8; table($lines).length()] = table($lines).finish();
    )+};
}

tables! {
    NATIVE_TABLE = NATIVE;
    DUMB_INIT_TABLE = DUMB_INIT;
    TINI_TABLE = TINI;
    CATATONIT_TABLE = CATATONIT;
    GETOPT_TABLE = GETOPT;
}

/// The words for an event.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// How loud they are, as the `log` crate numbers levels.
    pub level: u8,
    /// The words in their short form; none where nothing is said.
    pub packed: &'static [u8],
    /// Whether they are our own, which have a name before them.
    pub native: bool,
}

/// The words for an event; our own where a personality has none. `None` where
/// nobody would say it.
pub fn words(personality: Personality, kind: Kind) -> Option<Words> {
    let foreign: &'static [u8] = match personality {
        Personality::DumbInit => &DUMB_INIT_TABLE,
        Personality::Tini => &TINI_TABLE,
        Personality::Catatonit => &CATATONIT_TABLE,
        _ => &[],
    };
    let getopt: &'static [u8] = if foreign.is_empty() {
        &[]
    } else {
        &GETOPT_TABLE
    };
    [(foreign, false), (getopt, false), (&NATIVE_TABLE, true)]
        .into_iter()
        .find_map(|(table, native)| {
            table.split(|byte| *byte == 0).find_map(|line| match line {
                [first, level, packed @ ..] if *first == kind as u8 => Some(Words {
                    level: level.saturating_sub(1),
                    packed,
                    native,
                }),
                _ => None,
            })
        })
}

/// Whether anybody says it without being asked to. To look this up costs less
/// than to find the words, and mostly that is all that is needed.
pub fn is_for_all(kind: Kind) -> bool {
    FOR_ALL >> kind as u8 & 1 == 1
}

/// A bit for each kind that is an error or a warning in some table.
const FOR_ALL: u64 = loud(NATIVE) | loud(DUMB_INIT) | loud(TINI) | loud(CATATONIT) | loud(GETOPT);

#[allow(clippy::indexing_slicing)] // In the compiler.
const fn loud(lines: &[Line]) -> u64 {
    let mut kinds = 0;
    let mut at = 0;
    while at < lines.len() {
        let (kind, level, _) = lines[at];
        if level <= WARN {
            kinds |= 1 << kind as u8;
        }
        at += 1;
    }
    kinds
}

/// What a line of a personality begins with.
#[derive(Clone, Copy, Debug)]
pub struct Prefix(pub Personality, pub u8);

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Prefix(personality, level) = *self;
        let column = match personality {
            Personality::Catatonit => TRACE,
            _ => 0,
        };
        nth(PREFIXES, personality as u8)
            .iter()
            .try_for_each(|byte| match byte {
                1 => Packed(nth(LEVELS, column + level.saturating_sub(ERROR))).fmt(f),
                2 => process::child_id().map_or(Ok(()), |pid| pid.fmt(f)),
                byte => unpack(*byte, f),
            })
    }
}

/// By the number of the personality; 1 stands for the level, 2 for our process
/// ID.
static PREFIXES: &[u8] = crate::packed!(
    Draft::new()
        .text("[tidy-init] \0[dumb-init] \0[\x01 tini (\x02)] \0\x01 (catatonit:\x02): \0[pause] ")
);

/// By the number of the level: tini's names, then catatonit's.
static LEVELS: &[u8] = crate::packed!(
    Draft::new().text("FATAL\0WARN \0INFO \0DEBUG\0TRACE\0ERROR\0WARN\0INFO\0DEBUG\0DEBUG")
);

/// The text of this number among those that end in a zero.
fn nth(texts: &'static [u8], number: u8) -> &'static [u8] {
    texts
        .split(|byte| *byte == 0)
        .nth(usize::from(number))
        .unwrap_or_default()
}

/// What signals are called by glibc's `strsignal(3)`, 1 to 31.
pub fn signal_text(number: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = nth(SIGNAL_TEXTS, number);
    if text.is_empty() {
        return write!(
            f,
            "Real-time signal {}",
            Decimal(u64::from(number.saturating_sub(34)))
        );
    }
    Packed(text).fmt(f)
}

static SIGNAL_TEXTS: &[u8] = crate::packed!(Draft::new().text(
    "\0Hangup\0Interrupt\0Quit\0Illegal instruction\0Trace/breakpoint trap\0Aborted\0\
     Bus error\0Floating point exception\0Killed\0User defined signal 1\0Segmentation fault\0\
     User defined signal 2\0Broken pipe\0Alarm clock\0Terminated\0Stack fault\0Child exited\0\
     Continued\0Stopped (signal)\0Stopped\0Stopped (tty input)\0Stopped (tty output)\0\
     Urgent I/O condition\0CPU time limit exceeded\0File size limit exceeded\0\
     Virtual timer expired\0Profiling timer expired\0Window changed\0I/O possible\0\
     Power failure\0Bad system call"
));
