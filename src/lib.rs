//! The init for containers: it starts one command, forwards signals to it,
//! reaps zombies, shuts down tidily and reports how the command ended.
//!
//! Data flows one way:
//!
//! ```text
//! argv -> personality (cli) -> Config -> init::start -> init::run <-> supervisor -> exit status
//! ```
//!
//! Each of these modules imports only from those below it:
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`personality`] | the programs that we stand for: names, options, behaviour, messages; a file each |
//! | [`init`] | running a command: the start, the loop, the walk over descendants, the end |
//! | [`cli`] | command lines: the parser, option tables, values, usage errors |
//! | [`supervisor`] | the decisions: an event comes in, actions go out; pure |
//! | [`log`] | events, messages, their JSON form, a line to stderr that never blocks |
//! | [`config`] | what to do, as plain data |
//! | [`sys`] | the system calls: the only `unsafe` code |
//! | [`signal`], [`received`], [`rewrite`], [`per_signal`] | signals: numbers and names, arrivals, rules, times |
//! | [`process`], [`status`], [`exit_map`], [`time`] | process IDs, wait statuses, rules for them, spans of time |
//! | [`text`] | bounded writing, escaping, numbers, lists of short texts |
//!
//! Nothing here allocates: memory is `argv`, the environment and the stack, and
//! one mapping where walks over all descendants may be needed.

#![deny(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![warn(missing_docs)]

pub mod cli;
pub mod config;
pub mod exit_map;
pub mod init;
pub mod log;
pub mod per_signal;
pub mod personality;
pub mod process;
pub mod received;
pub mod rewrite;
pub mod signal;
pub mod status;
pub mod supervisor;
#[allow(unsafe_code)]
pub mod sys;
pub mod text;
pub mod time;
