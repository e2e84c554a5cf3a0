//! Inits that are broken on purpose, each in one way: `initlab toy NAME [OPTIONS] -- COMMAND`.
//!
//! They show that each case of [`conform`](crate::conform) can fail, and what its failure looks
//! like. `sound` has no defect, but it accepts tidy-init's options without effect. Each of the others is
//! `sound` with one thing wrong.

mod child;
mod defect;
mod init;
mod menace;
mod message;

use std::{ffi::OsString, os::unix::ffi::OsStrExt};

pub use defect::{Defect, TOYS, Toy};

use crate::sys;
use message::complain;

/// tidy-init's options, as far as a case asks for them.
const KNOWN: [&str; 12] = [
    "-c",
    "-d",
    "-e",
    "-k",
    "-p",
    "-r",
    "-t",
    "-v",
    "-x",
    "--grace",
    "--linger",
    "--pre-stop",
];

/// Runs the toy with this argument vector, `initlab toy NAME ...`, and gives the exit status.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> i32 {
    let mut arguments = arguments.into_iter().skip(2);
    let name = arguments.next().unwrap_or_default();
    if name == "help" {
        let lines: String = TOYS
            .iter()
            .map(|toy| format!("{:<26} {}\n", toy.name, toy.what))
            .collect();
        let _ = sys::write_all(1, lines.as_bytes());
        return 0;
    }
    let Some(toy) = TOYS.iter().find(|toy| name == toy.name) else {
        complain(&format!(
            "no toy is called {name:?}; `initlab toy help` lists them"
        ));
        return 2;
    };
    let options: Vec<_> = arguments.by_ref().take_while(|word| word != "--").collect();
    let unknown = options
        .iter()
        .find(|word| word.as_bytes().starts_with(b"-") && !KNOWN.iter().any(|known| known == word));
    let command: Vec<_> = arguments.collect();
    let complaint = match unknown {
        Some(option) if toy.defect != Defect::TakesAnyOption => {
            Some(format!("there is no option {option:?}"))
        }
        _ if command.is_empty() => Some("no command after `--`".to_owned()),
        _ => None,
    };
    if let Some(complaint) = complaint {
        if toy.defect != Defect::SilentFailure {
            complain(&complaint);
        }
        return 2;
    }
    init::run(toy.defect, command)
}
