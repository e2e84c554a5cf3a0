//! The option parser: the grammar of `getopt_long(3)`, driven by a table.
//!
//! Short options may be clustered (`-vc`), with a value attached (`-r15:3`) or
//! following. Long options may be cut to a prefix that fits one option only,
//! with a value attached (`--rewrite=15:3`) or following. `--` ends the
//! options, and so does the first operand, a lone `-` being one.

use super::Problem;
use crate::event::Shown;
use crate::text::Draft;
use core::fmt;

/// A list of arguments, the first of which is the program's name.
pub trait Arguments<'a> {
    /// The argument of this index; `None` after the last.
    fn get(&self, index: usize) -> Option<&'a [u8]>;
}

impl<'a> Arguments<'a> for &'a [&'a [u8]] {
    fn get(&self, index: usize) -> Option<&'a [u8]> {
        <[_]>::get(self, index).copied()
    }
}

/// A line of an option table. The help text is made of it at compile time;
/// what the parser needs is a [`Flag`].
#[derive(Clone, Copy, Debug)]
pub struct Spec<Id: 'static> {
    /// What the option means.
    pub id: Id,
    /// The letter; 0 where there is none.
    pub short: u8,
    /// The long name, without the dashes.
    pub long: &'static str,
    /// What stands for its value in the help text; empty where it takes none.
    pub value: &'static str,
    /// The help text; lines are separated by line feeds.
    pub help: &'static str,
    /// The heading of the group that begins with this option, or "".
    pub group: &'static str,
}

/// What the parser knows of an option.
#[derive(Clone, Copy, Debug)]
pub struct Flag<Id: 'static> {
    id: Id,
    short: u8,
    takes_value: bool,
    /// The long name, filled up with zeros: a string slice would have to be
    /// relocated when the program is loaded, which takes 40 bytes each.
    long: [u8; LONG_MAX],
}

/// Room for the longest name; a longer one does not compile.
const LONG_MAX: usize = 16;

impl<Id> Flag<Id> {
    fn long(&self) -> &[u8] {
        self.long
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default()
    }
}

/// The parser's table of an option table, of the same length.
#[allow(clippy::indexing_slicing)] // In the compiler.
pub const fn flags<Id: Copy, const N: usize>(specs: &[Spec<Id>]) -> [Flag<Id>; N] {
    let mut flags = [Flag {
        id: specs[0].id,
        short: 0,
        takes_value: false,
        long: [0; LONG_MAX],
    }; N];
    let mut at = 0;
    while at < N {
        let spec = &specs[at];
        flags[at] = Flag {
            id: spec.id,
            short: spec.short,
            takes_value: !spec.value.is_empty(),
            long: Draft::new().text(spec.long).pad_with_zeros(),
        };
        at += 1;
    }
    flags
}

/// Where the descriptions begin in the help text.
const HELP_COLUMN: usize = 30;

/// The lines of an option table behind a text.
#[allow(clippy::indexing_slicing)] // In the compiler.
pub const fn describe<Id>(mut draft: Draft, specs: &[Spec<Id>]) -> Draft {
    let mut at = 0;
    while at < specs.len() {
        let spec = &specs[at];
        if !spec.group.is_empty() {
            draft = draft.text("\n").text(spec.group).text(":\n");
        }
        draft = match spec.short {
            0 => draft.text("      --"),
            short => draft.text("  -").byte(short).text(", --"),
        };
        draft = draft
            .text(spec.long)
            .text(if spec.value.is_empty() { "" } else { " " })
            .text(spec.value)
            .pad(HELP_COLUMN)
            .indented(spec.help, HELP_COLUMN)
            .text("\n");
        at += 1;
    }
    draft
}

/// An option as the user wrote it, for error messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spelling<'a> {
    /// `-r`
    Short(u8),
    /// `--rewrite`, or the prefix that was given.
    Long(&'a [u8]),
}

impl fmt::Display for Spelling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spelling::Short(letter) => write!(f, "-{}", Shown(&[*letter])),
            Spelling::Long(name) => write!(f, "--{}", Shown(name)),
        }
    }
}

/// An option that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found<'a, Id> {
    /// Which one.
    pub id: Id,
    /// How it was written.
    pub spelling: Spelling<'a>,
    /// Its value: `Some` exactly where the table says that it takes one.
    pub value: Option<&'a [u8]>,
}

/// Goes through the options at the beginning of `argv`.
#[derive(Clone)]
pub struct Parser<'s, 'a, Id: 'static> {
    table: &'static [Flag<Id>],
    argv: &'s dyn Arguments<'a>,
    /// The next argument.
    index: usize,
    /// What is left of a cluster of short options.
    cluster: &'a [u8],
    /// Whether `--` was met.
    dashes: bool,
}

/// Where the options ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// At `--`; the operands begin behind it, at this index.
    Dashes(usize),
    /// At the first operand, which has this index, if there is one.
    Operands(usize),
}

impl<'s, 'a, Id: Copy> Parser<'s, 'a, Id> {
    /// Begins behind the program's name.
    pub fn new(table: &'static [Flag<Id>], argv: &'s dyn Arguments<'a>) -> Self {
        Parser {
            table,
            argv,
            index: 1,
            cluster: b"",
            dashes: false,
        }
    }

    /// Where the options ended, once `next` has returned `None`.
    pub fn end(&self) -> End {
        if self.dashes {
            End::Dashes(self.index)
        } else {
            End::Operands(self.index)
        }
    }

    fn short(&mut self, letter: u8) -> Result<Found<'a, Id>, Problem<'a>> {
        let spelling = Spelling::Short(letter);
        let flag = self
            .table
            .iter()
            .find(|flag| flag.short == letter)
            .ok_or(Problem::Unknown(spelling))?;
        let value = match flag.takes_value {
            false => None,
            true if self.cluster.is_empty() => Some(self.following(spelling)?),
            true => Some(core::mem::take(&mut self.cluster)),
        };
        Ok(Found {
            id: flag.id,
            spelling,
            value,
        })
    }

    fn long(&mut self, text: &'a [u8]) -> Result<Found<'a, Id>, Problem<'a>> {
        let mut parts = text.splitn(2, |byte| *byte == b'=');
        let name = parts.next().unwrap_or_default();
        let attached = parts.next();
        let spelling = Spelling::Long(name);
        let flag = self.by_name(name)?;
        let value = match (flag.takes_value, attached) {
            (false, Some(_)) => return Err(Problem::UnwantedValue(spelling)),
            (false, None) => None,
            (true, Some(value)) => Some(value),
            (true, None) => Some(self.following(spelling)?),
        };
        Ok(Found {
            id: flag.id,
            spelling,
            value,
        })
    }

    /// The long option of this name, or the only one that begins with it.
    fn by_name(&self, name: &'a [u8]) -> Result<&'static Flag<Id>, Problem<'a>> {
        let table = self.table;
        if let Some(exact) = table.iter().find(|flag| flag.long() == name) {
            return Ok(exact);
        }
        let mut fitting = table.iter().filter(|flag| flag.long().starts_with(name));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(Problem::Ambiguous(Spelling::Long(name))),
            (None, _) => Err(Problem::Unknown(Spelling::Long(name))),
        }
    }

    /// The next argument as the value of an option, whatever it looks like.
    fn following(&mut self, spelling: Spelling<'a>) -> Result<&'a [u8], Problem<'a>> {
        let value = self
            .argv
            .get(self.index)
            .ok_or(Problem::MissingValue(spelling))?;
        self.index += 1;
        Ok(value)
    }
}

impl<'a, Id: Copy> Iterator for Parser<'_, 'a, Id> {
    type Item = Result<Found<'a, Id>, Problem<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((&letter, rest)) = self.cluster.split_first() {
            self.cluster = rest;
            return Some(self.short(letter));
        }
        let argument = self.argv.get(self.index)?;
        if argument == b"--" {
            self.index += 1;
            self.dashes = true;
            return None;
        }
        if let Some(long) = argument.strip_prefix(b"--") {
            self.index += 1;
            return Some(self.long(long));
        }
        match argument {
            [b'-', letter, rest @ ..] => {
                self.index += 1;
                self.cluster = rest;
                Some(self.short(*letter))
            }
            _ => None,
        }
    }
}
