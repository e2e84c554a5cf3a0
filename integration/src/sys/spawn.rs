//! Starting a program with as few system calls as possible, to measure how long that takes.

use std::{ffi::CString, io};

use nix::sched::{CloneFlags, clone};

use super::{CStrings, reap};

/// Enough for a child that only calls setsid(2) and execve(2).
const STACK: usize = 64 * 1024;

/// A program with its arguments and an empty environment, ready to be started.
pub struct Spawn {
    program: CString,
    arguments: CStrings,
    environment: CStrings,
    stack: Vec<u8>,
}

impl Spawn {
    /// Takes the path of the program, and its arguments, `argv[0]` first.
    #[must_use]
    pub fn new(program: CString, arguments: Vec<CString>) -> Self {
        Self {
            program,
            arguments: CStrings::new(arguments),
            environment: CStrings::new(Vec::new()),
            stack: vec![0; STACK],
        }
    }

    /// Starts the program in a session of its own, waits for its end, and returns its raw wait
    /// status. Without a controlling terminal an init cannot make itself or its command the
    /// foreground group, which would keep Ctrl-C from this process.
    ///
    /// posix_spawn(3) queries the disposition of each of the 64 signals, and two bare execs would pay
    /// for that twice, an init once. As with vfork(2), the size of this process does not affect the
    /// measurement.
    pub fn run(&mut self) -> io::Result<i32> {
        let (program, arguments) = (&self.program, &self.arguments);
        let environment = &self.environment;
        let child = || {
            // SAFETY: the path and both arrays are live, made of C strings, and the arrays end in
            // null. `_exit` ends this process alone.
            unsafe {
                libc::setsid();
                libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr());
                libc::_exit(127)
            }
        };
        let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
        // SAFETY: this thread sleeps until the child has exec'd or ended, so nobody else uses its
        // memory and the stack meanwhile; the child only calls setsid(2), execve(2) and
        // _exit(2), on a stack that is large enough for that.
        let pid = unsafe { clone(Box::new(child), &mut self.stack, flags, Some(libc::SIGCHLD)) }?;
        reap(pid.as_raw())
    }
}
