//! Executing a program: the command, or one that belongs to it.

use super::path;
use crate::sys::args::Strings;
use crate::sys::process::execute;
use core::ffi::CStr;
use nix::errno::Errno;

/// A program, and what it gets.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// A list of arguments.
    pub argv: Strings,
    /// Where the program's begin among them: at least 1, since the slot before
    /// is used where a shell has to run it.
    pub index: usize,
    /// The program's name, `argv[index]`.
    pub name: &'a CStr,
    /// The environment.
    pub environment: Strings,
    /// Whether a script that needs `/bin/sh`, where there is none, fails by the
    /// shell's error rather than its own.
    pub names_missing_shell: bool,
}

/// What runs a script that does not say (execvp(3)).
const SHELL: &CStr = c"/bin/sh";

impl Program<'_> {
    /// Looks for the program, and executes it in our place; returns only why
    /// that was not possible.
    pub fn execute(&self) -> Errno {
        let path = self.environment.variable("PATH").map(|(_, value)| value);
        path::search(self.name, path, |file| self.execute_file(file))
    }

    /// Executes a file, by the shell where it has no format that the kernel
    /// knows.
    fn execute_file(&self, file: &CStr) -> Errno {
        let Program { argv, index, .. } = *self;
        let Some(arguments) = argv.from(index) else {
            return Errno::EINVAL;
        };
        let errno = execute(file, arguments, self.environment);
        if errno != Errno::ENOEXEC {
            return errno;
        }
        let Some(arguments) = index.checked_sub(1).and_then(|before| argv.from(before)) else {
            return errno;
        };
        arguments.replace(0, SHELL);
        arguments.replace_before_exec(1, file);
        match execute(SHELL, arguments, self.environment) {
            // Natively that would be taken for the file.
            Errno::ENOENT if !self.names_missing_shell => Errno::ENOEXEC,
            other => other,
        }
    }
}
