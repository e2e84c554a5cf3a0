//! Pinning to one processor.

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::exit::Trouble;

/// Pins this thread, and the processes it starts, to one processor until it is dropped.
pub(super) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    pub fn new() -> Result<Self, Trouble> {
        let failed = |e: nix::Error| Trouble(format!("cannot pin to one processor: {e}"));
        let this_thread = Pid::from_raw(0);
        let before = sched_getaffinity(this_thread).map_err(failed)?;
        // The last one: the first handles most interrupts.
        let usable = |number: &usize| before.is_set(*number).unwrap_or(false);
        let last = (0..CpuSet::count()).rev().find(usable);
        let mut one = CpuSet::new();
        one.set(last.unwrap_or_default()).map_err(failed)?;
        sched_setaffinity(this_thread, &one).map_err(failed)?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = sched_setaffinity(Pid::from_raw(0), &self.before) {
            log::warn!("still pinned to one processor: {error}");
        }
    }
}
