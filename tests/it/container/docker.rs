//! The Docker client, and containers that remove themselves.

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use initlab::{Ended, Process, Running, Sandbox, find_program, timeout};

use super::{image::image, janitor::mark};

/// Runs the client, and returns what it printed. Panics if it fails.
#[track_caller]
pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output();
    let output = output.expect("docker can be executed");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}\n{stderr}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A client `docker run`, and its container, which goes with the value.
pub struct Container {
    /// The client. Its streams are the container's.
    pub client: Running,
    name: String,
}

impl Container {
    /// `docker run` with these options, the init with its entry point, and this command.
    #[track_caller]
    pub fn run(options: &[&str], command: &[&str]) -> Self {
        Self::run_by(options, command, |client| client)
    }

    /// As [`run`](Self::run), with a client in other surroundings.
    #[track_caller]
    pub fn run_by(
        options: &[&str],
        command: &[&str],
        surroundings: impl FnOnce(Sandbox) -> Sandbox,
    ) -> Self {
        Self::of(image(), options, command, surroundings)
    }

    /// `docker run` of another image.
    #[track_caller]
    pub fn of(
        image: &str,
        options: &[&str],
        command: &[&str],
        surroundings: impl FnOnce(Sandbox) -> Sandbox,
    ) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let mark = mark();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tidy-init-test-{}-{number}", mark.name);
        let client = client("run")
            .args(["--name", &name, "--label", &mark.label])
            .args(options)
            .arg(image)
            .args(command);
        Self {
            client: surroundings(client).start(),
            name,
        }
    }

    /// `docker run --detach` of an image. Returns when the container has started; its output is in
    /// [`logs`].
    ///
    /// [`logs`]: Self::logs
    #[track_caller]
    pub fn detached(image: &str, options: &[&str], command: &[&str]) -> Self {
        let options = [&["--detach"], options].concat();
        let mut container = Self::of(image, &options, command, |client| client);
        container.client.wait().assert_code(0);
        container
    }

    /// What `docker logs` prints: both streams of the container so far.
    #[track_caller]
    pub fn logs(&self) -> Ended {
        client("logs").arg(&self.name).run().assert_code(0)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for a line of the container's standard output that contains `text`.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        self.client.expect(text)
    }

    /// What `docker inspect` says for this template.
    #[track_caller]
    pub fn inspect(&self, template: &str) -> String {
        docker(&["inspect", "--format", template, &self.name])
    }

    /// Its state: `running`, `exited`; `None` where it has not been made yet.
    pub fn state(&self) -> Option<String> {
        let words = ["inspect", "--format", "{{.State.Status}}", &self.name];
        let output = Command::new("docker").args(words).output().ok()?;
        let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(state)
    }

    /// The init, as this process sees it. The container has to run.
    #[track_caller]
    pub fn init(&self) -> Process {
        let pid = self.inspect("{{.State.Pid}}");
        let init = Process::new(pid.parse().unwrap_or(0));
        let inside = init.inner_pid();
        assert_eq!(inside, Some(1), "the engine runs here, and {pid} is PID 1");
        init
    }

    /// `docker kill --signal`.
    #[track_caller]
    pub fn kill(&self, signal: &str) {
        docker(&["kill", "--signal", signal, &self.name]);
    }

    /// `docker stop` with this time until KILL: how long it took.
    #[track_caller]
    pub fn stop(&self, seconds: &str) -> Duration {
        let begin = Instant::now();
        docker(&["stop", "--time", seconds, &self.name]);
        begin.elapsed()
    }

    /// Stops it as people do, which must not take long.
    #[track_caller]
    pub fn stop_at_once(&self) {
        let took = self.stop("10");
        // Most of it is the engine's own work. Without the signal it would be more than 10 s.
        let failure = || self.client.failure(&format!("stopping took {took:?}"));
        assert!(took < timeout() / 4, "{}", failure());
    }

    /// `docker exec` of a command.
    pub fn exec(&self, command: &[&str]) -> Running {
        client("exec").arg(&self.name).args(command).start()
    }

    /// Waits for the end: client and engine have to show this status, and the engine no error.
    #[track_caller]
    pub fn end(&mut self, status: i32) -> Ended {
        let ended = self.client.wait().assert_code(status);
        let state = self.inspect("{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}");
        assert_eq!(state.trim(), format!("exited {status}"), "{ended}");
        ended
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // This fails where the client could not make a container.
        let _ = Command::new("docker")
            .args(["rm", "--force", "--volumes", &self.name])
            .output();
    }
}

fn client(command: &str) -> Sandbox {
    let program = find_program("docker").expect("it has answered before");
    Sandbox::plain(program).arg(command)
}
