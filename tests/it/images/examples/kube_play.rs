//! The manifests, as `podman kube play` runs them. Podman has no cluster, no kubelet, and here no
//! network: ports and probes are left out, and what has the name of Node.js is a server of ours.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use initlab::{
    Ended, Network, Process, Sandbox, copy_executable, find_program, missing_program, poll_until,
};
use yaml_rust2::{Yaml, YamlEmitter, YamlLoader, yaml::Hash};

use super::{directory, mark, server::PORT, service::http_get};
use crate::images::{
    app::{self, require_app},
    build::Builder,
    container::docker::docker,
};

/// The program of the manifests, for each of their command lines.
const NODE: &str = r#"#!/bin/busybox sh
case "$1" in
server.js) exec /bin/server ;;
--version) echo v0 ;;
-e) exec /bin/busybox sleep 1000 ;;
esac
"#;

/// What Podman would do with it needs a network, or systemd.
const LEFT_OUT: [&str; 3] = ["ports", "readinessProbe", "livenessProbe"];

/// Skips the running test unless Podman can play manifests.
macro_rules! require_podman {
    () => {
        require_app!();
        for program in ["podman", "runc", "busybox"] {
            if let Some(reason) = missing_program(program) {
                initlab::skip!("{reason}");
            }
        }
    };
}

#[test]
fn a_deployment_serves_during_its_delay() {
    require_podman!();
    let podman = Podman::new("deployment");
    let pods = podman.play();
    assert_eq!(pods.len(), 2, "replicas: {pods:?}");
    let network = podman.serves(&pods[0]);
    let begin = Instant::now();
    let mut last = Duration::ZERO;
    let stop = thread::scope(|scope| {
        let stop = scope.spawn(|| podman.stop(&pods));
        while !stop.is_finished() {
            if http_get(&network, PORT, "/").is_ok() {
                last = begin.elapsed();
            }
        }
        stop.join().expect("it does not panic")
    });
    // An answer may be slow in coming.
    assert!(
        last > Duration::from_secs(5) / 2,
        "no answer after {last:?}"
    );
    assert_eq!(podman.statuses(&pods), ["0", "0"], "{stop}");
}

#[test]
fn containers_that_share_their_processes_stop_by_themselves() {
    require_podman!();
    let podman = Podman::new("shared-processes");
    let containers = podman.play();
    let web = containers.iter().find(|name| name.ends_with("-web"));
    podman.serves(web.expect("a container of that name"));
    podman.terminate(&containers);
    // Each init is told, and none of them is PID 1: that would have been killed along with the pod.
    assert_eq!(podman.statuses(&containers), ["0", "0"]);
}

/// A Podman with a storage of its own, and a manifest.
struct Podman {
    name: String,
}

impl Podman {
    /// Makes a manifest ready to be played.
    #[track_caller]
    fn new(example: &str) -> Self {
        let podman = Self {
            // Podman takes 50 bytes for the path of what it runs.
            name: example.chars().take(3).collect(),
        };
        fs::create_dir(podman.path("")).expect("the directory is ours");
        // The limits that Podman would set may be above what this process may give.
        let limits =
            "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
        fs::write(podman.path("containers.conf"), limits).expect("the directory is ours");
        let text = fs::read_to_string(directory("kubernetes").join(format!("{example}.yaml")));
        let manifest = playable(&text.expect("it is there"), &image(&podman.path("image")));
        fs::write(podman.path("manifest.yaml"), manifest).expect("the directory is ours");
        podman
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        mark().path(&self.name).join(name)
    }

    fn run(&self, words: &[&str]) -> Ended {
        Sandbox::plain(find_program("podman").expect("it has been looked for"))
            .env("CONTAINERS_CONF", self.path("containers.conf"))
            .arg("--root")
            .arg(self.path("storage"))
            .arg("--runroot")
            .arg(self.path("run"))
            .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"])
            .args(["--events-backend", "file", "--runtime", "runc"])
            .args(words)
            .timeout(Duration::from_secs(120))
            .run()
    }

    #[track_caller]
    fn podman(&self, words: &[&str]) -> String {
        self.run(words)
            .assert_code(0)
            .stdout_text()
            .trim()
            .to_owned()
    }

    /// Starts all: the names of the containers.
    #[track_caller]
    fn play(&self) -> Vec<String> {
        let path = |name: &str| self.path(name).to_str().expect("ASCII").to_owned();
        self.podman(&["load", "--quiet", "--input", &path("image/image.tar")]);
        let manifest = path("manifest.yaml");
        self.podman(&["kube", "play", "--network", "none", &manifest]);
        let names = self.podman(&["ps", "--format", "{{.Names}}"]);
        let names = names.lines().filter(|name| !name.ends_with("-infra"));
        names.map(str::to_owned).collect()
    }

    /// Waits until its server answers: its network.
    #[track_caller]
    fn serves(&self, container: &str) -> Network {
        let pid = self.podman(&["inspect", "--format", "{{.State.Pid}}", container]);
        let network = Network::of(Process::new(pid.parse().unwrap_or(0))).expect("it runs");
        poll_until("an answer", || http_get(&network, PORT, "/").is_ok());
        network
    }

    /// Stops the containers, all at once, as the kubelet does.
    #[track_caller]
    fn stop(&self, containers: &[String]) -> Ended {
        let words = ["stop", "--time", "30"].into_iter();
        let words: Vec<&str> = words.chain(containers.iter().map(String::as_str)).collect();
        self.run(&words).assert_code(0)
    }

    /// Sends TERM to the first process of each container, as the kubelet does, and waits for the
    /// ends. Where containers share their processes, `podman stop` signals and kills all of them.
    #[track_caller]
    fn terminate(&self, containers: &[String]) {
        for command in [&["kill", "--signal", "TERM"][..], &["wait"]] {
            let words = command.iter().copied();
            let words: Vec<&str> = words.chain(containers.iter().map(String::as_str)).collect();
            self.podman(&words);
        }
    }

    #[track_caller]
    fn statuses(&self, containers: &[String]) -> Vec<String> {
        let status =
            |name: &String| self.podman(&["inspect", "--format", "{{.State.ExitCode}}", name]);
        containers.iter().map(status).collect()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // The storage goes with the directory of the tests; what is mounted there has to go first.
        let _ = self.run(&["pod", "rm", "--all", "--force", "--time", "0"]);
        let _ = self.run(&["rmi", "--all", "--force"]);
    }
}

/// The image of the manifests, as a file for `podman load` in this directory: its name.
#[track_caller]
fn image(context: &Path) -> String {
    fs::create_dir(context).expect("the directory is ours");
    let busybox = find_program("busybox").expect("it has been looked for");
    copy_executable(&busybox, &context.join("busybox"), 0o755).expect("the directory is ours");
    fs::write(context.join("node"), NODE).expect("the directory is ours");
    copy_executable(&context.join("node"), &context.join("program"), 0o755)
        .expect("the directory is ours");
    let dockerfile = format!(
        "FROM {}\nCOPY busybox /bin/busybox\nCOPY program /bin/node\n",
        app::image()
    );
    fs::write(context.join("Dockerfile"), dockerfile).expect("the directory is ours");
    let name = format!("localhost/tidy-init-test-node:{}", mark().name);
    Builder::usual().build(&name, &[], context);
    let archive = context.join("image.tar");
    docker(&["save", "--output", archive.to_str().expect("ASCII"), &name]);
    name
}

/// A manifest without what cannot be had here, with another image.
#[track_caller]
fn playable(manifest: &str, image: &str) -> String {
    let documents = YamlLoader::load_from_str(manifest).expect("it is YAML");
    let mut text = String::new();
    for document in documents {
        let document = replaced(document, image);
        YamlEmitter::new(&mut text)
            .dump(&document)
            .expect("memory suffices");
        text.push('\n');
    }
    text
}

fn replaced(yaml: Yaml, image: &str) -> Yaml {
    match yaml {
        Yaml::Hash(fields) => {
            let is_container = fields.contains_key(&Yaml::String("image".to_owned()));
            let kept = fields.into_iter().filter_map(|(name, value)| {
                let field = name.as_str().unwrap_or_default();
                match field {
                    "image" => Some((name, Yaml::String(image.to_owned()))),
                    _ if is_container && LEFT_OUT.contains(&field) => None,
                    _ => Some((name, replaced(value, image))),
                }
            });
            let mut fields: Hash = kept.collect();
            // What has ended is looked at, not started again.
            if fields.contains_key(&Yaml::String("containers".to_owned())) {
                let policy = ["restartPolicy", "Never"].map(|word| Yaml::String(word.to_owned()));
                let [name, value] = policy;
                fields.insert(name, value);
            }
            Yaml::Hash(fields)
        }
        Yaml::Array(items) => Yaml::Array(
            items
                .into_iter()
                .map(|item| replaced(item, image))
                .collect(),
        ),
        other => other,
    }
}
