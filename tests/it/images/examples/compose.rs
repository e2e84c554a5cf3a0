//! Compose: up, an answer through both services, stop, down.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use initlab::{Ended, Network, Process, Sandbox, find_program, poll_until};

use super::{
    base, build::buildkit_client, container::docker::docker, directory, mark, minimal,
    require_images, server::PORT, service::http_get,
};

/// The words that start Compose: the plugin of the client, else the program of its first version.
fn compose() -> Option<(PathBuf, &'static [&'static str])> {
    let client = find_program("docker")?;
    let version = Command::new(&client).args(["compose", "version"]).output();
    if version.is_ok_and(|output| output.status.success()) {
        return Some((client, &["compose"]));
    }
    Some((find_program("docker-compose")?, &[]))
}

/// What is up; down with the value.
struct Project {
    program: PathBuf,
    words: &'static [&'static str],
}

impl Project {
    fn compose(&self) -> Sandbox {
        // Its first version calls the client that it finds in PATH, and only when told to.
        let client = buildkit_client().and_then(|client| client.parent());
        let mut path = client.unwrap_or(Path::new("")).as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let buildkit = if client.is_some() { "1" } else { "0" };
        Sandbox::plain(&self.program)
            .args(self.words)
            .args(["--project-name", &mark().name, "--file"])
            .arg(directory("compose").join("docker-compose.yml"))
            .env("BASE", base())
            .env("INIT", minimal())
            .env("PATH", path)
            .env("DOCKER_BUILDKIT", buildkit)
            .env("COMPOSE_DOCKER_CLI_BUILD", buildkit)
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Ended {
        let sandbox = self.compose().args(words);
        sandbox
            .timeout(Duration::from_secs(120))
            .run()
            .assert_code(0)
    }

    /// The container of a service.
    #[track_caller]
    fn container(&self, service: &str) -> String {
        let id = self.run(&["ps", "--all", "--quiet", service]).stdout_text();
        id.trim().to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // What it leaves has the mark of the tests.
        let down = ["down", "--timeout", "5", "--volumes"];
        let _ = self.compose().args(down).start().try_wait();
    }
}

#[test]
fn compose_brings_two_services_up_and_stops_both_tidily() {
    require_images!();
    let Some((program, words)) = compose() else {
        initlab::skip!("needs Compose: install docker-compose");
    };
    let project = Project { program, words };
    project.run(&["up", "--build", "--detach"]);

    let [web, proxy] = ["web", "proxy"].map(|service| project.container(service));
    let pid = docker(&["inspect", "--format", "{{.State.Pid}}", &proxy]);
    let network = Network::of(Process::new(pid.parse().unwrap_or(0))).expect("it runs");
    let answer = || http_get(&network, PORT, "/").is_ok_and(|body| body == "hello from Python\n");
    poll_until("the proxy answers with what the application says", answer);

    let begin = Instant::now();
    project.run(&["stop"]);
    let took = begin.elapsed();
    // One that is killed takes 20 s.
    assert!(took < Duration::from_secs(10), "stopping took {took:?}");
    for container in [&web, &proxy] {
        let format = "{{.State.Status}} {{.State.ExitCode}}";
        let state = docker(&["inspect", "--format", format, container]);
        assert_eq!(state, "exited 0");
    }
}
