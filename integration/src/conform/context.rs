//! What a case has at hand: the init under test, and ways to start it.

use std::{
    ffi::OsString,
    time::{Duration, Instant},
};

use super::{
    case::{Case, Fact},
    subject::Subject,
};
use crate::{deadline::try_poll_until, init::Init, locate::fixture, report, sandbox::Sandbox};

/// Variables by which inits take options: the machine's own must not change what is seen.
const OPTION_VARIABLES: [&str; 8] = [
    "TIDY_INIT_OPTS",
    "DUMB_INIT_DEBUG",
    "DUMB_INIT_SETSID",
    "TINI_SUBREAPER",
    "TINI_VERBOSITY",
    "TINI_KILL_PROCESS_GROUP",
    "LISTEN_PID",
    "LISTEN_FDS",
];

/// More processes than all cases but one need at a time: where the kernel can bound a PID namespace
/// (Linux 6.14), an init that forks without end ends here. So few that the harness gets its share of
/// the processors beside them.
const MOST_PROCESSES: u32 = 400;

/// For one case and one init: see [`Case`].
pub struct Context<'a> {
    /// The init under test.
    pub init: &'a Init,
    options: Vec<String>,
    limit: Duration,
    until: Instant,
}

impl<'a> Context<'a> {
    /// `limit` is for each wait, `all` for the whole case.
    pub(super) fn new(init: &'a Init, case: &Case, limit: Duration, all: Duration) -> Self {
        Self {
            init,
            options: case.options(init),
            limit,
            until: Instant::now() + all,
        }
    }

    /// How long a wait may take from now.
    pub(super) fn limit(&self) -> Duration {
        self.limit
            .min(self.until.saturating_duration_since(Instant::now()))
    }

    /// The words that run a fixture as the command: see [`fixture::HELP`](crate::fixture::HELP).
    pub(super) fn fixture(words: &[&str]) -> Vec<OsString> {
        let mut command = vec![fixture().into_os_string(), "fixture".into()];
        command.extend(words.iter().map(OsString::from));
        command
    }

    /// A script for `sh`, in which `$0` is the program with the fixtures.
    pub(super) fn script(text: &str) -> Vec<OsString> {
        vec!["sh".into(), "-c".into(), text.into(), fixture().into()]
    }

    /// The init as PID 1, with the options of the case and this command.
    pub(super) fn sandbox<S: Into<OsString>>(
        &self,
        command: impl IntoIterator<Item = S>,
    ) -> Sandbox {
        self.sandbox_with(self.init.arguments(&self.options, command))
    }

    /// The init as PID 1, with all its arguments.
    pub(super) fn sandbox_with(&self, arguments: Vec<OsString>) -> Sandbox {
        let sandbox = Sandbox::new(self.init.path())
            .arg0(self.init.arg0())
            .args(arguments);
        self.harmless(sandbox)
    }

    /// The init as the child of something else that is PID 1: it is given this many layers, each a
    /// fixture that reports what becomes its child.
    pub(super) fn nested_sandbox<S: Into<OsString>>(
        &self,
        layers: usize,
        command: impl IntoIterator<Item = S>,
    ) -> Sandbox {
        let fixture = fixture();
        let mut words: Vec<OsString> = Vec::new();
        for layer in 1..=layers {
            if layer > 1 {
                words.push(fixture.clone().into());
            }
            words.extend(["fixture", "parent"].map(OsString::from));
            if layer == layers {
                words.extend(["--arg0".into(), self.init.arg0()]);
            }
            words.push("--".into());
        }
        words.push(self.init.path().into());
        words.extend(self.init.arguments(&self.options, command));
        self.harmless(Sandbox::new(fixture).args(words))
    }

    /// Another program that becomes the init: `fixture ... -- INIT OPTIONS -- COMMAND`.
    pub(super) fn sandbox_behind<S: Into<OsString>>(
        &self,
        before: &[&str],
        command: impl IntoIterator<Item = S>,
    ) -> Sandbox {
        let mut words = vec![OsString::from("fixture")];
        words.extend(before.iter().map(OsString::from));
        words.extend(["--arg0".into(), self.init.arg0(), "--".into()]);
        words.push(self.init.path().into());
        words.extend(self.init.arguments(&self.options, command));
        self.harmless(Sandbox::new(fixture()).args(words))
    }

    fn harmless(&self, mut sandbox: Sandbox) -> Sandbox {
        for variable in OPTION_VARIABLES {
            sandbox = sandbox.env_remove(variable);
        }
        sandbox
            .timeout_exactly(self.limit())
            .most_processes(MOST_PROCESSES)
    }

    /// Starts what has been described, as PID 1.
    pub(super) fn start(&self, sandbox: Sandbox) -> Result<Subject<'_>, Fact> {
        Ok(Subject::pid1(self, sandbox.try_start()?))
    }

    /// Starts the init as PID 1 with a fixture as its command.
    pub(super) fn pid1(&self, words: &[&str]) -> Result<Subject<'_>, Fact> {
        self.start(self.sandbox(Self::fixture(words)))
    }

    /// Starts the init below something else with a fixture as its command.
    pub(super) fn nested(&self, words: &[&str]) -> Result<Subject<'_>, Fact> {
        self.start_nested(self.nested_sandbox(1, Self::fixture(words)), 1)
    }

    /// Starts a [`nested_sandbox`](Self::nested_sandbox) with that many layers.
    pub(super) fn start_nested(
        &self,
        sandbox: Sandbox,
        layers: usize,
    ) -> Result<Subject<'_>, Fact> {
        let running = sandbox.try_start()?;
        // Each layer says so of its child, which may be faster and say something itself before: so
        // no line is taken, and the youngest is the init.
        let mut inner = None;
        try_poll_until(self.limit(), || {
            let text = running.stdout_so_far();
            let text = String::from_utf8_lossy(&text);
            let all = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let children = all.filter(|line| line.starts_with("child pid="));
            let pids: Vec<_> = children
                .filter_map(|line| report::number(line, "pid"))
                .collect();
            inner = pids.iter().copied().max();
            pids.len() == layers
        });
        let inner = inner.ok_or_else(|| Fact::new("the harness failed: no pid of the init"))?;
        Ok(Subject::nested(self, running, inner))
    }
}
