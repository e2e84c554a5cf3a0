//! The C entry point: `argv` -> `personality` -> `init` -> exit status.
//!
//! There is no Rust runtime before it: that would ignore SIGPIPE, which the
//! command would inherit, and install handlers, before we block anything.

#![no_main]

use core::ffi::c_char;
#[cfg(not(own_start))]
use core::ffi::c_int;
use log::Level;
use tidy_init::cli::{OPTIONS_VARIABLE, Page, Request, Source, UsageError};
use tidy_init::config::Config;
use tidy_init::init::{self, Command, Linux, Program};
use tidy_init::log::Log;
use tidy_init::personality::{self, Personality};
use tidy_init::signal::{Signal, SignalSet};
use tidy_init::status::INIT_FAILED;
use tidy_init::sys::args::Strings;
use tidy_init::sys::{Errno, io, process, signals};
use tidy_init::text::{Line, reason};

#[cfg(own_start)]
mod entry;

// SAFETY: the name that the C library calls, with the types that it passes.
#[cfg(not(own_start))]
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, argv: *mut *mut c_char, environment: *mut *mut c_char) -> ! {
    begin(argv, environment)
}

fn begin(argv: *mut *mut c_char, environment: *mut *mut c_char) -> ! {
    // First of all: a signal that comes before it is lost, one that comes after
    // it is not.
    let mask = signals::block_all();
    // SAFETY: these are the arrays that the kernel has made.
    let (argv, environment) = unsafe { (Strings::new(argv), Strings::new(environment)) };
    let status = Main {
        argv,
        environment,
        kernel: Linux::new(),
    }
    .run(mask);
    // Not by way of the C library, which would look for streams to flush.
    process::exit_now(status)
}

struct Main {
    argv: Strings,
    environment: Strings,
    kernel: Linux,
}

impl Main {
    fn run(&mut self, mask: Result<SignalSet, Errno>) -> u8 {
        let (argv, environment) = (self.argv, self.environment);
        let options = take_options(environment);
        let name = argv.string(0).unwrap_or_default().to_bytes();
        let personality = personality::called_as(name);
        let mut log = Log::new(&personality.messages);
        let mask = match mask {
            Ok(mask) => mask,
            Err(errno) => return self.fail(&log, "cannot block signals: ", errno),
        };
        let variable = |name: &str| environment.variable(name).map(|(_, value)| value);
        let mut config = Config::default();
        let request = match personality.read(&argv, options, &variable, &mut config) {
            Ok(request) => request,
            Err(error) => return self.refuse(&log, personality, &error),
        };
        match request {
            None => INIT_FAILED,
            Some(Request::Print(page)) => self.print(&log, page),
            Some(Request::ListSignals) => self.print_signals(&log),
            Some(Request::Pause) => {
                log.set(config.logging);
                init::pause(&mut self.kernel, &log)
            }
            Some(Request::Run(index)) => {
                let command = Command {
                    program: Program {
                        argv,
                        index,
                        name: argv.string(index).unwrap_or_default(),
                        environment,
                        names_missing_shell: config.behaviour.failed_start.names_missing_shell,
                    },
                    mask,
                    placement: config.placement,
                    opens_dev_tty: config.behaviour.opens_dev_tty,
                    failed_start: config.behaviour.failed_start,
                };
                log.set(config.logging);
                init::run(&mut self.kernel, &log, &config, &command)
            }
        }
    }

    /// Says why we cannot obey, and gives the status to exit with.
    fn refuse(&mut self, log: &Log, personality: &Personality, error: &UsageError<'_>) -> u8 {
        let mut page = None;
        // The variable is ours, whoever we are.
        let is_ours = error.source == Source::Environment;
        log.complain(&mut self.kernel, &mut |line, sink| {
            if is_ours {
                (personality.messages.prefix)(line, Level::Error, sink);
                error.describe(line);
            } else {
                page = (personality.describe)(error, line, sink);
            }
        });
        if let Some(page) = page {
            self.print(log, page);
        }
        if is_ours {
            INIT_FAILED
        } else {
            personality.usage_status
        }
    }

    /// Prints a page and gives the status that goes with it.
    fn print(&mut self, log: &Log, page: &Page) -> u8 {
        self.print_text(log, page.to_stderr, page.status, &page.write)
    }

    /// Prints the table of signals: a number and a name a line.
    fn print_signals(&mut self, log: &Log) -> u8 {
        self.print_text(log, false, 0, &|line| {
            for signal in Signal::all() {
                line.number(u64::from(signal.number())).byte(b' ');
                signal.name(line);
                line.byte(b'\n');
            }
        })
    }

    // Its room is not to be in the frame that the command is waited for in.
    #[inline(never)]
    fn print_text(
        &mut self,
        log: &Log,
        to_stderr: bool,
        status: u8,
        write: &dyn Fn(&mut Line<'_>),
    ) -> u8 {
        let mut room = [0; 4096];
        let mut text = Line::new(&mut room);
        write(&mut text);
        match io::print(to_stderr, text.as_bytes()) {
            Ok(()) => status,
            Err(errno) => self.fail(log, "cannot write to stdout: ", errno),
        }
    }

    /// Says what we cannot do, and gives the status to exit with.
    fn fail(&mut self, log: &Log, what: &str, errno: Errno) -> u8 {
        log.complain(&mut self.kernel, &mut |line, sink| {
            log.prefix(line, Level::Error, sink);
            reason(line.text(what), errno);
        });
        INIT_FAILED
    }
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
