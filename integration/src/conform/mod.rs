//! `initlab conform`: every behaviour case against every init.
//!
//! A [`Case`] shows one behaviour by real processes in a fresh PID namespace. What it fails with is
//! a [`Fact`]: what was seen. [`Plan::run`] runs them, [`Report`] says how it went.

mod case;
mod cases;
mod context;
mod plan;
mod report;
mod subject;

use std::{io::Write as _, time::Duration};

use clap::ValueEnum;

pub use case::{Case, Fact, Group, Outcome, Verdict};
pub use cases::all as cases;
pub use context::Context;
pub use plan::Plan;
pub use report::{Report, Row};
pub use subject::{End, Subject};

use crate::{
    deadline::scaled,
    exit::{self, Trouble},
    init::{Init, PEERS},
    interrupt,
    output::{Output, Table, json},
    sandbox::Sandbox,
    toy::TOYS,
};

/// Shows how an init behaves as PID 1 and elsewhere: case by case, with what was seen
#[derive(clap::Args)]
pub struct Args {
    /// An init to look at; PERSONALITY, where the file's name does not say it, is the grammar of
    /// its options: native, dumb-init, tini, catatonit, or plain for none
    #[arg(short, long = "init", value_name = "PATH[=PERSONALITY]")]
    inits: Vec<Init>,
    /// The inits that Debian packages, as far as they are installed
    #[arg(long)]
    peers: bool,
    /// One of the deliberately broken inits that come with initlab
    #[arg(long = "toy", value_name = "NAME", value_parser = toy)]
    toys: Vec<Init>,
    /// Print the cases, and run nothing
    #[arg(long)]
    list: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// How long each wait may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=600))]
    timeout: u16,
    /// How many cases run at a time; by default some more than there are processors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// Only the cases whose group/name contains one of these
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

/// Runs the command, and gives the exit status.
pub fn main(args: &Args, output: Output) -> Result<i32, Trouble> {
    let mut cases = cases();
    if !args.filters.is_empty() {
        let wanted = |case: &Case| args.filters.iter().any(|f| case.id().contains(f.as_str()));
        cases.retain(wanted);
    }
    if cases.is_empty() {
        anstream::eprintln!(
            "initlab: no case contains {}; `initlab conform --list` lists them",
            args.filters.join(", ")
        );
        return Ok(exit::USAGE);
    }
    if args.list {
        print(&list(&cases, args.format));
        return Ok(exit::OK);
    }
    let Some(inits) = inits(args, output)? else {
        anstream::eprintln!("initlab: name an init: --init PATH, or --peers for those installed");
        return Ok(exit::USAGE);
    };
    if let Err(error) = Sandbox::new("true").try_start() {
        return Err(Trouble(error.in_a_line()));
    }
    let mut plan = Plan::new(inits, cases);
    plan.limit = scaled(Duration::from_secs(args.timeout.into()));
    if let Some(jobs) = args.jobs {
        plan.jobs = jobs.into();
    }
    let report = plan.run(output);
    if interrupt::caught().is_some() {
        return Ok(exit::FAILED);
    }
    print(&match args.format {
        Format::Table => report.to_text(),
        Format::Json => report.to_json(),
        Format::Junit => report.to_junit(),
        Format::Tap => report.to_tap(),
        Format::Markdown => report.to_markdown(),
    });
    Ok(if report.failures() == 0 {
        exit::OK
    } else {
        exit::FAILED
    })
}

/// The inits to look at; `None` where none was named.
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
            output.remark(format_args!("{name} is not installed, and left out"));
        }
        inits.extend(found);
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

/// Writes the result. A reader that has gone wanted no more.
fn print(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}
