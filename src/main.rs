//! The C entry point: `argv` -> `cli` -> `run` -> exit status.
//!
//! There is no Rust runtime before it: that would ignore SIGPIPE, which the
//! command would inherit, and install handlers, before we block anything.

#![no_main]

use core::ffi::{c_char, c_int};
use core::fmt::Write;
use tidy_init::buffer::Buffer;
use tidy_init::child::Command;
use tidy_init::cli::{self, Arguments, OPTIONS_VARIABLE};
use tidy_init::config::{Config, Request, Text};
use tidy_init::errno::Reason;
use tidy_init::number::Decimal;
use tidy_init::signal::Signal;
use tidy_init::status::INIT_FAILED;
use tidy_init::sys::args::Strings;
use tidy_init::sys::{Errno, io, process, signals};
use tidy_init::text::Packed;
use tidy_init::{log, run};

// SAFETY: the name that the C library calls, with the types that it passes.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, argv: *mut *mut c_char) -> ! {
    // First of all: what comes before it is lost, what comes after it is not.
    let mask = signals::block_all();
    // SAFETY: this is the argument vector that the kernel has made.
    let argv = unsafe { Strings::new(argv) };
    let environment = Strings::environment();
    let options = take_options(environment);
    let name = argv.get(0).unwrap_or_default();
    let personality = cli::called_as(name);
    log::speak_as(personality);
    let variable = |name: &str| environment.variable(name).map(|(_, value)| value);
    let mut config = Config::default();
    let parsed = cli::parse(personality, &argv, options, &variable, &mut config);
    let status = match (mask, parsed) {
        (Err(errno), _) => {
            log::complain(format_args!("cannot block signals: {}", Reason(errno)));
            INIT_FAILED
        }
        (_, Ok(Request::Print(text))) => print(text),
        (_, Ok(Request::ListSignals)) => print_signals(),
        (_, Ok(Request::Pause)) => {
            log::start(config.logging);
            run::pause(&config)
        }
        (Ok(mask), Ok(Request::Run(command))) => {
            log::start(config.logging);
            match argv.string(command) {
                Some(name) => run::run(
                    &config,
                    &Command {
                        argv,
                        index: command,
                        name,
                        environment,
                        mask,
                        placement: config.placement,
                        personality,
                    },
                ),
                None => INIT_FAILED,
            }
        }
        (_, Err(complaint)) => {
            log::complain_plainly(&complaint);
            if let Some(usage) = complaint.usage() {
                print(usage);
            }
            complaint.status()
        }
    };
    // Not by way of the C library, which would look for streams to flush.
    process::exit_now(status)
}

/// The options in the environment, which are taken out of it: an init that the
/// command starts must not take them for its own.
fn take_options(environment: Strings) -> Option<&'static [u8]> {
    let mut options = None;
    while let Some((index, value)) = environment.variable(OPTIONS_VARIABLE) {
        options = options.or(Some(value));
        environment.remove(index);
    }
    options
}

/// Prints a text and gives the status that goes with it.
// Its room is not to be in the frame that the command is waited for in.
#[inline(never)]
fn print(text: Text) -> u8 {
    let mut room = [0; 4096];
    let mut bytes = Buffer::new(&mut room);
    // The texts fit.
    let _ = write!(bytes, "{}", Packed(text.packed));
    match printed(io::print(text.to_stderr, bytes.bytes())) {
        0 => text.status,
        failed => failed,
    }
}

/// The table of signals: a number and a name a line.
fn print_signals() -> u8 {
    printed(Signal::all().try_for_each(|signal| {
        let mut room = [0; 32];
        let mut line = Buffer::new(&mut room);
        // A name always fits.
        let _ = writeln!(line, "{} {signal}", Decimal(u64::from(signal.number())));
        io::print(false, line.bytes())
    }))
}

fn printed(result: Result<(), Errno>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(errno) => {
            log::complain(format_args!("cannot write to stdout: {}", Reason(errno)));
            INIT_FAILED
        }
    }
}
