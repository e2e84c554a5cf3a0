//! Docker and Podman: a program inside an image, looked at from outside.
//!
//! Only the init under test, which is bind-mounted, runs in the container: an image may have no libc
//! and no shell. Its processes are observed in this machine's `/proc`: they are in a PID namespace
//! below ours.

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

/// How long the engine may take to answer, or to start a container.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the init is mounted in the container.
const MOUNT: &str = "/.initlab";

/// The label of our containers.
const LABEL: &str = "initlab=probe";

/// The label that names the process to which a container belongs.
const OWNER: &str = "initlab.owner";

/// The process that has started a container: its PID namespace, its pid there, and its start time,
/// since pids are reused.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    namespace: String,
    pid: i32,
    started: u64,
}

impl Owner {
    fn this() -> Self {
        Self::of(Process::current()).unwrap_or(Self {
            namespace: String::new(),
            pid: 0,
            started: 0,
        })
    }

    fn of(process: Process) -> Option<Self> {
        let namespace = Process::current().link("ns/pid")?;
        let stat = process.stat()?;
        Some(Self {
            namespace: namespace.to_string_lossy().into_owned(),
            pid: process.pid,
            started: stat.started,
        })
    }

    fn label(&self) -> String {
        let Self {
            namespace,
            pid,
            started,
        } = self;
        format!("{OWNER}={namespace} {pid} {started}")
    }

    /// Reads the value of the label.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(Self {
            namespace: words.next()?.to_owned(),
            pid: words.next()?.parse().ok()?,
            started: words.next()?.parse().ok()?,
        })
    }

    /// Whether it has ended. Processes of other PID namespaces cannot be judged.
    fn is_gone(&self) -> bool {
        let here = Self::this().namespace;
        self.namespace == here && Self::of(Process::new(self.pid)).as_ref() != Some(self)
    }
}

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

    fn is_podman(&self) -> bool {
        self.client.ends_with("podman")
    }

    /// Kills a container and removes it.
    fn remove(&self, name: &str) -> Result<(), Trouble> {
        let mut call = self.call("rm").args(["--force", "--volumes"]);
        if self.is_podman() {
            // Podman stops it before, and waits 10 s for that.
            call = call.args(["--time", "0"]);
        }
        self.ask(call.arg(name)).map(drop)
    }

    /// Removes containers of earlier probes that were killed before they could do it.
    pub fn sweep(&self) {
        let filter = format!("label={LABEL}");
        let list = self
            .call("ps")
            .args(["--all", "--quiet", "--filter", &filter]);
        // A container that cannot be listed or removed is not worth a failure.
        let Ok(list) = self.ask(list) else { return };
        let owner = format!("{{{{index .Config.Labels \"{OWNER}\"}}}}");
        for id in list.lines() {
            let inspect = self
                .call("inspect")
                .args(["--type", "container", "--format", &owner]);
            if let Ok(owner) = self.ask(inspect.arg(id))
                && Owner::parse(&owner).is_some_and(|owner| owner.is_gone())
            {
                let _ = self.remove(id);
            }
        }
    }

    fn call(&self, verb: &str) -> Sandbox {
        Sandbox::plain(&self.client).arg(verb).timeout(PATIENCE)
    }

    /// Runs the client and returns its output, or the last line of its error message.
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

    /// The configuration of a local image.
    pub(super) fn image(&self, name: &str) -> Result<ImageConfig, Trouble> {
        let call = self
            .call("image")
            .args(["inspect", "--format", "{{json .Config}}", "--", name]);
        let text = self.ask(call)?;
        serde_json::from_str(&text).map_err(|e| {
            Trouble(format!(
                "{}: cannot read the configuration of {name}: {e}",
                self.client
            ))
        })
    }

    /// Starts a container of `image`, with its entry point and command as they are or, under an
    /// init, as the init's arguments. `options` are for `docker run`.
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
            .args(["--name", &name, "--label", LABEL])
            .arg("--label")
            .arg(Owner::this().label())
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

/// What an image runs when it is given `command`, which replaces its own command, but not its entry
/// point.
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

/// A container. Dropping it removes it.
pub(super) struct Container {
    engine: Engine,
    name: String,
    /// `docker run`, which has the container's streams and ends with it.
    client: Running,
    pid: i32,
    /// `None` if the container had ended before it could be opened.
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
        // docker-run(1): 125 is Docker's own, 126 and 127 mean that the command cannot be run.
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

    /// Whether PID 1 has ended; waits for that for at most `limit`.
    pub fn has_ended(&self, limit: Duration) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return true;
        };
        // In short polls, so that an interrupt ends the wait.
        let ended = || {
            let now = Some(Duration::ZERO);
            sys::poll_readable([pidfd.as_fd()], now).is_ok_and(|[ended]| ended)
        };
        try_poll_until(limit, ended)
    }

    /// Sends a signal to PID 1; through the engine if this user may not.
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
        let remove = || self.engine.remove(&self.name).is_ok();
        // It fails when the engine could not create the container. After an interrupt the engine
        // may still be creating it.
        let limit = match interrupt::caught() {
            Some(_) => Duration::from_secs(3),
            None => Duration::ZERO,
        };
        interrupt::sparing(|| try_poll_until(limit, remove));
    }
}

/// The last line with a message, not counting the client's hint to its help.
fn last_line(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr).into_owned();
    let mut lines = text.lines().map(str::trim).filter(|line| {
        !line.is_empty() && !line.starts_with("See '") && !line.starts_with("Run '")
    });
    lines.next_back().map(str::to_owned)
}
