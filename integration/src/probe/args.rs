//! The command line of `initlab probe`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::ValueEnum;
use regex::Regex;

use super::{
    advice::Topic, engine::Engine, gate::Gate, plan::Probe, ready::Readiness, unmet::Unmet,
};
use crate::{
    compare::Findings,
    duration::parse_duration,
    elf::is_dynamic,
    exit::{self, Trouble},
    init::Init,
    output::{self, Output},
    signals::signal_number,
};

/// Run a program as PID 1 and under inits, stop it as `docker stop` does, and advise
///
/// The program runs as PID 1 itself, then under tidy-init and each --init. When it is ready and
/// quiet, it is sent the stop signal. The report shows what happens, tries options that may help, and
/// advises. Options for tidy-init come from TIDY_INIT_OPTS.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Another init to run it under (repeatable)
    #[arg(long, value_name = "PATH[=PERSONALITY]")]
    init: Vec<Init>,
    /// Run it only as PID 1 itself, under no init
    #[arg(long, conflicts_with = "init")]
    bare: bool,
    /// Run it only under inits, not as PID 1 itself
    #[arg(long, conflicts_with = "bare")]
    no_bare: bool,
    /// Run it in a container of this image; without COMMAND, the image's own command
    #[arg(long, value_name = "NAME")]
    image: Option<String>,
    /// docker or podman [default: the first that is installed]
    #[arg(long, value_name = "CLIENT", requires = "image")]
    engine: Option<String>,
    /// An option for `docker run`, such as --env=KEY=VALUE (repeatable)
    #[arg(
        long,
        value_name = "OPTION",
        requires = "image",
        allow_hyphen_values = true
    )]
    run_option: Vec<OsString>,
    /// Its root file system: each run has a layer of its own to write to, and a network of its own
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "image")]
    root: Option<PathBuf>,
    /// A shell script that prepares each run
    #[arg(long, value_name = "SCRIPT", requires = "root")]
    setup: Option<OsString>,
    /// The user to run as
    #[arg(long, value_name = "NAME", conflicts_with = "image")]
    user: Option<String>,
    /// A variable for its environment (repeatable)
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "image")]
    env: Vec<OsString>,
    /// A client, a shell command: its request is in flight when the program is told to stop, and it
    /// exits with 0 if it is answered
    #[arg(long, value_name = "COMMAND")]
    request: Option<OsString>,
    #[command(flatten)]
    ready: Ready,
    /// How long it may take to become ready
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    ready_timeout: Duration,
    /// How long it has to be quiet after that: threads asleep, processes and handlers unchanged; a
    /// program that is never quiet is told to stop after ten times as long. 0 does not wait
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = parse_duration)]
    settle: Duration,
    /// The signal that asks it to stop [default: the image's, or TERM]
    #[arg(long, value_name = "SIGNAL", value_parser = parse_signal)]
    stop_signal: Option<i32>,
    /// How long it may take to stop before it is killed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    stop_timeout: Duration,
    /// Do not try the options that may help
    #[arg(long)]
    no_tries: bool,
    /// Exit with 1 unless it stops within this time under each init
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    expect_stop_within: Option<Duration>,
    /// Exit with 1 unless it ends with one of these statuses under each init
    #[arg(long, value_name = "STATUS,...", value_delimiter = ',')]
    expect_exit: Vec<u8>,
    /// Exit with 1 if this advice is given
    #[arg(
        long,
        value_enum,
        value_name = "ID,...",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    fail_on: Vec<Topic>,
    /// An earlier report (--format json): exit with 1 for advice that it does not have
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The program and its arguments
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "image")]
    command: Vec<OsString>,
}

/// What tells that the program is ready.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Ready {
    /// Ready when a socket listens on this TCP port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    ready_port: Option<u16>,
    /// Ready when a line of its output matches
    #[arg(long, value_name = "REGEX")]
    ready_line: Option<Regex>,
    /// Ready after this time [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    ready_after: Option<Duration>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Aligned, for people
    Table,
    /// A document of its own, for programs
    Json,
    /// JUnit's XML, for CI servers
    Junit,
    /// For documents and pull requests
    Markdown,
}

const EXAMPLES: &str = "\
Examples:
  initlab probe -- sleep 1000
  initlab probe --ready-line ready -- sh -c 'echo ready; sleep 1000; true'
  initlab probe --stop-timeout 2s --expect-stop-within 1s --expect-exit 0,143 -- sleep 1000
  initlab probe --init dumb-init --ready-after 200ms --format json -- sleep 1000";

fn parse_signal(text: &str) -> Result<i32, String> {
    signal_number(text).ok_or_else(|| "not a signal".to_owned())
}

/// Runs the command, and gives its exit status.
pub fn main(args: Args, output: Output) -> Result<i32, Trouble> {
    let in_image = args.image.is_some();
    let remark_dynamic = |init: &Init| {
        if in_image && is_dynamic(init.path()).unwrap_or(false) {
            output.remark(format!(
                "{} needs a dynamic linker: it runs only in an image that has its libraries",
                init.name()
            ));
        }
    };
    let mut probe = Probe::command(args.command)
        .bare(!args.no_bare)
        .readiness(args.ready.readiness())
        .ready_within(args.ready_timeout)
        .settle(args.settle)
        .stop_within(args.stop_timeout)
        .tries(!args.no_tries);
    if !args.bare {
        match Init::ours().map_err(|e| Trouble(e.to_string()))? {
            Some(init) => {
                remark_dynamic(&init);
                probe = probe.init(init);
            }
            None if args.init.is_empty() => output.remark(
                "tidy-init not found, and none is built in, so there is no run under it: set TIDY_INIT \
                 to its path, or name another init with --init",
            ),
            None => {}
        }
    }
    for init in args.init {
        init.check().map_err(|e| Trouble(e.to_string()))?;
        remark_dynamic(&init);
        probe = probe.init(init);
    }
    if let Some(signal) = args.stop_signal {
        probe = probe.stop_signal(signal);
    }
    if let Some(image) = args.image {
        probe = probe.image(Engine::find(args.engine.as_deref())?, image);
    }
    if let Some(root) = args.root {
        probe = probe.root(root);
    }
    if let Some(script) = args.setup {
        probe = probe.setup(script);
    }
    if let Some(user) = args.user {
        probe = probe.user(user);
    }
    for entry in args.env {
        probe = probe.env(entry);
    }
    if let Some(client) = args.request {
        probe = probe.request(client);
    }
    for option in args.run_option {
        probe = probe.run_option(option);
    }
    let gate = Gate {
        stop_within: args.expect_stop_within,
        exit: args.expect_exit.into_iter().map(i32::from).collect(),
        fail_on: args.fail_on,
    };
    let baseline = args.baseline.as_ref().map(Findings::read).transpose()?;
    let progress = output.progress(probe.planned());
    let mut report = probe.run_telling(|what| progress.say(what), |run| progress.step(run))?;
    drop(progress);
    report.unmet = gate.judge(&report);
    if let Some(baseline) = baseline {
        let now = Findings::parse(&report.to_json()).map_err(Trouble)?;
        let new = now.since(&baseline)?.new.into_iter();
        report.unmet.extend(new.map(|(what, _)| Unmet {
            run: "baseline".to_owned(),
            what: format!("{what} is new"),
        }));
    }
    output::print(&match args.format {
        Format::Table => report.to_text(),
        Format::Json => report.to_json() + "\n",
        Format::Junit => report.to_junit(),
        Format::Markdown => report.to_markdown(),
    })?;
    Ok(if report.unmet.is_empty() {
        exit::OK
    } else {
        exit::FAILED
    })
}

impl Ready {
    fn readiness(&self) -> Readiness {
        match (self.ready_port, &self.ready_line, self.ready_after) {
            (Some(port), ..) => Readiness::Port(port),
            (_, Some(regex), _) => Readiness::Line(regex.clone()),
            (_, _, Some(time)) => Readiness::After(time),
            _ => Readiness::After(Duration::from_secs(1)),
        }
    }
}
