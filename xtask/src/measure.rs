//! `cargo xtask measure`: how big, how frugal and how fast the init is, beside its peers. initlab
//! does the measuring; the limits are ours.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use initlab::bench::{Bench, Figures, Idle, Measure, Report};
use initlab::{Init, Personality};

use crate::arch::Arch;
use crate::dist;

/// The figures that no noise can move, and that have to hold; the size is `Arch::size_budget`.
const MAX_SYSCALLS: u64 = 18;
const MAX_PSS_KB: u64 = 60;
const MAX_WAKE_UPS: u64 = 0;

/// How often each is started for the ratios; the second is for CI, where nothing depends on them.
const ROUNDS: usize = 1_000;
const CHECK_ROUNDS: usize = 300;

/// Measure size, memory, system calls, wake-ups and start-up time, beside the peers installed.
#[derive(clap::Args)]
pub struct Args {
    /// Fail when a figure that noise cannot move is beyond its limit.
    #[arg(long)]
    check: bool,
    /// How to print the figures.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub fn main(args: &Args) -> Result<()> {
    let binary = dist::build(host()?)?;
    let rounds = if args.check { CHECK_ROUNDS } else { ROUNDS };
    let report = measure(&binary, rounds)?;
    match args.format {
        Format::Table => print!("{}", report.to_text()),
        Format::Json => println!("{}", report.to_json()),
    }
    if args.check {
        within_limits(&report)
    } else {
        Ok(())
    }
}

/// Measures, prints the tables, and fails when a figure of ours is beyond its limit.
pub fn check(binary: &Path) -> Result<()> {
    let report = measure(binary, CHECK_ROUNDS)?;
    print!("{}", report.to_text());
    within_limits(&report)
}

/// How it is linked has been checked when it was built.
fn within_limits(report: &Report) -> Result<()> {
    let ours = &report.inits[0];
    let idle = |figure: fn(Idle) -> u64| ours.idle.map(figure);
    let broken = [
        over("bytes", ours.bytes, host()?.size_budget())?,
        over("system calls", ours.syscalls, MAX_SYSCALLS)?,
        over(
            "kB of memory (PSS) while idle",
            idle(|idle| idle.pss_kb),
            MAX_PSS_KB,
        )?,
        over(
            "wake-ups in 10 s idle",
            idle(|idle| idle.wake_ups),
            MAX_WAKE_UPS,
        )?,
    ];
    let broken: Vec<String> = broken.into_iter().flatten().collect();
    ensure!(
        broken.is_empty(),
        "figures beyond their limits: {}",
        broken.join("; ")
    );
    Ok(())
}

/// A sentence when the figure is beyond its limit.
fn over(what: &str, value: Option<u64>, limit: u64) -> Result<Option<String>> {
    match value {
        Some(value) if value > limit => {
            Ok(Some(format!("{value} {what}, at most {limit} allowed")))
        }
        Some(_) => Ok(None),
        None => bail!("not measured: {what}"),
    }
}

pub fn host() -> Result<Arch> {
    Arch::host().context("tidy-init is not built for this machine's architecture")
}

/// Ours, and the peers that are installed; the others are left out, with a line.
pub fn beside_peers(binary: &Path) -> Bench {
    let (peers, missing) = Init::peers();
    for name in missing {
        log::info!("{name} is not installed, and left out");
    }
    let ours = Init::new(binary, Some(Personality::Native));
    Bench::new([ours].into_iter().chain(peers))
}

fn measure(binary: &Path, rounds: usize) -> Result<Report> {
    let sober = [
        Measure::Size,
        Measure::Syscalls,
        Measure::Startup,
        Measure::Idle,
    ];
    let bench = beside_peers(binary).only(sober).rounds(rounds);
    run(&bench)
}

/// Measures, and says what.
pub fn run(bench: &Bench) -> Result<Report> {
    Ok(bench.run_telling(|measure| log::info!("measuring: {measure}"))?)
}

/// The name of an init as a table has it.
pub fn name(init: &Figures) -> String {
    let version = init.version.as_deref().unwrap_or_default();
    let dynamic = if init.dynamic == Some(true) {
        " (dynamic)"
    } else {
        ""
    };
    match init.name.as_str() {
        // Its version is that of this very table.
        "tidy-init" => init.name.clone(),
        name => format!("{name} {version}{dynamic}"),
    }
}
