//! What options add up to.

use super::options::{Arguments, End, Found, Grammar, Parser};
use super::words::Words;
use super::{Complaint, Id, Source, dumb_init, flags, native, text, tini, usage};
use crate::config::{Config, Personality, Placement, Request, Target};
use crate::signal::Signal;
use crate::time::Time;
use crate::voice::Kind;

/// Reads the options in the environment (the value of
/// [`OPTIONS_VARIABLE`](super::OPTIONS_VARIABLE), if it is set), then the command line, which wins; `argv` begins with our own
/// name. `variable` looks for a variable of the environment. What they say goes to
/// `config`, which is large: it is never copied.
///
/// # Errors
///
/// The first thing that is wrong.
// Apart: what it needs is not to be in the frame that we sleep in.
#[inline(never)]
pub fn parse<'a>(
    personality: Personality,
    argv: &dyn Arguments<'a>,
    options: Option<&'a [u8]>,
    variable: &dyn Fn(&str) -> Option<&'a [u8]>,
    config: &mut Config<'a>,
) -> Result<Request, Complaint<'a>> {
    if personality == Personality::Nologin {
        return Ok(Request::Print(text(personality, Id::Help)));
    }
    let mut draft = Draft::new(personality, config);
    // Without the variable there are no words.
    let words = Words(options.unwrap_or_default());
    let grammar = Grammar {
        flags: native::FLAGS,
        long: true,
        permutes: false,
    };
    let mut parser = Parser::new(grammar, &words);
    let mut source = Source::Environment;
    let mut result = draft.read_words(&mut parser, &words);
    let grammar = Grammar {
        flags: flags(personality),
        long: personality != Personality::Tini,
        permutes: matches!(personality, Personality::Tini | Personality::Catatonit)
            && variable("POSIXLY_CORRECT").is_none(),
    };
    if result.is_ok() {
        source = Source::Argv;
        parser = Parser::new(grammar, argv);
        result = draft.read_argv(&mut parser, argv, variable);
    }
    result.map_err(|kind| Complaint {
        personality,
        source,
        kind,
        option: parser.spelling(),
        value: draft.value,
        name: argv.get(0).unwrap_or_default(),
    })
}

/// What has been read so far.
struct Draft<'c, 'a> {
    personality: Personality,
    config: &'c mut Config<'a>,
    target: Option<Target>,
    /// `-k` without a signal.
    kill_after: Option<Time>,
    pause: bool,
    /// Whether there was an option that has no meaning with `--pause`.
    not_for_pause: bool,
    /// The value of the last option, or the word that should not be there.
    value: &'a [u8],
    /// A text was asked for: the rest does not matter.
    text: Option<Request>,
}

impl<'c, 'a> Draft<'c, 'a> {
    fn new(personality: Personality, config: &'c mut Config<'a>) -> Self {
        config.personality = personality;
        match personality {
            Personality::Tini => {
                config.placement = Placement::Group;
                config.subreaper = false;
                // It ignores them, lest its own lines stop it.
                config.rewrite.set(Signal::TTIN, None);
                config.rewrite.set(Signal::TTOU, None);
            }
            Personality::Catatonit => config.placement = Placement::Group,
            Personality::DumbInit => config.subreaper = false,
            _ => {}
        }
        Draft {
            personality,
            config,
            target: None,
            kill_after: None,
            pause: personality == Personality::Pause,
            not_for_pause: false,
            value: b"",
            text: None,
        }
    }

    /// The native options in the environment.
    fn read_words(
        &mut self,
        parser: &mut Parser<'_, 'a>,
        words: &Words<'a>,
    ) -> Result<Request, Kind> {
        for found in parser.by_ref() {
            let found = found?;
            if matches!(
                found.id,
                Id::Help | Id::Version | Id::ListSignals | Id::Pause
            ) {
                return Err(Kind::NotInEnvironment);
            }
            self.apply(&found, Personality::Native)?;
        }
        // What the parser stopped at: a word, or `--`, which it has passed.
        let stopped_at = match parser.end() {
            End::Dashes(_) => Some(&b"--"[..]),
            End::Operands(index) => words.get(index),
        };
        match stopped_at {
            Some(word) => {
                self.value = word;
                Err(Kind::NoOption)
            }
            // What it is does not matter: the command line comes next.
            None => self.check().map(|()| Request::Pause),
        }
    }

    fn read_argv(
        &mut self,
        parser: &mut Parser<'_, 'a>,
        argv: &dyn Arguments<'a>,
        variable: &dyn Fn(&str) -> Option<&'a [u8]>,
    ) -> Result<Request, Kind> {
        let personality = self.personality;
        match personality {
            Personality::DumbInit => dumb_init::read_environment(self.config, variable),
            Personality::Tini if tini::asks_for_version(argv) => {
                return Ok(Request::Print(text(personality, Id::Version)));
            }
            Personality::Catatonit if variable("CATATONIT_LOG").is_some() => {
                return Err(Kind::Reserved);
            }
            Personality::Catatonit if variable("CATATONIT_DEBUG").is_some() => {
                self.config.logging.verbosity = 2;
            }
            _ => {}
        }
        for found in parser.by_ref() {
            self.apply(&found?, personality)?;
            if let Some(request) = self.text.take() {
                return Ok(request);
            }
        }
        let (End::Dashes(command) | End::Operands(command)) = parser.end();
        if personality == Personality::Tini {
            tini::read_environment(self.config, &mut self.target, variable);
        }
        self.finish(command, argv.get(command).is_some())
    }

    /// Does what an option of this personality says.
    fn apply(&mut self, found: &Found<'a>, by: Personality) -> Result<(), Kind> {
        let config = &mut *self.config;
        let value = found.value;
        self.value = value;
        self.not_for_pause |= !matches!(found.id, Id::Verbose | Id::LogFormat | Id::Pause);
        match found.id {
            Id::Rewrite => {
                let (from, to) = (match by {
                    Personality::DumbInit => dumb_init::rewrite,
                    _ => native::rewrite,
                })(value)?;
                config.rewrite.set(from, to);
            }
            Id::Target => self.target = Some(native::who(value)?),
            Id::ToGroup => self.target = Some(Target::Group),
            Id::Subreaper => config.subreaper = true,
            Id::WarnOnReap => config.warn_on_reap = true,
            Id::SingleChild => config.placement = Placement::Shared,
            Id::Delay => {
                let (signal, delay) = native::signal_and_duration(value)?;
                config.delay.set(signal, delay);
            }
            Id::KillAfter => match native::kill_after(value)? {
                (Some(signal), allowed) => config.kill_after.set(signal, allowed),
                (None, allowed) => self.kill_after = Some(allowed),
            },
            Id::Grace => config.grace = Some(native::duration(value)?),
            Id::ExitMap => {
                let (from, to) = (match by {
                    Personality::Tini => tini::exit_map,
                    _ => native::exit_map,
                })(value)?;
                config.exit_map.set(from, to);
            }
            Id::ExitBySignal => config.exit_by_signal = true,
            Id::ParentDeath => {
                config.parent_death = Some((match by {
                    Personality::Tini => tini::signal,
                    _ => native::signal,
                })(value)?)
            }
            Id::Pause => self.pause = true,
            Id::TerminationLog => {
                native::absolute(value)?;
                config.termination_log = Some(value);
            }
            // It has one level only.
            Id::Verbose if by == Personality::DumbInit => {
                config.logging.verbosity = config.logging.verbosity.max(1);
            }
            Id::Verbose => {
                config.logging.verbosity = config.logging.verbosity.saturating_add(1);
            }
            Id::LogFormat => config.logging.format = native::format(value)?,
            Id::ListSignals => self.text = Some(Request::ListSignals),
            Id::Help | Id::Version | Id::License => {
                self.text = Some(Request::Print(text(by, found.id)));
            }
        }
        Ok(())
    }

    /// Whether what was read so far goes together.
    fn check(&self) -> Result<(), Kind> {
        match (self.config.placement, self.target) {
            (Placement::Shared, Some(Target::Group)) => Err(Kind::GroupOfItsOwn),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, command: usize, has_command: bool) -> Result<Request, Kind> {
        self.check()?;
        let config = &mut *self.config;
        if self.pause && config.personality == Personality::Catatonit {
            return Ok(Request::Pause);
        }
        if self.pause {
            return match has_command || self.not_for_pause {
                true => Err(Kind::PauseWith),
                false => Ok(Request::Pause),
            };
        }
        let default = match config.placement {
            Placement::Shared | Placement::Group => Target::Child,
            Placement::Session => Target::Group,
        };
        config.target = self.target.unwrap_or(default);
        if let Some(allowed) = self.kill_after {
            for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
                config.kill_after.set_default(signal, allowed);
            }
        }
        match has_command {
            true => Ok(Request::Run(command)),
            false if config.personality == Personality::Tini => {
                Ok(Request::Print(usage(Personality::Tini)))
            }
            false => Err(Kind::NoCommand),
        }
    }
}
