//! The init for containers: it starts one command, passes signals on to it,
//! reaps what dies, shuts down tidily and reports how the command ended.
//!
//! Data flows one way:
//!
//! ```text
//! argv -> cli -> Config -> child -> run <-> supervisor -> exit status
//! ```
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`cli`] | turns `argv` into a [`config::Request`]; one file a personality |
//! | [`config`] | what to do, as plain data |
//! | [`signal`] | [`signal::Signal`], its names, the rewrite table |
//! | [`status`] | how a process ended, and the exit statuses that we give |
//! | [`supervisor`] | the decisions: events in, actions out; pure |
//! | [`path`] | the search of `execvp(3)`; pure |
//! | [`child`] | starting the command |
//! | [`run`] | the loop that carries events to the supervisor and actions out |
//! | [`descendants`] | signals to all that descends from us |
//! | [`termination`] | the line that says why the command failed |
//! | [`event`], [`voice`] | what happened; the words for it, of each personality |
//! | [`errno`] | what the errors of system calls are called |
//! | [`buffer`], [`text`], [`number`] | text put together at run time and at compile time; numbers in it |
//! | [`time`], [`utc`] | spans of time; the time of day |
//! | [`log`] | one line to stderr, which never blocks |
//! | [`sys`] | the system calls: the only `unsafe` code |
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

pub mod buffer;
pub mod child;
pub mod cli;
pub mod config;
pub mod descendants;
pub mod errno;
pub mod event;
pub mod log;
pub mod number;
pub mod path;
pub mod run;
pub mod signal;
pub mod status;
pub mod supervisor;
#[allow(unsafe_code)]
pub mod sys;
pub mod termination;
pub mod text;
pub mod time;
pub mod utc;
pub mod voice;
