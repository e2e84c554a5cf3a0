//! Writing.
//!
//! # Safety
//!
//! Each call is given a buffer and its length.

use super::Errno;
use super::proc::Descriptor;
use core::ffi::{CStr, c_int};

/// Standard output and error.
const STDOUT: c_int = 1;
const STDERR: c_int = 2;

/// Writes a line to stderr in one piece, or not at all, without blocking.
///
/// `RWF_NOWAIT` never waits on pipes and sockets (pwritev2(2)). Where it is
/// not to be had (terminals, old kernels, most file systems, a filter), another
/// description of the same terminal or pipe is opened, one that does not block.
/// Where that is not possible either, the write is a plain one after a look
/// whether there is room: best effort, since another writer may take that room
/// in between, or it may be less than a line.
///
/// # Errors
///
/// EAGAIN where there is no room; otherwise what write(2) says. A pipe without
/// a reader gives EPIPE, and a SIGPIPE from ourselves, which is blocked.
pub fn write_or_drop(line: &[u8]) -> Result<(), Errno> {
    let vector = libc::iovec {
        iov_base: line.as_ptr().cast_mut().cast(),
        iov_len: line.len(),
    };
    // The offset -1, in two halves, is the file's own position.
    // SAFETY: one vector, which describes the line; write only reads it.
    let written = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_pwritev2,
            STDERR,
            &raw const vector,
            1usize,
            -1isize,
            -1isize,
            libc::RWF_NOWAIT,
        )
    });
    match written {
        Ok(_) => Ok(()),
        // A file is never full in the sense of a pipe, and its position belongs
        // to the description that the command has, too.
        Err(Errno::EAGAIN | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL | Errno::EPERM)
            if is_file() =>
        {
            write(STDERR, line).map(drop)
        }
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => {
            match open(
                c"/proc/self/fd/2",
                libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY,
            ) {
                Ok(own) => write(own.number(), line).map(drop),
                Err(_) => write_if_room(line),
            }
        }
        Err(other) => Err(other),
    }
}

fn write_if_room(line: &[u8]) -> Result<(), Errno> {
    let mut question = libc::pollfd {
        fd: STDERR,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one pollfd; the time limit 0 returns at once.
    let ready = Errno::result(unsafe { libc::poll(&raw mut question, 1, 0) })?;
    if ready == 0 || question.revents & libc::POLLOUT == 0 {
        return Err(Errno::EAGAIN);
    }
    write(STDERR, line).map(drop)
}

/// Files have a position; pipes, sockets and terminals have none (ESPIPE).
fn is_file() -> bool {
    // SAFETY: no memory is involved, and the position stays.
    Errno::result(unsafe { libc::lseek(STDERR, 0, libc::SEEK_CUR) }).is_ok()
}

fn write(to: c_int, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the buffer is as long as said.
    Errno::result(unsafe { libc::write(to, bytes.as_ptr().cast(), bytes.len()) })
        .map(|written| written as usize)
}

/// Writes a text that the user asked for to standard output or error, all of it.
///
/// # Errors
///
/// Those of write(2).
pub fn print(to_stderr: bool, mut text: &[u8]) -> Result<(), Errno> {
    let to = if to_stderr { STDERR } else { STDOUT };
    while !text.is_empty() {
        let written = write(to, text)?;
        text = text.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Opens a file for us alone, without a mode: it is never created.
///
/// # Errors
///
/// Those of open(2).
pub(super) fn open(path: &CStr, flags: c_int) -> Result<Descriptor, Errno> {
    // SAFETY: a C string and a number.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_openat,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags | libc::O_CLOEXEC,
        )
    })
    .map(Descriptor::new)
}

/// The beginning of a file, as much as one read gives and the buffer holds.
///
/// # Errors
///
/// Those of open(2) and read(2).
pub fn read<'b>(path: &CStr, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let file = open(path, libc::O_RDONLY)?;
    // SAFETY: the buffer is as long as said.
    let length = Errno::result(unsafe {
        libc::read(file.number(), buffer.as_mut_ptr().cast(), buffer.len())
    })?;
    Ok(buffer.get(..length as usize).unwrap_or_default())
}

/// Puts `text` in the place of what is in a file, which must exist, in one
/// write that does not block: a fifo without a reader must not hold us.
///
/// # Errors
///
/// Those of open(2) and write(2).
pub fn overwrite(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file = open(
        path,
        libc::O_WRONLY | libc::O_TRUNC | libc::O_NONBLOCK | libc::O_NOCTTY,
    )?;
    write(file.number(), text).map(drop)
}
