//! What the groups of the catalogue share.

/// Signals that a processor raises, or a program in trouble, and that anybody may send as well.
pub(super) const FAULTS: [i32; 7] = [
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGSYS,
];
