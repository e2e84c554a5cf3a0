//! Everything that needs `unsafe`: thin wrappers around system calls.
//!
//! # Safety
//! The rest of the crate denies `unsafe`. A wrapper here takes and gives safe types, checks every
//! result through `cerr`, and each block says which fact makes it sound.
#![allow(unsafe_code)]

mod child;
mod fd;
mod plan;
mod process;
mod ptrace;
mod setup;
mod signal;
mod spawn;
mod tty;

use std::io;

pub use child::{Cloned, Failed, read_report};
pub use fd::*;
pub use plan::{CStrings, Filter, Ids, Maps, Plan, ProcMount, Step};
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
