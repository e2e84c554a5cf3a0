//! What is wrong with a command line.

use super::builder::Source;
use super::fault::Fault;
use super::option::Options;
use super::parser::Spelling;
use crate::text::{Line, Parts, escaped};

/// Why we cannot obey.
#[derive(Clone, Copy, Debug)]
pub struct UsageError<'a> {
    /// What is wrong.
    pub fault: Fault,
    /// Where it stands.
    pub source: Source,
    /// The last option, as it was written.
    pub option: Spelling<'a>,
    /// Its value, or the word that is no option.
    pub value: &'a [u8],
    /// The name that we were called by, in full.
    pub program: &'a [u8],
}

impl UsageError<'_> {
    /// Appends the error in our own words.
    pub fn describe(&self, line: &mut Line<'_>) {
        if self.source == Source::Environment {
            line.text(super::builder::OPTIONS_VARIABLE).text(": ");
        }
        // `@` stands for the option, or the word that is none.
        let text = match self.fault {
            Fault::UnknownOption => "unknown option @",
            Fault::Ambiguous => "option @ is ambiguous",
            Fault::NeedsValue => "option @ needs a value",
            Fault::TakesNoValue => "option @ takes no value",
            Fault::Invalid(_) => "option @: ",
            Fault::NotInEnvironment => "option @ belongs on the command line",
            Fault::NotAnOption => "@ is no option",
            Fault::NoGroupOfItsOwn => {
                "-c and -t group exclude each other: with -c the command has no group of its own"
            }
            Fault::PauseWith => "--pause takes no command and no options but -v and --log-format",
            Fault::NoCommand | Fault::Reserved => "no command given",
        };
        let mut parts = Parts::of(text.as_bytes(), b'@');
        line.bytes(parts.next().unwrap_or_default());
        if let Some(after) = parts.rest() {
            match self.fault {
                Fault::NotAnOption => escaped(line, self.value),
                _ => self.spell(line),
            }
            line.bytes(after);
        }
        if let Fault::Invalid(invalid) = self.fault {
            escaped(line, self.value);
            line.text(": ").text(invalid.text());
        }
        line.text(" (tidy-init --help shows the usage)");
    }

    /// Appends the option as it was written: `-r`, `--rewrite`.
    fn spell(&self, line: &mut Line<'_>) {
        match self.option.letter {
            Some(letter) => escaped(line.text("-"), &[letter]),
            None => escaped(line.text("--"), self.option.name),
        }
    }

    /// Appends the error as glibc's `getopt_long(3)` puts it for these options,
    /// if it is one of that function's, and tells whether it is.
    pub fn describe_as_getopt(&self, line: &mut Line<'_>, options: &Options) -> bool {
        // `@` stands for the option.
        let text = match (self.fault, self.option.letter) {
            (Fault::UnknownOption, Some(_)) => "invalid option -- '@'",
            (Fault::UnknownOption, None) => "unrecognized option '--@'",
            (Fault::Ambiguous, _) => "option '--@' is ambiguous; possibilities:",
            (Fault::NeedsValue, Some(_)) => "option requires an argument -- '@'",
            (Fault::NeedsValue, None) => "option '--@' requires an argument",
            (Fault::TakesNoValue, _) => "option '--@' doesn't allow an argument",
            _ => return false,
        };
        let mut parts = Parts::of(text.as_bytes(), b'@');
        line.bytes(self.program).text(": ");
        line.bytes(parts.next().unwrap_or_default());
        match &self.option.letter {
            Some(letter) => line.byte(*letter),
            None => line.bytes(self.option.called),
        };
        line.bytes(parts.rest().unwrap_or_default());
        if self.fault == Fault::Ambiguous {
            for (usage, _) in options.fitting(self.option.name) {
                line.text(" '--").bytes(usage.long).text("'");
            }
        }
        true
    }
}
