//! `tidy-init` under its own name.

use super::definition::Personality;
use crate::cli::{CommandLine, Fault, Grammar, Options, Page, Request, UsageError, values};
use crate::config::{Behaviour, Config};
use crate::log::{Messages, Sink};
use crate::options;
use crate::status::INIT_FAILED;
use crate::text::{Line, Rows};
use log::Level;

/// Ourselves.
pub static NATIVE: Personality = Personality {
    names: &["tidy-init"],
    grammar: Grammar {
        options: &OPTIONS,
        long: true,
        permutes: false,
    },
    reads_variable: true,
    parse,
    describe,
    usage_status: INIT_FAILED,
    defaults,
    behaviour: Behaviour::NATIVE,
    messages: Messages {
        prefix,
        table: Rows(&[]),
        main_child_is_reaped_too: false,
    },
};

static OPTIONS: Options = options! {
    in "Signals", "-r, --rewrite FROM:TO",
        "deliver TO when FROM arrives; 0 drops it"
        => |builder, value| {
            let (from, to) = values::rewrite(value)?;
            builder.run().rewrite.set(from, to);
            Ok(())
        };
    "-t, --target WHO",
        "child, group (default) or all get the signals"
        => |builder, value| {
            builder.target(values::target(value)?);
            Ok(())
        };
    "-c, --single-child",
        "no session of its own, signals to the command alone"
        => |builder, _| {
            builder.share_group();
            Ok(())
        };
    "-d, --delay SIG:TIME",
        "hold SIG back for TIME before it is forwarded;\nthe same signal again ends the wait"
        => |builder, value| {
            let (signal, delay) = values::signal_and_duration(value)?;
            builder.run().delay.set(signal, delay);
            Ok(())
        };
    in "Shutdown", "-k, --kill-after [SIG:]TIME",
        "KILL everything if the command still runs TIME\nafter TERM, INT, QUIT, or SIG was \
         forwarded: status 137"
        => |builder, value| {
            let (signal, allowed) = values::kill_after(value)?;
            builder.kill_after(signal, allowed);
            Ok(())
        };
    "--grace TIME",
        "TERM the leftovers, wait up to TIME, then KILL\nthem; `docker exec` starts are not awaited"
        => |builder, value| {
            builder.run().grace = Some(values::duration(value)?);
            Ok(())
        };
    "--pre-stop PROGRAM",
        "at the first stop signal run PROGRAM, and forward\nthe signal when it has ended"
        => |builder, value| {
            builder.run().pre_stop = Some(values::program(value)?);
            Ok(())
        };
    "--linger TIME",
        "at the end wait up to TIME until what was sent\nover TCP has arrived"
        => |builder, value| {
            builder.run().linger = Some(values::duration(value)?);
            Ok(())
        };
    in "Exit status", "-e, --exit-map FROM[:TO]",
        "exit with TO (default 0) where the status is FROM"
        => |builder, value| {
            let (from, to) = values::exit_map(value)?;
            builder.run().exit_map.set(from, to);
            Ok(())
        };
    "-x, --exit-by-signal",
        "die by the signal that killed the command\n(not as PID 1)"
        => |builder, _| {
            builder.run().exit_by_signal = true;
            Ok(())
        };
    in "Process", "-p, --parent-death SIG",
        "get SIG when our parent dies"
        => |builder, value| {
            builder.run().parent_death = Some(values::native_signal(value)?);
            Ok(())
        };
    "--pause",
        "no command: hold the namespaces, reap, exit with 0\non TERM or INT"
        => |builder, _| {
            builder.request = Some(Request::Pause);
            Ok(())
        };
    "--termination-log PATH",
        "write a line there when the command fails;\nthe file must exist"
        => |builder, value| {
            builder.run().termination_log = Some(values::absolute(value)?);
            Ok(())
        };
    in "Diagnostics", "-v, --verbose",
        "say what happens; twice: everything"
        => |builder, _| {
            let verbosity = &mut builder.logging().verbosity;
            *verbosity = verbosity.saturating_add(1);
            Ok(())
        };
    "--log-format FORM",
        "text (default) or json"
        => |builder, value| {
            builder.logging().format = values::format(value)?;
            Ok(())
        };
    "-l, --list-signals",
        "print signals"
        => |builder, _| {
            builder.request = Some(Request::ListSignals);
            Ok(())
        };
    "-h, --help",
        "print this"
        => |builder, _| {
            builder.request = Some(Request::Print(&HELP));
            Ok(())
        };
    "-V, --version",
        "print the version"
        => |builder, _| {
            builder.request = Some(Request::Print(&VERSION));
            Ok(())
        };
};

static HELP: Page = Page::new(|line| {
    line.text(
        "Usage: tidy-init [OPTIONS] [--] COMMAND [ARG...]\n\
         Forwards signals, reaps zombies, reports its status.\n",
    );
    OPTIONS.describe(line);
    line.text(
        "\nSignals are names (TERM, SIGTERM, term, RTMIN+3) or numbers; TIME is 500ms, 10s,\n\
         2m, 1h, or seconds.\n\
         TIDY_INIT_OPTS holds options that are read first.\n\
         \nExit status: the command's; 128 + n if signal n killed it; 125 if tidy-init\n\
         failed, 126 if COMMAND cannot be executed, 127 if not found:\n\
         docs/exit-codes.md\n",
    );
});

static VERSION: Page = Page::new(|line| {
    line.text(concat!("tidy-init ", env!("CARGO_PKG_VERSION"), "\n"));
});

/// The licence, which other programs have an option for.
pub static LICENSE: Page = Page::new(|line| {
    line.text("tidy-init: MIT OR Apache-2.0\n");
});

fn defaults(_: &mut Config<'_>) {}

pub(super) fn parse(line: &mut CommandLine<'_, '_>) -> Result<(), Fault> {
    let operands = line.read_options(&NATIVE.grammar)?;
    match line.builder.request {
        Some(Request::Pause) => line.builder.pause(line.argv.get(operands).is_some()),
        _ => line.command(operands),
    }
}

pub(super) fn describe(
    error: &UsageError<'_>,
    line: &mut Line<'_>,
    sink: &mut dyn Sink,
) -> Option<&'static Page> {
    prefix(line, Level::Error, sink);
    error.describe(line);
    None
}

fn prefix(line: &mut Line<'_>, _: Level, _: &mut dyn Sink) {
    line.text("[tidy-init] ");
}
