//! The option parser: the grammar of `getopt_long(3)`, driven by a table.
//!
//! Short options may be clustered (`-vc`), with a value attached (`-r15:3`) or
//! following. Long options may be cut to a prefix that fits one option only,
//! with a value attached (`--rewrite=15:3`) or following. `--` ends the
//! options, and so does the first operand, a lone `-` being one, unless
//! options may follow operands ([`Grammar::permutes`]).

use super::arguments::Arguments;
use super::fault::Fault;
use super::option::{Apply, Options, Usage};
use crate::text::Parts;

/// What a program takes for an option.
#[derive(Clone, Copy, Debug)]
pub struct Grammar {
    /// Its options.
    pub options: &'static Options,
    /// Whether `--NAME` is a long option: `getopt(3)` knows clusters only, and
    /// takes it for one.
    pub long: bool,
    /// Whether options may follow operands, as GNU programs have it.
    pub permutes: bool,
}

/// An option as the user wrote it, for error messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spelling<'a> {
    /// The letter, if it was a short one.
    pub letter: Option<u8>,
    /// What was written of a long one's name.
    pub name: &'a [u8],
    /// What glibc calls a long one: the name in full, or, where it knows none,
    /// all that was written behind the dashes.
    pub called: &'a [u8],
}

/// Where the options ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptionsEnd {
    /// At `--`; the operands begin behind it, at this index.
    Dashes(usize),
    /// At the first operand, which has this index, if there is one.
    Operands(usize),
}

impl OptionsEnd {
    /// Where the operands begin.
    pub fn operands(self) -> usize {
        let (OptionsEnd::Dashes(index) | OptionsEnd::Operands(index)) = self;
        index
    }
}

/// Goes through the options in a list of arguments.
pub struct Parser<'s, 'a> {
    grammar: &'s Grammar,
    argv: &'s dyn Arguments<'a>,
    /// The next argument.
    index: usize,
    /// What is left of a cluster of short options.
    cluster: &'a [u8],
    /// Whether `--` was met.
    dashes: bool,
    /// How many operands were passed over, and moved up behind the name.
    operands: usize,
    /// How the last option was written.
    spelling: Spelling<'a>,
}

impl<'s, 'a> Parser<'s, 'a> {
    /// Begins behind the program's name.
    pub fn new(grammar: &'s Grammar, argv: &'s dyn Arguments<'a>) -> Self {
        Parser {
            grammar,
            argv,
            index: 1,
            cluster: b"",
            dashes: false,
            operands: 0,
            spelling: Spelling::default(),
        }
    }

    /// Where the options ended, once `next` has returned `None`. Operands that
    /// were passed over are together then, and begin behind the name.
    pub fn end(&mut self) -> OptionsEnd {
        if self.operands > 0 {
            while self.argv.get(self.index).is_some() {
                self.pass_over();
            }
            self.argv.move_up(self.index, self.operands + 1);
            OptionsEnd::Operands(1)
        } else if self.dashes {
            OptionsEnd::Dashes(self.index)
        } else {
            OptionsEnd::Operands(self.index)
        }
    }

    /// How the last option was written, whether it exists or not.
    pub fn spelling(&self) -> Spelling<'a> {
        self.spelling
    }

    fn pass_over(&mut self) {
        self.operands += 1;
        self.argv.move_up(self.index, self.operands);
        self.index += 1;
    }

    fn short(&mut self, letter: u8) -> Result<(Apply, &'a [u8]), Fault> {
        self.spelling = Spelling {
            letter: Some(letter),
            ..Spelling::default()
        };
        let (usage, apply) = self
            .grammar
            .options
            .iter()
            .find(|(usage, _)| usage.short == Some(letter))
            .ok_or(Fault::UnknownOption)?;
        let value = if usage.value.is_empty() {
            b""
        } else if self.cluster.is_empty() {
            self.following()?
        } else {
            core::mem::take(&mut self.cluster)
        };
        Ok((apply, value))
    }

    fn long(&mut self, text: &'a [u8]) -> Result<(Apply, &'a [u8]), Fault> {
        let mut parts = Parts::of(text, b'=');
        let name = parts.next().unwrap_or_default();
        let attached = parts.rest();
        self.spelling = Spelling {
            letter: None,
            name,
            called: text,
        };
        let (usage, apply) = self.named(name)?;
        self.spelling.called = usage.long;
        let value = match attached {
            Some(_) if usage.value.is_empty() => return Err(Fault::TakesNoValue),
            None if !usage.value.is_empty() => self.following()?,
            attached => attached.unwrap_or_default(),
        };
        Ok((apply, value))
    }

    /// The long option of this name, or the only one that begins with it.
    // Apart: inlined, it costs the function around it a larger frame.
    #[inline(never)]
    fn named(&self, name: &[u8]) -> Result<(Usage, Apply), Fault> {
        let options = self.grammar.options;
        let mut found = Err(Fault::UnknownOption);
        for option in options.fitting(name) {
            if option.0.long == name {
                return Ok(option);
            }
            found = match found {
                Err(Fault::UnknownOption) => Ok(option),
                _ => Err(Fault::Ambiguous),
            };
        }
        found
    }

    /// The next argument as the value of an option, whatever it looks like.
    fn following(&mut self) -> Result<&'a [u8], Fault> {
        let value = self.argv.get(self.index).ok_or(Fault::NeedsValue)?;
        self.index += 1;
        Ok(value)
    }
}

impl<'a> Iterator for Parser<'_, 'a> {
    /// What an option does, and its value.
    type Item = Result<(Apply, &'a [u8]), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((&letter, rest)) = self.cluster.split_first() {
            self.cluster = rest;
            return Some(self.short(letter));
        }
        loop {
            let argument = self.argv.get(self.index)?;
            if argument == b"--" {
                self.index += 1;
                self.dashes = true;
                return None;
            }
            match argument {
                [b'-', b'-', long @ ..] if self.grammar.long => {
                    self.index += 1;
                    return Some(self.long(long));
                }
                [b'-', letter, rest @ ..] => {
                    self.index += 1;
                    self.cluster = rest;
                    return Some(self.short(*letter));
                }
                _ if self.grammar.permutes => self.pass_over(),
                _ => return None,
            }
        }
    }
}
