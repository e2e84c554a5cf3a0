//! Process IDs, and what the kernel tells of a process.

#![forbid(unsafe_code)]

use core::num::NonZeroI32;

/// A process ID: positive, so that it can never mean "everybody" or "a group"
/// (kill(2)).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// The init of a PID namespace (pid_namespaces(7)).
    pub const INIT: Pid = match NonZeroI32::new(1) {
        Some(one) => Pid(one),
        None => unreachable!(),
    };

    /// The process of this ID; `None` unless it is positive.
    pub fn new(raw: i32) -> Option<Pid> {
        NonZeroI32::new(raw)
            .filter(|pid| pid.is_positive())
            .map(Pid)
    }

    /// The number, as system calls take it.
    pub fn raw(self) -> i32 {
        self.0.get()
    }

    /// The number, as people read it.
    pub fn number(self) -> u64 {
        u64::from(self.0.get().unsigned_abs())
    }

    /// Whether this is the init of its PID namespace.
    pub fn is_namespace_init(self) -> bool {
        self == Pid::INIT
    }
}

/// Who is to get a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recipient {
    /// One process.
    Process(Pid),
    /// The process group that this process leads; the process itself where
    /// there is no such group.
    Group(Pid),
    /// Every process of the namespace but us, if we are its init; else every
    /// descendant.
    All,
}

/// What `/proc/PID/stat` says of a process (proc(5)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// Its parent; `None` for one outside our PID namespace.
    pub parent: Option<Pid>,
    /// The ID of its process group; `None` where the leader is outside our
    /// PID namespace.
    pub group: Option<Pid>,
    /// The ID of its session; `None` likewise.
    pub session: Option<Pid>,
    /// Whether it has ended and waits to be reaped.
    pub zombie: bool,
}
