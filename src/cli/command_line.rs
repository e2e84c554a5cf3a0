//! A command line that is being read.

use super::arguments::{Arguments, Words};
use super::builder::{Builder, Source};
use super::fault::Fault;
use super::parser::{Grammar, OptionsEnd, Parser, Spelling};
use super::request::Request;
use super::usage::UsageError;
use crate::config::Config;

/// Looks for a variable of the environment.
pub type Variables<'v, 'a> = &'v dyn Fn(&str) -> Option<&'a [u8]>;

/// A command line that is being read: what has been read so far, and where an
/// error would stand.
pub struct CommandLine<'c, 'a> {
    /// The configuration so far.
    pub builder: Builder<'c, 'a>,
    /// The arguments, our own name first.
    pub argv: &'c dyn Arguments<'a>,
    /// The environment.
    pub variable: Variables<'c, 'a>,
    option: Spelling<'a>,
    value: &'a [u8],
}

impl<'c, 'a> CommandLine<'c, 'a> {
    /// Begins with a configuration that holds the defaults.
    pub fn new(
        config: &'c mut Config<'a>,
        argv: &'c dyn Arguments<'a>,
        variable: Variables<'c, 'a>,
    ) -> Self {
        CommandLine {
            builder: Builder::new(config),
            argv,
            variable,
            option: Spelling::default(),
            value: b"",
        }
    }

    /// Whether a variable is set.
    pub fn has(&self, name: &str) -> bool {
        (self.variable)(name).is_some()
    }

    /// Reads the options in a text, the value of
    /// [`OPTIONS_VARIABLE`](super::OPTIONS_VARIABLE). `grammar` is the native one, whoever we are.
    pub fn read_variable(&mut self, text: &'a [u8], grammar: &Grammar) -> Result<(), Fault> {
        self.builder.source = Source::Environment;
        let words = Words(text);
        let mut parser = Parser::new(grammar, &words);
        self.read(&mut parser)?;
        if self.builder.request.is_some() {
            return Err(Fault::NotInEnvironment);
        }
        let operand = match parser.end() {
            OptionsEnd::Dashes(_) => Some(&b"--"[..]),
            OptionsEnd::Operands(index) => words.get(index),
        };
        if let Some(operand) = operand {
            self.value = operand;
            return Err(Fault::NotAnOption);
        }
        self.builder.check()?;
        self.builder.source = Source::Argv;
        Ok(())
    }

    /// Reads the options in `argv`, until one asks for something else than a
    /// run. Returns where the operands begin.
    pub fn read_options(&mut self, grammar: &Grammar) -> Result<usize, Fault> {
        let argv = self.argv;
        let mut parser = Parser::new(grammar, argv);
        self.read(&mut parser)?;
        Ok(parser.end().operands())
    }

    fn read(&mut self, parser: &mut Parser<'_, 'a>) -> Result<(), Fault> {
        while let Some(found) = parser.next() {
            self.option = parser.spelling();
            let (apply, value) = found?;
            self.value = value;
            apply(&mut self.builder, value).map_err(Fault::Invalid)?;
            // What follows `--help` does not matter; `--pause` goes with others.
            match self.builder.request {
                None => {}
                Some(Request::Pause) if self.builder.source == Source::Argv => {}
                Some(_) => break,
            }
        }
        Ok(())
    }

    /// Asks for the command at this index to be run, unless an option has asked
    /// for something else.
    pub fn command(&mut self, index: usize) -> Result<(), Fault> {
        if self.builder.request.is_some() {
            return Ok(());
        }
        self.builder.check()?;
        self.builder.finish();
        self.argv.get(index).ok_or(Fault::NoCommand)?;
        self.builder.request = Some(Request::Run(index));
        Ok(())
    }

    /// The error that a fault is on this command line.
    pub fn error(&self, fault: Fault) -> UsageError<'a> {
        UsageError {
            fault,
            source: self.builder.source,
            option: self.option,
            value: self.value,
            program: self.argv.get(0).unwrap_or_default(),
        }
    }
}
