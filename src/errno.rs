//! What the errors of system calls are called.

#![forbid(unsafe_code)]

use crate::number::Decimal;
use crate::sys::Errno;
use crate::text::{Draft, Packed};
use core::fmt;

/// The errors that the calls of an init give, in the words of glibc's
/// `strerror(3)`, so that our lines and those of the programs around us agree.
/// Any other shows its number. nix and musl have all of them, for 3 to 5 kB.
const TEXTS: [(Errno, &str); 24] = [
    (Errno::EPERM, "Operation not permitted"),
    (Errno::ENOENT, "No such file or directory"),
    (Errno::ESRCH, "No such process"),
    (Errno::ENXIO, "No such device or address"),
    (Errno::E2BIG, "Argument list too long"),
    (Errno::ENOEXEC, "Exec format error"),
    (Errno::EBADF, "Bad file descriptor"),
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

/// The table, a number, a text and a zero each.
static PACKED: [u8; DRAFT.length()] = DRAFT.finish();
const DRAFT: Draft = draft();

#[allow(clippy::indexing_slicing)] // In the compiler.
const fn draft() -> Draft {
    let mut draft = Draft::new();
    let mut at = 0;
    while at < TEXTS.len() {
        draft = draft
            .byte(TEXTS[at].0 as u8)
            .packed(&Draft::new().text(TEXTS[at].1))
            .byte(0);
        at += 1;
    }
    draft
}

/// An error, in words.
#[derive(Clone, Copy, Debug)]
pub struct Reason(pub Errno);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0 as i32;
        let known = PACKED.split(|byte| *byte == 0).find_map(|entry| {
            let (first, text) = entry.split_first()?;
            (i32::from(*first) == number).then_some(text)
        });
        match known {
            Some(text) => Packed(text).fmt(f),
            None => write!(f, "error {}", Decimal(u64::from(number.unsigned_abs()))),
        }
    }
}
