//! The system calls, each behind a safe function.
//!
//! # Safety
//!
//! The only `unsafe` code of the init, besides the name of `main`. Three facts
//! carry most of it: the process has one thread; `argv` and the environment
//! live as long as the process; and a system call that is given a pointer is
//! given one to a live value of the type that it expects.
//!
//! Signals are waited for, sent and masked by raw system calls and numbers:
//! musl hides 32 to 34 and glibc 32 and 33 from their callers.

#[macro_use]
mod call;

pub mod args;
pub mod clock;
pub mod descriptor;
pub mod fd;
pub mod io;
pub mod memory;
pub mod proc;
pub mod process;
pub mod signals;
pub mod tcp;
pub mod terminal;
pub mod wait;

pub use nix::errno::Errno;
