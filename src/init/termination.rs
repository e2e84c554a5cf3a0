//! The line that says why the command failed: for `--termination-log`, which
//! Kubernetes shows, and for `-v`.

use super::path::PATH_MAX;
use crate::config::Config;
use crate::log::{self, Event, Log, Reason, Sink};
use crate::process::Pid;
use crate::signal::Signal;
use crate::status::WaitStatus;
use crate::supervisor::End;
use crate::sys::io;
use crate::text::{Line, Parts, decimal, escaped};
use core::ffi::CStr;
use nix::errno::Errno;

/// Where the kernel counts the OOM kills in our own control group, as a
/// container sees it: version 2, then version 1. The path that
/// /proc/self/cgroup names does not exist inside a container.
const COUNTERS: [&CStr; 2] = [
    c"/sys/fs/cgroup/memory.events",
    c"/sys/fs/cgroup/memory/memory.oom_control",
];

/// The line of both files that counts processes.
const COUNTER: &[u8] = b"oom_kill ";

/// What a failure is reported with.
#[derive(Clone, Copy, Debug)]
pub struct Reporter<'a> {
    name: &'a [u8],
    path: Option<&'a [u8]>,
    /// How many kills were counted before the command was started.
    kills_before: Option<u64>,
}

impl<'a> Reporter<'a> {
    /// To be called before the command is started. Looks at the counter only
    /// where somebody will be told.
    pub fn new(name: &'a [u8], config: &Config<'a>) -> Reporter<'a> {
        let wanted = config.termination_log.is_some() || config.logging.verbosity > 0;
        Reporter {
            name,
            path: config.termination_log,
            kills_before: wanted.then(kills).flatten(),
        }
    }

    /// Reports how the command failed, if it did.
    pub fn ended<S: Sink>(&self, sink: &mut S, log: &Log, end: &End) {
        if let Some((pid, status)) = end.command.filter(|_| end.status != 0) {
            self.report(sink, log, &|line, sink| {
                self.describe(line, pid, status, end.killed);
                let reason = Reason(line.as_bytes());
                log.say(sink, Event::Failed { reason });
            });
        }
    }

    /// Reports why the command was not started; that has been said already.
    pub fn not_started<S: Sink>(&self, sink: &mut S, log: &Log, why: &Event<'_>) {
        self.report(sink, log, &|line, _| why.describe(line));
    }

    /// Writes the reason in one piece: whoever reads the file finds it whole.
    // Its large frame would else become part of the one that we sleep in.
    #[inline(never)]
    fn report<S: Sink>(&self, sink: &mut S, log: &Log, write: &dyn Fn(&mut Line<'_>, &mut S)) {
        let mut room = [0; log::LINE_MAX];
        let mut line = Line::new(&mut room);
        write(&mut line, sink);
        let Some(path) = self.path else {
            return;
        };
        line.end_with(b"\n");
        let mut room = [0; PATH_MAX];
        let mut c_path = Line::new(&mut room);
        c_path.bytes(path);
        let written = match c_path.c_str() {
            Some(path) => io::overwrite(path, line.as_bytes()),
            None => Err(Errno::ENAMETOOLONG),
        };
        if let Err(errno) = written {
            log.cannot(sink, "write the termination log", errno);
        }
    }

    /// What ran, how it ended, and what is likely.
    fn describe(&self, line: &mut Line<'_>, pid: Pid, status: WaitStatus, killed: bool) {
        escaped(line, self.name);
        line.text(" (pid ").number(pid.number()).text(") ");
        log::status(line, status);
        let by_kill = status.signal() == Some(Signal::KILL);
        let kills = kills()
            .zip(self.kills_before)
            .map(|(now, before)| now.saturating_sub(before));
        match kills {
            Some(1) => {
                line.text("; 1 OOM kill in this cgroup");
            }
            Some(kills) if kills > 0 => {
                line.text("; ").number(kills);
                line.text(" OOM kills in this cgroup");
            }
            _ => {}
        }
        if killed && by_kill {
            line.text("; it did not end in time after a stop signal (--kill-after)");
        } else if by_kill && kills == Some(0) {
            line.text("; no OOM kill in this cgroup: the KILL was sent");
        }
    }
}

/// How many processes of our control group were killed for want of memory;
/// `None` where nobody counts.
fn kills() -> Option<u64> {
    let mut room = [0; 512];
    COUNTERS.iter().find_map(|path| {
        let text = io::read(path, &mut room).ok()?;
        let line = Parts::of(text, b'\n').find_map(|line| line.strip_prefix(COUNTER))?;
        decimal(line)
    })
}
