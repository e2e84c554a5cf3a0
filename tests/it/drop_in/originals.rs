//! The originals, our init under their names, and the parts of their answers that have to be equal.

use std::ffi::{OsStr, OsString};

use initlab::{Ended, Place, Sandbox, find_program};

use crate::support::init;

/// A program that our init replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original {
    DumbInit,
    Tini,
    Catatonit,
}

pub const ORIGINALS: [Original; 3] = [Original::DumbInit, Original::Tini, Original::Catatonit];

impl Original {
    pub fn name(self) -> &'static str {
        match self {
            Original::DumbInit => "dumb-init",
            Original::Tini => "tini",
            Original::Catatonit => "catatonit",
        }
    }

    /// The original, under its own name.
    #[track_caller]
    pub fn itself(self, place: Place) -> Sandbox {
        let program = find_program(self.name()).expect("it has been looked for");
        Sandbox::new(program).arg0(self.name()).place(place)
    }

    /// Our init, under the original's name.
    pub fn ours(self, place: Place) -> Sandbox {
        called(self.name(), place)
    }

    /// Both, the original first.
    pub fn both(self, place: Place) -> [Sandbox; 2] {
        [self.itself(place), self.ours(place)]
    }
}

/// Our init under any name.
pub fn called(name: impl Into<OsString>, place: Place) -> Sandbox {
    Sandbox::new(init()).arg0(name).place(place)
}

/// Skips the running test unless all three are installed.
macro_rules! require_originals {
    () => {
        initlab::require_program!("dumb-init", "tini", "catatonit");
    };
}
pub(crate) use require_originals;

/// What an init printed and did, without the parts that may differ: process IDs, the order of lines
/// of two processes, help and licence texts, and tini's lines at -v, which the original writes to
/// stdout.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: i32,
    pub stdout: String,
    pub stderr: Vec<String>,
}

impl Answer {
    pub fn of(ended: &Ended) -> Answer {
        let latin1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
        let mut stderr = without_texts(latin1(&ended.stderr));
        let mut stdout = String::new();
        for line in without_texts(latin1(&ended.stdout)).split_inclusive('\n') {
            let is_log = ["[INFO  tini (", "[DEBUG tini (", "[TRACE tini ("];
            if is_log.iter().any(|start| line.starts_with(start)) {
                stderr.push_str(line);
            } else {
                stdout.push_str(line);
            }
        }
        let mut stderr: Vec<String> = stderr
            .lines()
            .filter(|line| !NOT_SAID.iter().any(|part| line.contains(part)))
            .map(without_pids)
            .collect();
        stderr.sort();
        // The original's child inherits the parent's buffer, and writes its content again.
        stderr.dedup();
        Answer {
            status: ended.status.shell(),
            stdout,
            stderr,
        }
    }
}

/// A line that a child prints only if it has inherited its parent's buffer.
const NOT_SAID: [&str; 1] = ["tcsetpgrp failed: no tty (ok to proceed)"];

/// A text with a mark instead of a help or licence text at its end.
fn without_texts(text: String) -> String {
    const BEGINNINGS: [&str; 9] = [
        "tini (tini version 0.19.0)\n",
        "tidy-init as ",
        "usage: catatonit ",
        "Usage: dumb-init [option] command",
        "dumb-init v1.2.5\nUsage: ",
        "The MIT License (MIT)",
        "catatonit: a container init so simple",
        "tidy-init: MIT OR Apache-2.0",
        "Usage: tini [OPTIONS]",
    ];
    let at = BEGINNINGS.iter().filter_map(|text_| text.find(text_)).min();
    match at {
        Some(at) => format!("{}<text>\n", &text[..at]),
        None => text,
    }
}

/// A line with `N` instead of each process ID.
fn without_pids(line: &str) -> String {
    let mut line = line.to_owned();
    for before in [
        " tini (",
        "(catatonit:",
        " PID ",
        " pid '",
        " pid: '",
        "pid1 (",
        "child process ",
        " pid=",
    ] {
        if let Some(at) = line.find(before) {
            let start = at + before.len();
            let digits = line[start..].bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                line.replace_range(start..start + digits, "N");
            }
        }
    }
    line
}

/// Runs a command line by the original and by our init, and compares the answers.
#[track_caller]
pub fn compare<S: AsRef<OsStr>>(original: Original, arguments: &[S], variables: &[(&str, &str)]) {
    let [theirs, ours] = answers(original, arguments, variables);
    assert_eq!(
        Answer::of(&ours),
        Answer::of(&theirs),
        "\nours:\n{ours}\n\n{}'s:\n{theirs}",
        original.name()
    );
}

/// The answers of both, the original's first.
pub fn answers<S: AsRef<OsStr>>(
    original: Original,
    arguments: &[S],
    variables: &[(&str, &str)],
) -> [Ended; 2] {
    original.both(Place::Child).map(|mut sandbox| {
        sandbox = sandbox.args(arguments.iter().map(AsRef::as_ref));
        for (name, value) in variables {
            sandbox = sandbox.env(name, value);
        }
        sandbox.run()
    })
}
