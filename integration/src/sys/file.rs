//! Writing programs.

use std::{ffi::CString, io, os::unix::ffi::OsStrExt, path::Path};

use super::{cerr, exit_now, reap};

/// Writes a new file in a child process, in place of any other of the name. If this process wrote it, a
/// child that another thread forks meanwhile would hold it open for writing until its exec, and
/// executing the file would sometimes fail with ETXTBSY.
pub fn write_apart(path: &Path, content: &[u8], mode: libc::mode_t) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the child makes system calls only, until it exits: it may be the copy of one of many
    // threads.
    let child = cerr(unsafe { libc::fork() })?;
    if child == 0 {
        let status = match write_new(&path, content, mode) {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
        };
        exit_now(status)
    }
    let status = reap(child)?;
    match libc::WEXITSTATUS(status) {
        _ if !libc::WIFEXITED(status) => Err(io::Error::other("the writing process was killed")),
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Allocates nothing. The mode is set at last, since writing clears the setuid bit.
fn write_new(path: &CString, mut content: &[u8], mode: libc::mode_t) -> io::Result<()> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: the path is a C string. If there is no such file, the next call succeeds.
    unsafe { libc::unlink(path.as_ptr()) };
    // SAFETY: as above.
    let file = cerr(unsafe { libc::open(path.as_ptr(), flags, 0o600) })?;
    while !content.is_empty() {
        // SAFETY: pointer and length are those of a slice.
        let written = cerr(unsafe { libc::write(file, content.as_ptr().cast(), content.len()) })?;
        content = content.get(written.unsigned_abs()..).unwrap_or_default();
    }
    // SAFETY: the descriptor is open, and it takes an integer.
    cerr(unsafe { libc::fchmod(file, mode) }).map(drop)
}
