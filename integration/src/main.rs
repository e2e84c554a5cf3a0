//! The command line of `initlab`.
//!
//! The entry point is C's: Rust's start-up code opens descriptors that are closed and changes what
//! SIGPIPE does, and the fixtures are there to show what they were given.
#![no_main]
#![deny(unsafe_code)]

use std::ffi::{OsString, c_char, c_int};
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};
use initlab::{
    bench, conform,
    exit::{self, Trouble},
    fixture, interrupt,
    output::Output,
    pages, probe, toy,
};

/// Shows how an init, or a program that is run as PID 1, behaves.
#[derive(Parser)]
#[command(version, after_help = HELP)]
struct Cli {
    /// No progress and no remarks: the result only
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
  0    all is well
  1    a case has failed, or a gate that you set is not met
  2    the command line is wrong
  125  initlab itself could not do its work; one line says why
  130  interrupted, 143 terminated: nothing that it started is left";

#[derive(Subcommand)]
enum Command {
    Conform(conform::Args),
    Probe(Box<probe::Args>),
    Bench(bench::Args),
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
        /// The directory, which has to exist
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
    // Before anything is opened or allocated that they would have to hide.
    match arguments.get(1).and_then(|name| name.to_str()) {
        Some("fixture") => return fixture::run(arguments),
        Some("toy") => return toy::run(arguments),
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

/// Runs a command that starts processes: they go when it is interrupted.
fn watched(command: impl FnOnce() -> Result<c_int, Trouble>) -> Result<c_int, Trouble> {
    interrupt::watch()?;
    // What is written to a program that has ended is an error, not our end.
    initlab::sys::set_disposition(libc::SIGPIPE, true)
        .map_err(|e| Trouble(format!("cannot ignore SIGPIPE: {e}")))?;
    command()
}
