//! A process that a sandbox has started.

mod cleanup;
mod look;

use std::{
    fmt::Display,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use crate::{
    deadline::try_poll_until,
    ended::{Details, Ended, Failure},
    process::Process,
    pump::{NotFound, Pump},
    signals::signal_name,
    status::WaitStatus,
    strace::Strace,
    sys,
};

/// A child process that a [`Sandbox`](crate::Sandbox) has started, and that has exec'd.
///
/// Dropping it kills it and everything it has started: in a PID namespace all processes there,
/// otherwise its descendants and the processes whose environment has the sandbox's mark.
#[must_use]
pub struct Running {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) namespace: bool,
    pub(crate) marker: Option<String>,
    pub(crate) command: String,
    pub(crate) limit: Duration,
    pub(crate) started: Instant,
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: Option<Pump>,
    pub(crate) stderr: Option<Pump>,
    pub(crate) strace: Option<Strace>,
    pub(crate) status: Option<WaitStatus>,
}

impl Running {
    /// Its pid in the PID namespace of this process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Its view in `/proc`.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::new(self.pid)
    }

    /// The process with the pid `inner` inside the sandbox; without a PID namespace, with that pid.
    /// Panics when there is none.
    #[must_use]
    #[track_caller]
    pub fn inside(&self, inner: i32) -> Process {
        if !self.namespace {
            return Process::new(inner);
        }
        let found = self
            .process()
            .same_namespace()
            .into_iter()
            .find(|p| p.inner_pid() == Some(inner));
        found.unwrap_or_else(|| {
            panic!(
                "{}",
                self.failure(&format!("no process has the pid {inner} inside"))
            )
        })
    }

    /// Sends a signal like `kill(2)`. Panics when that fails; a process that has already ended is
    /// no failure.
    #[track_caller]
    pub fn kill(&self, signal: i32) {
        if let Err(error) = sys::pidfd_kill(self.pidfd.as_fd(), signal) {
            panic!(
                "{}",
                self.failure(&format!(
                    "cannot send signal {}: {error}",
                    signal_name(signal)
                ))
            );
        }
    }

    /// Queues a signal with a value like `sigqueue(3)`. Panics when that fails.
    #[track_caller]
    pub fn sigqueue(&self, signal: i32, value: i32) {
        if let Err(error) = sys::pidfd_sigqueue(self.pidfd.as_fd(), signal, value) {
            panic!(
                "{}",
                self.failure(&format!(
                    "cannot queue signal {}: {error}",
                    signal_name(signal)
                ))
            );
        }
    }

    /// Writes to standard input, which must be piped.
    #[track_caller]
    pub fn write_stdin(&self, bytes: impl AsRef<[u8]>) {
        self.try_write_stdin(bytes)
            .expect("cannot write to standard input");
    }

    /// As [`write_stdin`](Self::write_stdin), but fails when nobody reads it any more.
    #[track_caller]
    pub fn try_write_stdin(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let stdin = self
            .stdin
            .as_ref()
            .expect("stdin must be Stdio::Piped and open");
        sys::write_all(stdin.as_raw_fd(), bytes.as_ref())
    }

    /// Closes standard input: the process reads end of file.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for a line of standard output that contains `text`, and returns it. The search
    /// continues after the previous match.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        panic_on(self.try_expect_line(&format!("a line with {text:?}"), |line| line.contains(text)))
    }

    /// Waits for a line of standard output that `wanted` accepts, and returns it without the line
    /// feed. The search continues after the previous match. Fails at once when the output ends.
    #[track_caller]
    pub fn expect_line(&mut self, wanted: impl FnMut(&str) -> bool) -> String {
        panic_on(self.try_expect_line("a line", wanted))
    }

    /// As [`expect_line`](Self::expect_line), but returns an error instead of panicking.
    pub fn try_expect_line(
        &mut self,
        what: &str,
        wanted: impl FnMut(&str) -> bool,
    ) -> Result<String, Failure> {
        let limit = self.limit;
        let found = find_line(self.stdout.as_mut(), limit, wanted);
        found.map_err(|reason| self.failure(&format!("no {what} on stdout: {reason}")))
    }

    /// As [`expect`](Self::expect), on standard error.
    #[track_caller]
    pub fn expect_stderr(&mut self, text: &str) -> String {
        panic_on(
            self.try_expect_stderr_line(&format!("a line with {text:?}"), |line| {
                line.contains(text)
            }),
        )
    }

    /// As [`try_expect_line`](Self::try_expect_line), on standard error.
    pub fn try_expect_stderr_line(
        &mut self,
        what: &str,
        wanted: impl FnMut(&str) -> bool,
    ) -> Result<String, Failure> {
        let limit = self.limit;
        let found = find_line(self.stderr.as_mut(), limit, wanted);
        found.map_err(|reason| self.failure(&format!("no {what} on stderr: {reason}")))
    }

    /// Standard output so far.
    #[must_use]
    pub fn stdout_so_far(&self) -> Vec<u8> {
        self.stdout.as_ref().map(Pump::bytes).unwrap_or_default()
    }

    /// Standard error so far.
    #[must_use]
    pub fn stderr_so_far(&self) -> Vec<u8> {
        self.stderr.as_ref().map(Pump::bytes).unwrap_or_default()
    }

    /// Waits until `condition` holds, like [`poll_until`](crate::poll_until), with the sandbox's
    /// deadline and the full picture in the message.
    #[track_caller]
    pub fn poll_until(&self, what: &str, condition: impl FnMut() -> bool) {
        if !try_poll_until(self.limit, condition) {
            panic!(
                "{}",
                self.failure(&format!(
                    "timed out after {:?}, waiting for: {what}",
                    self.limit
                ))
            );
        }
    }

    /// Waits for the process to end, without waiting for its output. Panics at the deadline.
    #[track_caller]
    pub fn wait_exit(&mut self) -> WaitStatus {
        panic_on(self.try_wait_exit())
    }

    /// As [`wait_exit`](Self::wait_exit), but fails at the deadline.
    pub fn try_wait_exit(&mut self) -> Result<WaitStatus, Failure> {
        match self.reap_within(self.limit) {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(self.failure(&format!("it has not ended after {:?}", self.limit))),
            Err(error) => Err(self.failure(&format!("cannot wait for its end: {error}"))),
        }
    }

    /// Waits for the process to end, and returns its status and its output. Without a PID
    /// namespace, survivors live until this value is dropped. Panics at the deadline.
    #[track_caller]
    pub fn wait(&mut self) -> Ended {
        panic_on(self.try_wait())
    }

    /// As [`wait`](Self::wait), but fails at the deadline.
    pub fn try_wait(&mut self) -> Result<Ended, Failure> {
        let status = self.try_wait_exit()?;
        let elapsed = self.started.elapsed();
        for pump in [&mut self.stdout, &mut self.stderr].into_iter().flatten() {
            pump.finish();
        }
        if let Some(mut strace) = self.strace.take()
            && let Err(error) = strace.finish(self.limit)
        {
            return Err(self.failure(&error));
        }
        let (stdout, stderr) = (self.stdout_so_far(), self.stderr_so_far());
        Ok(Ended {
            status,
            stdout,
            stderr,
            elapsed,
            command: self.command.clone(),
        })
    }

    /// The status if the process has ended. Does not wait.
    pub fn try_status(&mut self) -> Option<WaitStatus> {
        self.reap_within(Duration::ZERO).ok().flatten()
    }

    pub(crate) fn reap_within(&mut self, limit: Duration) -> io::Result<Option<WaitStatus>> {
        let until = Instant::now() + limit;
        while self.status.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            // A pidfd becomes readable when the process can be reaped: pidfd_open(2).
            let [ended] = sys::poll_readable([self.pidfd.as_fd()], Some(left))?;
            if ended {
                self.status = sys::try_reap(self.pid)?.map(WaitStatus::from_raw);
            } else if left.is_zero() {
                break;
            }
        }
        Ok(self.status)
    }

    /// The time since just before the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The full picture of this moment, headed by `what`: for a test's own failures.
    #[must_use]
    pub fn failure(&self, what: &str) -> Failure {
        Failure(Box::new(Details {
            what: what.to_owned(),
            command: self.command.clone(),
            status: self.status,
            stdout: self.stdout_so_far(),
            stderr: self.stderr_so_far(),
            tree: self.tree(),
        }))
    }
}

#[track_caller]
fn panic_on<T>(result: Result<T, impl Display>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure}"))
}

fn find_line(
    pump: Option<&mut Pump>,
    limit: Duration,
    mut wanted: impl FnMut(&str) -> bool,
) -> Result<String, String> {
    let pump = pump.ok_or("it is not piped")?;
    // The number of bytes already searched.
    let mut seen = 0;
    let found = pump.find(limit, |bytes, ended| {
        loop {
            let rest = &bytes[seen..];
            let (length, feed) = match rest.iter().position(|b| *b == b'\n') {
                Some(length) => (length, 1),
                None if ended && !rest.is_empty() => (rest.len(), 0),
                None => return None,
            };
            let line = String::from_utf8_lossy(&rest[..length]).into_owned();
            seen += length + feed;
            if wanted(&line) {
                return Some((seen, line));
            }
        }
    });
    found.map_err(|reason| match reason {
        NotFound::Ended => "the stream has ended".to_owned(),
        NotFound::TimedOut => format!("nothing within {limit:?}"),
    })
}
