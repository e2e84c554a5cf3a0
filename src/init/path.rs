//! The search of `execvp(3)`, as glibc does it.

use crate::text::{Line, Parts};
use core::ffi::CStr;
use nix::errno::Errno;

/// What glibc searches where PATH is not set (`confstr(3)`, `_CS_PATH`).
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";
/// The longest name of a file in a directory.
const NAME_MAX: usize = 255;
/// The longest path that the kernel takes, its NUL included.
pub const PATH_MAX: usize = 4096;
/// The path and the name together are almost always shorter.
const SHORT: usize = 512;

/// Tries each file that `name` may stand for and says why none could be
/// executed. `execute` is called with a path and returns only when it failed.
///
/// A name with a slash is tried as it is. Otherwise each entry of `path` (the
/// value of PATH, if it is set) is tried in turn, an empty one being the
/// current directory. The search goes on after the errors that say that the
/// file is not there, and after EACCES, which is then the answer if no other
/// file does; any other error ends it.
pub fn search(name: &CStr, path: Option<&[u8]>, mut execute: impl FnMut(&CStr) -> Errno) -> Errno {
    let bytes = name.to_bytes();
    if bytes.is_empty() {
        return Errno::ENOENT;
    }
    if Parts::of(bytes, b'/').nth(1).is_some() {
        return execute(name);
    }
    if bytes.len() > NAME_MAX {
        return Errno::ENAMETOOLONG;
    }
    let path = path.unwrap_or(DEFAULT_PATH);
    if path.len() + bytes.len() < SHORT {
        try_each(&mut [0; SHORT + 1], name, path, &mut execute)
    } else {
        try_each_of_long(name, path, &mut execute)
    }
}

/// Apart, so that its large frame costs memory only where it is needed.
#[inline(never)]
fn try_each_of_long(name: &CStr, path: &[u8], execute: &mut dyn FnMut(&CStr) -> Errno) -> Errno {
    try_each(&mut [0; PATH_MAX + NAME_MAX + 1], name, path, execute)
}

/// Tries the file of this name in each directory of `path`.
fn try_each(
    buffer: &mut [u8],
    name: &CStr,
    path: &[u8],
    execute: &mut dyn FnMut(&CStr) -> Errno,
) -> Errno {
    let mut denied = false;
    for directory in Parts::of(path, b':') {
        let Some(candidate) = join(buffer, directory, name) else {
            continue;
        };
        match execute(candidate) {
            Errno::EACCES => denied = true,
            Errno::ENOENT | Errno::ESTALE | Errno::ENOTDIR | Errno::ENODEV | Errno::ETIMEDOUT => {}
            other => return other,
        }
    }
    if denied { Errno::EACCES } else { Errno::ENOENT }
}

/// `directory/name` in the buffer, or the bare name where the directory is
/// empty; `None` where the directory is longer than any path may be.
fn join<'b>(buffer: &'b mut [u8], directory: &[u8], name: &CStr) -> Option<&'b CStr> {
    if directory.len() >= PATH_MAX {
        return None;
    }
    let mut path = Line::new(buffer);
    path.bytes(directory);
    if !directory.is_empty() {
        path.byte(b'/');
    }
    path.bytes(name.to_bytes());
    path.c_str()
}
