//! Starting the command.

use super::program::Program;
use crate::config::{FailedStart, Placement};
use crate::log::{Event, Log, Sink};
use crate::process::Pid;
use crate::signal::{Signal, SignalSet};
use crate::sys::args::Strings;
use crate::sys::process;
use crate::sys::{signals, terminal, wait};
use crate::text::{Line, decimal};
use crate::time::Limit;
use core::ffi::CStr;
use nix::errno::Errno;

/// The command, and what it inherits.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What is executed.
    pub program: Program<'static>,
    /// The signal mask.
    pub mask: SignalSet,
    /// Whether it gets a session or a group of its own.
    pub placement: Placement,
    /// Whether its terminal is found as /dev/tty first.
    pub opens_dev_tty: bool,
    /// What becomes of it where it cannot be executed.
    pub failed_start: FailedStart,
}

/// Why the command does not run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotStarted {
    /// No process could be made (clone(2)).
    NoProcess(Errno),
    /// The file could not be executed (execve(2)).
    NotExecuted(Errno),
}

impl NotStarted {
    /// What is said of it.
    pub fn event(self, name: &CStr) -> Event<'_> {
        let command = name.to_bytes();
        match self {
            NotStarted::NoProcess(errno) => Event::CannotStart { command, errno },
            NotStarted::NotExecuted(errno) => Event::CannotExecute { command, errno },
        }
    }

    /// The exit status that tells of it.
    pub fn status(self, statuses: &FailedStart) -> u8 {
        match self {
            NotStarted::NoProcess(_) => statuses.no_process,
            NotStarted::NotExecuted(errno) => statuses.exec_status(errno),
        }
    }
}

/// What parent and child know while they share their memory.
struct Start<'a, S> {
    command: &'a Command,
    sink: &'a mut S,
    log: &'a Log,
    ourselves: Pid,
    /// Why the command could not be executed.
    failed: Option<NotStarted>,
}

impl<S: Sink> Start<'_, S> {
    /// Says what has failed, if it has.
    fn expect(&mut self, step: &'static str, result: Result<(), Errno>) {
        if let Err(errno) = result {
            self.log.cannot(self.sink, step, errno);
        }
    }
}

/// Starts the command and returns its process, and why that could not execute
/// the command: some programs take such a process for the command, whose status
/// it is then.
///
/// # Errors
///
/// Why it was not started; the line on stderr has been written.
pub fn start<S: Sink>(
    command: &Command,
    sink: &mut S,
    log: &Log,
    ourselves: Pid,
) -> Result<(Pid, Option<NotStarted>), NotStarted> {
    let mut start = Start {
        command,
        sink,
        log,
        ourselves,
        failed: None,
    };
    let made = process::spawn(in_child, &mut start);
    let Start { sink, failed, .. } = start;
    let child = made.map_err(|errno| {
        let failure = NotStarted::NoProcess(errno);
        log.say(sink, failure.event(command.program.name));
        failure
    })?;
    match failed {
        Some(failure) if !command.failed_start.is_command_status => {
            // It has ended already: this reaps the zombie.
            let _ = wait::wait_for(child);
            Err(failure)
        }
        failed => Ok((child, failed)),
    }
}

/// The child's side: the last function that runs in it, which never returns
/// into the parent's code, whose memory it shares.
fn in_child<S: Sink>(start: &mut Start<'_, S>) -> ! {
    let command = start.command;
    // Where there is no terminal, or it is another session's, the command does
    // without.
    let attached = match command.placement {
        // Neither can fail but by a filter of system calls: a new process leads
        // nothing (setsid(2)).
        Placement::Session => {
            start.expect("make a session", process::new_session());
            terminal::take()
        }
        Placement::Group => {
            start.expect("make a group", process::new_group());
            terminal::make_foreground(process::id(), command.opens_dev_tty)
        }
        Placement::Shared => Ok(()),
    };
    let mut said = false;
    if let Err(errno) = attached {
        said |= start.log.say(start.sink, Event::NotAttached { errno });
    }
    if command.placement == Placement::Session {
        said |= start.log.say(start.sink, Event::NewSession {});
    }
    if said {
        // Raised by our own lines where nobody reads them: they would end us,
        // or await the command.
        let raised = SignalSet::of(Signal::PIPE).with(Signal::XFSZ);
        while signals::take(raised, Limit::NOW, start.ourselves).is_ok() {}
    }
    // Only now: what is pending at the terminal may stop us from here on.
    start.expect("restore the mask", signals::set_mask(command.mask));
    let errno = execute_as(command, start.ourselves);
    // Here and not in the parent, which sees nothing of this where an emulator
    // has made a plain fork of us.
    // A line that nobody reads must not kill us by SIGPIPE: the status counts.
    let _ = signals::block_all();
    let failure = NotStarted::NotExecuted(errno);
    start
        .log
        .say(start.sink, failure.event(command.program.name));
    start.failed = Some(failure);
    process::exit_now(failure.status(&command.failed_start))
}

/// Executes the command, with its own process ID where the environment names
/// ours; returns why that was not possible.
fn execute_as(command: &Command, ourselves: Pid) -> Errno {
    let environment = command.program.environment;
    let mut rooms = [[0; 32]; 2];
    let [listen, watchdog] = &mut rooms;
    if rename(environment, LISTEN_PID, ourselves, listen)
        && let Some((index, _)) = environment.variable(LISTEN_PIDFDID)
    {
        environment.remove(index);
    }
    rename(environment, WATCHDOG_PID, ourselves, watchdog);
    command.program.execute()
}

/// Puts our process ID in a variable that names `parent`, and tells whether it
/// does. `room` lives until the execve.
fn rename(environment: Strings, name: &str, parent: Pid, room: &mut [u8]) -> bool {
    let Some((index, value)) = environment.variable(name) else {
        return false;
    };
    if decimal(value) != Some(parent.number()) {
        return false;
    }
    let mut entry = Line::new(room);
    entry.text(name).text("=").number(process::id().number());
    // No number is too long for the room.
    if let Some(entry) = entry.c_str() {
        environment.replace_before_exec(index, entry);
    }
    true
}

/// The process that a service manager passed sockets to (sd_listen_fds(3)).
const LISTEN_PID: &str = "LISTEN_PID";
/// The process that must report to it (sd_watchdog_enabled(3)).
const WATCHDOG_PID: &str = "WATCHDOG_PID";
/// Goes with LISTEN_PID and names our pidfd's inode. sd_listen_fds(3) does
/// without it.
const LISTEN_PIDFDID: &str = "LISTEN_PIDFDID";
