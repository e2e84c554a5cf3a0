//! The context of a case: the init under test, and ways to start it.

use std::{ffi::OsString, time::Duration};

use super::{fact::Fact, limits::Limits, subject::Subject};
use crate::{
    deadline::try_poll_until, init::Init, locate::fixture, refusal, report, sandbox::Sandbox,
};

/// Environment variables that inits read. Those of this machine must not affect the cases.
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

/// The limit for an init that forks without end, where the kernel can limit a PID namespace (Linux
/// 6.14). It is more than the cases need, and few enough to leave processor time to the harness.
const MOST_PROCESSES: u32 = 400;

/// The context of one case with one init: see [`Case`](super::Case).
pub struct Context<'a> {
    /// The init under test.
    pub init: &'a Init,
    options: Vec<String>,
    limits: Limits,
}

impl<'a> Context<'a> {
    /// `options` are those that the case gives to the init.
    pub(super) fn new(init: &'a Init, options: Vec<String>, limits: Limits) -> Self {
        Self {
            init,
            options,
            limits,
        }
    }

    /// How long a wait that begins now may take.
    pub(super) fn limit(&self) -> Duration {
        self.limits.left()
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

    /// The init below PID 1, which is a fixture; with several layers, below as many fixtures. Each
    /// reports its children.
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
        refusal::apply(sandbox)
            .timeout_exactly(self.limit())
            .most_processes(MOST_PROCESSES)
    }

    /// Starts a sandbox whose PID 1 is the init.
    pub(super) fn start(&self, sandbox: Sandbox) -> Result<Subject<'_>, Fact> {
        Ok(Subject::pid1(&self.limits, sandbox.try_start()?))
    }

    /// Starts the init as PID 1 with a fixture as its command.
    pub(super) fn pid1(&self, words: &[&str]) -> Result<Subject<'_>, Fact> {
        self.start(self.sandbox(Self::fixture(words)))
    }

    /// Starts the init below another PID 1 with a fixture as its command.
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
        // Each layer reports its child, which may be faster and print something first. So no line
        // is consumed, and the youngest process is the init.
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
        Ok(Subject::nested(&self.limits, running, inner))
    }
}
