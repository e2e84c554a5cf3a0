//! The system calls of the init, as the kernel in memory answers them.

use super::{MILLISECOND, World};
use crate::event::{Event, Menu, Stderr};
use crate::facts::Ids;
use crate::failure::{Property, fail};
use crate::kernel::{Children, HIGHEST, Id, Process, Sender, State, Terminal};
use crate::scenario::{Manner, Refusal};
use crate::signals::number::*;
use crate::signals::{Set, bit, name};
use nix::errno::Errno;
use tidy_init::config::Placement;

impl World {
    /// waitid(2): a zombie child, or whether there are children at all.
    pub fn peek(&mut self) -> Result<Peeked, Errno> {
        self.count_call();
        self.close_window();
        self.interleave();
        if let Refusal::Wait(errno) = self.scenario.refusal {
            self.facts.excused = true;
            self.note(|_| format!("peek: {errno:?}"));
            self.open_window();
            return Err(errno);
        }
        let init = self.kernel.init;
        let seen = match self.kernel.children(init) {
            Children::Zombie(id) => Peeked::Zombie(id, self.kernel.get(id).status),
            Children::Running => Peeked::Running,
            Children::None => Peeked::None,
        };
        self.facts.zombies = self
            .kernel
            .ids()
            .filter(|id| {
                let process = self.kernel.get(*id);
                process.parent == init && process.state == State::Zombie
            })
            .fold(0, |ids, id| ids | 1 << id);
        if let Peeked::Zombie(id, status) = seen
            && self.main == Some(id)
            && self.facts.status.is_none()
        {
            self.facts.status = Some(status);
            self.facts.ended = Some(self.now);
            self.facts.to_pass = None;
        }
        if let Peeked::Zombie(id, _) = seen {
            self.sees_zombie(id);
        }
        self.note(|_| format!("peek: {seen:?}"));
        self.open_window();
        Ok(seen)
    }

    /// waitid(2) with WSTOPPED: the signal that has stopped a child.
    pub fn stopped_by(&mut self, raw: i32) -> Option<u8> {
        self.count_call();
        self.interleave();
        let (id, process) = self.kernel.find(raw)?;
        if process.parent != self.kernel.init || process.state != State::Stopped {
            return None;
        }
        let signal = self.kernel.get_mut(id).stopped_by.take();
        self.window.stop_seen = signal.is_some();
        self.note(|_| format!("stopped by {signal:?}"));
        signal
    }

    /// waitpid(2) for one child.
    pub fn reap(&mut self, raw: i32) -> Result<(), Errno> {
        self.count_call();
        self.close_window();
        self.interleave();
        let init = self.kernel.init;
        let result = match (self.scenario.refusal, self.kernel.find(raw)) {
            (Refusal::Reap(errno), _) => {
                self.facts.excused = true;
                Err(errno)
            }
            (_, Some((id, process)))
                if process.parent == init && process.state == State::Zombie =>
            {
                if self.main == Some(id) {
                    self.facts.reaped = true;
                }
                self.facts.zombies &= !(1 << id);
                self.kernel.release(id);
                Ok(())
            }
            (_, Some((_, process))) if process.parent == init => Err(Errno::EAGAIN),
            _ => Err(Errno::ECHILD),
        };
        self.note(|_| format!("reap {raw}: {result:?}"));
        self.open_window();
        result
    }

    /// rt_sigtimedwait(2), until a point in time: `None` for ever.
    pub fn take_signal(&mut self, set: Set, until: Option<u64>) -> Result<(u8, Sender), Errno> {
        self.count_call();
        self.close_window();
        self.check_passed_on();
        self.interleave();
        let init = self.kernel.init;
        loop {
            if let Some(errno) = self.fault(&[Errno::EINTR]) {
                self.open_window();
                return Err(errno);
            }
            if let Some((signal, sender)) = self.kernel.take(set) {
                self.note(|_| format!("take: {} from {sender:?}", name(signal)));
                if sender != Sender::Process(init) {
                    self.calls = 0;
                }
                self.sees_signal(signal, sender);
                self.open_window();
                return Ok((signal, sender));
            }
            if until.is_some_and(|until| until <= self.now) {
                self.note(|_| "take: EAGAIN".to_owned());
                self.open_window();
                return Err(Errno::EAGAIN);
            }
            self.check_sleep(until);
            let happens = self.fuel > 0 && self.something_happens();
            if happens || self.go_on() || self.next_step() {
                continue;
            }
            match until {
                Some(until) => {
                    self.calls = 0;
                    self.now = until;
                    self.note(|_| format!("  * it is {} ms later", until / MILLISECOND));
                }
                None => self.end_of_time(),
            }
        }
    }

    /// kill(2) with a positive number.
    pub fn send_to_process(&mut self, signal: u8, raw: i32) -> Result<(), Errno> {
        self.count_call();
        self.interleave();
        let init = self.kernel.init;
        self.has_attempted(signal);
        self.note(|_| format!("send {} to process {raw}", name(signal)));
        let found = self
            .kernel
            .find(raw)
            .map(|(id, process)| (id, process.parent));
        if !found.is_some_and(|(id, parent)| id == init || parent == init) {
            fail(
                Property::NoStranger,
                format!("{} for {raw}, which is no child of ours", name(signal)),
            );
        }
        let Some((id, _)) = found else {
            return Err(Errno::ESRCH);
        };
        if let Some(errno) = self.fault(&[Errno::EPERM]) {
            self.window.excused |= 1 << id;
            self.is_refused(signal);
            return Err(errno);
        }
        if !self.kernel.may_signal(init, signal, id) {
            if self.kernel.get(id).lives() {
                self.is_refused(signal);
            }
            return Err(Errno::EPERM);
        }
        self.kernel.send(Sender::Process(init), signal, id);
        if id == init && self.kernel.get(init).pending & bit(STOP) != 0 {
            self.kernel.get_mut(init).pending &= !bit(STOP);
            if init != 1 {
                self.kernel.get_mut(init).state = State::Stopped;
                if self.kernel.is_orphaned(self.kernel.get(init).group) {
                    fail(
                        Property::NotFrozen,
                        "the init has stopped itself, and nobody is there to wake it",
                    );
                }
                self.while_stopped();
            }
        }
        Ok(())
    }

    /// kill(2) with a negative number.
    pub fn send_to_group(&mut self, signal: u8, raw: i32) -> Result<(), Errno> {
        self.count_call();
        self.interleave();
        let init = self.kernel.init;
        self.has_attempted(signal);
        self.note(|_| format!("send {} to group {raw}", name(signal)));
        let is_child = self
            .kernel
            .find(raw)
            .is_some_and(|(_, leader)| leader.parent == init);
        if !is_child {
            fail(
                Property::NoStranger,
                format!(
                    "{} for group {raw}, whose leader is no child of ours",
                    name(signal)
                ),
            );
        }
        let group = raw as Id;
        if self.facts.reaped && self.main == Some(group) {
            fail(
                Property::NoStranger,
                format!(
                    "{} for the command's group after it was reaped",
                    name(signal)
                ),
            );
        }
        for id in self.kernel.ids() {
            let member = self.kernel.get(id);
            if member.group == group && !member.kin {
                fail(
                    Property::NoStranger,
                    format!("{} for group {raw} reaches {id}, a stranger", name(signal)),
                );
            }
        }
        let lives = self
            .kernel
            .ids()
            .any(|id| self.kernel.get(id).group == group && self.kernel.get(id).lives());
        let (there, sent) = self
            .kernel
            .send_to_group(Sender::Process(init), signal, group);
        match (there, sent) {
            (0, _) => Err(Errno::ESRCH),
            (_, 0) => {
                if lives {
                    self.is_refused(signal);
                }
                Err(Errno::EPERM)
            }
            _ => Ok(()),
        }
    }

    /// kill(2) with -1: all but us and PID 1 (`kill_something_info`).
    pub fn send_to_all(&mut self, signal: u8) -> Result<(), Errno> {
        self.count_call();
        self.interleave();
        let init = self.kernel.init;
        self.has_attempted(signal);
        self.note(|_| format!("send {} to all", name(signal)));
        if init != 1 {
            fail(Property::NoStranger, "kill(-1), and we are not PID 1");
        }
        let mut sent = Err(Errno::ESRCH);
        for id in self.kernel.ids().filter(|id| *id != init) {
            self.kernel.send(Sender::Process(init), signal, id);
            sent = Ok(());
        }
        sent
    }

    /// pidfd_open(2).
    pub fn pidfd(&mut self, raw: i32) -> Result<PidFd, Errno> {
        self.count_call();
        self.interleave();
        let found = self.kernel.find(raw).map(|(id, process)| PidFd {
            id,
            serial: process.serial,
        });
        let result = match (self.scenario.refusal, found) {
            (Refusal::Pidfd(errno), _) => Err(errno),
            (_, None) => Err(Errno::ESRCH),
            (_, Some(found)) => match self.fault(&[Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM]) {
                Some(errno) => {
                    // A probe, whose failure means that there is no walk; or that process alone is missed.
                    self.window.excused |= 1 << found.id;
                    self.window.no_walk |= found.id == self.kernel.init;
                    Err(errno)
                }
                None => Ok(found),
            },
        };
        self.note(|_| format!("pidfd {raw}: {result:?}"));
        result
    }

    /// pidfd_send_signal(2).
    pub fn send_to_pidfd(&mut self, signal: u8, to: PidFd) -> Result<(), Errno> {
        self.count_call();
        self.interleave();
        let init = self.kernel.init;
        self.has_attempted(signal);
        self.note(|_| format!("send {} to {to:?}", name(signal)));
        if let Refusal::Send(errno) = self.scenario.refusal {
            return Err(errno);
        }
        let process = *self.kernel.get(to.id);
        if !process.exists() || process.serial != to.serial {
            return Err(Errno::ESRCH);
        }
        if !process.kin {
            fail(
                Property::NoStranger,
                format!("{} for {}, a stranger", name(signal), to.id),
            );
        }
        if let Some(errno) = self.fault(&[Errno::EPERM]) {
            self.window.excused |= 1 << to.id;
            self.is_refused(signal);
            return Err(errno);
        }
        if !self.kernel.may_signal(init, signal, to.id) {
            if process.lives() {
                self.is_refused(signal);
            }
            return Err(Errno::EPERM);
        }
        self.kernel.send(Sender::Process(init), signal, to.id);
        Ok(())
    }

    /// pidfd_send_signal(2) with signal 0.
    pub fn probe_pidfd(&mut self, to: PidFd) -> Result<(), Errno> {
        self.count_call();
        if let Refusal::Send(errno) = self.scenario.refusal {
            return Err(errno);
        }
        let process = self.kernel.get(to.id);
        if process.exists() && process.serial == to.serial {
            Ok(())
        } else {
            Err(Errno::ESRCH)
        }
    }

    /// The parent, group and session of a process, and whether it is a zombie, as /proc/PID/stat has them.
    pub fn stat(&mut self, raw: i32) -> Result<Process, Errno> {
        self.count_call();
        self.interleave();
        let found = self.kernel.find(raw).map(|(id, process)| (id, *process));
        let result = match (self.scenario.refusal, found) {
            (Refusal::Proc, _) | (_, None) => Err(Errno::ENOENT),
            (_, Some((id, process))) => {
                match self.fault(&[Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM]) {
                    Some(errno) => {
                        self.window.excused |= 1 << id;
                        // What is below it cannot be seen to descend from us.
                        self.window.all_excused = true;
                        Err(errno)
                    }
                    None => Ok(process),
                }
            }
        };
        self.note(|_| match result {
            Err(errno) => format!("stat {raw}: {errno:?}"),
            Ok(process) => format!(
                "stat {raw}: {:?}, parent {}, group {}",
                process.state, process.parent, process.group
            ),
        });
        result
    }

    /// Whether /proc is that of our namespace.
    pub fn proc_shows_us(&mut self) -> bool {
        self.count_call();
        self.scenario.refusal != Refusal::Proc
    }

    /// Opens /proc.
    pub fn processes(&mut self) -> Result<Pass, Errno> {
        self.count_call();
        self.interleave();
        let result = if self.scenario.refusal == Refusal::Proc {
            Err(Errno::ENOENT)
        } else if let Some(errno) = self.fault(&[Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM]) {
            self.window.all_excused = true;
            Err(errno)
        } else {
            Ok(Pass::default())
        };
        self.note(|_| format!("open /proc: {:?}", result.as_ref().map(drop)));
        result
    }

    /// The next process in /proc: its numbers come in order, and some at once (`proc_pid_readdir`).
    pub fn next_process(&mut self, pass: &mut Pass) -> Result<Option<i32>, Errno> {
        self.count_call();
        if pass.read == 0 {
            if pass.at as usize > HIGHEST {
                return Ok(None);
            }
            self.interleave();
            if let Some(errno) = self.fault(&[Errno::ENOMEM]) {
                self.window.all_excused = true;
                return Err(errno);
            }
            let mut count = 0;
            for id in self.kernel.ids() {
                if id >= pass.at && count < self.scenario.batch {
                    pass.read |= 1 << id;
                    count += 1;
                }
            }
            let last = 31 - (pass.read | 1).leading_zeros();
            pass.at = if pass.read == 0 {
                HIGHEST as u8 + 1
            } else {
                last as u8 + 1
            };
        }
        if pass.read == 0 {
            return Ok(None);
        }
        let id = pass.read.trailing_zeros();
        pass.read &= pass.read - 1;
        Ok(Some(id as i32))
    }

    /// Whether a signal is pending for the init.
    pub fn is_pending(&mut self, signal: u8) -> bool {
        self.count_call();
        self.interleave();
        self.kernel.get(self.kernel.init).pending & bit(signal) != 0
    }

    /// Whether the init was started with a signal ignored.
    pub fn is_ignored(&mut self, signal: u8) -> bool {
        self.count_call();
        self.scenario.ignored & bit(signal) != 0
    }

    /// The init stops as the terminal's stop has it.
    pub fn stop_ourselves(&mut self, by_terminal: bool) {
        self.count_call();
        self.interleave();
        let stopped = self.kernel.stop_init(by_terminal);
        self.note(|_| format!("stop ourselves: {stopped}"));
        if stopped {
            self.while_stopped();
        }
    }

    /// Writes a line to stderr.
    pub fn write_line(&mut self, line: &[u8]) -> Result<(), Errno> {
        self.count_call();
        self.facts.lines += 1;
        let result = match self.stderr {
            Stderr::Open => Ok(()),
            Stderr::Full => Err(Errno::EAGAIN),
            Stderr::Closed => {
                self.kernel.raise(PIPE);
                Err(Errno::EPIPE)
            }
        };
        self.note(|_| {
            let text = String::from_utf8_lossy(line);
            format!(
                "line: {} {}",
                text.trim_end(),
                match result {
                    Ok(()) => String::new(),
                    Err(errno) => format!("({errno:?})"),
                }
            )
        });
        result
    }

    /// Starts the command: its session or group is made, its program runs.
    pub fn start(&mut self) -> Result<i32, Errno> {
        self.count_call();
        self.close_window();
        self.interleave();
        let init = self.kernel.init;
        let child = match self.fault(&[Errno::EAGAIN, Errno::ENOMEM]) {
            Some(errno) => Err(errno),
            None => self.kernel.fork(init).ok_or(Errno::EAGAIN),
        };
        let child = match child {
            Ok(child) => child,
            Err(errno) => {
                self.note(|_| format!("start: {errno:?}"));
                self.facts.excused = true;
                return Err(errno);
            }
        };
        let session = self.kernel.get(init).session;
        match self.scenario.placement {
            Placement::Session => {
                self.kernel.make_session(child);
                // The init has given it up, if it led the session (TIOCNOTTY, TIOCSCTTY).
                if let Some(terminal) = &mut self.kernel.terminal
                    && terminal.session == init
                {
                    *terminal = Terminal {
                        session: child,
                        foreground: child,
                    };
                }
            }
            Placement::Group => {
                self.kernel.join(child, child);
                if let Some(terminal) = &mut self.kernel.terminal
                    && terminal.session == session
                {
                    terminal.foreground = child;
                }
            }
            Placement::Shared => {}
        }
        let signals = bit(self.scenario.signals[0]) | bit(self.scenario.signals[1]);
        let process = self.kernel.get_mut(child);
        process.blocked = 0;
        match self.scenario.manner {
            Manner::Plain => {}
            Manner::Ignores => process.ignored |= signals & !bit(CHLD),
            Manner::Stays => process.handled |= signals,
        }
        process.handled &= !process.ignored;
        if self.script.is_some() {
            // A toy takes every signal, and tells of it before it acts on it.
            process.handled = Set::MAX;
        }
        self.main = Some(child);
        self.main_serial = process.serial;
        self.note(|_| format!("start: {child}"));
        self.grow(child);
        self.open_window();
        Ok(i32::from(child))
    }

    /// What the command has made before we come to anything else.
    fn grow(&mut self, child: Id) {
        let most = if self.menu == Menu::Small { 3 } else { 6 };
        let mut made: Ids = 1 << child;
        for _ in 0..self.choices.setup(most) {
            if self.kernel.ids().count() >= usize::from(self.most_processes) {
                break;
            }
            let parents = made.count_ones() as usize;
            let parent = (0..=HIGHEST as Id)
                .filter(|id| made & 1 << id != 0)
                .nth(self.choices.setup(parents))
                .unwrap_or(child);
            self.perform(Event::Fork(parent));
            let newest = self
                .kernel
                .ids()
                .max_by_key(|id| self.kernel.get(*id).serial);
            let Some(newest) = newest else {
                break;
            };
            made |= 1 << newest;
            match self.choices.setup(3) {
                1 => self.perform(Event::MakeSession(newest)),
                2 => self.perform(Event::Join(newest, newest)),
                _ => {}
            }
        }
    }
}

/// What waitid(2) shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peeked {
    /// A child that has ended, and how.
    Zombie(Id, i32),
    /// There are children, and all live.
    Running,
    /// There are no children.
    None,
}

/// A handle on a process: it never means another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PidFd {
    id: Id,
    serial: u16,
}

/// A pass over /proc.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass {
    /// The number from which the next ones are read.
    at: u8,
    /// What has been read and not been asked for.
    read: Ids,
}
