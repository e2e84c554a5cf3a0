//! File descriptors.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    time::Duration,
};

use libc::c_int;

use super::cerr;

/// A pipe, both ends close-on-exec: (read end, write end).
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two descriptors.
    cerr(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the call has just made both descriptors, and nobody else knows them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// An event counter, close-on-exec.
pub fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: eventfd takes integers only.
    let fd = cerr(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) })?;
    // SAFETY: the call has just made the descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A close-on-exec duplicate of `fd` with a number of at least `floor`.
pub fn duplicate_above(fd: RawFd, floor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with F_DUPFD_CLOEXEC takes integers only; a number that is not open gives
    // EBADF.
    let fd = cerr(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, floor) })?;
    // SAFETY: the call has just made the descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Closes descriptor `fd` of this process by number. For fixtures: nothing may own it.
pub fn close_number(fd: RawFd) -> io::Result<()> {
    // SAFETY: the fixtures, the only callers, hold no owner of the numbers that they are told to
    // close.
    cerr(unsafe { libc::close(fd) }).map(drop)
}

/// The `FD_CLOEXEC` flag of descriptor `fd`, `None` where it is not open.
pub fn close_on_exec(fd: RawFd) -> Option<bool> {
    // SAFETY: F_GETFD takes integers only.
    let flags = cerr(unsafe { libc::fcntl(fd, libc::F_GETFD) }).ok()?;
    Some(flags & libc::FD_CLOEXEC != 0)
}

/// Device and inode of an open descriptor.
pub fn identity(fd: RawFd) -> io::Result<(u64, u64)> {
    // SAFETY: stat is plain data for which all zeroes is a value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is live, and fstat writes no more than it.
    cerr(unsafe { libc::fstat(fd, &raw mut stat) })?;
    #[allow(clippy::unnecessary_cast)]
    Ok((stat.st_dev as u64, stat.st_ino as u64))
}

/// One `read(2)`, started again after EINTR.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the buffer is live and its length is given.
        match cerr(unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })
        {
            Ok(count) => return Ok(count as usize),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes all of `bytes` to the descriptor with number `fd`, with as few `write(2)` calls as
/// possible.
pub fn write_all(fd: RawFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the bytes are live and their length is given; a closed number gives EBADF.
        match cerr(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) }) {
            Ok(count) => bytes = &bytes[count as usize..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until one of `fds` can be read, has ended or is broken, and returns which. `None` waits
/// without a limit.
pub fn poll_readable<const N: usize>(
    fds: [BorrowedFd<'_>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let mut polled = fds.map(|fd| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    });
    // Rounded up, so that a caller with a deadline does not spin during its last millisecond.
    let timeout = timeout.map_or(-1, |t| {
        c_int::try_from(t.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
    });
    // SAFETY: the array is live and its length is given.
    match cerr(unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, timeout) }) {
        Ok(_) => Ok(polled.map(|p| p.revents != 0)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok([false; N]),
        Err(error) => Err(error),
    }
}

/// `/dev/null`, for reading and writing.
pub fn open_null() -> io::Result<OwnedFd> {
    Ok(std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?
        .into())
}

/// Closes all descriptors of this process from `first` up, by number. Nothing may own one of them.
pub fn close_from(first: RawFd) -> io::Result<()> {
    // SAFETY: close_range takes integers only; the only caller, a toy init, holds no owner.
    cerr(unsafe { libc::syscall(libc::SYS_close_range, first, c_int::MAX, 0) }).map(drop)
}

/// `dup2(2)`: makes the number `target` a copy of `fd` without the close-on-exec flag.
pub fn duplicate_to(fd: RawFd, target: RawFd) -> io::Result<()> {
    // SAFETY: dup2 takes integers only; the only caller, a toy init, holds no owner of the number.
    cerr(unsafe { libc::dup2(fd, target) }).map(drop)
}

/// Sets the capacity of a pipe, and returns the kernel's choice: `F_SETPIPE_SZ`.
pub fn set_pipe_size(fd: BorrowedFd<'_>, bytes: c_int) -> io::Result<usize> {
    // SAFETY: F_SETPIPE_SZ takes integers only.
    cerr(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) }).map(|n| n as usize)
}
