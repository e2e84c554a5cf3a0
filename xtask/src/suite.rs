//! The test binaries: built once, run side by side.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command;

/// What `cargo test` has built.
pub struct Built {
    binaries: Vec<Binary>,
    /// `initlab`, which holds the fixtures.
    initlab: PathBuf,
}

struct Binary {
    package: String,
    name: String,
    path: PathBuf,
    /// The package's directory, where cargo runs its tests.
    directory: PathBuf,
}

/// How the tests are run.
#[derive(Clone, Default)]
pub struct Settings {
    /// The init under test; without one, that which cargo has built.
    pub init: Option<PathBuf>,
    /// The user-mode emulator that runs the init.
    pub emulator: Option<&'static str>,
    /// Whether a test that is skipped fails.
    pub no_skip: bool,
    /// Words for each test binary: a part of the names of the tests to run, or an option.
    pub filter: Vec<OsString>,
}

/// A part of the tests, which runs in a process of its own.
pub struct Part {
    /// The package and the name of the binary.
    pub of: [&'static str; 2],
    /// Only tests whose names begin with one of these; all where there are none.
    pub only: &'static [&'static str],
    /// Not those whose names begin with one of these.
    pub skip: &'static [&'static str],
    /// How many tests run at a time, for each processor.
    pub threads: usize,
}

/// Builds everything in the workspace, with one set of features: a package that is built by itself
/// would have others, and be built again with all its dependencies. Clippy is the compiler, so that
/// one build serves both: `cargo clippy` would analyse all dependencies, and each file again.
///
/// # Errors
/// Also where clippy has a warning.
pub fn build() -> Result<Built> {
    let mut cargo = linting_cargo();
    cargo
        .args(["test", "--workspace", "--all-targets", "--no-run"])
        .arg("--message-format=json-render-diagnostics");
    let messages = command::run_held(&mut cargo, |line| !line.starts_with('{'))?;
    let mut built = Built {
        binaries: Vec::new(),
        initlab: PathBuf::new(),
    };
    for message in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(message).context("cargo prints JSON")?;
        built.add(&message);
    }
    ensure!(
        built.initlab.is_file(),
        "cargo has built no initlab: {}",
        command::display(&cargo)
    );
    Ok(built)
}

/// A cargo that compiles the workspace by clippy, with warnings as errors, as `cargo clippy -- --deny
/// warnings` does it.
fn linting_cargo() -> Command {
    let mut cargo = command::cargo();
    let beside = Path::new(cargo.get_program()).with_file_name("clippy-driver");
    let driver = if beside.is_file() {
        beside
    } else {
        "clippy-driver".into()
    };
    cargo
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        .env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings");
    cargo
}

impl Built {
    fn add(&mut self, message: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let target = &message["target"];
        let (Some(path), Some(name), Some(manifest)) = (
            text(&message["executable"]),
            text(&target["name"]),
            text(&message["manifest_path"]),
        ) else {
            return;
        };
        let path = PathBuf::from(path);
        let mut directory = PathBuf::from(manifest);
        directory.pop();
        // `--all-targets` compiles a program without tests as one, too.
        let is_test = message["profile"]["test"] == true && target["test"] != false;
        if !is_test && name == "initlab" {
            self.initlab = path;
        } else if is_test {
            // `path+file:///somewhere#initlab@0.1.0`, or without the name where the directory has it.
            let id = text(&message["package_id"]).unwrap_or_default();
            let after = id.rsplit('#').next().unwrap_or_default();
            let package = match after.split_once('@') {
                Some((package, _)) => package.to_owned(),
                None => directory
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
            };
            self.binaries.push(Binary {
                package,
                name,
                path,
                directory,
            });
        }
    }

    /// Runs one part of the tests.
    pub fn run(&self, part: &Part, settings: &Settings) -> Result<()> {
        let [package, name] = part.of;
        let binary = self
            .binaries
            .iter()
            .find(|binary| binary.package == package && binary.name == name)
            .with_context(|| format!("cargo has built no test {name} of {package}"))?;
        let mut command = self.command(binary, settings);
        command.args(part.only);
        if env::var_os("RUST_TEST_THREADS").is_none() {
            let processors = thread::available_parallelism().map_or(1, usize::from);
            command.env("RUST_TEST_THREADS", (part.threads * processors).to_string());
        }
        for start in part.skip {
            command.args(["--skip", start]);
        }
        run(&mut command, settings)
    }

    /// Runs the binaries that are in none of the parts.
    pub fn run_others(&self, parts: &[&Part], settings: &Settings) -> Result<()> {
        for binary in &self.binaries {
            let this = [&binary.package[..], &binary.name];
            if !parts.iter().any(|part| part.of == this) {
                run(&mut self.command(binary, settings), settings)?;
            }
        }
        Ok(())
    }

    fn command(&self, binary: &Binary, settings: &Settings) -> Command {
        let mut command = Command::new(&binary.path);
        command
            .args(&settings.filter)
            .current_dir(&binary.directory)
            // Else each binary has cargo build it, by itself.
            .env("INITLAB", &self.initlab);
        // Several binaries and builds share the machine: what hangs is found a little later.
        if env::var_os("INITLAB_TIMEOUT_FACTOR").is_none() {
            command.env("INITLAB_TIMEOUT_FACTOR", "3");
        }
        if let Some(init) = &settings.init {
            command.env("TIDY_INIT", init);
        }
        if let Some(emulator) = settings.emulator {
            command.env("TIDY_INIT_EMULATOR", emulator);
        }
        if settings.no_skip {
            command.env("TIDY_INIT_NO_SKIP", "1");
        }
        command
    }
}

/// Runs the examples in doc comments.
pub fn documentation(settings: &Settings) -> Result<()> {
    let mut cargo = linting_cargo();
    cargo
        .args(["test", "--quiet", "--workspace", "--doc", "--"])
        .args(&settings.filter);
    run(&mut cargo, settings)
}

/// Runs tests. Where all are well, a line for each binary is enough, and one for each test that was
/// skipped; somebody who has chosen some wants to see what they do.
fn run(command: &mut Command, settings: &Settings) -> Result<()> {
    let chosen = !settings.filter.is_empty();
    let text = command::run_held(command, move |line| chosen || line.starts_with("skipped: "))
        .map_err(without_passed)?;
    for line in text
        .lines()
        .filter(|line| line.starts_with("test result: "))
    {
        log::info!("{}", line.trim_start_matches("test result: "));
    }
    Ok(())
}

/// The failure, without the lines of the tests that have passed.
fn without_passed(error: anyhow::Error) -> anyhow::Error {
    let all = format!("{error:#}");
    let lines: Vec<&str> = all
        .lines()
        .filter(|line| !(line.starts_with("test ") && line.ends_with(" ... ok")))
        .collect();
    anyhow::Error::msg(lines.join("\n"))
}
