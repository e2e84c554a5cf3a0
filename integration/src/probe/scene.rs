//! Where a probed program runs: in a sandbox, or in a container.

use std::{
    ffi::{OsStr, OsString},
    process::Command,
    time::Duration,
};

use super::{engine::Container, home::Home};
use crate::{
    exit::Trouble, init::Init, inside, process::Process, running::Running, status::WaitStatus,
};

/// A running sandbox or container. Dropping it kills what is left.
pub(super) enum Scene {
    Sandbox(Running),
    /// A sandbox with a root file system and a network of its own.
    Root(Running),
    Container(Container),
}

impl Scene {
    /// Starts the command in a sandbox, as PID 1 or under an init with these options.
    pub fn in_sandbox(
        home: &Home,
        command: &[OsString],
        init: Option<(&Init, &[String])>,
    ) -> Result<Self, String> {
        let sandbox = home.sandbox(command, init).map_err(|e| e.0)?;
        let program = sandbox.program.clone();
        match sandbox.try_start() {
            Ok(running) if home.root.is_some() => Ok(Self::Root(running)),
            Ok(running) => Ok(Self::Sandbox(running)),
            Err(error) => Err(error.line(program)),
        }
    }

    /// A client that reaches the program: beside it where it has a network of its own.
    pub fn client_command(&self, script: &OsStr) -> Command {
        if let Self::Root(running) = self {
            return inside::command(running.process(), script);
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script);
        command
    }

    /// PID 1, by its pid on this machine.
    pub fn pid1(&self) -> Process {
        match self {
            Self::Sandbox(running) | Self::Root(running) => running.process(),
            Self::Container(container) => container.pid1(),
        }
    }

    pub fn has_ended(&mut self) -> bool {
        match self {
            Self::Sandbox(running) | Self::Root(running) => running.try_status().is_some(),
            Self::Container(container) => container.has_ended(Duration::ZERO),
        }
    }

    /// Sends a signal to PID 1.
    pub fn send(&self, signal: i32) -> Result<(), Trouble> {
        match self {
            Self::Sandbox(running) | Self::Root(running) => {
                running.kill(signal);
                Ok(())
            }
            Self::Container(container) => container.send(signal),
        }
    }

    /// Waits for the end of PID 1; `false` if the time is over before.
    pub fn wait(&mut self, limit: Duration) -> bool {
        match self {
            Self::Sandbox(running) | Self::Root(running) => {
                running.reap_within(limit).is_ok_and(|s| s.is_some())
            }
            Self::Container(container) => container.has_ended(limit),
        }
    }

    /// The status of PID 1, which must have ended.
    pub fn status(&mut self) -> Result<i32, Trouble> {
        match self {
            Self::Sandbox(running) | Self::Root(running) => {
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

    /// Both streams, to their ends if the program has ended.
    pub fn all_output(&mut self) -> [Vec<u8>; 2] {
        if self.has_ended() {
            let client = match self {
                Self::Sandbox(running) | Self::Root(running) => running,
                Self::Container(container) => container.client_mut(),
            };
            // At the deadline, what has come so far will do.
            let _ = client.try_wait();
        }
        [self.stdout(), self.stderr()]
    }

    /// The child process that has the program's streams.
    fn client(&self) -> &Running {
        match self {
            Self::Sandbox(running) | Self::Root(running) => running,
            Self::Container(container) => container.client(),
        }
    }
}
