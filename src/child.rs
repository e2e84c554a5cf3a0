//! Starting the command.

#![forbid(unsafe_code)]

use crate::buffer::Buffer;
use crate::config::{Personality, Placement};
use crate::event::Event;
use crate::log::{say, say_plain};
use crate::number::decimal;
use crate::path;
use crate::signal::{Signal, SignalSet};
use crate::status::{INIT_FAILED, NOT_EXECUTABLE, NOT_FOUND};
use crate::supervisor::Pid;
use crate::sys::args::Strings;
use crate::sys::process::{self, execute};
use crate::sys::signals::Limit;
use crate::sys::{Errno, signals, terminal, wait};
use crate::voice::Kind;
use core::ffi::CStr;
use core::fmt::Write;

/// The command, and what it is to inherit.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Our own arguments.
    pub argv: Strings,
    /// Where the command's begin among them: at least 1, since the slot before
    /// is used where a shell has to run it.
    pub index: usize,
    /// The command's name, `argv[index]`.
    pub name: &'static CStr,
    /// The environment.
    pub environment: Strings,
    /// The signal mask.
    pub mask: SignalSet,
    /// Whether it gets a session or a group of its own.
    pub placement: Placement,
    /// Whose habits are followed.
    pub personality: Personality,
}

/// What parent and child know while they share their memory.
struct Start<'a> {
    command: &'a Command,
    ourselves: Pid,
    /// Where LISTEN_PID stands in the environment, if it names us.
    listen_pid: Option<usize>,
    /// Why the command could not be executed.
    failed: Option<NotStarted>,
}

/// Why the command was not started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotStarted {
    /// No process could be made (clone(2)).
    Cloned(Errno),
    /// The file could not be executed (execve(2)).
    Executed(Errno),
}

impl NotStarted {
    /// What is said of it.
    pub fn event(self, name: &CStr) -> Event<'_> {
        match self {
            NotStarted::Cloned(errno) => Event::CannotStart(name.to_bytes(), errno),
            NotStarted::Executed(errno) => Event::CannotExecute(name.to_bytes(), errno),
        }
    }

    /// The exit status that tells of it.
    pub fn status(self, personality: Personality) -> u8 {
        match (personality, self) {
            (Personality::Native, NotStarted::Cloned(_)) => INIT_FAILED,
            (Personality::Native | Personality::Tini, NotStarted::Executed(Errno::ENOENT)) => {
                NOT_FOUND
            }
            (Personality::Native, NotStarted::Executed(_))
            | (Personality::Tini, NotStarted::Executed(Errno::EACCES)) => NOT_EXECUTABLE,
            (Personality::DumbInit, NotStarted::Executed(_)) => 2,
            _ => 1,
        }
    }
}

/// Starts the command and returns its process, and why that could not execute
/// the command: the originals take such a process for the command, whose
/// status it is then.
///
/// # Errors
///
/// Why it was not started; the line on stderr has been written.
pub fn start(command: &Command, ourselves: Pid) -> Result<(Pid, Option<NotStarted>), NotStarted> {
    let mut start = Start {
        command,
        ourselves,
        listen_pid: listen_pid(command.environment, ourselves),
        failed: None,
    };
    let child = process::spawn(in_child, &mut start).map_err(|errno| {
        let failure = NotStarted::Cloned(errno);
        say(failure.event(command.name));
        failure
    })?;
    match start.failed {
        Some(failure) if command.personality == Personality::Native => {
            // It has ended already: this is for the zombie only.
            let _ = wait::wait_for(child);
            Err(failure)
        }
        failed => Ok((child, failed)),
    }
}

/// The child's side: the last function that runs in it, which never returns
/// into the parent's code, whose memory it shares.
fn in_child(start: &mut Start<'_>) -> ! {
    let command = start.command;
    // Where there is no terminal, or it is another session's, the command does
    // without.
    let attached = match command.placement {
        // Neither can fail: a new process leads nothing (setsid(2)).
        Placement::Session => {
            let _ = process::new_session();
            terminal::take()
        }
        Placement::Group => {
            let _ = process::new_group();
            process::child_id().map_or(Ok(()), |group| {
                let by_name = command.personality == Personality::Catatonit;
                terminal::make_foreground(group, by_name)
            })
        }
        Placement::Shared => Ok(()),
    };
    if let Err(errno) = attached {
        say(Event::NotAttached(errno));
    }
    if command.placement == Placement::Session {
        say_plain(Kind::NewSession);
    }
    if command.personality != Personality::Native {
        // What those lines earned us where nobody reads them; it would end us,
        // or await the command.
        let earned = SignalSet::of(Signal::PIPE).and(Signal::XFSZ);
        while signals::take(earned, Limit::Now, start.ourselves).is_ok() {}
    }
    // Only now: what is pending at the terminal may stop us from here on.
    let _ = signals::set_mask(command.mask);

    let named = start
        .listen_pid
        .and_then(|index| Some((index, process::child_id()?)));
    let errno = match named {
        Some((index, child)) => {
            let mut room = [0; 32];
            let mut entry = Buffer::new(&mut room);
            entry.push(LISTEN_PID.as_bytes());
            // No number is too long for the buffer.
            let _ = write!(entry, "={child}");
            if let Some(entry) = entry.c_str() {
                command.environment.replace_before_exec(index, entry);
            }
            search(command)
        }
        None => search(command),
    };
    // Here and not in the parent, which sees nothing of this where an emulator
    // has made a plain fork of us.
    // A line that nobody reads must not kill us by SIGPIPE: the status counts.
    let _ = signals::block_all();
    let failure = NotStarted::Executed(errno);
    say(failure.event(command.name));
    start.failed = Some(failure);
    process::exit_now(failure.status(command.personality))
}

/// Executes the command as execvp(3) does; returns why that was not possible.
fn search(command: &Command) -> Errno {
    let path = command.environment.variable("PATH").map(|(_, value)| value);
    path::search(command.name, path, |candidate| try_file(command, candidate))
}

/// Executes a file, by the shell where it has no format that the kernel knows.
fn try_file(command: &Command, file: &CStr) -> Errno {
    let Command {
        argv,
        index,
        environment,
        ..
    } = *command;
    let Some(arguments) = argv.from(index) else {
        return Errno::EINVAL;
    };
    let errno = execute(file, arguments, environment);
    if errno != Errno::ENOEXEC {
        return errno;
    }
    let Some(arguments) = index.checked_sub(1).and_then(|before| argv.from(before)) else {
        return errno;
    };
    arguments.replace(0, SHELL);
    arguments.replace_before_exec(1, file);
    match execute(SHELL, arguments, environment) {
        // That would be taken for the file.
        Errno::ENOENT => Errno::ENOEXEC,
        other => other,
    }
}

/// What runs a script that does not say (execvp(3)).
const SHELL: &CStr = c"/bin/sh";

/// Whom the sockets are for that a service manager has passed on
/// (sd_listen_fds(3)).
const LISTEN_PID: &str = "LISTEN_PID";

/// Where LISTEN_PID stands in the environment, if it names us: it has to name
/// the command then.
fn listen_pid(environment: Strings, ourselves: Pid) -> Option<usize> {
    let (index, value) = environment.variable(LISTEN_PID)?;
    let ourselves = u64::from(ourselves.raw().unsigned_abs());
    (decimal(value)? == ourselves).then_some(index)
}
