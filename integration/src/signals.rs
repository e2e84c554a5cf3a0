//! Sets and names of signals.

use std::fmt;

/// A set of the signals 1 to 64 in the kernel's form: bit n - 1 is signal n.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SignalSet(u64);

impl SignalSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// All 64, including KILL and STOP, which the kernel ignores where they make no sense.
    pub const ALL: Self = Self(u64::MAX);

    /// The set with these bits: the form of `SigBlk` and its like in `/proc/PID/status`.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The set of these signals. Panics at a number outside 1 to 64.
    #[must_use]
    pub fn of(signals: &[i32]) -> Self {
        Self(signals.iter().fold(0, |bits, signal| bits | bit(*signal)))
    }

    /// All signals but these.
    #[must_use]
    pub fn all_but(signals: &[i32]) -> Self {
        Self(!Self::of(signals).0)
    }

    /// Whether the signal is in the set.
    #[must_use]
    pub fn contains(self, signal: i32) -> bool {
        self.0 & bit(signal) != 0
    }

    /// The signals of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = i32> {
        (1..=64).filter(move |signal| self.contains(*signal))
    }
}

fn bit(signal: i32) -> u64 {
    assert!((1..=64).contains(&signal), "{signal} is not a signal");
    1 << (signal - 1)
}

impl From<u64> for SignalSet {
    fn from(bits: u64) -> Self {
        Self(bits)
    }
}

impl<const N: usize> From<[i32; N]> for SignalSet {
    fn from(signals: [i32; N]) -> Self {
        Self::of(&signals)
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(signal_name).collect();
        write!(f, "{:016x} {{{}}}", self.0, names.join(" "))
    }
}

/// The standard signals by the C library's constants: their numbers differ between architectures.
const NAMES: &[(&str, i32)] = &[
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
];

/// The first real-time signal that glibc gives to programs; `kill -l` calls it RTMIN.
const RTMIN: i32 = 34;

/// The name without `SIG`: `TERM`, `RTMIN+3`; the number for a signal without a name.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    match NAMES.iter().find(|(_, number)| *number == signal) {
        Some((name, _)) => (*name).to_owned(),
        None if signal == RTMIN => "RTMIN".to_owned(),
        None if (RTMIN..=64).contains(&signal) => format!("RTMIN+{}", signal - RTMIN),
        None => signal.to_string(),
    }
}

/// The number of `15`, `TERM`, `SIGTERM`, `RTMIN+3` or `RTMAX-1`; RTMIN is 34, RTMAX is 64.
#[must_use]
pub fn signal_number(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse() {
        return Some(number).filter(|n| (1..=64).contains(n));
    }
    let name = name.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let number = if let Some(offset) = name.strip_prefix("RTMIN") {
        RTMIN + offset_of(offset)?
    } else if let Some(offset) = name.strip_prefix("RTMAX") {
        64 + offset_of(offset)?
    } else {
        return NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, number)| *number);
    };
    Some(number).filter(|n| (RTMIN..=64).contains(n))
}

fn offset_of(text: &str) -> Option<i32> {
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for signal in 1..=64 {
            assert_eq!(signal_number(&signal_name(signal)), Some(signal));
        }
        assert_eq!(signal_number("sigrtmax-1"), Some(63));
        assert_eq!(signal_number("RTMIN+31"), None);
        assert_eq!(signal_number("0"), None);
    }

    #[test]
    fn a_set_is_the_bits_of_proc_status() {
        let set = SignalSet::of(&[1, 34, 64]);
        assert_eq!(set.bits(), 0x8000_0002_0000_0001);
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 34, 64]);
        assert!(!SignalSet::all_but(&[9]).contains(9));
    }
}
