//! Processes, as /proc(5) shows them, and pidfds.
//!
//! # Safety
//!
//! Directory records are read out of a buffer that the kernel has filled, with
//! bounds checked.

use super::descriptor::Descriptor;
use super::{Errno, io};
use crate::process::{Pid, Stat};
use crate::signal::Signal;
use crate::text::{Line, Parts, decimal};
use core::ffi::{CStr, c_int};

/// A pass over the entries of a directory whose names are numbers.
pub struct Numbers {
    directory: Descriptor,
    buffer: [u8; 1024],
    /// Where the next record begins.
    at: usize,
    /// How much of the buffer is filled.
    filled: usize,
}

/// A record of getdents64(2): two numbers of 8 bytes, its own length, a type,
/// a name.
const LENGTH_AT: usize = 16;
const NAME_AT: usize = 19;

impl Numbers {
    /// Begins a pass.
    ///
    /// # Errors
    ///
    /// Those of open(2).
    pub fn open(path: &CStr) -> Result<Numbers, Errno> {
        Ok(Numbers {
            directory: io::open(path, libc::O_RDONLY | libc::O_DIRECTORY)?,
            buffer: [0; 1024],
            at: 0,
            filled: 0,
        })
    }

    /// The directory's own descriptor.
    pub fn directory(&self) -> c_int {
        self.directory.number()
    }

    /// Reads more records, and tells whether there are any.
    fn fill(&mut self) -> Result<bool, Errno> {
        // SAFETY: the buffer is as long as said.
        self.filled = unsafe {
            call!(
                getdents64,
                self.directory.number(),
                self.buffer.as_mut_ptr(),
                self.buffer.len()
            )
        }?;
        self.at = 0;
        Ok(self.filled > 0)
    }

    /// The name of the record that comes next in the buffer.
    fn name(&mut self) -> Option<&[u8]> {
        let records = self.buffer.get(self.at..self.filled)?;
        let length = records.get(LENGTH_AT..)?.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes(*length));
        self.at += length.max(1);
        let name = records.get(NAME_AT..length)?;
        Parts::of(name, 0).next()
    }

    /// The next number; `None` behind the last.
    ///
    /// # Errors
    ///
    /// Those of getdents64(2).
    pub fn next_number(&mut self) -> Result<Option<c_int>, Errno> {
        while self.at < self.filled || self.fill()? {
            if let Some(number) = self.name().and_then(number) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}

fn number(digits: &[u8]) -> Option<c_int> {
    c_int::try_from(decimal(digits)?).ok()
}

/// Looks at a process.
///
/// # Errors
///
/// ENOENT or ESRCH where there is none that we may see; otherwise those of
/// open(2) and read(2).
pub fn stat(pid: Pid) -> Result<Stat, Errno> {
    let mut room = [0; 32];
    let mut path = Line::new(&mut room);
    path.text("/proc/").number(pid.number()).text("/stat");
    let mut room = [0; 256];
    let text = io::read(path.c_str().ok_or(Errno::ENOENT)?, &mut room)?;
    parse_stat(text).ok_or(Errno::ESRCH)
}

/// Reads `PID (NAME) STATE PPID PGRP SESSION ...` (proc(5)).
pub fn parse_stat(text: &[u8]) -> Option<Stat> {
    // The name in parentheses may hold anything, parentheses too: the last one
    // ends it, since only a letter and numbers follow.
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = Parts::of(text.get(end + 2..)?, b' ');
    let state = fields.next()?;
    // 0 stands for a process outside our PID namespace.
    let mut pid = || Some(Pid::new(number(fields.next()?)?));
    Some(Stat {
        parent: pid()?,
        group: pid()?,
        session: pid()?,
        zombie: state == b"Z" || state == b"X",
    })
}

/// Makes sure that /proc shows our own PID namespace.
///
/// # Errors
///
/// ENOENT where it does not, or what readlink(2) says.
pub fn is_ours(ourselves: Pid) -> Result<(), Errno> {
    let mut room = [0u8; 16];
    // SAFETY: a C string, and a buffer that is as long as said.
    let length = unsafe {
        call!(
            readlinkat,
            libc::AT_FDCWD,
            c"/proc/self".as_ptr(),
            room.as_mut_ptr(),
            room.len()
        )
    }?;
    let target = room.get(..length).and_then(number);
    match target == Some(ourselves.raw()) {
        true => Ok(()),
        false => Err(Errno::ENOENT),
    }
}

/// Opens a pidfd (pidfd_open(2)).
///
/// # Errors
///
/// ESRCH where there is no such process; ENOSYS before Linux 5.3, EPERM where a
/// filter refuses it.
pub fn pidfd(pid: Pid) -> Result<Descriptor, Errno> {
    // SAFETY: no memory is involved.
    unsafe { call!(pidfd_open, pid.raw(), 0) }.map(Descriptor::new)
}

/// Sends a signal by a pidfd (pidfd_send_signal(2)); `None` sends nothing.
///
/// # Errors
///
/// ESRCH where the process has been reaped, EPERM as with kill(2).
pub fn send(signal: Option<Signal>, to: &Descriptor) -> Result<(), Errno> {
    // SAFETY: no memory is involved: the information is left to the kernel.
    unsafe {
        call!(
            pidfd_send_signal,
            to.number(),
            signal.map_or(0, Signal::raw),
            core::ptr::null::<libc::siginfo_t>(),
            0
        )
    }
    .map(drop)
}
