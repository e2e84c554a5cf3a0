//! catatonit 0.1.7.

use super::definition::Personality;
use super::native::LICENSE;
use crate::cli::{CommandLine, Fault, Grammar, Options, Page, Request, UsageError};
use crate::config::{Behaviour, Config, FailedStart, Format, Placement, Stops, Target};
use crate::log::{Messages, Sink};
use crate::text::Line;
use crate::{messages, options};
use log::Level;

pub static CATATONIT: Personality = Personality {
    names: &["catatonit", "podman-init"],
    grammar: Grammar {
        options: &OPTIONS,
        long: true,
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
        keeps_background_stops: true,
        undoes_terminal_stops: true,
        opens_dev_tty: true,
        failed_start: FailedStart {
            not_found: 1,
            denied: 1,
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
            CannotExecute: Error "failed to exec pid1: {errno}";
            CannotStart: Error "failed to fork child: {errno}";
            Started: Debug "pid1 ({pid}) spawned: {command:raw}";
            Received: silent;
            Sent: silent;
            CommandExited: silent;
            CommandKilled: silent;
            Exited: Debug "child process {pid} exited with code {status:raw}";
            Killed: Debug "child process {pid} exited due to signal {status:raw}";
            Failed: silent;
            NotAttached: Debug "setting foreground process failed: no tty present: {errno}";
            NoChildren: Debug "got ECHILD: no children left to monitor";
        },
        main_child_is_reaped_too: false,
    },
};

static OPTIONS: Options = options! {
    "-g", "signal the process group"
        => |builder, _| {
            builder.target(Target::Group);
            Ok(())
        };
    "-h", "print this"
        => |builder, _| {
            builder.request = Some(Request::Print(&HELP));
            Ok(())
        };
    "-L", "print licence"
        => |builder, _| {
            builder.request = Some(Request::Print(&LICENSE));
            Ok(())
        };
    "-P", "no command, wait for TERM or INT"
        => |builder, _| {
            builder.request = Some(Request::Pause);
            Ok(())
        };
    "-V, --version", "print the version"
        => |builder, _| {
            builder.request = Some(Request::Print(&VERSION));
            Ok(())
        };
};

static HELP: Page = Page {
    to_stderr: true,
    ..Page::new(|line| {
        line.text(
            "tidy-init as catatonit 0.1.7\n\
             Usage: catatonit [OPTIONS] [--] COMMAND [ARG...]\n\n",
        );
        OPTIONS.describe(line);
    })
};

static USAGE: Page = Page { status: 1, ..HELP };

static VERSION: Page = Page::new(|line| {
    line.text("tini version 0.1.7_catatonit\n");
});

fn defaults(config: &mut Config<'_>) {
    config.placement = Placement::Group;
}

fn parse(line: &mut CommandLine<'_, '_>) -> Result<(), Fault> {
    if line.has("CATATONIT_LOG") {
        return Err(Fault::Reserved);
    }
    let logging = line.builder.logging();
    // It speaks of what happens as details: all or nothing.
    if logging.verbosity == 1 && logging.format == Format::Text {
        logging.verbosity = 2;
    }
    if line.has("CATATONIT_DEBUG") {
        line.builder.logging().verbosity = 2;
    }
    let mut grammar = CATATONIT.grammar;
    grammar.permutes = !line.has("POSIXLY_CORRECT");
    let operands = line.read_options(&grammar)?;
    line.command(operands)
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
    if let Fault::Reserved = error.fault {
        line.text("CATATONIT_LOG is reserved for future use");
        return None;
    }
    line.text("missing program name");
    Some(&USAGE)
}

fn prefix(line: &mut Line<'_>, level: Level, sink: &mut dyn Sink) {
    let level = match level {
        Level::Error => "ERROR",
        Level::Warn => "WARN",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    };
    line.text(level).text(" (catatonit:");
    line.number(sink.process_id().number()).text("): ");
}
