//! Sets of signals, and what each signal does by default (signal(7)).

/// A set of signals as the kernel's `sigset_t` has it: bit n - 1 is signal n.
pub type Set = u64;

/// The set of one signal.
pub const fn bit(signal: u8) -> Set {
    1 << (signal - 1)
}

/// Numbers of signals, from the C library.
pub mod number {
    /// As in `SIGHUP`.
    pub const HUP: u8 = libc::SIGHUP as u8;
    /// As in `SIGINT`.
    pub const INT: u8 = libc::SIGINT as u8;
    /// As in `SIGQUIT`.
    pub const QUIT: u8 = libc::SIGQUIT as u8;
    /// As in `SIGKILL`.
    pub const KILL: u8 = libc::SIGKILL as u8;
    /// As in `SIGUSR1`.
    pub const USR1: u8 = libc::SIGUSR1 as u8;
    /// As in `SIGPIPE`.
    pub const PIPE: u8 = libc::SIGPIPE as u8;
    /// As in `SIGTERM`.
    pub const TERM: u8 = libc::SIGTERM as u8;
    /// As in `SIGCHLD`.
    pub const CHLD: u8 = libc::SIGCHLD as u8;
    /// As in `SIGCONT`.
    pub const CONT: u8 = libc::SIGCONT as u8;
    /// As in `SIGSTOP`.
    pub const STOP: u8 = libc::SIGSTOP as u8;
    /// As in `SIGTSTP`.
    pub const TSTP: u8 = libc::SIGTSTP as u8;
    /// As in `SIGTTIN`.
    pub const TTIN: u8 = libc::SIGTTIN as u8;
    /// As in `SIGTTOU`.
    pub const TTOU: u8 = libc::SIGTTOU as u8;
    /// As in `SIGURG`.
    pub const URG: u8 = libc::SIGURG as u8;
    /// As in `SIGXFSZ`.
    pub const XFSZ: u8 = libc::SIGXFSZ as u8;
    /// As in `SIGWINCH`.
    pub const WINCH: u8 = libc::SIGWINCH as u8;
    /// As in `SIGRTMIN`.
    pub const RTMIN: u8 = 34;
}

use number::*;

/// Signals that stop a process (`SIG_KERNEL_STOP_MASK`).
pub const STOPS: Set = bit(STOP) | bit(TSTP) | bit(TTIN) | bit(TTOU);
/// Signals whose default is to do nothing (`SIG_KERNEL_IGNORE_MASK`).
pub const IGNORED_BY_DEFAULT: Set = bit(CONT) | bit(CHLD) | bit(WINCH) | bit(URG);
/// Signals that cannot be blocked, ignored or caught (`SIG_KERNEL_ONLY_MASK`).
pub const UNCATCHABLE: Set = bit(KILL) | bit(STOP);
/// Signals that are dequeued before others (`SYNCHRONOUS_MASK`).
pub const SYNCHRONOUS: Set = bit(libc::SIGSEGV as u8)
    | bit(libc::SIGBUS as u8)
    | bit(libc::SIGILL as u8)
    | bit(libc::SIGTRAP as u8)
    | bit(libc::SIGFPE as u8)
    | bit(libc::SIGSYS as u8);

/// The signals of a set, the lowest first.
pub fn each(mut set: Set) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let first = set.trailing_zeros() as u8;
        set &= set.wrapping_sub(1);
        (first < 64).then_some(first + 1)
    })
}

/// The signal that is dequeued first (`next_signal`).
pub fn first(pending: Set) -> Option<u8> {
    each(pending & SYNCHRONOUS).chain(each(pending)).next()
}

/// A signal's name.
pub fn name(signal: u8) -> String {
    const NAMES: [(u8, &str); 15] = [
        (HUP, "HUP"),
        (INT, "INT"),
        (QUIT, "QUIT"),
        (KILL, "KILL"),
        (USR1, "USR1"),
        (PIPE, "PIPE"),
        (TERM, "TERM"),
        (CHLD, "CHLD"),
        (CONT, "CONT"),
        (STOP, "STOP"),
        (TSTP, "TSTP"),
        (TTIN, "TTIN"),
        (TTOU, "TTOU"),
        (URG, "URG"),
        (WINCH, "WINCH"),
    ];
    let known = NAMES.iter().find(|(number, _)| *number == signal);
    known.map_or_else(|| signal.to_string(), |(_, name)| (*name).to_owned())
}
