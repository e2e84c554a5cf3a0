//! Ctrl-C: everything that was started goes, then we do.

use std::{
    os::fd::AsFd,
    sync::atomic::{AtomicI32, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{exit::Trouble, process::Process, sys};

static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// How many clean-ups are running: see [`sparing`].
static SPARING: AtomicUsize = AtomicUsize::new(0);

/// The signal that asked us to end, if one has.
#[must_use]
pub fn caught() -> Option<i32> {
    Some(CAUGHT.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
}

/// From here on INT, TERM and HUP end what this process has started instead of this process: no
/// sandbox starts any more ([`Sandbox::try_start`](crate::Sandbox::try_start) fails), all children
/// are killed, and so every wait for them ends at once. The command then returns the ordinary way,
/// by which directories are removed, and ends with [`exit::interrupted`](crate::exit::interrupted).
///
/// A KILL cannot be caught: then the kernel kills what the sandboxes run
/// ([`Sandbox::parent_death`](crate::Sandbox::parent_death)), and temporary directories stay.
pub fn watch() -> Result<(), Trouble> {
    let trouble = |e| Trouble(format!("cannot watch for signals: {e}"));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(trouble)?;
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            CAUGHT.store(signal, Ordering::Relaxed);
            loop {
                kill_children();
                // A thread may just be starting one more.
                thread::sleep(Duration::from_millis(20));
            }
        }
    };
    let builder = thread::Builder::new().name("initlab-signals".to_owned());
    builder.spawn(wait).map(drop).map_err(trouble)
}

/// Does some cleaning up that needs processes of its own, `docker rm` say: those are let start and
/// live though we are interrupted.
pub fn sparing<T>(work: impl FnOnce() -> T) -> T {
    SPARING.fetch_add(1, Ordering::Relaxed);
    let result = work();
    SPARING.fetch_sub(1, Ordering::Relaxed);
    result
}

/// Whether nothing may be started any more.
pub(crate) fn forbids_starts() -> bool {
    caught().is_some() && SPARING.load(Ordering::Relaxed) == 0
}

fn kill_children() {
    if !forbids_starts() {
        return;
    }
    let me = Process::current();
    for child in me.children() {
        // Another thread may reap it, and its pid may go to someone else: the pidfd pins one, and
        // only one of ours is killed.
        let Ok(pidfd) = sys::pidfd_open(child.pid) else {
            continue;
        };
        if child.stat().is_some_and(|stat| stat.ppid == me.pid) {
            let _ = sys::pidfd_kill(pidfd.as_fd(), libc::SIGKILL);
        }
    }
}
