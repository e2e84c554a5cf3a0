//! What the errors of system calls are called.

use super::{Line, RowBuilder, Rows};
use crate::rows;
use nix::errno::Errno;

/// The errors that the calls of an init give, in the words of glibc's
/// `strerror(3)`, so that our lines and those of the programs around us agree.
/// nix and musl have all of them, for 3 to 5 kB.
const TEXTS: [(Errno, &str); 25] = [
    (Errno::EPERM, "Operation not permitted"),
    (Errno::ENOENT, "No such file or directory"),
    (Errno::ESRCH, "No such process"),
    (Errno::ENXIO, "No such device or address"),
    (Errno::E2BIG, "Argument list too long"),
    (Errno::ENOEXEC, "Exec format error"),
    (Errno::EBADF, "Bad file descriptor"),
    (Errno::ECHILD, "No child processes"),
    (Errno::EAGAIN, "Resource temporarily unavailable"),
    (Errno::ENOMEM, "Cannot allocate memory"),
    (Errno::EACCES, "Permission denied"),
    (Errno::ENOTDIR, "Not a directory"),
    (Errno::EISDIR, "Is a directory"),
    (Errno::EINVAL, "Invalid argument"),
    (Errno::ENOTTY, "Inappropriate ioctl for device"),
    (Errno::EIO, "Input/output error"),
    (Errno::EMFILE, "Too many open files"),
    (Errno::ETXTBSY, "Text file busy"),
    (Errno::ENOSPC, "No space left on device"),
    (Errno::EROFS, "Read-only file system"),
    (Errno::EPIPE, "Broken pipe"),
    (Errno::EFBIG, "File too large"),
    (Errno::ENAMETOOLONG, "File name too long"),
    (Errno::ENOSYS, "Function not implemented"),
    (Errno::ELOOP, "Too many levels of symbolic links"),
];

/// Of each error its number, and its text.
static ROWS: Rows = rows!(build {
    let mut builder = RowBuilder::new();
    let mut at = 0;
    while at < TEXTS.len() {
        let (errno, text) = TEXTS[at];
        builder = builder.row().byte(errno as u8).text(text);
        at += 1;
    }
    builder
});

/// Appends an error in words; one that we have no words for as its number.
pub fn reason(line: &mut Line<'_>, errno: Errno) {
    let number = u8::try_from(errno as i32).unwrap_or_default();
    match ROWS.behind(number) {
        Some(text) => line.bytes(text),
        None => line.text("error ").number(errno as u64),
    };
}
