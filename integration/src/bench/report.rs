//! The figures, for people and for programs.

use std::path::PathBuf;

use serde::Serialize;

use super::{
    idle::Idle,
    latency,
    measure::{Effort, Measure, Measured},
    startup,
    statistics::{Estimate, median, percentile, ratio},
    storm::Storm,
};
use crate::{
    init::Init,
    output::{Table, json},
};

/// The name of the reference in tables and plots.
const REFERENCE: &str = "C reference";

/// The figures of all inits.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The machine that they were measured on.
    pub machine: Machine,
    /// How often each init was started, and sent a signal.
    pub rounds: usize,
    /// The number of storms under each init.
    pub storms: usize,
    /// The number of orphans in a storm.
    pub orphans: usize,
    /// How long idle inits were watched, in seconds.
    pub window_s: f64,
    /// The empty command by itself, in microseconds: the median.
    pub bare_exec_us: Option<f64>,
    /// The empty command twice in a row: 1.0 of the ratios to two bare execs.
    pub two_bare_execs_us: Option<f64>,
    /// The latency of a signal that is sent to the command itself: the floor.
    pub bare_latency: Option<Latency>,
    /// The others are compared with the first.
    pub inits: Vec<Figures>,
    /// The reference in C, if there was one: start-up, latency and storms.
    pub reference: Option<Figures>,
    /// What could not be measured.
    pub left_out: Vec<LeftOut>,
    /// All start-up times: of the bare command, then of each init.
    #[serde(skip)]
    pub(super) startup_samples: Vec<Vec<f64>>,
    /// All latencies: of the command itself, then of each init, empty for one that failed.
    #[serde(skip)]
    pub(super) latency_samples: Vec<Vec<f64>>,
}

/// A machine.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// The number of processors that this process may use.
    pub processors: usize,
    /// The kernel's release.
    pub kernel: String,
}

/// A measurement that one init did not complete.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// The init.
    pub init: String,
    /// What was measured.
    pub measure: Measure,
    /// What went wrong.
    pub why: String,
}

/// The figures of one init; `None` for what was not measured.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The version that it reports.
    pub version: Option<String>,
    /// The size of the binary in bytes.
    pub bytes: Option<u64>,
    /// Whether it needs a dynamic linker, and so cannot run in an image on scratch.
    pub dynamic: Option<bool>,
    /// From `execve` to `exit_group`, both included.
    pub syscalls: Option<u64>,
    /// Start to end of an empty command.
    pub startup: Option<Startup>,
    /// From sending a signal to its arrival.
    pub latency: Option<Latency>,
    /// Storms of orphans.
    pub storm: Option<Storms>,
    /// With nothing to do.
    pub idle: Option<Idle>,
}

/// Start to end of an empty command under an init.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Startup {
    /// The median in microseconds.
    pub median_us: f64,
    /// Compared with two bare execs of the command.
    pub to_two_execs: Estimate,
    /// Compared with the first init.
    pub to_first: Estimate,
    /// Compared with the reference.
    pub to_reference: Option<Estimate>,
}

/// Microseconds from sending a signal to its arrival at the command.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// The median.
    pub p50_us: f64,
    /// 99 of 100 are at most this slow.
    pub p99_us: f64,
    /// 999 of 1000 are at most this slow.
    pub p999_us: f64,
    /// The median compared with that of the first init.
    pub to_first: Option<Estimate>,
    /// The median compared with that of the reference.
    pub to_reference: Option<Estimate>,
}

/// The storms under an init.
#[derive(Clone, Debug, Serialize)]
pub struct Storms {
    /// Orphans reaped per second: the median.
    pub reaped_per_second: f64,
    /// That, compared with the first init.
    pub to_first: Option<Estimate>,
    /// The most zombies seen at a time.
    pub backlog: usize,
    /// Processor time of the init for 1,000 orphans, in milliseconds: the median.
    pub cpu_ms_per_1000: f64,
    /// That, compared with the reference.
    pub cpu_to_reference: Option<Estimate>,
    /// Each storm.
    pub each: Vec<Storm>,
}

impl Figures {
    fn new(name: String, init: &Init, version: Option<String>) -> Self {
        Self {
            name,
            path: init.path().to_owned(),
            version,
            bytes: None,
            dynamic: None,
            syscalls: None,
            startup: None,
            latency: None,
            storm: None,
            idle: None,
        }
    }
}

/// What the samples of an init are compared with: those of the first init, and of the reference.
#[derive(Clone, Copy)]
struct Bases<'a> {
    first: Option<&'a [f64]>,
    reference: Option<&'a [f64]>,
}

impl<'a> Bases<'a> {
    /// `all` are the samples of the inits, and of the reference where there is one, which is last.
    fn of(all: &'a [Vec<f64>], with_reference: bool) -> Self {
        let usable = |samples: Option<&'a Vec<f64>>| {
            samples
                .map(Vec::as_slice)
                .filter(|samples| !samples.is_empty())
        };
        Self {
            first: usable(all.first()),
            reference: usable(all.last().filter(|_| with_reference)),
        }
    }
}

impl Latency {
    fn of(samples: &[f64], bases: Bases<'_>) -> Self {
        Self {
            p50_us: median(samples),
            p99_us: percentile(samples, 0.99),
            p999_us: percentile(samples, 0.999),
            to_first: bases.first.map(|base| ratio(samples, base)),
            to_reference: bases.reference.map(|base| ratio(samples, base)),
        }
    }
}

impl Report {
    pub(super) fn new(inits: &[Init], reference: Option<&Init>, effort: Effort) -> Self {
        let figures = |init: &Init| Figures::new(shown_name(init), init, init.version());
        Self {
            machine: Machine::this(),
            rounds: effort.rounds,
            storms: effort.storms,
            orphans: effort.orphans,
            window_s: effort.window.as_secs_f64(),
            bare_exec_us: None,
            two_bare_execs_us: None,
            bare_latency: None,
            inits: inits.iter().map(figures).collect(),
            reference: reference.map(|init| Figures::new(REFERENCE.to_owned(), init, None)),
            left_out: Vec::new(),
            startup_samples: Vec::new(),
            latency_samples: Vec::new(),
        }
    }

    /// The inits, and the reference behind them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Figures> {
        self.inits.iter().chain(&self.reference)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Figures> {
        self.inits.iter_mut().chain(&mut self.reference)
    }

    /// What each init came to; for one that failed the reason is kept, and `T` is empty.
    fn keep<T: Default>(&mut self, measure: Measure, all: Vec<Measured<T>>) -> Vec<T> {
        let names: Vec<_> = self.all().map(|init| init.name.clone()).collect();
        let mut kept = Vec::new();
        for (init, measured) in names.into_iter().zip(all) {
            kept.push(measured.unwrap_or_else(|why| {
                self.left_out.push(LeftOut { init, measure, why });
                T::default()
            }));
        }
        kept
    }

    pub(super) fn take_startup(&mut self, samples: startup::Samples) {
        self.bare_exec_us = Some(median(&samples.bare));
        self.two_bare_execs_us = Some(median(&samples.twice));
        let bases = Bases::of(&samples.inits, self.reference.is_some());
        for (figures, own) in self.all_mut().zip(&samples.inits) {
            figures.startup = Some(Startup {
                median_us: median(own),
                to_two_execs: ratio(own, &samples.twice),
                to_first: ratio(own, &samples.inits[0]),
                to_reference: bases.reference.map(|base| ratio(own, base)),
            });
        }
        self.startup_samples = std::iter::once(samples.bare).chain(samples.inits).collect();
    }

    pub(super) fn take_latency(&mut self, samples: latency::Samples) {
        let inits = self.keep(Measure::Latency, samples.inits);
        let bases = Bases::of(&inits, self.reference.is_some());
        self.bare_latency = Some(Latency::of(&samples.bare, bases));
        for (figures, own) in self.all_mut().zip(&inits) {
            figures.latency = (!own.is_empty()).then(|| Latency::of(own, bases));
        }
        self.latency_samples = std::iter::once(samples.bare).chain(inits).collect();
    }

    pub(super) fn take_storms(&mut self, storms: Vec<Measured<Vec<Storm>>>) {
        let storms = self.keep(Measure::Storm, storms);
        let thousands = self.orphans as f64 / 1000.0;
        let figures = |of: &dyn Fn(&Storm) -> f64| -> Vec<Vec<f64>> {
            let each = |storms: &Vec<Storm>| storms.iter().map(of).collect();
            storms.iter().map(each).collect()
        };
        let speeds = figures(&|storm| storm.reaped_per_second);
        let cpu = figures(&|storm| storm.cpu_ms / thousands);
        let first = Bases::of(&speeds, false).first;
        let reference = Bases::of(&cpu, self.reference.is_some()).reference;
        let measured = speeds.iter().zip(&cpu).zip(storms.clone());
        for (init, ((speeds, cpu), each)) in self.all_mut().zip(measured) {
            init.storm = (!each.is_empty()).then(|| Storms {
                reaped_per_second: median(speeds),
                to_first: first.map(|base| ratio(speeds, base)),
                backlog: each.iter().map(|storm| storm.backlog).max().unwrap_or(0),
                cpu_ms_per_1000: median(cpu),
                cpu_to_reference: reference.map(|base| ratio(cpu, base)),
                each,
            });
        }
    }

    pub(super) fn take_idle(&mut self, idle: Vec<Measured<Idle>>) {
        let idle = idle.into_iter().map(|idle| idle.map(Some)).collect();
        let idle = self.keep(Measure::Idle, idle);
        for (figures, idle) in self.inits.iter_mut().zip(idle) {
            figures.idle = idle;
        }
    }

    /// The figures for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let tables = self.tables().into_iter();
        let tables = tables.map(|(title, table)| format!("{title}\n\n{}", table.to_text()));
        self.joined(tables)
    }

    /// The figures as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let tables = self.tables().into_iter();
        let tables = tables.map(|(title, table)| format!("## {title}\n\n{}", table.to_markdown()));
        self.joined(tables)
    }

    /// The setting, the tables, and a line for each measurement that is missing.
    fn joined(&self, tables: impl Iterator<Item = String>) -> String {
        let left_out = |left: &LeftOut| {
            format!(
                "No {} figures for {}: {}.\n",
                left.measure, left.init, left.why
            )
        };
        let parts: Vec<_> = tables.chain(self.left_out.iter().map(left_out)).collect();
        format!("{}\n\n{}", self.setting(), parts.join("\n"))
    }

    /// The figures as a JSON document: `format` is `initlab-bench`, `version` 1, and the fields are
    /// those of this structure.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::document("initlab-bench", 1, self)
    }

    /// The machine and the number of rounds, in a line.
    #[must_use]
    pub fn setting(&self) -> String {
        let Machine {
            processor,
            processors,
            kernel,
        } = &self.machine;
        let mut parts = vec![format!(
            "{processor}, {processors} processors, Linux {kernel}"
        )];
        let timed = !self.startup_samples.is_empty() || !self.latency_samples.is_empty();
        if timed {
            parts.push(format!(
                "{} rounds, interleaved, on one processor",
                self.rounds
            ));
        }
        if self.inits.iter().any(|init| init.storm.is_some()) {
            let (storms, orphans) = (self.storms, self.orphans);
            parts.push(format!("{storms} storms of {orphans} orphans under each"));
        }
        if self.inits.iter().any(|init| init.idle.is_some()) {
            parts.push(format!("idle for {} s", self.window_s));
        }
        parts.join("; ") + "."
    }

    /// The tables that there are figures for, each with its heading.
    fn tables(&self) -> Vec<(&'static str, Table)> {
        let all = [
            ("Size, system calls, memory", self.sober()),
            ("Start to end of an empty command", self.startup()),
            (
                "From sending a signal to its arrival at the command",
                self.latency(),
            ),
            ("Storm of orphans", self.storm()),
        ];
        let measured = all.into_iter();
        measured
            .filter_map(|(title, table)| Some((title, table?)))
            .collect()
    }

    /// The figures that are hardly affected by noise.
    #[must_use]
    pub fn sober(&self) -> Option<Table> {
        let any = |f: &Figures| f.bytes.is_some() || f.syscalls.is_some() || f.idle.is_some();
        if !self.inits.iter().any(any) {
            return None;
        }
        let mut table = Table::new([
            "init",
            "version",
            "bytes",
            "system calls",
            "PSS, kB",
            "private, kB",
            "wake-ups",
        ])
        .numbers();
        for init in &self.inits {
            let idle = |value: fn(Idle) -> u64| shown(init.idle.map(value));
            table.row([
                init.name.clone()
                    + if init.dynamic == Some(true) {
                        " (dynamic)"
                    } else {
                        ""
                    },
                init.version.clone().unwrap_or_else(|| "-".to_owned()),
                shown(init.bytes),
                shown(init.syscalls),
                idle(|idle| idle.pss_kb),
                idle(|idle| idle.private_kb),
                idle(|idle| idle.wake_ups),
            ]);
        }
        Some(table)
    }

    /// A table of numbers with these columns, and one for the ratios to the reference, if there is
    /// one.
    fn comparison<const N: usize>(&self, head: [&str; N]) -> Table {
        let reference = self.reference.iter().map(|_| "C reference = 1");
        Table::new(head.into_iter().chain(reference)).numbers()
    }

    /// Adds a row: `to_reference` is the cell for the reference's column, if there is one.
    fn compare<const N: usize>(
        &self,
        table: &mut Table,
        cells: [String; N],
        to_reference: Option<Estimate>,
    ) {
        let reference = self.reference.iter().map(|_| ratio_or_none(to_reference));
        table.row(cells.into_iter().chain(reference));
    }

    fn startup(&self) -> Option<Table> {
        let (bare, twice) = (self.bare_exec_us?, self.two_bare_execs_us?);
        let mut table = self.comparison(["", "µs", "two bare execs = 1", "first = 1"]);
        let micros = |us: f64| format!("{us:.0}");
        for init in self.all() {
            let Some(startup) = init.startup else {
                continue;
            };
            let cells = [
                init.name.clone(),
                micros(startup.median_us),
                estimate(startup.to_two_execs),
                estimate(startup.to_first),
            ];
            self.compare(&mut table, cells, startup.to_reference);
        }
        for (name, us) in [("one bare exec", bare), ("two bare execs", twice)] {
            let ratio = format!("{:.2}", us / twice);
            let cells = [name.to_owned(), micros(us), ratio, "-".to_owned()];
            self.compare(&mut table, cells, None);
        }
        Some(table)
    }

    fn latency(&self) -> Option<Table> {
        let bare = self.bare_latency?;
        let mut table = self.comparison(["", "p50, µs", "p99, µs", "p99.9, µs", "first = 1"]);
        let named = self.all().map(|init| (init.name.as_str(), init.latency));
        for (name, latency) in named.chain([("no init", Some(bare))]) {
            let Some(latency) = latency else { continue };
            let micros = |us: f64| format!("{us:.1}");
            let cells = [
                name.to_owned(),
                micros(latency.p50_us),
                micros(latency.p99_us),
                micros(latency.p999_us),
                ratio_or_none(latency.to_first),
            ];
            self.compare(&mut table, cells, latency.to_reference);
        }
        Some(table)
    }

    fn storm(&self) -> Option<Table> {
        self.all().find(|init| init.storm.is_some())?;
        let mut table = self.comparison([
            "init",
            "reaped/s",
            "first = 1",
            "most zombies",
            "CPU, ms/1,000",
        ]);
        for init in self.all() {
            let Some(storm) = &init.storm else { continue };
            let cells = [
                init.name.clone(),
                format!("{:.0}", storm.reaped_per_second),
                ratio_or_none(storm.to_first),
                storm.backlog.to_string(),
                format!("{:.2}", storm.cpu_ms_per_1000),
            ];
            self.compare(&mut table, cells, storm.cpu_to_reference);
        }
        Some(table)
    }
}

impl Machine {
    fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpus = read("/proc/cpuinfo");
        let model = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
        Self {
            processor: model.unwrap_or(std::env::consts::ARCH).to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// `tidy-init` for a binary of `dist/`, whose name ends in the architecture.
fn shown_name(init: &Init) -> String {
    let name = init.name();
    match name.strip_suffix(std::env::consts::ARCH) {
        Some(short) if short.ends_with('-') => short.trim_end_matches('-').to_owned(),
        _ => name.to_owned(),
    }
}

fn shown(value: Option<u64>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

fn estimate(estimate: Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    format!("{value:.2} ({low:.2} to {high:.2})")
}

fn ratio_or_none(ratio: Option<Estimate>) -> String {
    ratio.map_or("-".to_owned(), estimate)
}
