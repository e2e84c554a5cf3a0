//! The action of GitHub, `action.yml`: its steps are run as they are, with a release that has this
//! initlab, by way of curl's `file://`.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use initlab::{TempDir, fixture, missing_program, skip};
use yaml_rust2::{Yaml, YamlLoader};

use crate::container;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A job that uses the action, with what a runner gives to its steps.
struct Job {
    action: Yaml,
    directory: TempDir,
    inputs: HashMap<String, String>,
}

impl Job {
    fn new(inputs: &[(&str, &str)]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
        let text = fs::read_to_string(path).expect("it is there");
        let action = YamlLoader::load_from_str(&text)
            .expect("it is YAML")
            .remove(0);
        let defaults = action["inputs"].as_hash().expect("it has inputs").iter();
        let mut all: HashMap<String, String> = defaults
            .map(|(name, input)| (string(name), string(&input["default"])))
            .collect();
        for (name, value) in inputs {
            let known = all.insert((*name).to_owned(), (*value).to_owned());
            assert!(known.is_some(), "there is no input {name}");
        }
        let directory = TempDir::new();
        for file in ["path", "output", "summary"] {
            fs::write(directory.join(file), "").expect("the directory is ours");
        }
        Self {
            action,
            directory,
            inputs: all,
        }
    }

    /// The release, in a directory.
    fn release(&self) -> PathBuf {
        let release = self.directory.join("release");
        let bin = self.directory.join("packed/initlab/bin");
        fs::create_dir_all(&bin).expect("the directory is ours");
        fs::create_dir_all(&release).expect("the directory is ours");
        std::os::unix::fs::symlink(fixture(), bin.join("initlab")).expect("it is new");
        let name = format!("initlab-{VERSION}-{}.tar.gz", std::env::consts::ARCH);
        let script = "tar --create --dereference --directory packed initlab \
                      | gzip -1 > \"release/$0\" && cd release && sha256sum \"$0\" > SHA256SUMS";
        let packed = Command::new("sh")
            .current_dir(self.directory.path())
            .args(["-c", script, &name])
            .status();
        assert!(packed.expect("there is a shell").success());
        release
    }

    /// What a runner would put in the place of expressions. The release is that of the test.
    fn evaluate(&self, text: &str, release: &Path) -> String {
        if text.contains("github.server_url") {
            return format!("file://{}", release.display());
        }
        match text.strip_prefix("${{ inputs.") {
            Some(name) => self.inputs[name.trim_end_matches(" }}")].clone(),
            None => panic!("the test does not know {text:?}"),
        }
    }

    /// Runs a step, as a runner does where `shell` is `bash`.
    fn step(&self, name: &str, release: &Path) -> Output {
        let steps = self.action["runs"]["steps"].as_vec().expect("it has steps");
        let step = steps
            .iter()
            .find(|step| step["name"].as_str() == Some(name));
        let step = step.expect("it has that step");
        assert_eq!(step["shell"].as_str(), Some("bash"));
        let script = self.directory.join("step.sh");
        fs::write(&script, string(&step["run"])).expect("the directory is ours");
        let mut path = fs::read_to_string(self.directory.join("path")).expect("it is text");
        path = path.trim_end().to_owned() + ":" + &std::env::var("PATH").expect("it is set");
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(script);
        command
            .env("PATH", path)
            .env("RUNNER_TEMP", self.directory.path());
        for file in ["path", "output", "summary"] {
            let name = match file {
                "summary" => "GITHUB_STEP_SUMMARY".to_owned(),
                _ => format!("GITHUB_{}", file.to_uppercase()),
            };
            command.env(name, self.directory.join(file));
        }
        for (name, value) in step["env"].as_hash().expect("it has variables") {
            command.env(string(name), self.evaluate(&string(value), release));
        }
        command.output().expect("there is a bash")
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.directory.join(file)).expect("it is text")
    }
}

fn string(yaml: &Yaml) -> String {
    yaml.as_str()
        .unwrap_or_else(|| panic!("no text: {yaml:?}"))
        .to_owned()
}

fn missing() -> Option<String> {
    container::image::missing().or_else(|| missing_program("curl"))
}

#[test]
fn the_default_version_is_this_one() {
    assert_eq!(Job::new(&[]).inputs["version"], VERSION);
}

#[test]
fn an_image_is_probed_and_the_report_is_where_a_pull_request_shows_it() {
    if let Some(reason) = missing() {
        skip!("{reason}");
    }
    let options = "--ready-after\n200ms\n--settle\n50ms\n--no-tries\n--run-option\n--network=none";
    let inputs = |status| {
        [
            ("image", container::image::image()),
            ("command", "/bin/sleep\n1000\n"),
            ("options", options),
            ("expect-exit", status),
        ]
    };
    let job = Job::new(&inputs("143"));
    let release = job.release();
    let installed = job.step("Install initlab", &release);
    assert!(installed.status.success(), "{installed:?}");
    let probed = job.step("Probe", &release);
    assert!(probed.status.success(), "{probed:?}");
    let summary = job.read("summary");
    assert!(
        summary.contains("143") && summary.contains("| tidy-init"),
        "{summary}"
    );
    let output = job.read("output");
    let report = output.trim_end().strip_prefix("report=");
    let report = report.and_then(|path| fs::read_to_string(path).ok());
    assert_eq!(report.as_deref(), Some(&*summary), "{output}");

    let other = Job::new(&inputs("0"));
    fs::copy(job.directory.join("path"), other.directory.join("path")).expect("it is ours");
    let probed = other.step("Probe", &release);
    assert_eq!(probed.status.code(), Some(1), "{probed:?}");
    assert!(other.read("summary").contains("143"), "{probed:?}");
    let said = String::from_utf8_lossy(&probed.stdout);
    assert!(said.contains("::error::"), "{probed:?}");
}

#[test]
fn a_download_with_another_checksum_is_not_installed() {
    if let Some(reason) = missing_program("curl") {
        skip!("{reason}");
    }
    let job = Job::new(&[]);
    let release = job.release();
    let sums = fs::read_to_string(release.join("SHA256SUMS")).expect("it is text");
    let (_, name) = sums.split_once(' ').expect("a sum and a name");
    let other = format!("{} {name}", "0".repeat(64));
    fs::write(release.join("SHA256SUMS"), other).expect("it is ours");
    let installed = job.step("Install initlab", &release);
    assert!(!installed.status.success(), "{installed:?}");
    assert_eq!(job.read("path"), "", "{installed:?}");
}
