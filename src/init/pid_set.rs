//! A set of process IDs.

use crate::process::Pid;
use core::sync::atomic::{AtomicU32, Ordering};

/// A bit for each process ID that Linux gives, on 64 bits (proc(5), `pid_max`).
///
/// 512 kB of address space, of which only the pages that are written to become
/// memory.
pub struct PidSet(&'static [AtomicU32]);

/// How many words the set takes.
pub const WORDS: usize = (1 << 22) / 32;

impl PidSet {
    /// A set that nothing can be put into.
    pub const NONE: PidSet = PidSet(&[]);

    /// An empty set in memory that is all zero.
    pub fn new(memory: &'static [AtomicU32]) -> PidSet {
        PidSet(memory)
    }

    /// Whether what is put into it is found again.
    pub fn works(&self) -> bool {
        !self.0.is_empty()
    }

    fn word(&self, pid: Pid) -> Option<(&AtomicU32, u32)> {
        let number = pid.raw().unsigned_abs();
        let word = self.0.get((number / 32) as usize)?;
        Some((word, 1 << (number % 32)))
    }

    /// Whether the process is in it.
    pub fn contains(&self, pid: Pid) -> bool {
        self.word(pid)
            .is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Puts a process into it.
    pub fn insert(&self, pid: Pid) {
        if let Some((word, bit)) = self.word(pid) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Empties it.
    pub fn clear(&self) {
        for word in self.0 {
            // Writing zeros over zeros would turn address space into memory.
            if word.load(Ordering::Relaxed) != 0 {
                word.store(0, Ordering::Relaxed);
            }
        }
    }
}
