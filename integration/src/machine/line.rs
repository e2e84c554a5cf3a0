//! A line on the console: what a machine tells its host.

use std::{fmt, str::FromStr};

use crate::fixture::fingerprint::fingerprint;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The first: which machine this is.
    Hello,
    /// A case that went as it should.
    Passed,
    /// A case that did not.
    Failed,
    /// A case that cannot be set up there.
    Skipped,
    /// More about the case before.
    Detail,
    /// The last: how many lines came before it.
    End,
}

const MARKS: [(Mark, &str); 6] = [
    (Mark::Hello, "hello"),
    (Mark::Passed, "ok"),
    (Mark::Failed, "FAIL"),
    (Mark::Skipped, "skip"),
    (Mark::Detail, "more"),
    (Mark::End, "end"),
];

/// A line, numbered from 1. Its text ends with a checksum: a serial console is shared with the
/// kernel, and half a line must not count as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: usize,
    /// What it is about.
    pub mark: Mark,
    /// The case, or what else it is about: a word.
    pub what: String,
    /// The rest.
    pub more: String,
}

/// What each line begins with.
const START: &str = "@initlab ";

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = MARKS.iter().find(|(mark, _)| *mark == self.mark);
        let mark = mark.map_or("?", |(_, name)| name);
        // Whatever was seen: on a console it is printable.
        let more = crate::text::escape(&self.more);
        let text = format!("{} {mark} {} {more}", self.number, self.what);
        write!(f, "{START}{text} ~{:08x}", sum(&text))
    }
}

/// Why a text is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLine {
    /// It does not look like one.
    Other,
    /// It begins like one, and is damaged.
    Damaged,
}

impl FromStr for Line {
    type Err = NoLine;

    fn from_str(text: &str) -> Result<Self, NoLine> {
        let text = text.strip_prefix(START).ok_or(NoLine::Other)?;
        let (text, check) = text.rsplit_once(" ~").ok_or(NoLine::Damaged)?;
        if check != format!("{:08x}", sum(text)) {
            return Err(NoLine::Damaged);
        }
        let mut words = text.splitn(4, ' ');
        let mut word = || words.next().ok_or(NoLine::Damaged);
        let number = word()?.parse().map_err(|_| NoLine::Damaged)?;
        let name = word()?;
        let mark = MARKS.iter().find(|(_, known)| *known == name);
        Ok(Self {
            number,
            mark: mark.ok_or(NoLine::Damaged)?.0,
            what: word()?.to_owned(),
            more: word()?.to_owned(),
        })
    }
}

fn sum(text: &str) -> u32 {
    let all = fingerprint([text]);
    (all ^ (all >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            number: 7,
            mark: Mark::Failed,
            what: "machine/no-parent".to_owned(),
            more: "it has two words ~ and more".to_owned(),
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let text = line().to_string();
        assert_eq!(text.parse(), Ok(line()), "{text}");
    }

    #[test]
    fn each_part_of_a_line_is_damaged() {
        let text = line().to_string();
        for end in START.len()..text.len() {
            assert_eq!(text[..end].parse::<Line>(), Err(NoLine::Damaged), "{end}");
        }
        assert_eq!(
            "[ 1.2] a line of the kernel".parse::<Line>(),
            Err(NoLine::Other)
        );
    }
}
