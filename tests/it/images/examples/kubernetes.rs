//! The pod: each field of it as what Docker has for it, and then run.
//!
//! | pod | `docker run` |
//! | --- | --- |
//! | `command`, `args` | `--entrypoint`, and the command |
//! | `runAsUser`, `runAsGroup` | `--user` |
//! | `readOnlyRootFilesystem` | `--read-only` |
//! | `capabilities.drop` | `--cap-drop` |
//! | `allowPrivilegeEscalation: false` | `--security-opt=no-new-privileges` |
//! | `emptyDir` | `--tmpfs` |
//! | `limits.memory` | `--memory` |
//! | `terminationMessagePath` | a file that is mounted there |

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use initlab::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

use super::{Server, build, container::docker::Container, directory, require_images};

#[test]
fn the_pod_is_served_during_its_delay_and_then_stops() {
    require_images!();
    let pod = Pod::read();
    let options = pod.options();
    let server = Server::run(&build("node"), &options, &pod.command(&pod.list("args")));
    let last = server.stop_and_ask_on();
    // An answer may be slow in coming.
    let delay = pod.seconds("--delay=TERM:");
    assert!(last > delay / 2, "no answer after {last:?}");
    assert_eq!(pod.message(), "");
}

#[test]
fn the_pod_says_why_it_failed() {
    require_images!();
    let pod = Pod::read();
    let arguments = ["node", "-e", "process.exit(3)"].map(str::to_owned);
    let command = pod.command(&arguments);
    let mut container = Container::of(&build("node"), &pod.options(), &command, |client| client);
    container.end(3);
    let message = pod.message();
    assert!(
        message.contains('3') && message.lines().count() == 1,
        "{message:?}"
    );
}

#[test]
fn the_pod_has_the_time_that_its_init_takes() {
    let pod = Pod::read();
    let grace = pod.spec["terminationGracePeriodSeconds"].as_i64();
    let grace = Duration::from_secs(grace.expect("a number").unsigned_abs());
    let delay = pod.seconds("--delay=TERM:");
    let needed = delay + pod.seconds("--kill-after=");
    assert!(
        !delay.is_zero() && needed < grace,
        "{needed:?} of {grace:?}"
    );
}

struct Pod {
    spec: Yaml,
    container: Yaml,
    /// Of the container's command after the program.
    options: Vec<String>,
    docker: Vec<String>,
    messages: TempDir,
}

impl Pod {
    #[track_caller]
    fn read() -> Self {
        let text =
            fs::read_to_string(directory("kubernetes").join("pod.yaml")).expect("it is there");
        let documents = YamlLoader::load_from_str(&text).expect("it is YAML");
        let [pod] = documents.as_slice() else {
            panic!("{} documents", documents.len())
        };
        let kind = [&pod["apiVersion"], &pod["kind"]].map(Yaml::as_str);
        assert_eq!(kind, [Some("v1"), Some("Pod")]);
        let spec = pod["spec"].clone();
        let container = spec["containers"][0].clone();
        let image = container["image"].as_str().expect("it has an image");
        assert!(image.starts_with("example-node:"), "{image}");
        let command = list(&container["command"]);
        let (program, options) = command.split_first().expect("it has a command");
        assert_eq!(options.last().map(String::as_str), Some("--"));

        let messages = TempDir::new();
        let mut read = Self {
            docker: docker_options(&spec, &container, &messages.join("log")),
            options: options.to_vec(),
            spec,
            container,
            messages,
        };
        read.docker.push(format!("--entrypoint={program}"));
        read
    }

    fn list(&self, field: &str) -> Vec<String> {
        list(&self.container[field])
    }

    /// The command of the container after its entry point.
    fn command<'a>(&'a self, arguments: &'a [String]) -> Vec<&'a str> {
        self.options
            .iter()
            .chain(arguments)
            .map(String::as_str)
            .collect()
    }

    fn options(&self) -> Vec<&str> {
        self.docker.iter().map(String::as_str).collect()
    }

    /// The value of an option of the init that is some seconds.
    #[track_caller]
    fn seconds(&self, option: &str) -> Duration {
        let value = self
            .options
            .iter()
            .find_map(|word| word.strip_prefix(option));
        let seconds = value.and_then(|value| value.strip_suffix('s')?.parse().ok());
        Duration::from_secs(seconds.unwrap_or_else(|| panic!("{option}: {value:?}")))
    }

    /// What is in the termination log.
    fn message(&self) -> String {
        fs::read_to_string(self.messages.join("log")).expect("it is there")
    }
}

fn list(yaml: &Yaml) -> Vec<String> {
    let words = yaml.as_vec().into_iter().flatten();
    words
        .map(|word| word.as_str().expect("it is a string").to_owned())
        .collect()
}

#[track_caller]
fn docker_options(spec: &Yaml, container: &Yaml, log: &Path) -> Vec<String> {
    let pod = &spec["securityContext"];
    let ids = [&pod["runAsUser"], &pod["runAsGroup"]].map(|id| id.as_i64().expect("a number"));
    assert_eq!(pod["runAsNonRoot"].as_bool(), Some(ids[0] != 0));
    assert_eq!(
        pod["seccompProfile"]["type"].as_str(),
        Some("RuntimeDefault")
    );
    let memory = container["resources"]["limits"]["memory"].as_str();
    let memory = memory
        .and_then(|limit| limit.strip_suffix("Mi"))
        .expect("in MiB");
    let mut options = vec![
        format!("--user={}:{}", ids[0], ids[1]),
        format!("--memory={memory}m"),
    ];

    let context = &container["securityContext"];
    if context["readOnlyRootFilesystem"].as_bool() == Some(true) {
        options.push("--read-only".to_owned());
    }
    if context["allowPrivilegeEscalation"].as_bool() == Some(false) {
        options.push("--security-opt=no-new-privileges".to_owned());
    }
    let drop = list(&context["capabilities"]["drop"]);
    options.extend(
        drop.iter()
            .map(|capability| format!("--cap-drop={capability}")),
    );

    for mount in container["volumeMounts"].as_vec().expect("a list") {
        let volume = |volume: &&Yaml| volume["name"] == mount["name"];
        let volumes = spec["volumes"].as_vec().expect("a list");
        let volume = volumes.iter().find(volume).expect("the mounted volume");
        assert_eq!(volume["emptyDir"]["medium"].as_str(), Some("Memory"));
        let path = mount["mountPath"].as_str().expect("a path");
        options.push(format!("--tmpfs={path}"));
    }

    // As the kubelet makes it.
    fs::write(log, "").expect("the directory is ours");
    fs::set_permissions(log, fs::Permissions::from_mode(0o666)).expect("the file is ours");
    let path = container["terminationMessagePath"]
        .as_str()
        .expect("a path");
    options.push(format!("--volume={}:{path}", log.display()));
    options
}
