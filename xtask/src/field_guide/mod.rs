//! `cargo xtask field-guide`: how real servers stop, and what to write about it.
//!
//! The recipes are in `xtask/field-guide/`, the results in `docs/field-guide/field-guide.json`. The
//! pages are made of both.

mod entry;
mod index;
mod outcome;
mod page;
mod root;
mod words;
mod write;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{fs, thread};

use anyhow::{Context, Result, anyhow, ensure};
use initlab::probe::{Probe, Report};
use initlab::{Init, Personality};

use crate::arch::Arch;
use crate::{apt, command, dist, project};
use entry::Entry;
use outcome::{Outcome, Outcomes};
use root::Root;

/// Puts the client into place that some requests are made with.
const CLIENT: &str = concat!(
    "set -e; mkdir -p /usr/local/share; cat >/usr/local/share/slow.py <<'END'\n",
    include_str!("slow.py"),
    "END"
);

/// The names of executables and their pages, for `initlab probe`.
const NAMES: &str = "integration/src/probe/guide.txt";

/// Probe real servers, and write docs/field-guide/.
///
/// Each program runs as PID 1 and under tidy-init, tini and dumb-init, in a Debian below target/.
#[derive(clap::Args)]
pub struct Args {
    /// Only write the pages again, from the results that are there
    #[arg(long, conflicts_with_all = ["names", "missing"])]
    pages: bool,
    /// Probe a dozen, as they are installed on this machine, and compare with the guide
    #[arg(long, conflicts_with_all = ["names", "missing", "pages"])]
    check: bool,
    /// Probe those that have no result yet
    #[arg(long, conflicts_with = "names")]
    missing: bool,
    /// The programs to probe [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub fn main(args: &Args) -> Result<()> {
    if args.check {
        return check(&dist::build(
            Arch::host().context("no tidy-init for this machine")?,
        )?);
    }
    let entries = entry::all()?;
    for name in &args.names {
        ensure!(
            entries.iter().any(|e| e.name == *name),
            "there is no program {name:?}"
        );
    }
    let mut outcomes = Outcomes::read()?;
    outcomes
        .programs
        .retain(|name, _| entries.iter().any(|e| e.name == *name));
    if !args.pages {
        apt::install(&["dumb-init", "tini"], "the field guide")?;
        let inits = inits(&dist::build(
            Arch::host().context("no tidy-init for this machine")?,
        )?)?;
        let wanted = entries.iter().filter(|entry| {
            let there = outcomes.programs.contains_key(&entry.name);
            let named = args.names.is_empty() || args.names.contains(&entry.name);
            named && !(args.missing && there)
        });
        let wanted: Vec<_> = wanted.cloned().collect();
        let together = Mutex::new(&mut outcomes);
        // One installs while the other waits.
        let failed = in_parallel(wanted, 3, |entry| {
            log::info!("== {}", entry.name);
            let root = ready_root(entry)?;
            let outcome = probe(entry, &root, &inits)?;
            let mut outcomes = together
                .lock()
                .map_err(|_| anyhow!("a probe has panicked"))?;
            outcomes.programs.insert(entry.name.clone(), outcome);
            // So that an interrupt loses little.
            outcomes.write()
        })?;
        ensure!(failed.is_empty(), "not probed:{}", failed.concat());
    }
    outcomes.write()?;
    write_pages(&entries, &outcomes)
}

/// The root file system of a program, with all that it needs.
fn ready_root(entry: &Entry) -> Result<Root> {
    // apt-get fails where another one is at work.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Root::make(&entry.root)?;
    root.install(&entry.packages)?;
    if let Some(wheel) = &entry.wheel {
        root.unpack(wheel)?;
    }
    if !entry.build.is_empty() {
        root.run(&entry.build, &[])?;
    }
    Ok(root)
}

/// Does the work for each entry, several at a time: they wait for most of their time. Gives a line for
/// each that has failed.
fn in_parallel(
    entries: Vec<Entry>,
    threads: usize,
    work: impl Fn(&Entry) -> Result<()> + Sync,
) -> Result<Vec<String>> {
    let queue = Mutex::new(entries.into_iter());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().map(|mut queue| queue.next());
                    let Ok(Some(entry)) = next else { break };
                    if let Err(error) = work(&entry)
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.push(format!("\n  {}: {error:#}", entry.name));
                    }
                }
            });
        }
    });
    failed
        .into_inner()
        .map_err(|_| anyhow!("a probe has panicked"))
}

/// tidy-init under its own name, tini and dumb-init.
fn inits(binary: &Path) -> Result<Vec<Init>> {
    let mut inits = vec![ours(binary)?];
    for name in ["tini", "dumb-init"] {
        let path = initlab::find_program(name).with_context(|| format!("{name} is missing"))?;
        inits.push(Init::new(path, None));
    }
    Ok(inits)
}

fn ours(binary: &Path) -> Result<Init> {
    let directory = project::work_dir().join("field-guide");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let copy = directory.join("tidy-init");
    initlab::copy_executable(binary, &copy, 0o755)
        .with_context(|| format!("cannot copy {}", binary.display()))?;
    Ok(Init::new(copy, Some(Personality::Native)))
}

fn run(entry: &Entry, root: &Root, inits: &[Init]) -> Result<Report> {
    let mut probe = Probe::command(&entry.command)
        .root(root.path())
        .setup(format!("{CLIENT}\n{}", entry.setup))
        .readiness(entry.readiness()?)
        .stop_within(entry.stop_within());
    for init in inits {
        probe = probe.init(init.clone());
    }
    for variable in &entry.env {
        probe = probe.env(variable);
    }
    if let Some(user) = &entry.user {
        probe = probe.user(user);
    }
    if let Some(request) = &entry.request {
        probe = probe.request(request);
    }
    Ok(probe.run()?)
}

fn probe(entry: &Entry, root: &Root, inits: &[Init]) -> Result<Outcome> {
    let (package, version) = match &entry.wheel {
        Some(wheel) => (wheel.name.clone(), wheel.version.clone()),
        None => {
            let package = entry.packages[0].clone();
            let version = root.version(&package);
            let version = version.with_context(|| format!("{package} has no version"))?;
            (package, version)
        }
    };
    let mut outcome = Outcome {
        title: entry.title.clone(),
        kind: entry.kind.clone(),
        package,
        package_version: version,
        date: command::output(Command::new("date").args(["--utc", "+%F"]))?,
        command: entry.command.clone(),
        not_started: entry.not_started.clone(),
        handles: Vec::new(),
        ignores: Vec::new(),
        runs: Vec::new(),
        tried: Vec::new(),
        advice: Vec::new(),
        graceful: None,
        init_options: Vec::new(),
    };
    if outcome.not_started.is_none() {
        match run(entry, root, inits) {
            Ok(report) => outcome.take(&report),
            Err(error) => outcome.not_started = Some(format!("{error:#}")),
        }
    }
    if let Some(reason) = &outcome.not_started {
        log::warn!("{}: {reason}", entry.name);
    }
    Ok(outcome)
}

/// All files that are made of the entries and the results: paths from the root of the repository, and
/// texts.
fn files(entries: &[Entry], outcomes: &Outcomes) -> Vec<(PathBuf, String)> {
    let directory = Path::new("docs/field-guide");
    let with_outcome = || {
        let of = |entry: &Entry| outcomes.programs.get(&entry.name).cloned();
        entries
            .iter()
            .filter_map(move |entry| Some((entry, of(entry)?)))
    };
    let pages: Vec<_> = with_outcome().collect();
    let mut files = vec![(directory.join("README.md"), index::text(&pages))];
    let mut names = Vec::new();
    for (entry, outcome) in &pages {
        let file = directory.join(format!("{}.md", entry.name));
        files.push((file, page::text(entry, outcome)));
        let executables = entry.executables.iter();
        names.extend(executables.map(|name| format!("{name} {}\n", entry.name)));
    }
    names.sort();
    files.push((PathBuf::from(NAMES), names.concat()));
    files
}

fn write_pages(entries: &[Entry], outcomes: &Outcomes) -> Result<()> {
    let directory = project::root().join("docs/field-guide");
    let files = files(entries, outcomes);
    let old = fs::read_dir(&directory).context("docs/field-guide cannot be read")?;
    for old in old {
        let path = old.context("docs/field-guide cannot be read")?.path();
        let known = files
            .iter()
            .any(|(file, _)| project::root().join(file) == path);
        if !known && path.extension().is_some_and(|extension| extension == "md") {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    for (file, text) in &files {
        let path = project::root().join(file);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    log::info!("docs/field-guide has {} programs", outcomes.programs.len());
    Ok(())
}

/// Probes those programs that are for CI, as they are installed on this machine, and compares with
/// what the guide says: statuses, requests, leftovers, the graceful signal; not times.
pub fn check(binary: &Path) -> Result<()> {
    if let Some(reason) = initlab::missing_root().or_else(initlab::missing_namespaces) {
        log::warn!("skipped: {reason}");
        return Ok(());
    }
    let outcomes = Outcomes::read()?;
    let init = ours(binary)?;
    let mut entries = entry::all()?;
    entries.retain(|entry| entry.in_ci);
    let count = entries.len();
    let differ = in_parallel(entries, 6, |entry| {
        check_one(entry, outcomes.programs.get(&entry.name), &init)
    })?;
    ensure!(
        differ.is_empty(),
        "the field guide says otherwise; `cargo xtask field-guide NAME` probes again:{}",
        differ.concat()
    );
    log::info!("{count} programs stop as the field guide says");
    Ok(())
}

fn check_one(entry: &Entry, written: Option<&Outcome>, init: &Init) -> Result<()> {
    let written = written.context("it is not in the guide")?;
    let now = probe(entry, &Root::own(), std::slice::from_ref(init))?;
    if let Some(reason) = &now.not_started {
        anyhow::bail!("it cannot be started: {reason}");
    }
    let expected = essence(written);
    let seen = essence(&now);
    ensure!(
        seen == expected,
        "{seen:?}, where the guide has {expected:?}"
    );
    Ok(())
}

/// What does not vary from run to run: of each run without and under tidy-init outcome, status,
/// request, whether something is left behind; and the graceful signal.
fn essence(outcome: &Outcome) -> (Vec<String>, Option<String>) {
    let runs = outcome.bare().into_iter().chain(outcome.under_init());
    let runs = runs.map(|run| {
        let left = run
            .left_behind
            .as_ref()
            .is_some_and(|left| !left.is_empty());
        format!(
            "{}: {} {:?} {:?} {}",
            run.under,
            run.outcome,
            run.status,
            run.request,
            if left { "leaves something behind" } else { "" }
        )
    });
    (runs.collect(), outcome.graceful.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_those_that_follow_from_the_results() {
        let entries = entry::all().expect("the recipes are right");
        let outcomes = Outcomes::read().expect("it is checked in");
        for (file, text) in files(&entries, &outcomes) {
            let there = fs::read_to_string(project::root().join(&file));
            assert!(
                there.is_ok_and(|there| there == text),
                "{} is stale: `cargo xtask field-guide --pages` writes it again",
                file.display()
            );
        }
    }

    #[test]
    fn a_name_leads_to_one_page() {
        let entries = entry::all().expect("the recipes are right");
        let mut names: Vec<_> = entries.iter().flat_map(|e| &e.executables).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
