//! Docker and Podman: a program inside an image, looked at from outside.
//!
//! Nothing of ours runs in the container but the init under test, which is bind-mounted: an image
//! may have no libc and no shell. What there is to see of its processes, this machine's `/proc`
//! shows: they are in a PID namespace below ours.

use std::{
    ffi::OsString,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde::Deserialize;

use crate::{
    deadline::try_poll_until, exit::Trouble, init::Init, interrupt, locate::find_program,
    process::Process, running::Running, sandbox::Sandbox, sys,
};

/// How long the engine may take for an answer, or for starting a container.
const PATIENCE: Duration = Duration::from_secs(60);

/// The directory in the container in which the init is mounted.
const MOUNT: &str = "/.initlab";

/// A container engine, by its client.
#[derive(Clone, Debug)]
pub struct Engine {
    client: String,
}

/// What an image says about how it is run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ImageConfig {
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    pub stop_signal: Option<String>,
}

impl Engine {
    /// The engine with this client, or the first of `docker` and `podman` that is installed.
    pub fn find(client: Option<&str>) -> Result<Self, Trouble> {
        let installed = |name: &str| find_program(name).is_some_and(|path| path.is_file());
        let mut known = match client {
            Some(name) => vec![name],
            None => vec!["docker", "podman"],
        };
        known.retain(|name| installed(name));
        match (known.first(), client) {
            (Some(name), _) => Ok(Self {
                client: (*name).to_owned(),
            }),
            (None, Some(name)) => Err(Trouble(format!("{name} is not installed"))),
            (None, None) => Err(Trouble(
                "images need docker or podman, and neither is installed".to_owned(),
            )),
        }
    }

    fn call(&self, verb: &str) -> Sandbox {
        Sandbox::plain(&self.client).arg(verb).timeout(PATIENCE)
    }

    /// Runs the client and gives what it printed; its last line of complaint where it fails.
    fn ask(&self, call: Sandbox) -> Result<String, Trouble> {
        let failed = |why: String| Trouble(format!("{}: {why}", self.client));
        let mut client = call.try_start().map_err(|e| failed(e.line(&self.client)))?;
        let ended = client
            .try_wait()
            .map_err(|_| failed(format!("no answer within {PATIENCE:?}")))?;
        if ended.status.code() == Some(0) {
            return Ok(ended.stdout_text().trim().to_owned());
        }
        Err(failed(
            last_line(&ended.stderr).unwrap_or_else(|| format!("it failed, {}", ended.status)),
        ))
    }

    /// How an image that is here says it is run.
    pub(super) fn image(&self, name: &str) -> Result<ImageConfig, Trouble> {
        let call = self
            .call("image")
            .args(["inspect", "--format", "{{json .Config}}", "--", name]);
        let text = self.ask(call)?;
        serde_json::from_str(&text)
            .map_err(|e| Trouble(format!("{}: what it says of {name}: {e}", self.client)))
    }

    /// Starts a container of `image`: its entry point and command as they are, or, under an init,
    /// as the init's arguments. `options` are for `docker run`.
    pub(super) fn start(
        &self,
        image: &str,
        config: &ImageConfig,
        command: &[OsString],
        init: Option<(&Init, &[String])>,
        options: &[OsString],
    ) -> Result<Container, String> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("initlab-probe-{}-{number}", std::process::id());
        let mut run = self
            .call("run")
            .args(["--name", &name, "--label", "initlab=probe"])
            .args(["--init=false", "--no-healthcheck"])
            .args(options.iter().cloned());
        if let Some((init, words)) = init {
            let arg0 = init.arg0();
            let file = Path::new(&arg0).file_name().unwrap_or(&arg0);
            let inside = Path::new(MOUNT).join(file);
            let source = std::path::absolute(init.path()).map_err(|e| e.to_string())?;
            let mut mount = OsString::from("type=bind,readonly,source=");
            mount.push(source);
            mount.push(",target=");
            mount.push(&inside);
            run = run
                .arg("--mount")
                .arg(mount)
                .arg("--entrypoint")
                .arg(inside)
                .arg(image)
                .args(init.arguments(words, full_command(config, command)));
        } else {
            run = run.arg(image).args(command.iter().cloned());
        }
        let client = run.try_start().map_err(|e| e.line(&self.client))?;
        let mut container = Container {
            engine: self.clone(),
            name,
            client,
            pid: 0,
            pidfd: None,
        };
        container.find_pid1()?;
        Ok(container)
    }
}

/// The words that an image runs where it is given `command`: that takes the place of its own
/// command, not of its entry point.
pub(super) fn full_command(config: &ImageConfig, command: &[OsString]) -> Vec<OsString> {
    let own = |words: &Option<Vec<String>>| {
        let words = words.clone().unwrap_or_default();
        words.into_iter().map(OsString::from).collect::<Vec<_>>()
    };
    let mut words = own(&config.entrypoint);
    if command.is_empty() {
        words.extend(own(&config.cmd));
    } else {
        words.extend(command.iter().cloned());
    }
    words
}

/// A container, which is removed with the value.
pub(super) struct Container {
    engine: Engine,
    name: String,
    /// `docker run`, which has the container's streams and ends as it does.
    client: Running,
    pid: i32,
    /// `None` where the container had ended when it was looked at.
    pidfd: Option<OwnedFd>,
}

impl Container {
    /// Waits until the container runs, or has run.
    fn find_pid1(&mut self) -> Result<(), String> {
        let mut state = String::new();
        try_poll_until(PATIENCE, || {
            state = self.inspect("{{.State.Pid}}").unwrap_or_default();
            self.pid = state.parse().unwrap_or(0);
            self.pid != 0 || self.client.try_status().is_some()
        });
        if self.pid != 0 {
            let process = Process::new(self.pid);
            if process.exists() && process.inner_pid() != Some(1) {
                return Err(format!(
                    "the processes of {} cannot be seen from here: it runs on another machine, or \
                     in a virtual one",
                    self.engine.client
                ));
            }
            self.pidfd = sys::pidfd_open(self.pid).ok();
            return Ok(());
        }
        // docker-run(1): 125 is its own, 126 and 127 are those of a command that cannot be run.
        match self.client.try_status().map(|status| status.shell()) {
            Some(125..=127) | None => {
                let _ = self.client.try_wait();
                let why = last_line(&self.client.stderr_so_far());
                Err(why.unwrap_or_else(|| "the container does not start".to_owned()))
            }
            Some(_) => Ok(()),
        }
    }

    fn inspect(&self, template: &str) -> Result<String, Trouble> {
        let call = self.engine.call("inspect");
        let call = call.args(["--type", "container", "--format", template, &self.name]);
        self.engine.ask(call)
    }

    pub fn pid1(&self) -> Process {
        Process::new(self.pid)
    }

    pub fn client(&self) -> &Running {
        &self.client
    }

    pub fn client_mut(&mut self) -> &mut Running {
        &mut self.client
    }

    pub fn has_ended(&self, limit: Duration) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return true;
        };
        let ended = || sys::poll_readable([pidfd.as_fd()], Some(limit)).is_ok_and(|[e]| e);
        // A poll that a signal ends is none.
        ended() || try_poll_until(Duration::ZERO, ended)
    }

    /// Sends a signal to PID 1, by the engine where this user may not.
    pub fn send(&self, signal: i32) -> Result<(), Trouble> {
        if let Some(pidfd) = &self.pidfd
            && sys::pidfd_kill(pidfd.as_fd(), signal).is_ok()
        {
            return Ok(());
        }
        let call = self.engine.call("kill");
        let call = call.args(["--signal", &signal.to_string(), &self.name]);
        self.engine.ask(call).map(drop)
    }

    /// The status that the engine reports.
    pub fn status(&mut self) -> Result<i32, Trouble> {
        let answer = self.engine.ask(self.engine.call("wait").arg(&self.name))?;
        let odd = || Trouble(format!("{}: the status {answer:?}", self.engine.client));
        answer.parse().map_err(|_| odd())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let remove = || {
            let call = self.engine.call("rm");
            self.engine
                .ask(call.args(["--force", "--volumes", &self.name]))
                .is_ok()
        };
        // It fails where there is none, since the engine could not make one; after an interrupt it
        // may be making one still.
        let limit = match interrupt::caught() {
            Some(_) => Duration::from_secs(3),
            None => Duration::ZERO,
        };
        interrupt::sparing(|| try_poll_until(limit, remove));
    }
}

/// The last line that says something, without the client's hint to its help.
fn last_line(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr).into_owned();
    let mut lines = text.lines().map(str::trim).filter(|line| {
        !line.is_empty() && !line.starts_with("See '") && !line.starts_with("Run '")
    });
    lines.next_back().map(str::to_owned)
}
