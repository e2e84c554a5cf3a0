//! Where a program runs while it is looked at: a sandbox, or a container of an engine.

use std::{ffi::OsString, time::Duration};

use super::engine::Container;
use crate::{
    exit::Trouble, init::Init, process::Process, running::Running, sandbox::Sandbox,
    status::WaitStatus,
};

/// A running sandbox or container. What is left of it goes when the value is dropped.
pub(super) enum Scene {
    Sandbox(Running),
    Container(Container),
}

impl Scene {
    /// Starts the command in a sandbox: as PID 1, or under an init with these options.
    pub fn in_sandbox(
        command: &[OsString],
        init: Option<(&Init, &[String])>,
    ) -> Result<Self, String> {
        let sandbox = match (init, command.split_first()) {
            (Some((init, options)), _) => init.sandbox(options, command),
            (None, Some((program, arguments))) => Sandbox::new(program).args(arguments),
            (None, None) => return Err("there is no command".to_owned()),
        };
        let program = sandbox.program.clone();
        match sandbox.try_start() {
            Ok(running) => Ok(Self::Sandbox(running)),
            Err(error) => Err(error.line(program)),
        }
    }

    /// PID 1, as this machine knows it.
    pub fn pid1(&self) -> Process {
        match self {
            Self::Sandbox(running) => running.process(),
            Self::Container(container) => container.pid1(),
        }
    }

    pub fn has_ended(&mut self) -> bool {
        match self {
            Self::Sandbox(running) => running.try_status().is_some(),
            Self::Container(container) => container.has_ended(Duration::ZERO),
        }
    }

    /// Sends a signal to PID 1.
    pub fn send(&self, signal: i32) -> Result<(), Trouble> {
        match self {
            Self::Sandbox(running) => {
                running.kill(signal);
                Ok(())
            }
            Self::Container(container) => container.send(signal),
        }
    }

    /// Waits for the end of PID 1: `false` when the time is over.
    pub fn wait(&mut self, limit: Duration) -> bool {
        match self {
            Self::Sandbox(running) => running.reap_within(limit).is_ok_and(|s| s.is_some()),
            Self::Container(container) => container.has_ended(limit),
        }
    }

    /// The status of PID 1, which has ended.
    pub fn status(&mut self) -> Result<i32, Trouble> {
        match self {
            Self::Sandbox(running) => {
                let status = running.try_status().map(WaitStatus::shell);
                status.ok_or_else(|| Trouble("PID 1 has not ended".to_owned()))
            }
            Self::Container(container) => container.status(),
        }
    }

    pub fn stdout(&self) -> Vec<u8> {
        self.client().stdout_so_far()
    }

    pub fn stderr(&self) -> Vec<u8> {
        self.client().stderr_so_far()
    }

    /// Standard error to its end, if that has come.
    pub fn all_stderr(&mut self) -> Vec<u8> {
        if self.has_ended() {
            let client = match self {
                Self::Sandbox(running) => running,
                Self::Container(container) => container.client_mut(),
            };
            // What has come by the deadline will have to do.
            let _ = client.try_wait();
        }
        self.stderr()
    }

    /// The process of ours that has the streams of the program.
    fn client(&self) -> &Running {
        match self {
            Self::Sandbox(running) => running,
            Self::Container(container) => container.client(),
        }
    }
}
