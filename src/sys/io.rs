//! Writing.
//!
//! # Safety
//!
//! Each call is given a buffer and its length.

use super::Errno;
use super::descriptor::Descriptor;
use core::ffi::{CStr, c_int, c_long};
use core::mem::MaybeUninit;
use core::ptr;

/// The standard streams.
pub(super) const STDIN: c_int = 0;
const STDOUT: c_int = 1;
const STDERR: c_int = 2;

/// Writes to stderr without blocking, and returns how many bytes were written.
///
/// `RWF_NOWAIT` never waits on pipes and sockets (pwritev2(2)). Where it is not
/// supported (terminals, old kernels, most file systems, a filter), we open
/// another description of the same terminal or pipe, one that does not block.
/// Where that is not possible either, the write is a plain one after a look
/// whether there is room: best effort, since another writer may take that room
/// in between, or it may be less than a line.
///
/// # Errors
///
/// EAGAIN where there is no room; otherwise what write(2) says. A pipe without
/// a reader gives EPIPE, and a SIGPIPE from ourselves, which is blocked.
pub fn write_without_blocking(line: &[u8]) -> Result<usize, Errno> {
    let vector = libc::iovec {
        iov_base: line.as_ptr().cast_mut().cast(),
        iov_len: line.len(),
    };
    // The offset -1, in two halves, is the file's own position.
    // SAFETY: one vector, which describes the line; write only reads it.
    let written = unsafe {
        call!(
            pwritev2,
            STDERR,
            &raw const vector,
            1,
            -1isize,
            -1isize,
            libc::RWF_NOWAIT
        )
    };
    match written {
        // It is about the stream, or there is nothing to write to.
        Err(error @ (Errno::EPIPE | Errno::EBADF | Errno::EFBIG | Errno::ENOSPC)) => Err(error),
        // A file is never full in the sense of a pipe, and its position belongs
        // to the description that the command has, too.
        Err(_) if is_file() => write(STDERR, line),
        Err(Errno::EAGAIN) => Err(Errno::EAGAIN),
        Err(_) => match open(
            c"/proc/self/fd/2",
            libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY,
        ) {
            Ok(own) => write(own.number(), line),
            Err(_) => write_if_room(line),
        },
        Ok(written) => Ok(written),
    }
}

fn write_if_room(line: &[u8]) -> Result<usize, Errno> {
    let mut question = libc::pollfd {
        fd: STDERR,
        events: libc::POLLOUT,
        revents: 0,
    };
    let at_once: [c_long; 2] = [0, 0];
    // SAFETY: one pollfd, a timespec, and no mask.
    let ready = unsafe {
        call!(
            ppoll,
            &raw mut question,
            1,
            at_once.as_ptr(),
            ptr::null::<u64>(),
            0
        )
    }?;
    if ready == 0 || question.revents & libc::POLLOUT == 0 {
        return Err(Errno::EAGAIN);
    }
    write(STDERR, line)
}

/// Files have a position; pipes, sockets and terminals have none (ESPIPE).
fn is_file() -> bool {
    // SAFETY: no memory is involved, and the position stays.
    unsafe { call!(lseek, STDERR, 0, libc::SEEK_CUR) }.is_ok()
}

fn write(to: c_int, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the buffer is as long as said.
    unsafe { call!(write, to, bytes.as_ptr(), bytes.len()) }
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
    unsafe {
        call!(
            openat,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags | libc::O_CLOEXEC
        )
    }
    .map(Descriptor::new)
}

/// The beginning of a file, as much as one read gives and the buffer holds.
///
/// # Errors
///
/// Those of open(2) and read(2).
pub fn read<'b>(path: &CStr, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    read_more(&open(path, libc::O_RDONLY)?, buffer)
}

/// What comes next in a file, as much as one read gives and the buffer holds;
/// nothing at its end.
///
/// # Errors
///
/// Those of read(2).
pub(super) fn read_more<'b>(file: &Descriptor, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    // SAFETY: the buffer is as long as said.
    let length = unsafe { call!(read, file.number(), buffer.as_mut_ptr(), buffer.len()) }?;
    Ok(buffer.get(..length).unwrap_or_default())
}

/// Puts `text` in the place of what is in a file, which must exist, in one
/// write that does not block: a fifo without a reader must not hold us. A file
/// that one of our standard streams writes to is appended to: it is a log.
///
/// # Errors
///
/// Those of open(2) and write(2).
pub fn overwrite(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file = open(
        path,
        libc::O_WRONLY | libc::O_APPEND | libc::O_NONBLOCK | libc::O_NOCTTY,
    )?;
    // Linux before 4.11 cannot tell, and the line is appended.
    let is_to_be_replaced = identity(file.number()).is_ok_and(|identity| {
        let mut streams = [STDIN, STDOUT, STDERR].into_iter();
        identity.is_regular
            && !streams.any(|stream| self::identity(stream).is_ok_and(|other| other == identity))
    });
    if is_to_be_replaced {
        // SAFETY: no memory is involved.
        unsafe { call!(ftruncate, file.number(), 0) }?;
    }
    write(file.number(), text).map(drop)
}

/// What tells a file from others.
#[derive(PartialEq, Eq)]
struct Identity {
    device: (u32, u32),
    inode: u64,
    is_regular: bool,
}

/// By statx(2), whose structure is the same on every architecture.
fn identity(file: c_int) -> Result<Identity, Errno> {
    let mut stat = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: statx fills it in, or leaves it zero, which is valid, too.
    let (result, stat) = unsafe {
        let result = call!(
            statx,
            file,
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            libc::STATX_TYPE | libc::STATX_INO,
            stat.as_mut_ptr()
        );
        (result, stat.assume_init())
    };
    result?;
    Ok(Identity {
        device: (stat.stx_dev_major, stat.stx_dev_minor),
        inode: stat.stx_ino,
        is_regular: u32::from(stat.stx_mode) & libc::S_IFMT == libc::S_IFREG,
    })
}
