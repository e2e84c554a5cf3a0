//! `initlab`: a sandbox for inits, and for programs that are run as PID 1.
//!
//! A [`Sandbox`] starts a program as PID 1 of a fresh PID and mount namespace, or as an ordinary
//! child, with exactly the descriptors, signal dispositions, mask, environment and terminal that
//! the caller specifies. The result is a [`Running`]: the caller can signal it, read its output
//! line by line and inspect it through `/proc`. Dropping it kills whatever still runs.
//! [`Running::wait`] returns an [`Ended`].
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
//! Every wait has a deadline: 20 s by default, times the number in `INITLAB_TIMEOUT_FACTOR`. When
//! it passes, the method panics (a `try_` method fails) with the full picture: arguments, status,
//! both streams, and the process tree.
//!
//! [`Init`] knows how each init spells its options; [`conform`] runs the catalogue of behaviour
//! cases against any of them, like the command `initlab conform`:
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
pub mod compare;
pub mod conform;
mod deadline;
mod duration;
mod elf;
mod ended;
pub mod exit;
pub mod fixture;
mod init;
mod inside;
pub mod interrupt;
mod locate;
pub mod machine;
mod network;
pub mod output;
pub mod pages;
pub mod probe;
mod process;
mod pty;
mod pump;
mod refusal;
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
pub use process::{Process, Stat, Thread, tree_of};
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
