//! The command line of `initlab`.
//!
//! The entry point is C's: Rust's start-up code opens descriptors that are closed and changes what
//! SIGPIPE does, and the fixtures are there to show what they were given.
#![no_main]
#![deny(unsafe_code)]

use std::ffi::{OsString, c_char, c_int};

use clap::{Parser, Subcommand};
use initlab::{
    exit::{self, Trouble},
    fixture, interrupt,
    output::Output,
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
Exit status:
  0    all is well
  1    a case has failed, or a gate that you set is not met
  2    the command line is wrong
  125  initlab itself could not do its work; one line says why
  130  interrupted, 143 terminated: nothing that it started is left";

#[derive(Subcommand)]
enum Command {
    /// Small programs for tests: `initlab fixture help` lists them
    #[command(hide = true)]
    Fixture {
        /// The name of the fixture and its arguments
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
    if arguments.get(1).is_some_and(|name| name == "fixture") {
        return fixture::run(arguments);
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
    let result: Result<c_int, Trouble> = match cli.command {
        Command::Fixture { arguments } => Ok(fixture::run(named("fixture", arguments))),
    };
    let status = result.unwrap_or_else(|trouble| {
        anstream::eprintln!("initlab: {trouble}");
        exit::TROUBLE
    });
    interrupt::caught().map_or(status, exit::interrupted)
}

#[allow(dead_code)]
/// Runs a command that starts processes: they go when it is interrupted.
fn watched(command: impl FnOnce() -> Result<c_int, Trouble>) -> Result<c_int, Trouble> {
    interrupt::watch()?;
    command()
}
