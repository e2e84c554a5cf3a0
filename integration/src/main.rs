//! The command line of `initlab`.
//!
//! The entry point is C's: Rust's start-up code opens descriptors that are closed and changes what
//! SIGPIPE does, and the fixtures are there to show what they were given.
#![no_main]
#![deny(unsafe_code)]

use std::ffi::{OsString, c_char, c_int};
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

/// Shows how an init, or a program that is run as PID 1, behaves.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Small programs for tests: `initlab fixture help` lists them
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
}

#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: these are the arguments of the C entry point.
    let arguments = unsafe { initlab::sys::arguments(argc, argv) };
    if arguments.get(1).is_some_and(|name| name == "fixture") {
        return initlab::fixture::run(arguments);
    }
    run(Cli::parse_from(arguments))
}

fn run(cli: Cli) -> c_int {
    match cli.command {
        Command::Fixture { arguments } => {
            let prefix = ["initlab", "fixture"].map(OsString::from);
            initlab::fixture::run(prefix.into_iter().chain(arguments).collect())
        }
        Command::Pages { directory } => match initlab::pages::write(Cli::command(), &directory) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!(
                    "initlab: cannot write into {}: {error}",
                    directory.display()
                );
                1
            }
        },
    }
}
