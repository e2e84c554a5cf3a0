//! The figures, for people and for programs.

use std::path::PathBuf;

use serde::Serialize;

use super::{Bench, Estimate, Idle, Storm, latency, median, percentile, ratio, startup};
use crate::{
    exit::Trouble,
    init::Init,
    output::{Table, json},
};

/// The figures of all inits.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The machine that they were measured on.
    pub machine: Machine,
    /// How often each was started, and sent a signal.
    pub rounds: usize,
    /// How many storms there were under each init.
    pub storms: usize,
    /// Of how many orphans.
    pub orphans: usize,
    /// How long idle inits were watched, in seconds.
    pub window_s: f64,
    /// The empty command by itself, in microseconds: the median.
    pub bare_exec_us: Option<f64>,
    /// The empty command twice in a row: 1.0 of the ratios to two bare execs.
    pub two_bare_execs_us: Option<f64>,
    /// The latency of a signal that is sent to the command itself: the floor.
    pub bare_latency: Option<Latency>,
    /// The first is the one that the others are compared with.
    pub inits: Vec<Figures>,
    /// All times of the start-up: of the bare command, then of each init.
    #[serde(skip)]
    pub(super) startup_samples: Vec<Vec<f64>>,
    /// All times of signals: sent to the command itself, then to each init.
    #[serde(skip)]
    pub(super) latency_samples: Vec<Vec<f64>>,
}

/// A machine.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many of them this process may use.
    pub processors: usize,
    /// The kernel's release.
    pub kernel: String,
}

/// The figures of one init; `None` where one was not measured.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The version that it tells.
    pub version: Option<String>,
    /// Bytes of the binary.
    pub bytes: Option<u64>,
    /// Whether it needs a dynamic linker, and so cannot be put into an image on scratch.
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
}

/// Microseconds from sending a signal to its arrival at the command.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// The median.
    pub p50_us: f64,
    /// 99 of 100 are as fast.
    pub p99_us: f64,
    /// 999 of 1000 are as fast.
    pub p999_us: f64,
    /// The median compared with that of the first init.
    pub to_first: Estimate,
}

/// The storms under an init.
#[derive(Clone, Debug, Serialize)]
pub struct Storms {
    /// Orphans reaped per second: the median.
    pub reaped_per_second: f64,
    /// That, compared with the first init.
    pub to_first: Estimate,
    /// The most zombies that were seen at a time.
    pub backlog: usize,
    /// Processor time of the init for 1,000 orphans, in milliseconds: the median.
    pub cpu_ms_per_1000: f64,
    /// Each storm.
    pub each: Vec<Storm>,
}

impl Figures {
    pub(super) fn new(init: &Init) -> Result<Self, Trouble> {
        Ok(Self {
            name: shown_name(init),
            path: init.path().to_owned(),
            version: init.version(),
            bytes: None,
            dynamic: None,
            syscalls: None,
            startup: None,
            latency: None,
            storm: None,
            idle: None,
        })
    }
}

impl Latency {
    fn of(samples: &[f64], first: &[f64]) -> Self {
        Self {
            p50_us: median(samples),
            p99_us: percentile(samples, 0.99),
            p999_us: percentile(samples, 0.999),
            to_first: ratio(samples, first),
        }
    }
}

impl Report {
    pub(super) fn new(inits: Vec<Figures>, bench: &Bench) -> Self {
        Self {
            machine: Machine::this(),
            rounds: bench.rounds,
            storms: bench.storms,
            orphans: bench.orphans,
            window_s: bench.window.as_secs_f64(),
            bare_exec_us: None,
            two_bare_execs_us: None,
            bare_latency: None,
            inits,
            startup_samples: Vec::new(),
            latency_samples: Vec::new(),
        }
    }

    pub(super) fn take_startup(&mut self, samples: startup::Samples) {
        self.bare_exec_us = Some(median(&samples.bare));
        self.two_bare_execs_us = Some(median(&samples.twice));
        for (figures, own) in self.inits.iter_mut().zip(&samples.inits) {
            figures.startup = Some(Startup {
                median_us: median(own),
                to_two_execs: ratio(own, &samples.twice),
                to_first: ratio(own, &samples.inits[0]),
            });
        }
        self.startup_samples = std::iter::once(samples.bare).chain(samples.inits).collect();
    }

    pub(super) fn take_latency(&mut self, samples: latency::Samples) {
        let first = &samples.inits[0];
        self.bare_latency = Some(Latency::of(&samples.bare, first));
        for (figures, own) in self.inits.iter_mut().zip(&samples.inits) {
            figures.latency = Some(Latency::of(own, first));
        }
        self.latency_samples = std::iter::once(samples.bare).chain(samples.inits).collect();
    }

    pub(super) fn take_storms(&mut self, storms: Vec<Vec<Storm>>) {
        let speeds = |storms: &[Storm]| -> Vec<f64> {
            storms.iter().map(|storm| storm.reaped_per_second).collect()
        };
        let first = speeds(&storms[0]);
        let thousands = self.orphans as f64 / 1000.0;
        for (figures, each) in self.inits.iter_mut().zip(storms) {
            let own = speeds(&each);
            let cpu: Vec<f64> = each.iter().map(|storm| storm.cpu_ms / thousands).collect();
            figures.storm = Some(Storms {
                reaped_per_second: median(&own),
                to_first: ratio(&own, &first),
                backlog: each.iter().map(|storm| storm.backlog).max().unwrap_or(0),
                cpu_ms_per_1000: median(&cpu),
                each,
            });
        }
    }

    /// The figures for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let tables = self.tables().into_iter();
        let text: Vec<_> = tables
            .map(|(title, table)| format!("{title}\n\n{}", table.to_text()))
            .collect();
        format!("{}\n\n{}", self.setting(), text.join("\n"))
    }

    /// The figures as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let tables = self.tables().into_iter();
        let text: Vec<_> = tables
            .map(|(title, table)| format!("## {title}\n\n{}", table.to_markdown()))
            .collect();
        format!("{}\n\n{}", self.setting(), text.join("\n"))
    }

    /// The figures as a JSON document: `format` is `initlab-bench`, `version` 1, and the fields are
    /// those of this structure.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::document("initlab-bench", 1, self)
    }

    /// Where and how often it was measured, in a line.
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

    /// The figures that hardly any noise can move.
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

    fn startup(&self) -> Option<Table> {
        let (bare, twice) = (self.bare_exec_us?, self.two_bare_execs_us?);
        let mut table = Table::new(["", "µs", "two bare execs = 1", "first = 1"]).numbers();
        let micros = |us: f64| format!("{us:.0}");
        for init in &self.inits {
            let Some(startup) = init.startup else {
                continue;
            };
            table.row([
                init.name.clone(),
                micros(startup.median_us),
                estimate(startup.to_two_execs),
                estimate(startup.to_first),
            ]);
        }
        for (name, us) in [("one bare exec", bare), ("two bare execs", twice)] {
            table.row([
                name.to_owned(),
                micros(us),
                format!("{:.2}", us / twice),
                "-".to_owned(),
            ]);
        }
        Some(table)
    }

    fn latency(&self) -> Option<Table> {
        let bare = self.bare_latency?;
        let mut table = Table::new(["", "p50, µs", "p99, µs", "p99.9, µs", "first = 1"]).numbers();
        let named = self
            .inits
            .iter()
            .map(|init| (init.name.as_str(), init.latency));
        for (name, latency) in named.chain([("no init", Some(bare))]) {
            let Some(latency) = latency else { continue };
            let micros = |us: f64| format!("{us:.1}");
            table.row([
                name.to_owned(),
                micros(latency.p50_us),
                micros(latency.p99_us),
                micros(latency.p999_us),
                estimate(latency.to_first),
            ]);
        }
        Some(table)
    }

    fn storm(&self) -> Option<Table> {
        let mut table = Table::new([
            "init",
            "reaped/s",
            "first = 1",
            "most zombies",
            "CPU, ms/1,000",
        ])
        .numbers();
        self.inits.first()?.storm.as_ref()?;
        for init in &self.inits {
            let Some(storm) = &init.storm else { continue };
            table.row([
                init.name.clone(),
                format!("{:.0}", storm.reaped_per_second),
                estimate(storm.to_first),
                storm.backlog.to_string(),
                format!("{:.1}", storm.cpu_ms_per_1000),
            ]);
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

/// `tidy-init` for a binary of `dist/`, whose name says the architecture.
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
