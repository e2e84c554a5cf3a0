//! `cargo xtask soak`: an init that works for long. Orphans, signals of every kind, stops and continues,
//! programs that are executed beside the command; at the end nothing is lost, and nothing has grown.

mod counters;
mod subject;
mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use initlab::{Init, Personality, Process, TempDir};

use self::counters::Counters;
use self::subject::Subject;
use self::work::Work;
use crate::arch::Arch;
use crate::{dist, static_program};

/// Let the init work for long, with orphans, signals, stops, and programs executed beside the command.
#[derive(clap::Args)]
pub struct Args {
    /// So long, in rounds with different options, some of them in a container; by default one round as
    /// the tests have it.
    #[arg(long)]
    minutes: Option<u64>,
    /// One round in a container.
    #[arg(long, conflicts_with = "minutes")]
    container: bool,
    /// An init to use in place of our own, or a toy: `PATH[=PERSONALITY]`, `toy:NAME`.
    #[arg(long, value_name = "INIT")]
    init: Option<String>,
}

pub fn main(args: &Args) -> Result<()> {
    let init = match &args.init {
        Some(toy) if toy.starts_with("toy:") => Init::toy(toy.trim_start_matches("toy:")),
        Some(text) => text.parse().map_err(anyhow::Error::msg)?,
        None => {
            let arch = Arch::host().context("tidy-init is not built for this machine")?;
            let binary = dist::build(arch)?;
            if args.minutes.is_none() && !args.container {
                return check(&binary);
            }
            Init::new(binary, Some(Personality::Native))
        }
    };
    let Some(minutes) = args.minutes else {
        return match args.container {
            true => one_round(&init, &Kind::Container),
            false => one_round(&init, &Kind::Sandbox(&[])),
        };
    };
    let end = Instant::now() + Duration::from_secs(minutes * 60);
    let mut kinds = vec![Kind::Sandbox(&[])];
    if init.personality() == Personality::Native && args.init.is_none() {
        kinds.extend([
            Kind::Sandbox(&["-t", "all"]),
            Kind::Sandbox(&["-v", "--log-format", "json"]),
            Kind::Sandbox(&["--grace", "5s"]),
        ]);
        match initlab::missing_docker() {
            None => kinds.push(Kind::Container),
            Some(reason) => log::warn!("no round in a container: {reason}"),
        }
    }
    let mut total = Report::default();
    for kind in kinds.iter().cycle() {
        let report = round(&init, kind).with_context(|| format!("with {kind}"))?;
        log::info!("{kind}: {report}");
        total.add(&report);
        if Instant::now() >= end {
            break;
        }
    }
    log::info!("in all: {total}");
    Ok(())
}

/// What docs/faults.md says of it.
pub const DESCRIPTION: &str = "\
## The soak

`cargo xtask soak` keeps one init under load for a long time, as PID 1 of a PID namespace:

- 100,000 orphans: they end at once or later, before or after their parent, with a status or by a signal, in the command's
  session or in their own.
- 30,000 signals of every kind that the init can forward, including real-time signals. The load sends a standard signal again
  only after it has arrived, because the kernel keeps only one pending. Of a real-time signal, up to eight may be pending.
- Every 500 signals, TSTP, TTIN or TTOU in turn stops the command, and CONT continues it, while signals are pending.
- Every 100 signals, a program starts next to the command, as with `docker exec`, and leaves twenty orphans behind.

Ten times during the run, and at the end, everything has to come to rest: each signal has arrived once, each orphan is
reaped, and the init sleeps. At the end, the init's written memory, its resident memory and its descriptors have to be the
same as after a short warm-up, and its status has to be the command's.

The tests run one round, in about ten seconds. `cargo xtask soak --minutes 60` runs rounds with different options of the
init, one of them in a container whose image has only the init, the load and busybox; `--container` runs only that round.
`--init PATH` and `--init toy:NAME` test other inits: dumb-init does not forward signals 32 and 33, and tini and catatonit
forward TSTP unchanged, which an orphaned process group ignores.
";

/// What the tests do: one round, which fails when something is lost or has grown.
pub fn check(binary: &Path) -> Result<()> {
    let init = Init::new(binary, Some(Personality::Native));
    one_round(&init, &Kind::Sandbox(&[]))
}

fn one_round(init: &Init, kind: &Kind) -> Result<()> {
    let report = round(init, kind)?;
    log::info!("{report}");
    Ok(())
}

/// Where the init runs, and with which options.
enum Kind {
    Sandbox(&'static [&'static str]),
    Container,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Sandbox([]) => f.write_str("no options"),
            Kind::Sandbox(options) => f.write_str(&options.join(" ")),
            Kind::Container => f.write_str("a container"),
        }
    }
}

impl Kind {
    /// Whether signals go to what is executed beside the command as well: it would die of them.
    fn reaches_all(&self) -> bool {
        matches!(self, Kind::Sandbox(options) if options.contains(&"all"))
    }
}

/// What was done.
#[derive(Default)]
struct Report {
    orphans: u64,
    signals: u64,
    stops: u64,
    executed: u64,
    elapsed: Duration,
    cpu: Duration,
    memory: u64,
}

impl Report {
    fn add(&mut self, other: &Report) {
        self.orphans += other.orphans;
        self.signals += other.signals;
        self.stops += other.stops;
        self.executed += other.executed;
        self.elapsed += other.elapsed;
        self.cpu += other.cpu;
        self.memory = self.memory.max(other.memory);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} orphans, {} signals, {} stops, {} programs executed in {:.1} s ({:.1} s of the init's); \
             none lost, no zombie, {} kB resident and the descriptors as at the start",
            self.orphans,
            self.signals,
            self.stops,
            self.executed,
            self.elapsed.as_secs_f64(),
            self.cpu.as_secs_f64(),
            self.memory
        )
    }
}

/// One round; fails when something is lost, or has grown.
fn round(init: &Init, kind: &Kind) -> Result<Report> {
    let start = Instant::now();
    let directory = TempDir::try_new().context("cannot make a directory")?;
    let load = static_program::compile("soak/program/load.rs")?;
    let counters = Counters::new(&directory.path().join("counters"))?;
    let mut subject = match kind {
        Kind::Container => Subject::in_container(init.path(), &load, &counters)?,
        Kind::Sandbox(options) => Subject::in_sandbox(init, options, &load, &counters)?,
    };
    let mut work = Work::new(&subject, &counters, !kind.reaches_all())?;
    work.warm_up()?;
    let before = Figures::of(subject.process())?;
    work.go_on()?;
    let after = Figures::of(subject.process())?;
    after.not_above(&before)?;
    let cpu = subject.process().cpu_time().unwrap_or_default();
    work.end()?;
    let report = Report {
        orphans: counters.made()?,
        signals: work.signals(),
        stops: work.stops,
        executed: work.executed,
        elapsed: start.elapsed(),
        cpu,
        memory: after.resident,
    };
    let status = subject.wait()?;
    ensure!(
        status == 0,
        "the command ends with 0, the init with {status}"
    );
    Ok(report)
}

/// What must not grow.
#[derive(Debug)]
struct Figures {
    /// What it has written, in kB. Its private memory would not do: it grows when another process
    /// that runs the same program ends.
    written: u64,
    /// Resident memory in kB.
    resident: u64,
    descriptors: BTreeMap<i32, PathBuf>,
}

impl Figures {
    fn of(process: Process) -> Result<Figures> {
        let resident = process.status_field("VmRSS");
        let resident = resident.and_then(|text| text.split(' ').next()?.parse().ok());
        Ok(Figures {
            written: process.written_memory().context("the init is gone")?,
            resident: resident.context("the init is gone")?,
            descriptors: process.descriptors().context("the init is gone")?,
        })
    }

    fn not_above(&self, before: &Figures) -> Result<()> {
        ensure!(
            self.written <= before.written && self.resident <= before.resident,
            "the memory has grown: written from {} to {} kB, resident from {} to {} kB",
            before.written,
            self.written,
            before.resident,
            self.resident
        );
        ensure!(
            self.descriptors == before.descriptors,
            "the descriptors were {:?} and are {:?}",
            before.descriptors,
            self.descriptors
        );
        Ok(())
    }
}
