//! Starting the program of `--pre-stop`.

use super::child::Command;
use super::path::PATH_MAX;
use super::program::Program;
use crate::process::Pid;
use crate::signal::{Signal, SignalSet};
use crate::status::NOT_FOUND;
use crate::sys::args::Strings;
use crate::sys::{process, signals};
use crate::text::Line;
use core::ptr;
use nix::errno::Errno;

/// What the program inherits: what the command did.
#[derive(Clone, Copy, Debug)]
pub struct PreStop {
    /// The environment, with room for our own variables.
    environment: Strings,
    mask: SignalSet,
}

/// How many variables are ours.
const VARIABLES: usize = 2;

impl PreStop {
    /// To be called before the command is started, which changes the
    /// environment on its way.
    ///
    /// # Errors
    ///
    /// ENOMEM where the address space is limited.
    pub fn new(command: &Command) -> Result<PreStop, Errno> {
        Ok(PreStop {
            environment: command.program.environment.with_room(VARIABLES)?,
            mask: command.mask,
        })
    }

    /// Starts the program because of a signal, in a process group of its own.
    ///
    /// # Errors
    ///
    /// Those of clone(2), and why it cannot be executed.
    pub fn start(&self, program: &[u8], main_child: Pid, signal: Signal) -> Result<Pid, Errno> {
        let mut start = Start {
            inherited: self,
            program,
            main_child,
            signal,
            failed: None,
        };
        let child = process::spawn(in_child, &mut start)?;
        // Where it has ended already, the loop finds the zombie.
        start.failed.map_or(Ok(child), Err)
    }
}

/// What parent and child know while they share their memory.
struct Start<'a> {
    inherited: &'a PreStop,
    program: &'a [u8],
    main_child: Pid,
    signal: Signal,
    /// Why the program could not be executed.
    failed: Option<Errno>,
}

/// The child's side, which never returns into the parent's code.
fn in_child(start: &mut Start<'_>) -> ! {
    // Neither fails but by a filter of system calls, and the program can do
    // without.
    let _ = process::new_group();
    let _ = signals::set_mask(start.inherited.mask);
    start.failed = Some(execute(start));
    // Seen by the parent where an emulator has made a plain fork of us.
    process::exit_now(NOT_FOUND)
}

/// Executes the program, without arguments; returns why that was not possible.
fn execute(start: &Start<'_>) -> Errno {
    let mut room = [0; PATH_MAX];
    let mut rooms = [[0; 40]; VARIABLES];
    let [command_pid, signal] = &mut rooms;
    let mut name = Line::new(&mut room);
    name.bytes(start.program);
    let Some(name) = name.c_str() else {
        return Errno::ENAMETOOLONG;
    };
    let environment = start.inherited.environment;
    let mut entry = Line::new(command_pid);
    entry
        .text("TIDY_INIT_COMMAND_PID=")
        .number(start.main_child.number());
    append(environment, entry);
    let mut entry = Line::new(signal);
    start.signal.name(entry.text("TIDY_INIT_SIGNAL="));
    append(environment, entry);
    // The first slot is the shell's where it has to run a script; an empty one
    // would be the end.
    let pointer = name.as_ptr().cast_mut();
    let mut argv = [pointer, pointer, ptr::null_mut()];
    let program = Program {
        argv: Strings::before_exec(&mut argv),
        index: 1,
        name,
        environment,
        names_missing_shell: true,
    };
    program.execute()
}

/// No entry of ours is too long for its room.
fn append(environment: Strings, entry: Line<'_>) {
    if let Some(entry) = entry.c_str() {
        environment.append_before_exec(entry);
    }
}
