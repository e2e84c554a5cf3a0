//! Thin wrappers around system calls: the only module with `unsafe`.
//!
//! # Safety
//! The rest of the crate denies `unsafe`. The wrappers have safe signatures and check every result
//! through `cerr`; each block names the fact that makes it sound.
#![allow(unsafe_code)]

mod child;
mod done;
mod fd;
mod file;
mod machine;
mod plan;
mod process;
mod ptrace;
mod root;
mod setup;
mod signal;
mod spawn;
mod tty;

use std::io;

pub use child::{Cloned, Failed, read_report};
pub use fd::*;
pub use file::write_apart;
pub use machine::*;
pub use plan::{CStrings, Filter, Ids, Maps, Plan, ProcMount, RootPlan, Step};
pub use process::*;
pub use ptrace::*;
pub use signal::*;
pub use spawn::Spawn;
pub use tty::*;

/// A call's result: -1 becomes the error that `errno` names.
pub(crate) fn cerr<T: PartialEq + From<i8>>(value: T) -> io::Result<T> {
    if value == T::from(-1) {
        Err(io::Error::last_os_error())
    } else {
        Ok(value)
    }
}
