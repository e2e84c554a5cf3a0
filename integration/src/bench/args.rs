//! The command line of `initlab bench`.

use std::{path::PathBuf, time::Duration};

use clap::ValueEnum;

use super::{Bench, Measure};
use crate::{
    duration::parse_duration,
    exit::{self, Trouble},
    init::Init,
    output::Output,
    skip::missing_program,
};

/// Measure inits: start-up, signal latency, orphans, idle memory and wake-ups, system calls, size
///
/// All that is timed is interleaved; the ratios are to the first init, with 95 % intervals.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// An init to measure; repeatable; tidy-init where none is given
    #[arg(long, value_name = "PATH[=PERSONALITY]")]
    init: Vec<Init>,
    /// And the peers that are installed: dumb-init, tini, tini-static, catatonit
    #[arg(long)]
    peers: bool,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT,...")]
    only: Vec<Measure>,
    /// How often each is started, and sent a signal
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least_one)]
    rounds: usize,
    /// How many storms of orphans there are under each
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    storms: usize,
    /// How many orphans a storm has
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = at_least_one)]
    orphans: usize,
    /// How long idle inits are watched
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    window: Duration,
    /// Write plots (SVG) into this directory
    #[arg(long, value_name = "DIRECTORY")]
    plots: Option<PathBuf>,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
    Markdown,
}

const EXAMPLES: &str = "\
Examples:
  initlab bench --peers --only size,syscalls,idle
  initlab bench --init tini --init dumb-init --only startup --rounds 200
  initlab bench --only latency,storm --rounds 200 --orphans 1000 --plots .";

/// Up to a million: all samples are kept.
fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    let number = number.filter(|n| (1..=1_000_000).contains(n));
    number.ok_or_else(|| "not a number from 1 to 1000000".to_owned())
}

/// Runs the command, and gives its exit status.
pub fn main(args: Args, output: Output) -> Result<i32, Trouble> {
    let mut inits = args.init;
    if inits.is_empty() {
        let ours = Init::ours().ok_or_else(|| {
            Trouble("tidy-init is not found: name it by TIDY_INIT, or an init by --init".to_owned())
        })?;
        inits.push(ours);
    }
    if args.peers {
        let (peers, missing) = Init::peers();
        inits.extend(peers);
        for name in missing {
            output.remark(format!("{name} is not installed, and left out"));
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
        output.remark("strace is not installed: system calls are not counted");
    }
    let progress = output.progress(only.len());
    bench = bench.only(only);
    let report = bench.run_telling(|measure| progress.step(measure.to_string()))?;
    drop(progress);
    if let Some(directory) = args.plots {
        report.write_plots(&directory)?;
    }
    match args.format {
        Format::Table => anstream::print!("{}", report.to_text()),
        Format::Json => println!("{}", report.to_json()),
        Format::Markdown => print!("{}", report.to_markdown()),
    }
    Ok(exit::OK)
}
