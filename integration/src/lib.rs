//! `initlab`: a sandbox for inits, and for programs that are run as PID 1.
//!
//! A [`Sandbox`] starts a program as PID 1 of a fresh PID and mount namespace, or as an ordinary
//! child, with exactly the descriptors, signal dispositions, mask, environment and terminal that
//! the caller says. What runs is a [`Running`]: it can be signalled, read line by line and looked
//! at through `/proc`, and what is left of it is killed when the value is dropped.
//! [`Running::wait`] gives an [`Ended`].
//!
//! ```no_run
//! use initlab::Sandbox;
//!
//! let script = "echo ready; exec sleep 60";
//! let mut init = Sandbox::new("/sbin/my-init").args(["--", "sh", "-c", script]).start();
//! init.expect("ready");
//! init.kill(libc::SIGTERM);
//! assert_eq!(init.wait().status.shell(), 143);
//! ```
//!
//! Every wait has a deadline: 20 s unless said otherwise, times the number in
//! `INITLAB_TIMEOUT_FACTOR`. A deadline that passes panics (or, in the `try_` methods, fails) with
//! all there is to know: arguments, status, both streams, and the process tree.
//!
//! [`Init`] knows how the inits that are about spell their options; [`conform`] runs the catalogue of
//! behaviour cases against any of them, as the command `initlab conform` does:
//!
//! ```no_run
//! use initlab::{Init, conform::{self, Plan}, output::Output};
//!
//! let inits = vec![Init::new("/usr/bin/tini", None)];
//! let report = Plan::new(inits, conform::cases()).run(Output { quiet: true });
//! println!("{} cases failed", report.failures());
//! ```
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod bench;
pub mod conform;
mod deadline;
mod duration;
mod elf;
mod ended;
pub mod exit;
pub mod fixture;
mod init;
pub mod interrupt;
mod locate;
mod network;
pub mod output;
pub mod pages;
pub mod probe;
mod process;
mod pty;
mod pump;
pub mod report;
mod running;
mod sandbox;
mod signals;
mod skip;
mod start;
mod status;
mod strace;
#[doc(hidden)]
#[allow(missing_docs)]
pub mod sys;
mod temp;
mod text;
pub mod toy;

pub use deadline::{poll_until, timeout, try_poll_until};
pub use duration::{parse_duration, show_duration};
pub use elf::is_dynamic;
pub use ended::{Ended, Failure};
pub use fixture::fingerprint::fingerprint;
pub use init::{Feature, Init, InitError, PEERS, Personality};
pub use locate::{
    copy_executable, find_program, fixture, reachable, use_own_fixtures, write_executable,
};
pub use network::Network;
pub use process::{Process, Stat, tree_of};
pub use pty::Pty;
pub use running::Running;
pub use sandbox::{Leader, Place, Sandbox, Stdio};
pub use signals::{SignalSet, signal_name, signal_number};
pub use skip::{missing_docker, missing_namespaces, missing_program, missing_root, skipped};
pub use start::StartError;
pub use status::WaitStatus;
pub use strace::{Strace, traced_calls};
pub use sys::{Disposition, pipe};
pub use temp::TempDir;
pub use text::escape;
