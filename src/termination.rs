//! The line that says why the command failed: for `--termination-log`, which
//! Kubernetes shows, and for `-v`.

#![forbid(unsafe_code)]

use crate::buffer::Buffer;
use crate::config::Config;
use crate::event::{Event, Shown};
use crate::log::{self, say, say_failed};
use crate::number::{Decimal, decimal};
use crate::signal::Signal;
use crate::status::WaitStatus;
use crate::supervisor::{End, Pid};
use crate::sys::{Errno, io};
use core::ffi::CStr;
use core::fmt::{self, Write};

/// Where the kernel counts the kills for want of memory in our own control
/// group, as a container sees it: version 2, then version 1. The path that
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
    pub fn ended(&self, end: &End) {
        if end.status == 0 {
            return;
        }
        let Some((pid, status)) = end.command else {
            return;
        };
        self.report(format_args!(
            "{}",
            Failure {
                name: self.name,
                pid,
                status,
                killed: end.killed,
                kills: kills()
                    .zip(self.kills_before)
                    .map(|(now, before)| now.saturating_sub(before)),
            }
        ));
    }

    /// Reports why the command was not started; that has been said already.
    pub fn not_started(&self, why: &Event<'_>) {
        if self.path.is_some() {
            self.write(format_args!("{why}"));
        }
    }

    // Its large frame would else become part of the one that we sleep in.
    #[inline(never)]
    fn report(&self, reason: fmt::Arguments<'_>) {
        let mut room = [0; log::LINE_MAX];
        let mut line = Buffer::new(&mut room);
        // What does not fit is cut.
        let _ = line.write_fmt(reason);
        say(Event::Failed(line.bytes()));
        if self.path.is_some() {
            self.write(reason);
        }
    }

    /// Writes the line in one piece: whoever reads the file finds it whole.
    fn write(&self, reason: fmt::Arguments<'_>) {
        let mut room = [0; log::LINE_MAX];
        let mut line = Buffer::new(&mut room);
        let _ = line.write_fmt(reason);
        line.end_with(b"\n");
        let written = self.with_path(|path| io::overwrite(path, line.bytes()));
        if let Err(errno) = written {
            say_failed("write the termination log", errno);
        }
    }

    fn with_path(&self, act: impl FnOnce(&CStr) -> Result<(), Errno>) -> Result<(), Errno> {
        let mut room = [0; PATH_MAX];
        let mut path = Buffer::new(&mut room);
        path.push(self.path.unwrap_or_default());
        act(path.c_str().ok_or(Errno::ENAMETOOLONG)?)
    }
}

/// The longest path that the kernel takes, its NUL included.
const PATH_MAX: usize = 4096;

/// How many processes of our control group were killed for want of memory;
/// `None` where nobody counts.
fn kills() -> Option<u64> {
    let mut room = [0; 512];
    COUNTERS.iter().find_map(|path| {
        let text = io::read(path, &mut room).ok()?;
        let line = text
            .split(|byte| *byte == b'\n')
            .find_map(|line| line.strip_prefix(COUNTER))?;
        decimal(line)
    })
}

/// What ran, how it ended, and what is likely.
struct Failure<'a> {
    name: &'a [u8],
    pid: Pid,
    status: WaitStatus,
    killed: bool,
    kills: Option<u64>,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {}) {}", Shown(self.name), self.pid, self.status)?;
        match self.kills {
            Some(1) => f.write_str("; 1 OOM kill in this cgroup")?,
            Some(kills) if kills > 0 => write!(f, "; {} OOM kills in this cgroup", Decimal(kills))?,
            _ => {}
        }
        if self.killed {
            f.write_str("; it did not end in time after a stop signal (--kill-after)")?;
        } else if self.status.signal() == Some(Signal::KILL) && self.kills == Some(0) {
            f.write_str("; no OOM kill in this cgroup: the KILL was sent")?;
        }
        Ok(())
    }
}
