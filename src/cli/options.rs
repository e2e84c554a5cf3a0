//! The option parser: the grammar of `getopt_long(3)`, driven by a table.
//!
//! Short options may be clustered (`-vc`), with a value attached (`-r15:3`) or
//! following. Long options may be cut to a prefix that fits one option only,
//! with a value attached (`--rewrite=15:3`) or following. `--` ends the
//! options, and so does the first operand, a lone `-` being one, unless
//! options may follow operands ([`Grammar::permutes`]).

use super::Id;
use crate::event::Shown;
use crate::text::Draft;
use crate::voice::Kind;
use core::fmt;

/// A list of arguments, the first of which is the program's name.
pub trait Arguments<'a> {
    /// The argument of this index; `None` after the last.
    fn get(&self, index: usize) -> Option<&'a [u8]>;

    /// Puts the argument of one index in the place of an earlier one, which is
    /// not needed any more; the end of the list likewise. Only asked for where
    /// a grammar permutes.
    fn move_up(&self, from: usize, to: usize) {
        let _ = (from, to);
    }
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
    /// The long name, without the dashes; empty where there is none.
    pub long: &'static str,
    /// What stands for its value in the help text; empty where it takes none.
    pub value: &'static str,
    /// The help text; lines are separated by line feeds.
    pub help: &'static str,
    /// The heading of the group that begins with this option, or "".
    pub group: &'static str,
}

impl<Id> Spec<Id> {
    /// An option that belongs to no group.
    pub const fn plain(
        id: Id,
        short: u8,
        long: &'static str,
        value: &'static str,
        help: &'static str,
    ) -> Spec<Id> {
        Spec {
            id,
            short,
            long,
            value,
            help,
            group: "",
        }
    }
}

/// What the parser knows of an option.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    id: Id,
    short: u8,
    takes_value: bool,
    long: &'static [u8],
}

impl Flag {
    /// The long name; empty where there is none.
    pub fn long(&self) -> &'static [u8] {
        self.long
    }
}

/// The options that the parser knows, in a short form: of each the length of
/// its long name, its meaning, its letter, whether it takes a value, and the
/// long name. As an array of [`Flag`] they would take twice as much.
#[derive(Clone, Copy, Debug)]
pub struct Flags(pub &'static [u8]);

impl Flags {
    fn iter(self) -> Iter {
        Iter(self.0)
    }
}

/// What is left of the options.
#[derive(Clone)]
struct Iter(&'static [u8]);

impl Iterator for Iter {
    type Item = Flag;

    #[inline(never)] // It is called in four places.
    fn next(&mut self) -> Option<Flag> {
        let [length, id, short, takes_value, rest @ ..] = self.0 else {
            return None;
        };
        let (long, rest) = rest.split_at_checked(usize::from(*length))?;
        self.0 = rest;
        Some(Flag {
            id: *Id::ALL.get(usize::from(*id))?,
            short: *short,
            takes_value: *takes_value != 0,
            long,
        })
    }
}

/// The short form of an option table.
#[allow(clippy::indexing_slicing)] // In the compiler.
pub const fn table(specs: &[Spec<Id>]) -> Draft {
    let mut draft = Draft::new();
    let mut at = 0;
    while at < specs.len() {
        let spec = &specs[at];
        draft = draft
            .byte(spec.long.len() as u8)
            .byte(spec.id as u8)
            .byte(spec.short)
            .byte(!spec.value.is_empty() as u8)
            .text(spec.long);
        at += 1;
    }
    draft
}

/// The [`Flags`] of an option table.
#[macro_export]
macro_rules! flags {
    ($options:expr) => {{
        static TABLE: [u8; $crate::cli::options::table($options).length()] =
            $crate::cli::options::table($options).finish();
        $crate::cli::options::Flags(&TABLE)
    }};
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
            short if spec.long.is_empty() => draft.text("  -").byte(short),
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spelling<'a> {
    /// The letter of a short one; 0 for a long one.
    pub letter: u8,
    /// What was written of a long one's name.
    pub name: &'a [u8],
    /// What glibc calls a long one: the name in full, or, where it knows none,
    /// all that was written behind the dashes.
    pub called: &'a [u8],
}

/// In our own way: `-r`, `--rewrite`.
impl fmt::Display for Spelling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("-")?;
        if self.letter != 0 {
            return Shown(&[self.letter]).fmt(f);
        }
        f.write_str("-")?;
        Shown(self.name).fmt(f)
    }
}

/// An option that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found<'a> {
    /// Which one.
    pub id: Id,
    /// Its value; empty where it takes none.
    pub value: &'a [u8],
}

/// What a program takes for an option.
#[derive(Clone, Copy, Debug)]
pub struct Grammar {
    /// Its options.
    pub flags: Flags,
    /// Whether `--NAME` is a long option: `getopt(3)` knows clusters only, and
    /// takes it for one.
    pub long: bool,
    /// Whether options may follow operands, as GNU has it.
    pub permutes: bool,
}

/// The long options that a name may be the beginning of.
pub fn fitting(flags: Flags, name: &[u8]) -> impl Iterator<Item = Flag> + Clone {
    flags
        .iter()
        .filter(move |flag| !flag.long().is_empty() && flag.long().starts_with(name))
}

/// Goes through the options in `argv`.
#[derive(Clone)]
pub struct Parser<'s, 'a> {
    grammar: Grammar,
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

/// Where the options ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// At `--`; the operands begin behind it, at this index.
    Dashes(usize),
    /// At the first operand, which has this index, if there is one.
    Operands(usize),
}

impl<'s, 'a> Parser<'s, 'a> {
    /// Begins behind the program's name.
    #[inline(never)] // It is called twice.
    pub fn new(grammar: Grammar, argv: &'s dyn Arguments<'a>) -> Self {
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
    pub fn end(&mut self) -> End {
        if self.operands > 0 {
            while self.argv.get(self.index).is_some() {
                self.pass_over();
            }
            self.argv.move_up(self.index, self.operands + 1);
            End::Operands(1)
        } else if self.dashes {
            End::Dashes(self.index)
        } else {
            End::Operands(self.index)
        }
    }

    /// How the last option was written, be it one or not.
    pub fn spelling(&self) -> Spelling<'a> {
        self.spelling
    }

    fn pass_over(&mut self) {
        self.operands += 1;
        self.argv.move_up(self.index, self.operands);
        self.index += 1;
    }

    fn short(&mut self, letter: u8) -> Result<Found<'a>, Kind> {
        self.spelling = Spelling {
            letter,
            ..Spelling::default()
        };
        let flag = self
            .grammar
            .flags
            .iter()
            .find(|flag| flag.short == letter)
            .ok_or(Kind::UnknownShort)?;
        let value = match flag.takes_value {
            false => b"",
            true if self.cluster.is_empty() => self.following().ok_or(Kind::ShortWithout)?,
            true => core::mem::take(&mut self.cluster),
        };
        Ok(Found { id: flag.id, value })
    }

    fn long(&mut self, text: &'a [u8]) -> Result<Found<'a>, Kind> {
        let end = text.iter().position(|byte| *byte == b'=');
        let (name, attached) = match end.and_then(|end| text.split_at_checked(end)) {
            Some((name, attached)) => (name, attached.get(1..)),
            None => (text, None),
        };
        self.spelling = Spelling {
            letter: 0,
            name,
            called: text,
        };
        let mut found = Err(Kind::UnknownLong);
        for flag in fitting(self.grammar.flags, name) {
            if flag.long == name {
                found = Ok(flag);
                break;
            }
            found = match found {
                Err(Kind::UnknownLong) => Ok(flag),
                _ => Err(Kind::Ambiguous),
            };
        }
        let flag = found?;
        self.spelling.called = flag.long();
        let value = match (flag.takes_value, attached) {
            (false, Some(_)) => return Err(Kind::LongWith),
            (true, None) => self.following().ok_or(Kind::LongWithout)?,
            (_, attached) => attached.unwrap_or_default(),
        };
        Ok(Found { id: flag.id, value })
    }

    /// The next argument as the value of an option, whatever it looks like.
    fn following(&mut self) -> Option<&'a [u8]> {
        let value = self.argv.get(self.index)?;
        self.index += 1;
        Some(value)
    }
}

impl<'a> Iterator for Parser<'_, 'a> {
    type Item = Result<Found<'a>, Kind>;

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
