//! `cargo xtask measure`: how big, frugal and fast the init is beside its peers. initlab measures;
//! the limits are here.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use initlab::bench::{Bench, Figures, Format, Idle, Measure, Report};
use initlab::{Init, Personality, TempDir};

use crate::arch::Arch;
use crate::dist;
use crate::zig::Zig;

/// The limits of figures that do not depend on the machine's load; that of the size is
/// `Arch::size_budget`.
const MAX_SYSCALLS: u64 = 18;
const MAX_PSS_KB: u64 = 64;
const MAX_WAKE_UPS: u64 = 0;

/// The measurements of these figures.
const FIRM: [Measure; 3] = [Measure::Size, Measure::Syscalls, Measure::Idle];

/// How often each is started for the ratios.
const ROUNDS: usize = 1_000;

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

pub fn main(args: &Args) -> Result<()> {
    let binary = dist::build(host()?)?;
    let measures = FIRM.into_iter().chain([Measure::Startup]);
    let report = run(&beside_peers(&binary)?.only(measures).rounds(ROUNDS))?;
    report.print(args.format)?;
    if args.check {
        within_limits(&report)
    } else {
        Ok(())
    }
}

/// Measures the figures that do not depend on the machine's load, and fails when one of ours is
/// beyond its limit.
pub fn check(binary: &Path) -> Result<()> {
    // Pages that other processes map as well count for less, and tests may run the init at this
    // moment: so this is a copy.
    let directory = TempDir::new();
    let copy = directory.join("tidy-init");
    initlab::copy_executable(binary, &copy, 0o755)
        .with_context(|| format!("cannot copy {}", binary.display()))?;
    let report = beside_peers(&copy)?.only(FIRM).run()?;
    print!("{}", report.to_text());
    within_limits(&report)
}

/// `dist` has checked the linking.
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

/// Ours and the peers that are installed, compared with the reference in C. A line names the peers
/// that are missing.
pub fn beside_peers(binary: &Path) -> Result<Bench> {
    let (peers, missing) = Init::peers();
    for name in missing {
        log::info!("{name} is not installed, and left out");
    }
    let ours = Init::new(binary, Some(Personality::Native));
    let reference = Zig::install()?.build_reference()?;
    let reference = Init::new(reference, Some(Personality::Plain));
    Ok(Bench::new([ours].into_iter().chain(peers)).reference(reference))
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
        // The table itself is about this version.
        "tidy-init" => init.name.clone(),
        name => format!("{name} {version}{dynamic}"),
    }
}
