//! `cargo xtask measure`: how big, how frugal and how fast the init is, beside its peers.

mod idle;
mod report;
mod startup;
mod subject;
mod syscalls;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::arch::Arch;
use crate::zig::Zig;
use crate::{dist, project};
use report::{Report, Row};
use subject::Subject;

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
    let extent = if args.check {
        Extent::Check
    } else {
        Extent::Full
    };
    let report = measure(&binary, extent)?;
    match args.format {
        Format::Table => print!("{report}"),
        Format::Json => println!("{:#}", report.to_json()),
    }
    if args.check {
        within_limits(&report)
    } else {
        Ok(())
    }
}

/// Measures, prints the table, and fails when a figure of ours is beyond its limit.
pub fn check(binary: &Path) -> Result<()> {
    let report = measure(binary, Extent::Check)?;
    print!("{report}");
    within_limits(&report)
}

/// How it is linked has been checked when it was built.
fn within_limits(report: &Report) -> Result<()> {
    let ours = &report.rows[0];
    let broken = [
        over("bytes", Some(ours.subject.size), host()?.size_budget())?,
        over("system calls", ours.syscalls, MAX_SYSCALLS)?,
        over("kB of memory (PSS) while idle", ours.pss_kb, MAX_PSS_KB)?,
        over("wake-ups in 10 s idle", ours.wake_ups, MAX_WAKE_UPS)?,
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

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Everything, of everyone.
    Full,
    /// What `--check` needs, and the ratios in passing.
    Check,
}

/// A program that does nothing but exit with 0.
fn empty_command() -> Result<PathBuf> {
    let arch = host()?;
    let source = project::xtask_dir().join("src/measure/empty.c");
    let program = project::work_dir().join("empty");
    Zig::install()?.compile_freestanding(arch.spec().zig, &source, &program)?;
    Ok(program)
}

fn host() -> Result<Arch> {
    Arch::host().context("tidy-init is not built for this machine's architecture")
}

fn measure(binary: &Path, extent: Extent) -> Result<Report> {
    let empty = empty_command()?;
    let mut subjects = vec![Subject::ours(binary)?];
    subjects.extend(subject::peers()?);
    let idle_subjects = match extent {
        Extent::Full => &subjects[..],
        Extent::Check => &subjects[..1],
    };
    let rounds = match extent {
        Extent::Full => ROUNDS,
        Extent::Check => CHECK_ROUNDS,
    };
    let times = startup::measure(&empty, &subjects, rounds)?;
    let idle = idle::measure(idle_subjects)?;
    let mut idle = idle.into_iter();
    let mut rows = Vec::new();
    for (subject, micros) in subjects.into_iter().zip(&times.inits) {
        let idle = idle.next();
        rows.push(Row {
            syscalls: syscalls::count(&subject, &empty)?,
            pss_kb: idle.as_ref().map(|idle| idle.pss_kb),
            wake_ups: idle.as_ref().map(|idle| idle.wake_ups),
            micros: *micros,
            subject,
        });
    }
    Ok(Report {
        rows,
        bare: times.bare,
        twice: times.twice,
        rounds,
    })
}
