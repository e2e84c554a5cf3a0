//! dumb-init 1.2.5.

use super::definition::Personality;
use crate::cli::{
    CommandLine, Fault, Grammar, Invalid, Options, Page, Request, UsageError, values,
};
use crate::config::{Behaviour, Config, FailedStart, Stops};
use crate::log::{Messages, Sink};
use crate::signal::Signal;
use crate::text::{Line, leading_integer};
use crate::{messages, options};
use log::Level;

pub static DUMB_INIT: Personality = Personality {
    names: &["dumb-init"],
    grammar: Grammar {
        options: &OPTIONS,
        long: true,
        permutes: false,
    },
    reads_variable: true,
    parse,
    describe,
    usage_status: 1,
    defaults,
    behaviour: Behaviour {
        stops: Stops::Always,
        terminal_signals_once: false,
        // It takes its own TERM for a received one.
        rewrites_final_term: true,
        gives_up_terminal_as_member: true,
        failed_start: FailedStart {
            not_found: 2,
            denied: 2,
            other: 2,
            no_process: 1,
            is_command_status: true,
            names_missing_shell: true,
        },
        ..Behaviour::NATIVE
    },
    messages: Messages {
        prefix,
        table: messages! {
            CannotExecute: Error "{command:raw}: {errno}";
            CannotStart: Error "Unable to fork. Exiting.";
            Started: Info "Child spawned with PID {pid}.";
            Received: Info "Received signal {signal:raw}.";
            Sent: Info "Forwarded signal {signal:raw} to children.";
            NotSent: Info "Forwarded signal {signal:raw} to children.";
            Stopping: Info "Suspending self due to TTY signal.";
            CommandExited: silent;
            CommandKilled: silent;
            Exited: Info "A child with PID {pid} exited with exit status {status:raw}.";
            Killed: Info "A child with PID {pid} was terminated by signal {status:raw}.";
            Failed: silent;
            ChildSignal: Info "Received signal 17.";
            Rewritten: Info "Translating signal {signal:raw} to {delivered}.";
            Dropped: Info "Not forwarding signal 0 to children (ignored).";
            Debugging: Info "Running in debug mode.";
            NoSession: Info "Not running in setsid mode.";
            NotDetached: Info "Unable to detach from controlling tty (errno={errno:raw} {errno}).";
            Detached: Info "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT \
                            we receive.";
            DetachedAsMember: Info "Detached from controlling tty, but was not session leader.";
            HandedOff: Info "Ignoring tty hand-off signal {signal:raw}.";
            NotAttached: Info "Unable to attach to controlling tty (errno={errno:raw} {errno}).";
            NewSession: Info "setsid complete.";
            Leaving: Info "Child exited with status {status}. Goodbye.";
        },
        main_child_is_reaped_too: true,
    },
};

static OPTIONS: Options = options! {
    "-h, --help", "print this"
        => |builder, _| {
            builder.request = Some(Request::Print(&HELP));
            Ok(())
        };
    "-c, --single-child", "no session of its own"
        => |builder, _| {
            builder.share_group();
            Ok(())
        };
    "-r, --rewrite FROM:TO", "deliver TO for FROM; 0 drops it"
        => |builder, value| {
            let (from, to) = rewrite(value)?;
            builder.run().rewrite.set(from, to);
            Ok(())
        };
    "-v, --verbose", "say what happens"
        => |builder, _| {
            be_verbose(builder.run());
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
            "tidy-init as dumb-init v1.2.5\n\
             Usage: dumb-init [OPTIONS] [--] COMMAND [ARG...]\n\n",
        );
        OPTIONS.describe(line);
    })
};

static VERSION: Page = Page {
    to_stderr: true,
    ..Page::new(|line| {
        line.text("dumb-init v1.2.5\n");
    })
};

fn defaults(config: &mut Config<'_>) {
    config.subreaper = false;
}

/// It has one level only.
fn be_verbose(config: &mut Config<'_>) {
    config.logging.verbosity = config.logging.verbosity.max(1);
}

fn parse(line: &mut CommandLine<'_, '_>) -> Result<(), Fault> {
    if (line.variable)("DUMB_INIT_DEBUG") == Some(b"1") {
        let config = line.builder.run();
        be_verbose(config);
        config.debug_by_environment = true;
    }
    if (line.variable)("DUMB_INIT_SETSID") == Some(b"0") {
        line.builder.share_group();
        line.builder.run().shared_by_environment = true;
    }
    let operands = line.read_options(&DUMB_INIT.grammar)?;
    line.command(operands)
}

/// `FROM:TO`: numbers up to 31 as `sscanf(3)` reads them, or what the native
/// option takes.
fn rewrite(value: &[u8]) -> Result<(Signal, Option<Signal>), Invalid> {
    let numbers = leading_integer(value).and_then(|(from, rest)| {
        let (to, _) = leading_integer(rest.strip_prefix(b":")?)?;
        // Cut to a C int, as there.
        Some((from as i32, to as i32))
    });
    match numbers {
        None => values::rewrite(value),
        Some((from @ 1..=31, to @ 0..=31)) => Ok((
            Signal::new(from).ok_or(Invalid::NoSuchSignal)?,
            Signal::new(to),
        )),
        Some(_) => Err(Invalid::NoSuchSignal),
    }
}

fn describe(
    error: &UsageError<'_>,
    line: &mut Line<'_>,
    _: &mut dyn Sink,
) -> Option<&'static Page> {
    match error.fault {
        Fault::Invalid(_) => {
            line.text(
                "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n\
                 This option can be specified multiple times.\nUse --help for full usage.",
            );
        }
        Fault::NoCommand => {
            line.text("Usage: ").bytes(error.program);
            line.text(" [option] program [args]\nTry ")
                .bytes(error.program);
            line.text(" --help for full usage.");
        }
        _ => {
            error.describe_as_getopt(line, &OPTIONS);
        }
    }
    None
}

fn prefix(line: &mut Line<'_>, _: Level, _: &mut dyn Sink) {
    line.text("[dumb-init] ");
}
