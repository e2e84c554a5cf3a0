//! Signal numbers, their names, and sets of them.

#![forbid(unsafe_code)]

use crate::rows;
use crate::text::{Line, RowBuilder, Rows, decimal};
use core::num::NonZeroU8;

/// A signal, 1 to 64, real-time ones included.
///
/// The `Signal` of nix ends at 31; an init that used it would be deaf to the
/// real-time signals, and fail to reap what they kill.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Signal(NonZeroU8);

/// The lowest real-time signal, as `kill -l`, glibc and Docker count: the
/// kernel's is 32, and the C libraries keep the first ones for themselves.
const RTMIN: u8 = 34;
/// The highest signal there is (signal(7)).
const RTMAX: u8 = 64;

/// A signal from the C library's constant. Every constant is in range.
const fn constant(number: libc::c_int) -> Signal {
    match NonZeroU8::new(number as u8) {
        Some(number) => Signal(number),
        None => Signal(NonZeroU8::MIN),
    }
}

/// Names without `SIG`, from the C library's constants, since the numbers
/// differ between architectures. Where two names share a number, the one that
/// is printed comes first.
const NAMES: [(&str, libc::c_int); 34] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
    ("IOT", libc::SIGABRT),
    ("CLD", libc::SIGCHLD),
    ("POLL", libc::SIGIO),
];

/// How many of the names are the only or first one of their number.
const FIRST_NAMES: usize = 31;

/// Of each name its number, and the name.
static NAME_ROWS: Rows = rows!(build {
    let mut builder = RowBuilder::new();
    let mut at = 0;
    while at < NAMES.len() {
        let (name, number) = NAMES[at];
        builder = builder.row().byte(number as u8).text(name);
        at += 1;
    }
    builder
});

/// The numbers and names.
fn names() -> impl Iterator<Item = (u8, &'static [u8])> {
    { NAME_ROWS }.filter_map(|row| row.split_first().map(|(number, name)| (*number, name)))
}

impl Signal {
    /// Hang-up of the controlling terminal.
    pub const HUP: Signal = constant(libc::SIGHUP);
    /// Ctrl-C.
    pub const INT: Signal = constant(libc::SIGINT);
    /// Ctrl-\.
    pub const QUIT: Signal = constant(libc::SIGQUIT);
    /// Cannot be caught.
    pub const KILL: Signal = constant(libc::SIGKILL);
    /// A write to a pipe that nobody reads.
    pub const PIPE: Signal = constant(libc::SIGPIPE);
    /// The polite request to end.
    pub const TERM: Signal = constant(libc::SIGTERM);
    /// A child changed state: ours alone, never forwarded.
    pub const CHLD: Signal = constant(libc::SIGCHLD);
    /// Continue after a stop.
    pub const CONT: Signal = constant(libc::SIGCONT);
    /// Stop; cannot be caught.
    pub const STOP: Signal = constant(libc::SIGSTOP);
    /// Ctrl-Z.
    pub const TSTP: Signal = constant(libc::SIGTSTP);
    /// Terminal input from the background.
    pub const TTIN: Signal = constant(libc::SIGTTIN);
    /// Terminal output from the background.
    pub const TTOU: Signal = constant(libc::SIGTTOU);
    /// A file would have grown past the limit.
    pub const XFSZ: Signal = constant(libc::SIGXFSZ);
    /// The window changed its size.
    pub const WINCH: Signal = constant(libc::SIGWINCH);

    /// The signal of this number; `None` unless it is 1 to 64.
    pub fn new(number: i32) -> Option<Signal> {
        let number = NonZeroU8::new(u8::try_from(number).ok()?)?;
        (number.get() <= RTMAX).then_some(Signal(number))
    }

    /// The number, 1 to 64.
    pub fn number(self) -> u8 {
        self.0.get()
    }

    /// The number as the C interfaces take it.
    pub fn raw(self) -> libc::c_int {
        libc::c_int::from(self.0.get())
    }

    /// How many signals there are.
    pub const COUNT: usize = RTMAX as usize;

    /// The signal's place in a table of [`Signal::COUNT`].
    pub fn index(self) -> usize {
        usize::from(self.0.get()) - 1
    }

    /// Every signal, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Signal> {
        (1..=RTMAX).filter_map(NonZeroU8::new).map(Signal)
    }

    /// Reads a name or a number: `TERM`, `SIGTERM`, `term`, `15`, `RTMIN`,
    /// `RTMIN+3`, `RTMAX-1`.
    pub fn parse(written: &[u8]) -> Option<Signal> {
        if let Some(number) = decimal(written) {
            return Signal::new(i32::try_from(number).ok()?);
        }
        let name = match written.split_at_checked(3) {
            Some((prefix, rest)) if same(prefix, b"SIG") => rest,
            _ => written,
        };
        if let Some((number, _)) = names().find(|(_, known)| same(name, known)) {
            return Signal::new(i32::from(number));
        }
        let (base, offset) = name.split_at_checked(5)?;
        let number = if same(base, b"RTMIN") {
            RTMIN.checked_add(signed_by(b'+', offset)?)?
        } else if same(base, b"RTMAX") {
            RTMAX.checked_sub(signed_by(b'-', offset)?)?
        } else {
            return None;
        };
        (RTMIN..=RTMAX).contains(&number).then_some(())?;
        Signal::new(i32::from(number))
    }

    /// The signal of this very name, without `SIG`, in capitals; only the first
    /// name of each, and only numbers up to 31.
    pub fn named(name: &[u8]) -> Option<Signal> {
        let mut names = names().take(FIRST_NAMES);
        let (number, _) = names.find(|(_, known)| *known == name)?;
        Signal::new(i32::from(number))
    }

    /// Whether a program can handle it at all (signal(7)).
    pub fn can_be_caught(self) -> bool {
        self != Signal::KILL && self != Signal::STOP
    }

    /// Whether it stops a process, or ends it with no appeal: a CONT after it
    /// would undo it, or change nothing.
    pub fn stops(self) -> bool {
        !self.can_be_caught() || self.is_terminal_stop()
    }

    /// Whether it asks for the end, unless the user names others.
    pub fn asks_for_the_end(self) -> bool {
        matches!(self, Signal::TERM | Signal::INT | Signal::QUIT)
    }

    /// Whether the terminal sends it as a stop. An orphaned process group, which has
    /// lost its shell, ignores them (setpgid(2)).
    pub fn is_terminal_stop(self) -> bool {
        matches!(self, Signal::TSTP | Signal::TTIN | Signal::TTOU)
    }

    /// Appends the name as `kill -l` prints it, without `SIG`: `TERM`,
    /// `RTMIN+3`; the two that have none, 32 and 33, as numbers.
    pub fn name(self, line: &mut Line<'_>) {
        let number = self.number();
        if let Some(name) = NAME_ROWS.behind(number) {
            line.bytes(name);
            return;
        }
        // The shells count from the nearer end.
        match number {
            RTMIN => line.text("RTMIN"),
            RTMAX => line.text("RTMAX"),
            35..=49 => line.text("RTMIN+").number(u64::from(number - RTMIN)),
            50..=63 => line.text("RTMAX-").number(u64::from(RTMAX - number)),
            _ => line.number(u64::from(number)),
        };
    }

    /// Appends what glibc's `strsignal(3)` calls it.
    pub fn description(self, line: &mut Line<'_>) {
        match DESCRIPTIONS.get(self.index()) {
            b"" => {
                let above = self.number().saturating_sub(RTMIN);
                line.text("Real-time signal ").number(u64::from(above))
            }
            text => line.bytes(text),
        };
    }
}

/// By their numbers on x86 and ARM.
static DESCRIPTIONS: Rows = rows![
    "Hangup",
    "Interrupt",
    "Quit",
    "Illegal instruction",
    "Trace/breakpoint trap",
    "Aborted",
    "Bus error",
    "Floating point exception",
    "Killed",
    "User defined signal 1",
    "Segmentation fault",
    "User defined signal 2",
    "Broken pipe",
    "Alarm clock",
    "Terminated",
    "Stack fault",
    "Child exited",
    "Continued",
    "Stopped (signal)",
    "Stopped",
    "Stopped (tty input)",
    "Stopped (tty output)",
    "Urgent I/O condition",
    "CPU time limit exceeded",
    "File size limit exceeded",
    "Virtual timer expired",
    "Profiling timer expired",
    "Window changed",
    "I/O possible",
    "Power failure",
    "Bad system call",
];

/// Whether two names are the same, in whatever case the first is written.
fn same(written: &[u8], known: &[u8]) -> bool {
    let written = written.iter().map(u8::to_ascii_uppercase);
    written.eq(known.iter().copied())
}

/// The offset in `+3` or `-1`; nothing at all is 0.
fn signed_by(sign: u8, text: &[u8]) -> Option<u8> {
    match text.split_first() {
        None => Some(0),
        Some((first, digits)) if *first == sign => u8::try_from(decimal(digits)?).ok(),
        Some(_) => None,
    }
}

/// A set of signals as the kernel's `sigset_t` has it: bit n - 1 is signal n.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignalSet(u64);

impl SignalSet {
    /// No signal.
    pub const EMPTY: SignalSet = SignalSet(0);
    /// All 64, those that musl and glibc hide included.
    pub const ALL: SignalSet = SignalSet(u64::MAX);

    /// The set of one signal.
    pub fn of(signal: Signal) -> SignalSet {
        SignalSet(1 << (signal.number() - 1))
    }

    /// The set with one signal more.
    #[must_use]
    pub fn with(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 | SignalSet::of(signal).0)
    }

    /// The set without a signal.
    #[must_use]
    pub fn without(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 & !SignalSet::of(signal).0)
    }

    /// Whether the signal is in the set.
    pub fn contains(self, signal: Signal) -> bool {
        self.0 & SignalSet::of(signal).0 != 0
    }

    /// Whether there is none in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits, for the system call.
    pub(crate) fn bits(&mut self) -> &mut u64 {
        &mut self.0
    }
}
