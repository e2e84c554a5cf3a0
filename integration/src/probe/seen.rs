//! A snapshot of a process.

use std::fmt;

use serde::Serialize;

use crate::{process::Process, text::escape};

/// A snapshot of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Its pid inside the container.
    pub pid: i32,
    /// The name of its program, at most 15 bytes.
    pub name: String,
    /// Its arguments; empty for a zombie. Invalid UTF-8 is replaced.
    pub arguments: Vec<String>,
    /// The pid of its parent inside; 0 for a parent outside.
    pub parent: i32,
    /// Whether it has ended and is not reaped.
    pub zombie: bool,
    /// The process on this machine.
    #[serde(skip)]
    pub process: Process,
}

impl Seen {
    /// A process as it is now; `None` when it is gone.
    #[must_use]
    pub fn of(process: Process) -> Option<Self> {
        let stat = process.stat()?;
        let arguments = process.arguments().unwrap_or_default();
        Some(Self {
            pid: process.inner_pid()?,
            arguments: arguments
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            parent: Process::new(stat.ppid).inner_pid().unwrap_or(0),
            zombie: matches!(stat.state, 'Z' | 'X'),
            name: stat.comm,
            process,
        })
    }

    /// All other processes in the PID namespace of a process.
    #[must_use]
    pub fn others_of(process: Process) -> Vec<Self> {
        let others = process.same_namespace().into_iter();
        others
            .filter(|other| *other != process)
            .filter_map(Self::of)
            .collect()
    }
}

/// The command line, shortened; the name of the program if there is none.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 60;
        let text = escape(self.arguments.join(" "));
        if text.is_empty() {
            return f.write_str(&self.name);
        }
        let mut shown: String = text.chars().take(LONGEST).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        f.write_str(&shown)
    }
}
