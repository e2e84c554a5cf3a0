//! The command line of `initlab probe`.

use std::{ffi::OsString, time::Duration};

use clap::ValueEnum;
use regex::Regex;

use super::{Engine, Gate, Probe, Readiness};
use crate::{
    duration::parse_duration,
    elf::is_dynamic,
    exit::{self, Trouble},
    init::Init,
    output::Output,
    signals::signal_number,
};

/// Run a program as PID 1 and under inits, stop it as `docker stop` does, and say what to do
///
/// The program runs as PID 1 itself, then under tidy-init and each --init. When it is ready, it is
/// sent the stop signal; what happens is shown, and advice is given and tried. Options for tidy-init
/// come from TIDY_INIT_OPTS.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Another init to run it under; repeatable
    #[arg(long, value_name = "PATH[=PERSONALITY]")]
    init: Vec<Init>,
    /// As PID 1 itself only, under no init
    #[arg(long, conflicts_with = "init")]
    bare: bool,
    /// Under inits only, not as PID 1 itself
    #[arg(long, conflicts_with = "bare")]
    no_bare: bool,
    /// In a container of this image, with its own command where none is given
    #[arg(long, value_name = "NAME")]
    image: Option<String>,
    /// docker or podman; the first that is installed otherwise
    #[arg(long, value_name = "CLIENT", requires = "image")]
    engine: Option<String>,
    /// An option for `docker run`, such as --env=KEY=VALUE; repeatable
    #[arg(
        long,
        value_name = "OPTION",
        requires = "image",
        allow_hyphen_values = true
    )]
    run_option: Vec<OsString>,
    #[command(flatten)]
    ready: Ready,
    /// How long it may take to become ready
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    ready_timeout: Duration,
    /// The signal that asks it to stop: the image's, or TERM
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
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The program and its arguments
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "image")]
    command: Vec<OsString>,
}

/// What makes the program ready.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Ready {
    /// Ready when somebody listens on this TCP port
    #[arg(long, value_name = "PORT")]
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
    Table,
    Json,
}

const EXAMPLES: &str = "\
Examples:
  initlab probe -- sleep 1000
  initlab probe --ready-line ready -- sh -c 'echo ready; sleep 1000; true'
  initlab probe --stop-timeout 2s --expect-stop-within 1s --expect-exit 0,143 -- sleep 1000
  initlab probe --init dumb-init --ready-after 200ms --format json -- sleep 1000";

fn parse_signal(text: &str) -> Result<i32, String> {
    signal_number(text).ok_or_else(|| "no signal has that name or number".to_owned())
}

/// Runs the command, and gives its exit status.
pub fn main(args: Args, output: Output) -> Result<i32, Trouble> {
    let in_image = args.image.is_some();
    let remark_dynamic = |init: &Init| {
        if in_image && is_dynamic(init.path()).unwrap_or(false) {
            output.remark(format!(
                "{} needs a dynamic linker: it only runs in an image that has its libraries",
                init.name()
            ));
        }
    };
    let mut probe = Probe::command(args.command)
        .bare(!args.no_bare)
        .readiness(args.ready.readiness())
        .ready_within(args.ready_timeout)
        .stop_within(args.stop_timeout)
        .tries(!args.no_tries);
    if !args.bare {
        match Init::ours() {
            Some(init) => {
                remark_dynamic(&init);
                probe = probe.init(init);
            }
            None if args.init.is_empty() => output.remark(
                "tidy-init is not found, so there is no run under it: name it by TIDY_INIT, or \
                 another init by --init",
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
    for option in args.run_option {
        probe = probe.run_option(option);
    }
    let gate = Gate {
        stop_within: args.expect_stop_within,
        exit: args.expect_exit.into_iter().map(i32::from).collect(),
    };
    let progress = output.progress(probe.planned());
    let mut report = probe.run_telling(|run| progress.step(run))?;
    drop(progress);
    report.unmet = gate.judge(&report);
    match args.format {
        Format::Table => anstream::print!("{}", report.to_text()),
        Format::Json => println!("{}", report.to_json()),
    }
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
