//! What options add up to.

use super::fault::Fault;
use super::request::Request;
use crate::config::{Config, Logging, Placement, Target};
use crate::signal::{Signal, SignalSet};
use crate::time::Time;

/// The variable that holds native options, for places where no arguments can be
/// given, as with `docker run --init`.
pub const OPTIONS_VARIABLE: &str = "TIDY_INIT_OPTS";

/// Where options come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The arguments.
    Argv,
    /// The variable [`OPTIONS_VARIABLE`].
    Environment,
}

/// The configuration while options are being read.
pub struct Builder<'c, 'a> {
    config: &'c mut Config<'a>,
    /// What the command line asks for instead of running a command.
    pub request: Option<Request>,
    /// Where the options come from that are being read.
    pub source: Source,
    target: Option<Target>,
    /// Whether options for a run were given, and where the first one stands.
    run_options: Option<Source>,
    /// Where the first option stands that chose a group or refused one.
    placed_by: Option<Source>,
    /// The signals that `--kill-after` names on the command line.
    named_in_argv: SignalSet,
}

impl<'c, 'a> Builder<'c, 'a> {
    /// Begins with a configuration that holds the defaults.
    pub fn new(config: &'c mut Config<'a>) -> Self {
        Builder {
            config,
            request: None,
            source: Source::Argv,
            target: None,
            run_options: None,
            placed_by: None,
            named_in_argv: SignalSet::EMPTY,
        }
    }

    /// The configuration of a run, for an option that has no meaning without a
    /// command.
    // Apart: nearly every option calls it.
    #[inline(never)]
    pub fn run(&mut self) -> &mut Config<'a> {
        self.run_options.get_or_insert(self.source);
        self.config
    }

    /// What is said, with a command and without.
    pub fn logging(&mut self) -> &mut Logging {
        &mut self.config.logging
    }

    /// Sets who gets forwarded signals; the last one wins.
    pub fn target(&mut self, target: Target) {
        self.run();
        self.target = Some(target);
        self.placed_by.get_or_insert(self.source);
    }

    /// Leaves the command in our session and process group.
    pub fn share_group(&mut self) {
        self.run().placement = Placement::Shared;
        self.placed_by.get_or_insert(self.source);
    }

    /// Sets the time of `--kill-after`. A general one on the command line beats
    /// what the environment says of the same signals.
    pub fn kill_after(&mut self, signal: Option<Signal>, allowed: Time) {
        let in_argv = self.source == Source::Argv;
        let named_in_argv = self.named_in_argv;
        let kill_after = &mut self.run().kill_after;
        match signal {
            Some(signal) => {
                kill_after.named.set(signal, allowed);
                if in_argv {
                    self.named_in_argv = named_in_argv.with(signal);
                }
            }
            None => {
                kill_after.general = Some(allowed);
                for signal in Signal::all().filter(|signal| signal.asks_for_the_end()) {
                    if in_argv && !named_in_argv.contains(signal) {
                        kill_after.named.clear(signal);
                    }
                }
            }
        }
    }

    /// Whether what was read so far goes together.
    pub fn check(&mut self) -> Result<(), Fault> {
        match (self.config.placement, self.target) {
            (Placement::Shared, Some(Target::Group)) => {
                self.source = self.placed_by.unwrap_or(self.source);
                Err(Fault::NoGroupOfItsOwn)
            }
            _ => Ok(()),
        }
    }

    /// Checks that nothing but a pause is asked for.
    pub fn pause(&mut self, has_command: bool) -> Result<(), Fault> {
        match self.run_options {
            None if !has_command => Ok(()),
            given => {
                self.source = given.unwrap_or(Source::Argv);
                Err(Fault::PauseWith)
            }
        }
    }

    /// Completes the configuration for a run of a command.
    pub fn finish(&mut self) {
        let default = match self.config.placement {
            Placement::Shared | Placement::Group => Target::Child,
            Placement::Session => Target::Group,
        };
        self.config.target = self.target.unwrap_or(default);
    }
}
