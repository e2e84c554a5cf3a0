//! The command line of `initlab`.
//!
//! The entry point is C's `main`: Rust's start-up code opens closed descriptors and changes the
//! disposition of SIGPIPE, and the fixtures have to report what they inherited.
#![no_main]
#![deny(unsafe_code)]

use std::ffi::{OsString, c_char, c_int};
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};
use initlab::{
    bench, compare, conform,
    exit::{self, Trouble},
    fixture, interrupt, machine,
    output::Output,
    pages, probe, toy,
};

/// Shows how an init, or a program that runs as PID 1, behaves.
#[derive(Parser)]
#[command(version, after_help = HELP)]
struct Cli {
    /// Print the result only, without progress and remarks
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Examples:
  initlab conform --list
  initlab conform --init /usr/bin/tini reaping
  initlab conform --peers --format markdown exit-status
  initlab probe --stop-timeout 2s -- sleep 1000
  initlab bench --init tini --only size,startup --rounds 100

Exit status:
  0    success
  1    a case failed, or an expectation of yours is not met
  2    usage error
  125  initlab itself failed; one line says why
  130  interrupted, 143 terminated: nothing that it started is left";

#[derive(Subcommand)]
enum Command {
    Conform(conform::Args),
    Probe(Box<probe::Args>),
    Bench(bench::Args),
    Compare(compare::Args),
    /// Small programs for tests: `initlab fixture help` lists them
    #[command(hide = true)]
    Fixture {
        /// The name of the fixture and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Writes man pages and shell completions into a directory
    #[command(hide = true)]
    Pages {
        /// An existing directory
        directory: PathBuf,
    },
    /// Deliberately broken inits: `initlab toy help` lists them
    #[command(hide = true)]
    Toy {
        /// The name of the toy, options, `--` and a command
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: these are the arguments of the C entry point.
    let arguments = unsafe { initlab::sys::arguments(argc, argv) };
    // First, before anything is opened that the fixtures would report.
    match arguments.get(1).and_then(|name| name.to_str()) {
        Some("fixture") => return fixture::run(arguments),
        Some("toy") => return toy::run(arguments),
        Some("machine") => return machine::main(arguments),
        _ => {}
    }
    initlab::use_own_fixtures();
    run(Cli::parse_from(arguments))
}

fn run(cli: Cli) -> c_int {
    let output = Output { quiet: cli.quiet };
    let named = |name: &str, arguments: Vec<OsString>| {
        let prefix = ["initlab", name].map(OsString::from);
        prefix.into_iter().chain(arguments).collect()
    };
    let result = match cli.command {
        Command::Conform(args) => watched(|| conform::main(&args, output)),
        Command::Bench(args) => watched(|| bench::main(args, output)),
        Command::Compare(args) => compare::main(&args),
        Command::Probe(args) => watched(|| probe::main(*args, output)),
        Command::Fixture { arguments } => Ok(fixture::run(named("fixture", arguments))),
        Command::Pages { directory } => pages::write(Cli::command(), &directory)
            .map(|()| exit::OK)
            .map_err(|e| Trouble(format!("cannot write into {}: {e}", directory.display()))),
        Command::Toy { arguments } => Ok(toy::run(named("toy", arguments))),
    };
    let status = result.unwrap_or_else(|trouble| {
        anstream::eprintln!("initlab: {trouble}");
        exit::TROUBLE
    });
    interrupt::caught().map_or(status, exit::interrupted)
}

/// Runs a command that starts processes; an interrupt kills them.
fn watched(command: impl FnOnce() -> Result<c_int, Trouble>) -> Result<c_int, Trouble> {
    interrupt::watch()?;
    // Writing to a program that has ended is an error and must not kill us.
    initlab::sys::set_disposition(libc::SIGPIPE, true)
        .map_err(|e| Trouble(format!("cannot ignore SIGPIPE: {e}")))?;
    command()
}
