//! tini 0.19.

use super::definition::Personality;
use super::native::LICENSE;
use crate::cli::{CommandLine, Fault, Grammar, Invalid, Options, Page, Request, UsageError};
use crate::config::{Behaviour, Config, FailedStart, Placement, Stops, Target};
use crate::log::{Messages, Sink};
use crate::signal::Signal;
use crate::status::{NOT_EXECUTABLE, NOT_FOUND};
use crate::text::{Line, leading_integer};
use crate::{messages, options};
use log::Level;

pub static TINI: Personality = Personality {
    names: &["tini", "tini-static", "docker-init"],
    grammar: Grammar {
        options: &OPTIONS,
        long: false,
        permutes: true,
    },
    reads_variable: true,
    parse,
    describe,
    usage_status: 1,
    defaults,
    behaviour: Behaviour {
        stops: Stops::Never,
        terminal_signals_once: false,
        failed_start: FailedStart {
            not_found: NOT_FOUND,
            denied: NOT_EXECUTABLE,
            other: 1,
            no_process: 1,
            is_command_status: true,
            names_missing_shell: true,
        },
        ..Behaviour::NATIVE
    },
    messages: Messages {
        prefix,
        table: messages! {
            CannotExecute: Error "exec {command:raw} failed: {errno}";
            CannotStart: Error "fork failed: {errno}";
            Started: Info "Spawned child process '{command:raw}' with pid '{pid}'";
            Received: silent;
            Sent: Debug "Passing signal: '{signal:description}'";
            NotSent: Debug "Passing signal: '{signal:description}'";
            CommandExited: Info "Main child exited normally (with status '{status:raw}')";
            CommandKilled: Info "Main child exited with signal (with signal '{status:description}')";
            Exited: Debug "Reaped child with pid: '{pid}'";
            Killed: Debug "Reaped child with pid: '{pid}'";
            Failed: silent;
            ChildSignal: Debug "Received SIGCHLD";
            NoReaper: Warn "Tini is not running as PID 1 and isn't registered as a child \
                subreaper.\nZombie processes will not be re-parented to Tini, so zombie reaping \
                won't work.\nTo fix the problem, use the -s option or set the environment \
                variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as \
                PID 1.";
            Reaper: Trace "Registered as child subreaper";
            OrphanReaped: Warn "Reaped zombie process with pid={pid}";
            NothingToReap: Trace "No child to reap";
            NoChildren: Trace "No child to wait";
            Leaving: Trace "Exiting: child has exited";
        },
        main_child_is_reaped_too: true,
    },
};

static OPTIONS: Options = options! {
    "-h", "print this"
        => |builder, _| {
            builder.request = Some(Request::Print(&HELP));
            Ok(())
        };
    "-s", "become a subreaper"
        => |builder, _| {
            builder.run().subreaper = true;
            Ok(())
        };
    "-p SIGNAL", "SIGNAL when our parent dies"
        => |builder, value| {
            builder.run().parent_death = Some(signal(value)?);
            Ok(())
        };
    "-v", "say what happens"
        => |builder, _| {
            let verbosity = &mut builder.logging().verbosity;
            *verbosity = verbosity.saturating_add(1);
            Ok(())
        };
    "-w", "warn of reaped orphans"
        => |builder, _| {
            builder.run().warn_on_reap = true;
            Ok(())
        };
    "-g", "signal the process group"
        => |builder, _| {
            builder.target(Target::Group);
            Ok(())
        };
    "-e STATUS", "report STATUS as 0"
        => |builder, value| {
            let from = status(value)?;
            builder.run().exit_map.set(from, 0);
            Ok(())
        };
    "-l", "print licence"
        => |builder, _| {
            builder.request = Some(Request::Print(&LICENSE));
            Ok(())
        };
};

static HELP: Page = Page::new(|line| {
    line.text(
        "tidy-init as tini 0.19\n\
         Usage: tini [OPTIONS] COMMAND -- [ARG...] | --version\n\n",
    );
    OPTIONS.describe(line);
});

static USAGE: Page = Page {
    to_stderr: true,
    status: 1,
    ..HELP
};

/// The engine of Docker reads this line.
static VERSION: Page = Page::new(|line| {
    line.text("tini version 0.19.0\n");
});

fn defaults(config: &mut Config<'_>) {
    config.placement = Placement::Group;
    config.subreaper = false;
    // It ignores them, lest its own lines stop it.
    config.rewrite.set(Signal::TTIN, None);
    config.rewrite.set(Signal::TTOU, None);
}

fn parse(line: &mut CommandLine<'_, '_>) -> Result<(), Fault> {
    // Anywhere else it is no option.
    if line.argv.get(1) == Some(b"--version") && line.argv.get(2).is_none() {
        line.builder.request = Some(Request::Print(&VERSION));
        return Ok(());
    }
    let mut grammar = TINI.grammar;
    grammar.permutes = !line.has("POSIXLY_CORRECT");
    let operands = line.read_options(&grammar)?;
    // The variables win over the options.
    if line.has("TINI_SUBREAPER") {
        line.builder.run().subreaper = true;
    }
    if line.has("TINI_KILL_PROCESS_GROUP") {
        line.builder.target(Target::Group);
    }
    if let Some(value) = (line.variable)("TINI_VERBOSITY") {
        // As atoi(3), where what is no number is 0; and unsigned. We count from
        // the warnings.
        let number = leading_integer(value).map_or(0, |(number, _)| number as u32);
        line.builder.logging().verbosity = number.min(4) as i8 - 1;
    }
    line.command(operands).or_else(|fault| {
        if fault == Fault::NoCommand {
            line.builder.request = Some(Request::Print(&USAGE));
            return Ok(());
        }
        Err(fault)
    })
}

/// A status that becomes 0; no digits at all are 0, as `strtol(3)` has it.
fn status(value: &[u8]) -> Result<u8, Invalid> {
    match leading_integer(value) {
        None if value.is_empty() => Ok(0),
        Some((number, b"")) => u8::try_from(number).map_err(|_| Invalid::NotAStatus),
        _ => Err(Invalid::NotAStatus),
    }
}

/// A name in full, of those that it knows.
fn signal(value: &[u8]) -> Result<Signal, Invalid> {
    value
        .strip_prefix(b"SIG")
        .and_then(Signal::named)
        .filter(|signal| !matches!(signal.raw(), libc::SIGSTKFLT | libc::SIGIO | libc::SIGPWR))
        .ok_or(Invalid::NoSuchSignal)
}

fn describe(
    error: &UsageError<'_>,
    line: &mut Line<'_>,
    sink: &mut dyn Sink,
) -> Option<&'static Page> {
    if error.describe_as_getopt(line, &OPTIONS) {
        return Some(&USAGE);
    }
    prefix(line, Level::Error, sink);
    line.text("Not a valid option for -");
    line.byte(error.option.letter.unwrap_or_default());
    line.text(": ").bytes(error.value);
    None
}

fn prefix(line: &mut Line<'_>, level: Level, sink: &mut dyn Sink) {
    let level = match level {
        Level::Error => "FATAL",
        Level::Warn => "WARN ",
        Level::Info => "INFO ",
        Level::Debug => "DEBUG",
        Level::Trace => "TRACE",
    };
    line.text("[").text(level).text(" tini (");
    line.number(sink.process_id().number()).text(")] ");
}
