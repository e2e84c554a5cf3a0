//! Making a system call.

use super::Errno;

/// Makes a system call, which the kernel knows by this name: `call!(close, 3)`.
/// Gives what it returns, or the error.
///
/// The C library has no part in it, so no function of it adds to what we ask
/// (musl hides signals 32 to 34, glibc 32 and 33), and no variable of a thread
/// holds the error: a child that shares our memory would write to ours.
macro_rules! call {
    ($name:ident $(, $argument:expr)*) => {
        $crate::sys::call::result(::syscalls::raw_syscall!(
            ::syscalls::Sysno::$name $(, $argument)*
        ))
    };
}

/// The kernel returns an error as a number from -4095 to -1 (syscall(2)).
pub(super) fn result(returned: usize) -> Result<usize, Errno> {
    match returned as isize {
        error @ -4095..0 => Err(Errno::from_raw(-error as i32)),
        _ => Ok(returned),
    }
}
