//! Running a command, or holding a pod's namespaces: what lies between the
//! decisions and the system calls.

#![forbid(unsafe_code)]

mod child;
mod descendants;
mod job_control;
mod kernel;
mod linger;
mod linux;
pub mod path;
mod pause;
mod pid_set;
mod pre_stop;
mod program;
mod run;
mod start;
mod termination;

pub use child::Command;
pub use descendants::Descendants;
pub use kernel::Kernel;
pub use linger::linger;
pub use linux::Linux;
pub use program::Program;
pub use run::{Run, ignored_stop_signals};
pub use start::{pause, run};
