//! The init from outside: as PID 1 of a namespace, and not as PID 1; and its pure parts.

mod command_line;
mod container;
mod deadlines;
mod drop_in;
mod early;
mod exit_codes;
mod exit_map;
mod exit_status;
mod failed_exec;
mod grace;
mod harness;
mod idle;
mod images;
mod inheritance;
mod job_control;
mod json_log;
mod logging;
mod names;
mod odd_starts;
mod options_variable;
mod parent_death;
mod path_search;
mod pause;
mod permissions;
mod real_programs;
mod reaping;
mod service;
mod shutdown;
mod signals;
mod smoke;
mod stderr;
mod supervisor;
mod support;
mod terminal;
mod termination_log;
mod tidy_shutdown;
mod watch;

// Used by nearly every module here, as `crate::report`.
use initlab::report;
