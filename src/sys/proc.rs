//! Processes, as /proc(5) shows them, and handles on them.
//!
//! # Safety
//!
//! Directory records are read out of a buffer that the kernel has filled, with
//! bounds checked; closing a descriptor concerns nobody else, since those above
//! 2 are all our own by then.

use super::{Errno, io};
use crate::buffer::Buffer;
use crate::number::decimal;
use crate::signal::Signal;
use crate::supervisor::Pid;
use core::ffi::{CStr, c_int};
use core::fmt::Write;

/// An open descriptor, which is closed at the end of its life.
pub struct Descriptor(c_int);

impl Descriptor {
    /// Takes over what a system call has returned.
    pub(super) fn new(number: core::ffi::c_long) -> Descriptor {
        // The kernel's descriptors are ints.
        Descriptor(number as c_int)
    }

    /// The number.
    pub fn number(&self) -> c_int {
        self.0
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        close(self.0);
    }
}

/// Closes a descriptor; an error leaves it closed all the same (close(2)).
pub(super) fn close(number: c_int) {
    // SAFETY: nobody uses it any more.
    unsafe { libc::close(number) };
}

/// Calls `visit` with each entry of a directory whose name is a number, and
/// with the directory's own descriptor, for as long as it returns true.
///
/// # Errors
///
/// Those of open(2).
pub fn for_each_number(
    directory: &CStr,
    visit: &mut dyn FnMut(c_int, &Descriptor) -> bool,
) -> Result<(), Errno> {
    let directory = io::open(directory, libc::O_RDONLY | libc::O_DIRECTORY)?;
    let mut buffer = [0u8; 1024];
    loop {
        // SAFETY: the buffer is as long as said.
        let filled = Errno::result(unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                directory.number(),
                buffer.as_mut_ptr(),
                buffer.len(),
            )
        })?;
        if filled == 0 {
            return Ok(());
        }
        let records = buffer.get(..filled as usize).unwrap_or_default();
        if !numbers(records, &mut |number| visit(number, &directory)) {
            return Ok(());
        }
    }
}

/// A record of getdents64(2): two numbers of 8 bytes, its own length, a type,
/// a name.
const LENGTH_AT: usize = 16;
const NAME_AT: usize = 19;

/// Tells whether to go on.
fn numbers(mut records: &[u8], visit: &mut dyn FnMut(c_int) -> bool) -> bool {
    while let Some(&[low, high]) = records.get(LENGTH_AT..LENGTH_AT + 2) {
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let Some((record, rest)) = records.split_at_checked(length.max(1)) else {
            return true;
        };
        let name = record.get(NAME_AT..).unwrap_or_default();
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        if number(name).is_some_and(|number| !visit(number)) {
            return false;
        }
        records = rest;
    }
    true
}

fn number(digits: &[u8]) -> Option<c_int> {
    c_int::try_from(decimal(digits)?).ok()
}

/// What is asked of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// Its parent; `None` for one outside our namespace.
    pub parent: Option<Pid>,
    /// Whether it has ended and is not reaped.
    pub zombie: bool,
}

/// Looks at a process; `None` where there is none that we may see.
pub fn stat(pid: Pid) -> Option<Stat> {
    let mut room = [0; 32];
    let mut path = Buffer::new(&mut room);
    write!(path, "/proc/{pid}/stat").ok()?;
    let mut room = [0; 256];
    let text = io::read(path.c_str()?, &mut room).ok()?;
    // The name in parentheses may hold anything, parentheses too: the last one
    // ends it, since only a letter and numbers follow.
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = text.get(end + 2..)?.split(|byte| *byte == b' ');
    let state = fields.next()?;
    let parent = number(fields.next()?)?;
    Some(Stat {
        parent: Pid::new(parent),
        zombie: state == b"Z" || state == b"X",
    })
}

/// Whether /proc shows our own PID namespace: in another one's the numbers are
/// other processes'.
pub fn is_ours(ourselves: Pid) -> bool {
    let mut room = [0u8; 16];
    // SAFETY: a C string, and a buffer that is as long as said.
    let length = unsafe {
        libc::syscall(
            libc::SYS_readlinkat,
            libc::AT_FDCWD,
            c"/proc/self".as_ptr(),
            room.as_mut_ptr(),
            room.len(),
        )
    };
    usize::try_from(length)
        .ok()
        .and_then(|length| room.get(..length))
        .and_then(number)
        == Some(ourselves.raw())
}

/// A handle on a process, which never means another one (pidfd_open(2)).
///
/// # Errors
///
/// ESRCH where there is no such process; ENOSYS before Linux 5.3, EPERM where a
/// filter forbids it.
pub fn handle(pid: Pid) -> Result<Descriptor, Errno> {
    // SAFETY: no memory is involved.
    Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.raw(), 0) }).map(Descriptor::new)
}

/// Sends a signal to the process of a handle.
///
/// # Errors
///
/// ESRCH where it has been reaped, EPERM as with kill(2).
pub fn send(signal: Signal, to: &Descriptor) -> Result<(), Errno> {
    // SAFETY: no memory is involved: the information is left to the kernel.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            to.number(),
            signal.raw(),
            core::ptr::null::<libc::siginfo_t>(),
            0,
        )
    })
    .map(drop)
}
