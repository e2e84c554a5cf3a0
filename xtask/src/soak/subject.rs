//! An init at work: in a PID namespace, or in a container.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use initlab::{Init, Process, Running, Stdio};

use super::counters::Counters;
use crate::command;

/// How many processes make orphans.
const STORMS: &str = "2";

/// How long a thing may take that is quick otherwise: other work may be going on.
pub const LIMIT: Duration = Duration::from_secs(60);

pub enum Subject {
    Sandbox {
        running: Box<Running>,
        load: PathBuf,
        counters: PathBuf,
    },
    Container(Container),
}

impl Subject {
    pub fn in_sandbox(
        init: &Init,
        options: &[&str],
        load: &Path,
        counters: &Counters,
    ) -> Result<Subject> {
        let options: Vec<String> = options.iter().map(|word| (*word).to_owned()).collect();
        let words = [
            load.as_os_str(),
            counters.path().as_os_str(),
            STORMS.as_ref(),
        ];
        let sandbox = init
            .sandbox(&options, words)
            .stdout(Stdio::Null)
            .stderr(Stdio::Null)
            .timeout(LIMIT);
        Ok(Subject::Sandbox {
            running: Box::new(sandbox.try_start()?),
            load: load.to_owned(),
            counters: counters.path().to_owned(),
        })
    }

    pub fn in_container(init: &Path, load: &Path, counters: &Counters) -> Result<Subject> {
        Container::start(init, load, counters.path()).map(Subject::Container)
    }

    /// The init.
    pub fn process(&self) -> Process {
        match self {
            Subject::Sandbox { running, .. } => running.process(),
            Subject::Container(container) => container.process,
        }
    }

    /// A command that executes a program beside the init's: it leaves orphans behind.
    pub fn exec(&self) -> Command {
        match self {
            Subject::Sandbox { load, counters, .. } => {
                let mut command = Command::new("nsenter");
                let target = format!("--target={}", self.process().pid);
                command.args([target.as_str(), "--pid", "--mount"]);
                // An ordinary user may enter them only together with the user namespace that owns them.
                if !nix::unistd::geteuid().is_root() {
                    command.args(["--user", "--preserve-credentials"]);
                }
                command.arg("--");
                command.args([load, counters]).arg("exec");
                command
            }
            Subject::Container(container) => {
                let mut command = Command::new("docker");
                let words = ["exec", &container.name, "/load", "/counters", "exec"];
                command.args(words);
                command
            }
        }
    }

    /// Waits for its end; gives the status as a shell has it.
    pub fn wait(&mut self) -> Result<i32> {
        match self {
            Subject::Sandbox { running, .. } => match running.try_wait_exit() {
                Ok(status) => Ok(status.shell()),
                Err(failure) => bail!("{failure}"),
            },
            Subject::Container(container) => {
                let status =
                    command::output(Command::new("docker").args(["wait", &container.name]))?;
                status.parse().context("docker wait gives no number")
            }
        }
    }
}

/// A container of an image that has the init, the load and busybox, and nothing else.
pub struct Container {
    name: String,
    process: Process,
}

impl Container {
    fn start(init: &Path, load: &Path, counters: &Path) -> Result<Container> {
        let name = format!("tidy-init-soak-{}", std::process::id());
        let busybox = initlab::find_program("busybox").context("busybox is not installed")?;
        let directory = initlab::TempDir::try_new()?;
        let archive = directory.path().join("image.tar");
        let mut tar = tar::Builder::new(std::fs::File::create(&archive)?);
        for (path, inside) in [(init, "init"), (load, "load"), (&busybox, "busybox")] {
            tar.append_path_with_name(path, inside)?;
        }
        tar.finish()?;
        let mut import = Command::new("docker");
        import.arg("import").arg(&archive).arg(&name);
        command::output(&mut import)?;
        // From here on it is removed when the value goes.
        let mut container = Container {
            name,
            process: Process::new(0),
        };
        let volume = format!("{}:/counters", counters.display());
        let name = &container.name;
        let mut run = Command::new("docker");
        run.args(["run", "--detach", "--name", name, "--volume", &volume])
            .args([
                "--network",
                "none",
                name,
                "/init",
                "--",
                "/load",
                "/counters",
                STORMS,
            ]);
        command::output(&mut run)?;
        let mut inspect = Command::new("docker");
        inspect.args(["inspect", "--format", "{{.State.Pid}}", name]);
        let pid = command::output(&mut inspect)?.parse();
        container.process = Process::new(pid.context("docker inspect gives no number")?);
        Ok(container)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        for words in [["rm", "--force"], ["rmi", "--force"]] {
            // What cannot be removed has not been made.
            let _ = command::output(Command::new("docker").args(words).arg(&self.name));
        }
    }
}
