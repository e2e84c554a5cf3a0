//! Interrupts: Ctrl-C ends everything that was started, then initlab.

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

/// The signal that has asked us to end.
#[must_use]
pub fn caught() -> Option<i32> {
    Some(CAUGHT.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
}

/// From now on INT, TERM and HUP do not kill this process but end what it has started: new
/// sandboxes fail ([`Sandbox::try_start`](crate::Sandbox::try_start)), all children are killed, and
/// so every wait for them ends at once. The command then returns normally, which removes its
/// directories, and exits with [`exit::interrupted`](crate::exit::interrupted).
///
/// A KILL cannot be caught: then the kernel kills the sandboxes
/// ([`Sandbox::parent_death`](crate::Sandbox::parent_death)), and temporary directories stay.
pub fn watch() -> Result<(), Trouble> {
    let trouble = |e| Trouble(format!("cannot watch for signals: {e}"));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(trouble)?;
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            CAUGHT.store(signal, Ordering::Relaxed);
            loop {
                kill_children();
                // Again and again: a thread may just be starting another child.
                thread::sleep(Duration::from_millis(20));
            }
        }
    };
    let builder = thread::Builder::new().name("initlab-signals".to_owned());
    builder.spawn(wait).map(drop).map_err(trouble)
}

/// Runs a clean-up that needs processes, such as `docker rm`: they may start, and are not killed,
/// after an interrupt.
pub fn sparing<T>(work: impl FnOnce() -> T) -> T {
    SPARING.fetch_add(1, Ordering::Relaxed);
    let result = work();
    SPARING.fetch_sub(1, Ordering::Relaxed);
    result
}

/// Whether new processes are forbidden.
pub(crate) fn forbids_starts() -> bool {
    caught().is_some() && SPARING.load(Ordering::Relaxed) == 0
}

fn kill_children() {
    if !forbids_starts() {
        return;
    }
    let me = Process::current();
    for child in me.children() {
        // Another thread may reap it, and its pid may be reused: the pidfd pins one process, which
        // is killed only if it is a child of ours.
        let Ok(pidfd) = sys::pidfd_open(child.pid) else {
            continue;
        };
        if child.stat().is_some_and(|stat| stat.ppid == me.pid) {
            let _ = sys::pidfd_kill(pidfd.as_fd(), libc::SIGKILL);
        }
    }
}
