//! What only the userland of a whole machine asks of the kernel.

use std::{io, os::fd::AsRawFd};

use super::cerr;

/// The number of `clock_settime` that takes 64-bit times on every architecture.
#[cfg(target_pointer_width = "32")]
const CLOCK_SETTIME: libc::c_long = 404;
#[cfg(not(target_pointer_width = "32"))]
const CLOCK_SETTIME: libc::c_long = libc::SYS_clock_settime;

/// Sets the machine's clock to so many seconds since 1970.
pub fn set_clock(seconds: i64) -> io::Result<()> {
    // The kernel's `__kernel_timespec`: two 64-bit numbers.
    let time: [i64; 2] = [seconds, 0];
    // SAFETY: the time is live and of the size that the call reads.
    cerr(unsafe { libc::syscall(CLOCK_SETTIME, libc::CLOCK_REALTIME, time.as_ptr()) }).map(drop)
}

/// The size of a page in bytes.
#[must_use]
pub fn page_size() -> libc::c_long {
    // SAFETY: sysconf takes an integer.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }
}

/// Whether a write to a pipe can be asked not to wait (`RWF_NOWAIT`, pwritev2(2)); else the kernel
/// says EOPNOTSUPP.
pub fn pipes_take_nowait() -> io::Result<bool> {
    let (_read, write) = super::pipe()?;
    let bytes = b"x";
    let vector = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: the vector is live and names live bytes, which are only read. The offset is -1 in both
    // of its halves: the file's own position.
    let written = cerr(unsafe {
        libc::syscall(
            libc::SYS_pwritev2,
            write.as_raw_fd(),
            &raw const vector,
            1,
            -1 as libc::c_long,
            -1 as libc::c_long,
            libc::RWF_NOWAIT,
        )
    });
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(false),
        Err(error) => Err(error),
    }
}
