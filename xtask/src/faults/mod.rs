//! `cargo xtask faults`: what becomes of a run when a system call fails, for each call that the init
//! makes.

mod calls;
mod judge;
mod known;
mod run;
mod scenario;
mod sys;
mod table;
mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use initlab::{Running, Sandbox, Stdio};

use self::judge::{Outcome, Usual, judge};
use self::run::{Bench, Fault, Seen, Use};
use self::scenario::{SCENARIOS, Scenario};
use crate::arch::Arch;
use crate::{dist, project, static_program};

/// Let each system call of the init fail, and write docs/faults.md.
#[derive(clap::Args)]
pub struct Args {
    /// Write nothing; fail when docs/faults.md says otherwise.
    #[arg(long, conflicts_with_all = ["full", "init", "output", "scenario", "call", "errno"])]
    check: bool,
    /// Also let each single call fail, and all from the n-th on; nothing is written.
    #[arg(long)]
    full: bool,
    /// An init to use in place of our own; nothing is written.
    #[arg(long, value_name = "PATH")]
    init: Option<PathBuf>,
    /// Write the page to this file, whatever is tried.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only this scenario; what is seen is printed, and nothing is written.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Only this call.
    #[arg(long, value_name = "NAME")]
    call: Option<String>,
    /// Only this error.
    #[arg(long, value_name = "NAME")]
    errno: Option<String>,
    /// Be the process that runs the inits.
    #[arg(long, num_args = 3, hide = true)]
    worker: Vec<PathBuf>,
}

pub fn main(args: &Args) -> Result<()> {
    if let [init, command, log] = args.worker.as_slice() {
        let [init, command, log] = [init, command, log].map(Clone::clone);
        return worker::main(&Bench { init, command, log });
    }
    let binary = match &args.init {
        Some(path) => path.clone(),
        None => dist::build(Arch::host().context("tidy-init is not built for this machine")?)?,
    };
    if args.check {
        return check(&binary);
    }
    let selection = Selection {
        full: args.full,
        foreign: args.init.is_some(),
        scenario: args.scenario.as_deref(),
        call: args.call.as_deref(),
        errno: args.errno.as_deref(),
    };
    let results = try_all(&binary, &selection)?;
    for tried in &results {
        if args.scenario.is_some() || tried.outcome.defect {
            println!("{}", tried.line());
        }
        if args.call.is_some() && args.errno.is_some() {
            println!("{:#?}", tried.seen);
        }
    }
    let document = selection.is_all().then(|| project::root().join(DOCUMENT));
    if let Some(document) = args.output.clone().or(document) {
        fs::write(&document, table::document(&results))
            .with_context(|| format!("cannot write {}", document.display()))?;
        log::info!("{} is written", document.display());
    }
    no_defects(&results)
}

/// Tries all faults; fails when an outcome is not allowed, or when the document says otherwise.
pub fn check(binary: &Path) -> Result<()> {
    let results = try_all(binary, &Selection::default())?;
    no_defects(&results)?;
    let text = table::document(&results);
    let document = project::root().join(DOCUMENT);
    let written = fs::read_to_string(&document)
        .with_context(|| format!("cannot read {}", document.display()))?;
    let differ = text.lines().filter(|line| !written.contains(line));
    let differ: Vec<&str> = differ.take(10).collect();
    ensure!(
        text == written,
        "{DOCUMENT} is out of date; `cargo xtask faults` writes it. New:\n{}",
        differ.join("\n")
    );
    Ok(())
}

fn no_defects(results: &[Tried]) -> Result<()> {
    let defects: Vec<String> = results
        .iter()
        .filter(|tried| tried.outcome.defect && !known::is_known(tried))
        .map(Tried::line)
        .collect();
    ensure!(
        defects.is_empty(),
        "{} faults end as they must not:\n{}",
        defects.len(),
        defects.join("\n")
    );
    Ok(())
}

fn show(fault: &Fault) -> String {
    let of = |of: &Use| {
        let purpose = of
            .purpose
            .as_deref()
            .map(|p| format!(" {p}"))
            .unwrap_or_default();
        let side = if of.in_child { " (child)" } else { "" };
        format!("{}{purpose}{side}", calls::name(of.number))
    };
    match fault {
        Fault::Record => "record".to_owned(),
        Fault::Every { number, .. } => format!("every {}", calls::name(*number)),
        Fault::EachUse { of: this, .. } => format!("each {}", of(this)),
        Fault::One {
            of: this, nth: 0, ..
        } => format!("first {}", of(this)),
        Fault::One { of: this, nth, .. } => format!("{} [{nth}]", of(this)),
        Fault::From { of: this, nth, .. } => format!("{} [{nth}..]", of(this)),
    }
}

/// The document, from the root of the repository.
const DOCUMENT: &str = "docs/faults.md";

/// What is tried; by default all that the document has.
#[derive(Default)]
struct Selection<'a> {
    full: bool,
    /// The init is not ours: it may call what we know nothing of.
    foreign: bool,
    scenario: Option<&'a str>,
    call: Option<&'a str>,
    errno: Option<&'a str>,
}

impl Selection<'_> {
    fn is_all(&self) -> bool {
        !self.full && !self.foreign && self.scenario.or(self.call).or(self.errno).is_none()
    }
}

struct Tried {
    scenario: &'static Scenario,
    fault: Fault,
    outcome: Outcome,
    seen: Seen,
}

impl Tried {
    fn line(&self) -> String {
        format!(
            "{}: {} {}: {}",
            self.scenario.name,
            show(&self.fault),
            calls::errno_name(self.fault.errno()),
            self.outcome.text
        )
    }
}

/// What a scenario calls, and how often at the most.
type Uses = Vec<(Use, u32)>;

/// How often a scenario runs without a fault, to see what it calls.
const RECORDINGS: usize = 5;

fn try_all(binary: &Path, selection: &Selection<'_>) -> Result<Vec<Tried>> {
    let start = Instant::now();
    let place = Place::prepare(binary)?;
    let wanted = |scenario: &&Scenario| selection.scenario.is_none_or(|name| scenario.name == name);
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().filter(wanted).collect();
    ensure!(!scenarios.is_empty(), "there is no such scenario");
    let recordings = scenarios
        .iter()
        .flat_map(|scenario| (0..RECORDINGS).map(|_| (*scenario, Fault::Record)));
    let mut usual: BTreeMap<&str, (Usual, Uses)> = BTreeMap::new();
    for (scenario, _, seen) in place.run_all(recordings.collect())? {
        let Some(this) = Usual::of(&seen) else {
            log::warn!("{}: fails without a fault: {seen:?}", scenario.name);
            continue;
        };
        let (_, uses) = usual
            .entry(scenario.name)
            .or_insert_with(|| (this, Vec::new()));
        for (this, count) in seen.uses {
            match uses.iter_mut().find(|(known, _)| *known == this) {
                Some((_, known)) => *known = count.max(*known),
                None => uses.push((this, count)),
            }
        }
    }
    let mut jobs = Vec::new();
    for scenario in scenarios {
        let (_, uses) = usual
            .get(scenario.name)
            .with_context(|| format!("{}: fails without a fault", scenario.name))?;
        jobs.extend(faults(uses, selection)?.into_iter().map(|f| (scenario, f)));
    }
    let count = jobs.len();
    log::info!("{count} faults");
    if log::log_enabled!(log::Level::Debug) {
        let mut by_call: BTreeMap<String, usize> = BTreeMap::new();
        for (_, fault) in &jobs {
            *by_call.entry(calls::name(fault.number())).or_default() += 1;
        }
        log::debug!("{by_call:?}");
    }
    let results = place.run_all(jobs)?;
    let judged = results.into_iter().map(|(scenario, fault, seen)| {
        let (usual, _) = &usual[scenario.name];
        Tried {
            scenario,
            outcome: judge(scenario, usual, &seen, &fault),
            fault,
            seen,
        }
    });
    let judged: Vec<Tried> = judged.collect();
    let defects = judged.iter().filter(|tried| tried.outcome.defect);
    let (known, new): (Vec<_>, Vec<_>) = defects.partition(|tried| known::is_known(tried));
    log::info!(
        "{count} faults in {:.1} s; {} end as they must not, and {} that are known",
        start.elapsed().as_secs_f64(),
        new.len(),
        known.len()
    );
    Ok(judged)
}

/// The faults for what a scenario calls.
fn faults(uses: &[(Use, u32)], selection: &Selection<'_>) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let mut numbers: Vec<i64> = uses.iter().map(|(of, _)| of.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let name = calls::name(number);
        if selection.call.is_some_and(|call| call != name) {
            continue;
        }
        let errors = match calls::errors(number) {
            Some(errors) => errors,
            None if selection.foreign => calls::ANY_CALL.to_vec(),
            None => bail!("no errors are known of {name}: see faults/calls.rs"),
        };
        let these: Vec<&(Use, u32)> = uses.iter().filter(|(of, _)| of.number == number).collect();
        for errno in errors {
            if selection
                .errno
                .is_some_and(|name| calls::errno_name(errno) != name)
            {
                continue;
            }
            faults.push(Fault::Every { number, errno });
            if !selection.full
                && selection.errno.is_none()
                && !calls::stands_for_others(number, errno)
            {
                continue;
            }
            for (of, count) in &these {
                let of = || of.clone();
                if these.len() > 1 {
                    faults.push(Fault::EachUse { of: of(), errno });
                }
                faults.push(Fault::One {
                    of: of(),
                    nth: 0,
                    errno,
                });
                if selection.full {
                    for nth in 1..(*count).min(12) {
                        faults.push(Fault::One {
                            of: of(),
                            nth,
                            errno,
                        });
                        faults.push(Fault::From {
                            of: of(),
                            nth,
                            errno,
                        });
                    }
                }
            }
        }
    }
    Ok(faults)
}

/// The files that the runs need.
struct Place {
    directory: PathBuf,
    init: PathBuf,
    command: PathBuf,
}

impl Place {
    fn prepare(binary: &Path) -> Result<Place> {
        let directory = project::work_dir().join("faults");
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let init = directory.join("tidy-init");
        initlab::copy_executable(binary, &init, 0o755)
            .with_context(|| format!("cannot copy {}", binary.display()))?;
        let program = static_program::compile("faults/program/command.rs")?;
        Ok(Place {
            directory,
            init,
            command: program,
        })
    }

    /// Runs all, in any order.
    fn run_all(
        &self,
        jobs: Vec<(&'static Scenario, Fault)>,
    ) -> Result<Vec<(&'static Scenario, Fault, Seen)>> {
        let workers = thread::available_parallelism().map_or(2, usize::from) * 3;
        let count = jobs.len();
        let queue = Mutex::new(VecDeque::from(jobs));
        let done = Mutex::new(Vec::with_capacity(count));
        let next = || queue.lock().ok().and_then(|mut queue| queue.pop_front());
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers.min(count))
                .map(|number| {
                    let (done, next) = (&done, &next);
                    scope.spawn(move || -> Result<()> {
                        let mut worker = self.start_worker(number)?;
                        while let Some((scenario, fault)) = next() {
                            worker.write_stdin(worker::job(scenario, &fault) + "\n");
                            let line = worker.try_expect_line("an answer", |_| true);
                            let line = line.map_err(|failure| anyhow::anyhow!("{failure}"))?;
                            let seen = worker::read_answer(&line)
                                .with_context(|| format!("{}, {}", scenario.name, show(&fault)))?;
                            if let Ok(mut done) = done.lock() {
                                done.push((scenario, fault, seen));
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| match thread.join() {
                    Ok(result) => result,
                    Err(_) => bail!("a thread has panicked"),
                })
        })?;
        Ok(done.into_inner().unwrap_or_default())
    }

    fn start_worker(&self, number: usize) -> Result<Running> {
        let this = std::env::current_exe().context("cannot find this program")?;
        Ok(Sandbox::new(this)
            .args(["faults", "--worker"])
            .args([&self.init, &self.command])
            .arg(self.directory.join(format!("log-{number}")))
            // Files of our own there, whatever cgroups this machine has: `worker::main`.
            .tmpfs(worker::CGROUPS)
            .stdin(Stdio::Piped)
            .stderr(Stdio::Inherit)
            .timeout(Duration::from_secs(60))
            .try_start()?)
    }
}
