//! The command line of `initlab bench`.

use std::{path::PathBuf, time::Duration};

use super::{format::Format, measure::Measure, plan::Bench};
use crate::{
    duration::parse_duration,
    exit::{self, Trouble},
    init::{Init, Personality},
    output::Output,
    skip::missing_program,
};

/// Measure inits: start-up, signal latency, orphans, idle memory and wake-ups, system calls, size
///
/// Timed measurements are interleaved; ratios are to the first init, with 95 % intervals.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// An init to measure (repeatable); tidy-init when none is given
    #[arg(long, value_name = "PATH[=PERSONALITY]")]
    init: Vec<Init>,
    /// Also measure the peers that are installed: dumb-init, tini, tini-static, catatonit
    #[arg(long)]
    peers: bool,
    /// Also compare start-up, latency and storms with this program, run as PATH COMMAND...: the same
    /// system calls in C (integration/reference/init.c, built by `cargo xtask bench`)
    #[arg(long, value_name = "PATH")]
    reference: Option<PathBuf>,
    /// Measure only these
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT,...")]
    only: Vec<Measure>,
    /// How often each init is started, and sent a signal
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least_one)]
    rounds: usize,
    /// How many storms of orphans each init gets
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    storms: usize,
    /// How many orphans a storm has
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = at_least_one)]
    orphans: usize,
    /// How long to watch idle inits
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    window: Duration,
    /// Write plots (SVG) into this directory
    #[arg(long, value_name = "DIRECTORY")]
    plots: Option<PathBuf>,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  initlab bench --peers --only size,syscalls,idle
  initlab bench --init tini --init dumb-init --only startup --rounds 200
  initlab bench --only latency,storm --rounds 200 --orphans 1000 --plots .";

/// A number up to a million: all samples are kept in memory.
fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    let number = number.filter(|n| (1..=1_000_000).contains(n));
    number.ok_or_else(|| "not a number from 1 to 1000000".to_owned())
}

/// Runs the command, and returns its exit status.
pub fn main(args: Args, output: Output) -> Result<i32, Trouble> {
    let mut inits = args.init;
    if inits.is_empty() {
        let ours = Init::ours().map_err(|e| Trouble(e.to_string()))?;
        let ours = ours.ok_or_else(|| {
            Trouble(
                "tidy-init not found: set TIDY_INIT to its path, or name an init with --init"
                    .to_owned(),
            )
        })?;
        inits.push(ours);
    }
    if args.peers {
        let (peers, missing) = Init::peers();
        inits.extend(peers);
        for name in missing {
            output.remark(format!("skipping {name}: not installed"));
        }
    }
    let mut bench = Bench::new(inits)
        .rounds(args.rounds)
        .storms(args.storms, args.orphans)
        .window(args.window);
    let only = if args.only.is_empty() {
        Measure::ALL.to_vec()
    } else {
        args.only
    };
    if only.contains(&Measure::Syscalls) && missing_program("strace").is_some() {
        output.remark("not counting system calls: strace is not installed");
    }
    if let Some(path) = args.reference {
        bench = bench.reference(Init::new(path, Some(Personality::Plain)));
    }
    let progress = output.progress(only.len());
    bench = bench.only(only);
    let report = bench.run_telling(|measure| progress.step(measure.to_string()))?;
    drop(progress);
    if let Some(directory) = args.plots {
        report.write_plots(&directory)?;
    }
    report.print(args.format)?;
    Ok(exit::OK)
}
