//! What is known about a process that has ended, or that should have ended and has not.

use std::{error::Error, fmt, time::Duration};

use crate::{status::WaitStatus, text::excerpt};

/// A process that has ended: its status and its output.
#[derive(Clone)]
pub struct Ended {
    /// The wait status.
    pub status: WaitStatus,
    /// All of standard output, if it was piped.
    pub stdout: Vec<u8>,
    /// All of standard error, if it was piped.
    pub stderr: Vec<u8>,
    /// The time from just before the start until the end was noticed.
    pub elapsed: Duration,
    /// The program and its arguments, for messages.
    pub(crate) command: String,
}

impl Ended {
    /// Standard output as text.
    #[must_use]
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    #[must_use]
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The lines of standard output.
    #[must_use]
    pub fn stdout_lines(&self) -> Vec<String> {
        self.stdout_text().lines().map(str::to_owned).collect()
    }

    /// The value of the first line `key=value` of standard output, the format of the fixture
    /// `info`.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<String> {
        value_in(&self.stdout_text(), key)
    }

    /// Panics with the full picture unless the exit code is `code`. Returns `self`.
    #[track_caller]
    pub fn assert_code(self, code: i32) -> Self {
        assert!(
            self.status.code() == Some(code),
            "expected exit code {code}: {self}"
        );
        self
    }

    /// Panics with the full picture unless `signal` killed the process. Returns `self`.
    #[track_caller]
    pub fn assert_signal(self, signal: i32) -> Self {
        assert!(
            self.status.signal() == Some(signal),
            "expected death by signal {signal}: {self}"
        );
        self
    }

    /// Panics with the full picture unless standard output is exactly `expected`. Returns `self`.
    #[track_caller]
    pub fn assert_stdout(self, expected: impl AsRef<[u8]>) -> Self {
        let expected = expected.as_ref();
        let shown = excerpt(expected, 4096);
        assert!(
            self.stdout == expected,
            "expected on stdout:\n{shown}\n{self}"
        );
        self
    }

    /// Panics with the full picture unless standard error is exactly `expected`. Returns `self`.
    #[track_caller]
    pub fn assert_stderr(self, expected: impl AsRef<[u8]>) -> Self {
        let expected = expected.as_ref();
        let shown = excerpt(expected, 4096);
        assert!(
            self.stderr == expected,
            "expected on stderr:\n{shown}\n{self}"
        );
        self
    }
}

/// The value of the first line `key=value` of `text`.
pub(crate) fn value_in(text: &str, key: &str) -> Option<String> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .map(str::to_owned)
}

/// The full picture, for the message of a failed assertion.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n  {} after {:?}",
            self.command, self.status, self.elapsed
        )?;
        streams(f, &self.stdout, &self.stderr)
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn streams(f: &mut fmt::Formatter<'_>, stdout: &[u8], stderr: &[u8]) -> fmt::Result {
    const LIMIT: usize = 8 * 1024;
    write!(f, "\n--- stdout ---\n{}", excerpt(stdout, LIMIT))?;
    write!(f, "\n--- stderr ---\n{}", excerpt(stderr, LIMIT))
}

/// Something that did not happen in time, with the arguments, the status, both streams and the
/// process tree.
#[derive(Clone)]
pub struct Failure(pub(crate) Box<Details>);

#[derive(Clone)]
pub(crate) struct Details {
    pub(crate) what: String,
    pub(crate) command: String,
    pub(crate) status: Option<WaitStatus>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) tree: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &self.0;
        write!(f, "{}\n{}\n  ", details.what, details.command)?;
        match details.status {
            Some(status) => write!(f, "{status}")?,
            None => write!(f, "still running")?,
        }
        streams(f, &details.stdout, &details.stderr)?;
        write!(f, "\n--- processes ---\n{}", details.tree)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {}
