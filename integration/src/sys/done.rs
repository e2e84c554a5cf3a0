//! Results of system calls in the new process.

use std::io;

use super::Step;

/// The result of a system call in the child: the step and errno, without an `io::Error`.
pub(super) type Done = Result<(), (Step, i32)>;

pub(super) fn check(step: Step, value: impl Into<i64>) -> Done {
    if value.into() == -1 {
        Err((step, io::Error::last_os_error().raw_os_error().unwrap_or(0)))
    } else {
        Ok(())
    }
}

pub(super) fn checked<T>(step: Step, result: io::Result<T>) -> Result<T, (Step, i32)> {
    // An OS error stores its number in place of a pointer: nothing is allocated or freed.
    result.map_err(|error| (step, error.raw_os_error().unwrap_or(0)))
}
