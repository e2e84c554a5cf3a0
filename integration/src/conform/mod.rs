//! `initlab conform`: runs every behaviour case against every init.
//!
//! A [`Case`] shows one behaviour with real processes in a fresh PID namespace. It fails with a
//! [`Fact`]: what was seen. [`Plan::run`] runs the cases, [`Report`] has the results.

mod case;
mod cases;
mod context;
mod fact;
mod group;
mod limits;
mod outcome;
mod plan;
mod prelude;
mod report;
mod subject;

use std::{path::PathBuf, time::Duration};

use clap::ValueEnum;

pub use case::{Behaviour, Case};
pub use cases::all as cases;
pub use context::Context;
pub use fact::{Fact, Verdict};
pub use group::Group;
pub use outcome::Outcome;
pub use plan::Plan;
pub use report::{Report, Row};
pub use subject::{End, Subject};

use crate::{
    compare::Findings,
    deadline::scaled,
    exit::{self, Trouble},
    init::{Init, PEERS},
    interrupt,
    locate::{find_program, fixture},
    output::{self, Output, Table, json},
    sandbox::Sandbox,
    toy::TOYS,
};

/// Check an init against a catalogue of behaviour cases, as PID 1 and as a child
#[derive(clap::Args)]
pub struct Args {
    /// An init to check (repeatable). PERSONALITY is the grammar of its options: native, dumb-init,
    /// tini, catatonit, or plain for an init without options; by default, the file name decides.
    /// Arguments may follow the path, with {} for the options and the command: 'runit-init --quiet
    /// {}'
    #[arg(short, long = "init", value_name = "PATH[=PERSONALITY]")]
    inits: Vec<Init>,
    /// Also check the installed ones of Debian's inits: dumb-init, tini, tini-static, catatonit
    #[arg(long)]
    peers: bool,
    /// Also check one of the deliberately broken inits that come with initlab (repeatable)
    #[arg(long = "toy", value_name = "NAME", value_parser = toy)]
    toys: Vec<Init>,
    /// List the cases without running them
    #[arg(long)]
    list: bool,
    /// An earlier result (--format json): exit with 1 only for failures that it does not have
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The deadline of each wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=600))]
    timeout: u16,
    /// How many cases run at a time [default: twice the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// Run only the cases whose group/name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Aligned, for people
    Table,
    /// A document of its own, for programs
    Json,
    /// JUnit's XML, for CI servers
    Junit,
    /// The Test Anything Protocol, version 14
    Tap,
    /// For documents
    Markdown,
}

fn toy(name: &str) -> Result<Init, String> {
    match TOYS.iter().find(|toy| toy.name == name) {
        Some(toy) => Ok(Init::toy(toy.name)),
        None => Err("`initlab toy help` lists them".to_owned()),
    }
}

/// Runs the command, and returns its exit status.
pub fn main(args: &Args, output: Output) -> Result<i32, Trouble> {
    let mut cases = cases();
    if !args.filters.is_empty() {
        let wanted = |case: &Case| args.filters.iter().any(|f| case.id().contains(f.as_str()));
        cases.retain(wanted);
    }
    if cases.is_empty() {
        anstream::eprintln!(
            "initlab: no case matches {}; `initlab conform --list` lists all cases",
            args.filters.join(", ")
        );
        return Ok(exit::USAGE);
    }
    if args.list {
        output::print(&list(&cases, args.format))?;
        return Ok(exit::OK);
    }
    let Some(inits) = inits(args, output)? else {
        anstream::eprintln!("initlab: name an init: --init PATH, or --peers for those installed");
        return Ok(exit::USAGE);
    };
    for init in &inits {
        init.check().map_err(|error| Trouble(error.to_string()))?;
    }
    if let Err(error) = Sandbox::new(fixture())
        .args(["fixture", "exit", "0"])
        .try_start()
    {
        return Err(Trouble(error.in_a_line()));
    }
    if find_program("sh").is_none() {
        return Err(Trouble(
            "there is no sh, which runs the scripts of many cases".to_owned(),
        ));
    }
    let baseline = args.baseline.as_ref().map(Findings::read).transpose()?;
    let mut plan = Plan::new(inits, cases);
    plan.limit = scaled(Duration::from_secs(args.timeout.into()));
    if let Some(jobs) = args.jobs {
        plan.jobs = jobs.into();
    }
    let report = plan.run(output);
    if interrupt::caught().is_some() {
        return Ok(exit::FAILED);
    }
    output::print(&match args.format {
        Format::Table => report.to_text(),
        Format::Json => report.to_json(),
        Format::Junit => report.to_junit(),
        Format::Tap => report.to_tap(),
        Format::Markdown => report.to_markdown(),
    })?;
    let failures = match baseline {
        None => report.failures(),
        Some(baseline) => {
            let now = Findings::parse(&report.to_json()).map_err(Trouble)?;
            let difference = now.since(&baseline)?;
            output.remark(format_args!(
                "compared with the baseline:\n{}",
                difference.to_text().trim_end()
            ));
            difference.new.len()
        }
    };
    Ok(if failures == 0 {
        exit::OK
    } else {
        exit::FAILED
    })
}

/// The inits to check; `None` when none was named.
fn inits(args: &Args, output: Output) -> Result<Option<Vec<Init>>, Trouble> {
    let mut inits = [&args.inits[..], &args.toys].concat();
    if args.peers {
        let (found, missing) = Init::peers();
        if inits.is_empty() && found.is_empty() {
            return Err(Trouble(format!(
                "none of {} is installed; on Debian: apt-get install dumb-init tini catatonit",
                PEERS.join(", ")
            )));
        }
        for name in missing {
            output.remark(format_args!("skipping {name}: not installed"));
        }
        inits.extend(found);
    }
    if inits.is_empty() {
        inits.extend(Init::embedded().map_err(|error| Trouble(error.to_string()))?);
    }
    Ok(Some(inits).filter(|inits| !inits.is_empty()))
}

fn list(cases: &[Case], format: Format) -> String {
    #[derive(serde::Serialize)]
    struct List {
        cases: Vec<report::About>,
    }
    let list = List {
        cases: cases.iter().map(report::About::new).collect(),
    };
    let mut table = Table::new(["case", "shows"]);
    for case in &list.cases {
        table.row([case.id.as_str(), case.shows]);
    }
    match format {
        Format::Json => json::document("initlab-cases", 1, &list) + "\n",
        Format::Markdown => table.to_markdown(),
        _ => table.to_text(),
    }
}
