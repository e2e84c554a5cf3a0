//! Signal numbers, their names, sets of them, and the rewrite table.

#![forbid(unsafe_code)]

use crate::number::{Decimal, decimal};
use core::fmt::{self, Write};
use core::num::NonZeroU8;

/// A signal, 1 to 64, real-time ones included.
///
/// The `Signal` of nix ends at 31; an init that used it would be deaf to the
/// real-time signals, and fail to reap what they kill.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Signal(NonZeroU8);

/// The lowest real-time signal, as `kill -l`, glibc and Docker count: the
/// kernel's is 32, the C libraries keep the first ones for themselves.
const RTMIN: u8 = 34;
/// The highest signal there is (signal(7)).
const RTMAX: u8 = 64;

/// A signal from the C library's constant. Every constant is in range, which
/// is checked at compile time where it is used for a constant.
const fn constant(number: libc::c_int) -> Signal {
    match NonZeroU8::new(number as u8) {
        Some(number) => Signal(number),
        None => Signal(NonZeroU8::MIN),
    }
}

/// The longest name in the table.
const NAME_MAX: usize = 6;

/// A name, filled up with zeros, and its number. Seven bytes, where a string
/// slice would take sixteen and its text.
type Name = ([u8; NAME_MAX], u8);

#[allow(clippy::indexing_slicing)] // In the compiler.
const fn name(text: &str, number: libc::c_int) -> Name {
    let text = text.as_bytes();
    let mut name = [0; NAME_MAX];
    let mut at = 0;
    while at < text.len() {
        name[at] = text[at];
        at += 1;
    }
    (name, number as u8)
}

/// The letters of a name.
fn letters((name, _): &Name) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Names without `SIG`, from the C library's constants, since the numbers
/// differ between architectures. Where two names share a number, the one that
/// is printed comes first.
static NAMES: [Name; 34] = [
    name("HUP", libc::SIGHUP),
    name("INT", libc::SIGINT),
    name("QUIT", libc::SIGQUIT),
    name("ILL", libc::SIGILL),
    name("TRAP", libc::SIGTRAP),
    name("ABRT", libc::SIGABRT),
    name("BUS", libc::SIGBUS),
    name("FPE", libc::SIGFPE),
    name("KILL", libc::SIGKILL),
    name("USR1", libc::SIGUSR1),
    name("SEGV", libc::SIGSEGV),
    name("USR2", libc::SIGUSR2),
    name("PIPE", libc::SIGPIPE),
    name("ALRM", libc::SIGALRM),
    name("TERM", libc::SIGTERM),
    name("STKFLT", libc::SIGSTKFLT),
    name("CHLD", libc::SIGCHLD),
    name("CONT", libc::SIGCONT),
    name("STOP", libc::SIGSTOP),
    name("TSTP", libc::SIGTSTP),
    name("TTIN", libc::SIGTTIN),
    name("TTOU", libc::SIGTTOU),
    name("URG", libc::SIGURG),
    name("XCPU", libc::SIGXCPU),
    name("XFSZ", libc::SIGXFSZ),
    name("VTALRM", libc::SIGVTALRM),
    name("PROF", libc::SIGPROF),
    name("WINCH", libc::SIGWINCH),
    name("IO", libc::SIGIO),
    name("PWR", libc::SIGPWR),
    name("SYS", libc::SIGSYS),
    name("IOT", libc::SIGABRT),
    name("CLD", libc::SIGCHLD),
    name("POLL", libc::SIGIO),
];

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
        (1..=i32::from(RTMAX)).filter_map(Signal::new)
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
        if let Some((_, number)) = NAMES.iter().find(|known| same(name, letters(known))) {
            return Signal::new(i32::from(*number));
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

    /// The signal of this very name, without `SIG`, in capitals; only those
    /// that have one name, and a number up to 31.
    pub fn named(name: &[u8]) -> Option<Signal> {
        NAMES
            .iter()
            .take(31)
            .find(|known| letters(known) == name)
            .and_then(|(_, number)| Signal::new(i32::from(*number)))
    }

    /// Whether a program can take it at all (signal(7)).
    pub fn can_be_caught(self) -> bool {
        self != Signal::KILL && self != Signal::STOP
    }

    /// Whether it stops a process, or ends it with no appeal: a CONT behind it
    /// would undo it, or change nothing.
    pub fn stops(self) -> bool {
        !self.can_be_caught() || self.is_terminal_stop()
    }

    /// The stops that the terminal sends, which a process group that has lost
    /// its shell ignores (POSIX: orphaned process group).
    pub fn is_terminal_stop(self) -> bool {
        matches!(self, Signal::TSTP | Signal::TTIN | Signal::TTOU)
    }
}

/// Whether two names are the same but for upper and lower case.
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

/// The name as `kill -l` prints it, without `SIG`: `TERM`, `RTMIN+3`; the two
/// that have none, 32 and 33, as numbers.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number();
        if let Some(known) = NAMES.iter().find(|(_, known)| *known == number) {
            return letters(known)
                .iter()
                .try_for_each(|letter| f.write_char(char::from(*letter)));
        }
        // The shells count from the nearer end.
        match number {
            RTMIN => f.write_str("RTMIN"),
            RTMAX => f.write_str("RTMAX"),
            35..=49 => write!(f, "RTMIN+{}", Decimal(u64::from(number - RTMIN))),
            50..=63 => write!(f, "RTMAX-{}", Decimal(u64::from(RTMAX - number))),
            _ => Decimal(u64::from(number)).fmt(f),
        }
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
    pub fn and(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 | SignalSet::of(signal).0)
    }

    /// Every signal but one.
    pub fn all_but(signal: Signal) -> SignalSet {
        SignalSet(!SignalSet::of(signal).0)
    }

    /// Whether the signal is in the set.
    pub fn contains(self, signal: Signal) -> bool {
        self.0 & SignalSet::of(signal).0 != 0
    }

    /// The bits, for the system call.
    pub(crate) fn bits(&mut self) -> &mut u64 {
        &mut self.0
    }
}

/// What is delivered where a signal arrives: the signal itself, another one, or
/// nothing. A rule is applied once, never in a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RewriteTable {
    /// By the number of the received signal less 1: `SAME`, 0 (drop) or the
    /// number of the signal to deliver.
    rules: [u8; Signal::COUNT],
}

/// In the table: no rule.
const SAME: u8 = u8::MAX;

/// What a [`RewriteTable`] says of a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rewrite {
    /// There is no rule.
    Same,
    /// Deliver this one instead.
    To(Signal),
    /// Deliver nothing.
    Drop,
}

impl RewriteTable {
    /// The table without a rule.
    pub const fn new() -> RewriteTable {
        RewriteTable {
            rules: [SAME; Signal::COUNT],
        }
    }

    /// Sets the rule for a signal; the last one wins. `None` drops it.
    pub fn set(&mut self, from: Signal, to: Option<Signal>) {
        if let Some(rule) = self.rules.get_mut(from.index()) {
            *rule = to.map_or(0, Signal::number);
        }
    }

    /// The rule for a signal.
    pub fn get(&self, from: Signal) -> Rewrite {
        match self.rules.get(from.index()) {
            Some(0) => Rewrite::Drop,
            Some(&number) => Signal::new(i32::from(number)).map_or(Rewrite::Same, Rewrite::To),
            None => Rewrite::Same,
        }
    }
}

impl Default for RewriteTable {
    fn default() -> RewriteTable {
        RewriteTable::new()
    }
}

/// Who sent a signal, as far as the kernel tells (sigaction(2), `si_code`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The kernel by itself: the terminal's Ctrl-C, a hang-up, a timer.
    Kernel,
    /// This very process: a write to a broken pipe, a terminal given up.
    Ourselves,
    /// A process; pid 0 stands for one outside our PID namespace.
    Process {
        /// Its process ID in our namespace.
        pid: i32,
        /// Its real user ID in our user namespace.
        uid: u32,
    },
}

/// A signal taken off our queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// Which one.
    pub signal: Signal,
    /// From whom.
    pub origin: Origin,
}

impl Received {
    /// Whether a line of our own earned us this: it met a pipe without a
    /// reader, or a file that may not grow. The command has no part in it, and
    /// saying it would earn us the next one.
    pub fn is_for_our_own_line(self) -> bool {
        matches!(self.signal, Signal::PIPE | Signal::XFSZ) && self.origin == Origin::Ourselves
    }
}
