//! The running init of a case, and what can be observed of it.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{
    fact::{Fact, Verdict},
    limits::Limits,
};
use crate::{
    deadline::try_poll_until, process::Process, report, running::Running, signals::signal_name,
    status::WaitStatus, sys,
};

/// The names of the signals, at most a few of them.
fn names(signals: &[i32]) -> String {
    const MOST: usize = 8;
    let names: Vec<_> = signals.iter().take(MOST).map(|s| signal_name(*s)).collect();
    match signals.len() {
        0 => "nothing".to_owned(),
        1..=MOST => names.join(" "),
        more => format!("{} and {} more", names.join(" "), more - MOST),
    }
}

/// The pid of an init that has ended before it could be found: Linux has none this high.
const NOBODY: i32 = i32::MAX;

/// The case that shows what almost all others rely on.
const RUNS: &str = "start/command-runs";

/// The case that shows that the init forwards this signal.
fn forwards(signal: i32) -> &'static str {
    match signal {
        libc::SIGTERM => "signals/term-arrives-once",
        _ => "signals/ordinary-signals-arrive",
    }
}

/// A running init: PID 1 of its namespace, or a descendant of PID 1.
pub struct Subject<'a> {
    limits: &'a Limits,
    running: Running,
    /// The init's pid in its namespace, where it is not PID 1.
    nested: Option<i32>,
    init: Process,
    /// The last signal sent to the init.
    sent: Cell<Option<i32>>,
}

/// How an init ended.
pub struct End {
    /// Its status.
    pub status: WaitStatus,
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// All of standard error.
    pub stderr: String,
}

impl End {
    /// Fails unless the init has exited with this code.
    pub fn code(self, expected: i32) -> Result<Self, Fact> {
        if self.status.code() == Some(expected) {
            return Ok(self);
        }
        Err(Fact {
            seen: format!("the init {}, instead of with {expected}", self.status),
            detail: format!(
                "--- stdout ---\n{}\n--- stderr ---\n{}",
                String::from_utf8_lossy(&self.stdout),
                self.stderr
            ),
            relies_on: None,
        })
    }

    /// The value of a line `key=value` of standard output: how the fixture `info` reports.
    pub fn value(&self, key: &str) -> Result<String, Fact> {
        let text = String::from_utf8_lossy(&self.stdout);
        let found = crate::ended::value_in(&text, key);
        found.ok_or_else(|| Fact::new(format!("the command did not run: it printed no {key}")))
    }

    /// Fails unless the command printed this value.
    pub fn has(self, key: &str, expected: &str) -> Result<Self, Fact> {
        let value = self.value(key)?;
        if value == expected {
            return Ok(self);
        }
        Err(Fact::new(format!(
            "the command has {key}={value}, instead of {expected}"
        )))
    }

    /// The signals that the command received, in order.
    pub fn signals(&self) -> Vec<i32> {
        report::signals(&self.stdout)
    }

    /// Fails unless the command received exactly these signals, in any order, besides `last`.
    pub fn took(&self, expected: &[i32], last: i32) -> Verdict {
        let mut taken = self.signals();
        taken.retain(|signal| *signal != last);
        taken.sort_unstable();
        let mut wanted = expected.to_vec();
        wanted.sort_unstable();
        if taken == wanted {
            return Ok(());
        }
        Err(Fact::new(format!(
            "the command got {}, instead of {}",
            names(&taken),
            names(&wanted)
        )))
    }
}

impl<'a> Subject<'a> {
    pub(super) fn pid1(limits: &'a Limits, running: Running) -> Self {
        let init = running.process();
        Self {
            limits,
            running,
            nested: None,
            init,
            sent: Cell::new(None),
        }
    }

    pub(super) fn nested(limits: &'a Limits, running: Running, inner: i32) -> Self {
        let all = running.process().same_namespace();
        let found = all.into_iter().find(|p| p.inner_pid() == Some(inner));
        let init = found.unwrap_or(Process::new(NOBODY));
        Self {
            limits,
            running,
            nested: Some(inner),
            init,
            sent: Cell::new(None),
        }
    }

    /// The init.
    pub fn init(&self) -> Process {
        self.init
    }

    /// The process that the sandbox has started: the init, or an ancestor of it.
    pub fn running(&mut self) -> &mut Running {
        self.running.limit = self.limits.left();
        &mut self.running
    }

    /// The process that a line names by `pid=`.
    pub fn named(&self, line: &str) -> Result<Process, Fact> {
        let pid = report::number(line, "pid");
        let pid =
            pid.ok_or_else(|| Fact::new(format!("the harness failed: no pid in {line:?}")))?;
        let all = self.running.process().same_namespace();
        let found = all.into_iter().find(|p| p.inner_pid() == Some(pid));
        found.ok_or_else(|| self.fact(format!("process {pid} has ended too early")))
    }

    /// A fact with the full picture.
    pub fn fact(&self, seen: impl Into<String>) -> Fact {
        let detail = self.running.failure("").to_string();
        Fact {
            seen: seen.into(),
            detail,
            relies_on: None,
        }
    }

    fn fact_with_end(&mut self, seen: String) -> Fact {
        let end = match (self.running.try_status(), self.nested) {
            (Some(status), None) => format!(": the init {status}"),
            _ if self.nested.is_some() && !self.init.exists() => ": the init has ended".to_owned(),
            _ => String::new(),
        };
        self.fact(format!("{seen}{end}"))
    }

    /// Waits for a line of standard output with `text`; fails with `otherwise`.
    pub fn expect(&mut self, text: &str, otherwise: &str) -> Result<String, Fact> {
        let deadline = Instant::now() + self.limits.left();
        let found = self
            .running()
            .try_expect_line(text, |line| line.contains(text));
        found.map_err(|_| {
            // Before the deadline, its output has ended: a moment before it ends itself.
            let left = deadline.saturating_duration_since(Instant::now());
            if self.nested.is_none() {
                let _ = self.running.reap_within(left);
            }
            self.fact_with_end(otherwise.to_owned())
        })
    }

    /// Waits for a line of standard output with each of the texts, in any order, and returns the
    /// lines in the order of the texts.
    pub fn expect_all<const N: usize>(
        &mut self,
        texts: [&str; N],
        otherwise: &str,
    ) -> Result<[String; N], Fact> {
        let lines = |subject: &Self| {
            let text = subject.running.stdout_so_far();
            let text = String::from_utf8_lossy(&text).into_owned();
            // Incomplete lines do not count.
            let all = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let all: Vec<_> = all.map(|line| line.trim_end().to_owned()).collect();
            texts.map(|text| all.iter().find(|line| line.contains(text)).cloned())
        };
        self.until(otherwise, |subject| {
            lines(subject).iter().all(Option::is_some)
        })?;
        Ok(lines(self).map(Option::unwrap_or_default))
    }

    /// Waits until the init is idle.
    pub fn rests(&mut self) -> Verdict {
        let init = self.init;
        let mut last = None;
        self.until("the init does not come to rest", |subject| {
            let now = init.context_switches();
            let same = |_: &Self| init.context_switches() == now;
            let rests = last == Some(now) && subject.stays(Duration::from_millis(100), same);
            last = Some(now);
            rests
        })
    }

    /// Waits until the fixture is ready.
    pub fn ready(&mut self) -> Result<String, Fact> {
        let ready = self.expect("ready", "the command did not start");
        ready.map_err(|fact| fact.relying_on(RUNS))
    }

    /// Waits until the command has received this signal.
    pub fn gets(&mut self, signal: i32) -> Result<String, Fact> {
        let otherwise = format!("{} did not reach the command", signal_name(signal));
        self.expect(&format!("signal {signal} "), &otherwise)
    }

    /// Sends a signal to the init. If it has already ended, the next step notices.
    pub fn send(&self, signal: i32) {
        self.sent.set(Some(signal));
        match self.nested {
            None => self.running.kill(signal),
            Some(_) => {
                let _ = sys::kill(self.init.pid, signal);
            }
        }
    }

    /// Waits until `condition` holds; fails with `otherwise`.
    pub fn until(&mut self, otherwise: &str, mut condition: impl FnMut(&Self) -> bool) -> Verdict {
        self.until_with(&mut condition, |_| otherwise.to_owned())
    }

    /// As [`until`](Self::until), with a fact made when the deadline has passed.
    pub fn until_with(
        &mut self,
        mut condition: impl FnMut(&Self) -> bool,
        otherwise: impl FnOnce(&Self) -> String,
    ) -> Verdict {
        if try_poll_until(self.limits.left(), || condition(self)) {
            return Ok(());
        }
        let seen = otherwise(self);
        Err(self.fact_with_end(seen))
    }

    /// Whether `condition` holds during all of this time: for what must not happen.
    pub fn stays(&self, time: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        !try_poll_until(time, || !condition(self))
    }

    /// The reports of the command's fixture so far.
    pub fn taken_so_far(&self) -> Vec<report::Taken> {
        report::taken(self.running.stdout_so_far())
    }

    /// The signals of [`taken_so_far`](Self::taken_so_far).
    pub fn signals_so_far(&self) -> Vec<i32> {
        report::signals(self.running.stdout_so_far())
    }

    /// Whether the signal is pending for the init.
    pub fn waits_for(&self, signal: i32) -> bool {
        // A dead process never takes its pending signals.
        let lives = !matches!(self.init.state(), None | Some('Z'));
        let pending = self.init.signal_set("ShdPnd").filter(|_| lives);
        pending.is_some_and(|set| set.contains(signal))
    }

    /// The zombies in the namespace.
    pub fn zombies(&self) -> usize {
        self.running.zombies()
    }

    /// The init's child that runs the command.
    pub fn command(&self) -> Result<Process, Fact> {
        let mine = self.init.arguments();
        let mut found = None;
        let other = |p: &Process| {
            let theirs = p.arguments();
            theirs.as_ref().is_some_and(|a| !a.is_empty()) && theirs != mine
        };
        let seen = try_poll_until(self.limits.left(), || {
            found = self.init.children().into_iter().find(other);
            found.is_some()
        });
        found
            .filter(|_| seen)
            .ok_or_else(|| self.fact("the command did not start"))
    }

    /// Waits for the init's end.
    pub fn end(&mut self) -> Result<End, Fact> {
        let end = self.wait_for_end();
        match self.sent.get() {
            Some(signal) => end.map_err(|fact| fact.relying_on(forwards(signal))),
            None => end,
        }
    }

    fn wait_for_end(&mut self) -> Result<End, Fact> {
        let nested = self.nested;
        let limit = self.limits.left();
        let Some(inner) = nested else {
            let ended = self.running().try_wait();
            let ended = ended.map_err(|failure| Fact {
                seen: "the init did not end".to_owned(),
                ..Fact::from(failure)
            })?;
            return Ok(End {
                status: ended.status,
                stderr: ended.stderr_text(),
                stdout: ended.stdout,
            });
        };
        let start = format!("ended pid={inner} ");
        // The fixture has reported it, or will.
        let reported = |subject: &Self| {
            let text = subject.running.stdout_so_far();
            let text = String::from_utf8_lossy(&text);
            text.lines()
                .find(|l| l.starts_with(&start))
                .map(str::to_owned)
        };
        let mut line = None;
        try_poll_until(limit, || {
            line = reported(self);
            line.is_some()
        });
        let line = line.ok_or_else(|| self.fact("the init did not end"))?;
        let code = report::number(&line, "code").map(|code| code << 8);
        let raw = code.or_else(|| report::number(&line, "signal"));
        let raw = raw.ok_or_else(|| Fact::new(format!("the harness failed: {line:?}")))?;
        Ok(End {
            status: WaitStatus::from_raw(raw),
            stdout: self.running.stdout_so_far(),
            stderr: String::from_utf8_lossy(&self.running.stderr_so_far()).into_owned(),
        })
    }

    /// Sends a signal that ends the command, and waits until it has arrived and the init has ended.
    pub fn end_by(&mut self, signal: i32) -> Result<End, Fact> {
        self.send(signal);
        self.gets(signal)
            .map_err(|fact| fact.relying_on(forwards(signal)))?;
        self.end()
    }
}
