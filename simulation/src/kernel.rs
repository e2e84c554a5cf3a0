//! The kernel in memory: processes, groups, sessions, signals, orphans and their reapers.
//!
//! It knows nothing of the init under test but which process it is; each rule names the kernel function or the
//! manual page that it comes from. What is left out: threads, tracing, several users' limits, and the order in
//! which two processors see one event.

use crate::signals::number::{CHLD, CONT, HUP, KILL, STOP};
use crate::signals::{IGNORED_BY_DEFAULT, STOPS, Set, UNCATCHABLE, bit, first};

/// A process ID: its index in the table. 0 is a process outside the PID namespace, as in `si_pid` and `PPid`.
pub type Id = u8;

/// The highest process ID. So few that each comes back soon.
pub const HIGHEST: usize = 12;

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum State {
    /// There is no such process.
    #[default]
    None,
    /// It runs.
    Running,
    /// It is stopped.
    Stopped,
    /// It has begun to exit: its children have their new parent, itself it is no zombie yet (`exit_notify`).
    Exiting,
    /// It has ended, and its parent has not reaped it.
    Zombie,
}

/// Who sent a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sender {
    /// The kernel by itself.
    Kernel,
    /// A process; 0 for one outside the namespace.
    Process(Id),
}

/// A process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Process {
    /// What it does.
    pub state: State,
    /// Which process it is of all that there have been: an ID comes back, this does not.
    pub serial: u16,
    /// Its parent.
    pub parent: Id,
    /// Its process group.
    pub group: Id,
    /// Its session.
    pub session: Id,
    /// Signals it ignores.
    pub ignored: Set,
    /// Signals it has handlers for.
    pub handled: Set,
    /// Signals it blocks.
    pub blocked: Set,
    /// Signals that wait for it.
    pub pending: Set,
    /// Those of them that the init has sent.
    pub pending_from_init: Set,
    /// Whether the stop it is in was the init's.
    pub stopped_by_init: bool,
    /// Those of them that come from the kernel.
    pub pending_from_kernel: Set,
    /// Whether the stop it is in came from the terminal.
    pub terminal_stop: bool,
    /// The signal that has stopped it, until its parent has asked (`wait_task_stopped`).
    pub stopped_by: Option<u8>,
    /// The fatal signal that it will die of, whatever comes after it (`complete_signal`, `sig_fatal`).
    pub doomed: Option<u8>,
    /// Whether the init may not send it signals (`kill_ok_by_cred`).
    pub foreign: bool,
    /// Whether it was made by the init or by what the init has made.
    pub kin: bool,
    /// Whether it has changed its group or session since the marks were cleared.
    pub moved: bool,
    /// How it ended, as wait(2) tells it.
    pub status: i32,
    /// Signals that the init has sent it since the marks were cleared.
    pub got: Set,
    /// Those it has got more than once.
    pub got_again: Set,
}

impl Process {
    /// Whether it has not ended.
    pub fn lives(&self) -> bool {
        matches!(self.state, State::Running | State::Stopped)
    }

    /// Whether it is in the table.
    pub fn exists(&self) -> bool {
        self.state != State::None
    }

    /// Signals that would be acted on at once.
    pub fn deliverable(&self) -> Set {
        match self.state {
            State::Running => self.pending & !(self.blocked & !UNCATCHABLE),
            _ => 0,
        }
    }
}

/// The children of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Children {
    /// One has ended.
    Zombie(Id),
    /// All live.
    Running,
    /// There are none.
    None,
}

/// A terminal that is somebody's controlling terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terminal {
    /// The session it controls.
    pub session: Id,
    /// The foreground process group.
    pub foreground: Id,
}

/// How an ordinary process dealt with a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dealt {
    /// It ignored it, or its handler ran.
    Survived(u8),
    /// It stopped.
    Stopped,
    /// It is to exit with this status.
    Killed(i32),
}

/// The signals that wait for the init, which alone asks who sent them.
#[derive(Clone, Copy, Debug)]
struct Queue {
    /// Who sent the first of each.
    senders: [Sender; 65],
    /// How many there are of each; more than one of a real-time signal only.
    count: [u8; 65],
    /// Signals to the thread itself, which come first (`send_sig`, `dequeue_signal`).
    own: Set,
}

/// All processes.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// By their IDs; the first stands for what is outside and is never used.
    processes: [Process; HIGHEST + 1],
    serials: u16,
    /// The init under test.
    pub init: Id,
    /// Whether orphans below it come to it where it is not PID 1.
    pub subreaper: bool,
    /// The terminal, if there is one.
    pub terminal: Option<Terminal>,
    queue: Queue,
    /// Whether new processes get the highest free ID instead of the lowest.
    pub from_above: bool,
}

impl Kernel {
    /// No processes.
    pub fn new() -> Kernel {
        Kernel {
            processes: [Process::default(); HIGHEST + 1],
            serials: 0,
            init: 0,
            subreaper: false,
            terminal: None,
            queue: Queue {
                senders: [Sender::Kernel; 65],
                count: [0; 65],
                own: 0,
            },
            from_above: false,
        }
    }

    /// The process of this ID.
    pub fn get(&self, id: Id) -> &Process {
        &self.processes[usize::from(id)]
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, id: Id) -> &mut Process {
        &mut self.processes[usize::from(id)]
    }

    /// The process of this ID, if there is one.
    pub fn find(&self, id: i32) -> Option<(Id, &Process)> {
        let index = usize::try_from(id).ok()?;
        let process = self.processes.get(index).filter(|found| found.exists())?;
        (index > 0).then_some((index as Id, process))
    }

    /// The IDs of all processes.
    pub fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        let mut exist = 0u32;
        for (id, process) in self.processes.iter().enumerate().skip(1) {
            exist |= u32::from(process.exists()) << id;
        }
        std::iter::from_fn(move || {
            let id = exist.trailing_zeros();
            exist &= exist.wrapping_sub(1);
            (id < 32).then_some(id as Id)
        })
    }

    /// The ID for a new process, if one is free: not while a group or a session has it (`alloc_pid`,
    /// `free_pid`: a `struct pid` lives as long as a task is attached to it in any role).
    pub fn free(&self) -> Option<Id> {
        let is_free = |id: &Id| {
            let id = *id;
            !self.processes.iter().enumerate().any(|(number, other)| {
                other.exists()
                    && (number == usize::from(id) || other.group == id || other.session == id)
            })
        };
        let mut ids = 2..=HIGHEST as Id;
        match self.from_above {
            false => ids.find(is_free),
            true => ids.rev().find(is_free),
        }
    }

    /// Adds a process of this very ID, as the world begins.
    pub fn add(&mut self, id: Id, parent: Id, group: Id, session: Id) {
        self.serials += 1;
        *self.get_mut(id) = Process {
            state: State::Running,
            serial: self.serials,
            parent,
            group,
            session,
            ..Process::default()
        };
    }

    /// fork(2): group, session, dispositions and mask are the parent's, nothing is pending (`copy_process`).
    pub fn fork(&mut self, parent: Id) -> Option<Id> {
        let id = self.free()?;
        self.serials += 1;
        let serial = self.serials;
        let child = Process {
            state: State::Running,
            serial,
            parent,
            pending: 0,
            pending_from_init: 0,
            stopped_by_init: false,
            stopped_by: None,
            doomed: None,
            got: 0,
            got_again: 0,
            moved: false,
            kin: parent == self.init || self.get(parent).kin,
            ..*self.get(parent)
        };
        *self.get_mut(id) = child;
        Some(id)
    }

    /// execve(2): handlers are gone, ignored signals stay so (`flush_signal_handlers`).
    pub fn exec(&mut self, id: Id) {
        self.get_mut(id).handled = 0;
    }

    /// setsid(2): not for the leader of a group (`ksys_setsid`).
    pub fn can_make_session(&self, id: Id) -> bool {
        !self.group_exists(id)
    }

    /// Makes the session. The terminal stays with the old one.
    pub fn make_session(&mut self, id: Id) {
        let process = self.get_mut(id);
        process.session = id;
        process.group = id;
        process.moved = true;
    }

    /// setpgid(2) where [`Kernel::can_join`] allows it.
    pub fn join(&mut self, id: Id, group: Id) {
        let process = self.get_mut(id);
        process.group = group;
        process.moved = true;
    }

    /// setpgid(2) of a process for itself: not for the leader of a session; the group has to be in its
    /// session.
    pub fn can_join(&self, id: Id, group: Id) -> bool {
        let process = self.get(id);
        process.session != id
            && process.group != group
            && (group == id
                || self.processes.iter().any(|other| {
                    other.exists() && other.group == group && other.session == process.session
                }))
    }

    /// Whether a process is in the group; zombies count.
    pub fn group_exists(&self, group: Id) -> bool {
        self.processes
            .iter()
            .any(|process| process.exists() && process.group == group)
    }

    /// Whether a group is orphaned: no living member has a parent in another group of its session
    /// (`will_become_orphaned_pgrp`; POSIX, "Orphaned Process Group").
    pub fn is_orphaned(&self, group: Id) -> bool {
        self.would_be_orphaned(group, 0)
    }

    fn would_be_orphaned(&self, group: Id, without: Id) -> bool {
        !self.processes.iter().enumerate().any(|(id, member)| {
            member.exists()
                && member.group == group
                && id != usize::from(without)
                && member.state != State::Zombie
                && member.state != State::Exiting
                && member.parent != 0
                && {
                    let parent = self.get(member.parent);
                    parent.exists() && parent.group != group && parent.session == member.session
                }
        })
    }

    /// Whether a process descends from another one, zombies included.
    pub fn descends(&self, id: Id, ancestor: Id) -> bool {
        let mut at = id;
        // A cycle is not possible; the bound is for a table that is damaged.
        for _ in 0..=HIGHEST {
            at = self.get(at).parent;
            if at == ancestor {
                return true;
            }
            if at == 0 {
                return false;
            }
        }
        false
    }

    /// Whether the sender may signal the process (`check_kill_permission`): CONT may always go to the
    /// own session.
    pub fn may_signal(&self, sender: Id, signal: u8, to: Id) -> bool {
        sender != self.init
            || !self.get(to).foreign
            || signal == CONT && self.get(sender).session == self.get(to).session
    }

    /// Sends a signal to a process (`send_signal_locked`).
    pub fn send(&mut self, sender: Sender, signal: u8, to: Id) {
        let unkillable = to == 1;
        let is_init = to == self.init;
        let from_init = sender == Sender::Process(self.init);
        let process = self.get_mut(to);
        if from_init {
            process.got_again |= process.got & bit(signal);
            process.got |= bit(signal);
        }
        if !process.lives() {
            return;
        }
        // prepare_signal: stops and CONT flush each other, whatever is blocked or ignored.
        let mut continued = false;
        if STOPS & bit(signal) != 0 {
            process.pending &= !bit(CONT);
        } else if signal == CONT {
            process.pending &= !STOPS;
            continued = process.state == State::Stopped;
            if continued {
                process.state = State::Running;
                process.stopped_by_init = false;
                process.stopped_by = None;
            }
        }
        if continued {
            self.tell_parent(to);
        }
        let process = self.get_mut(to);
        // sig_ignored: what is blocked is kept, even if it is ignored; the init of a namespace gets from
        // inside only what it has a handler for, and KILL and STOP from outside alone.
        let blocked = process.blocked & !UNCATCHABLE & bit(signal) != 0;
        if !blocked {
            let by_default = (process.ignored | process.handled) & bit(signal) == 0;
            let forced = sender == Sender::Process(0) && UNCATCHABLE & bit(signal) != 0;
            if unkillable && by_default && !forced
                || process.ignored & bit(signal) != 0
                || by_default && IGNORED_BY_DEFAULT & bit(signal) != 0
            {
                return;
            }
        }
        let was_pending = process.pending & bit(signal) != 0;
        process.pending |= bit(signal);
        if !was_pending {
            process.pending_from_init &= !bit(signal);
            process.pending_from_kernel &= !bit(signal);
            if from_init {
                process.pending_from_init |= bit(signal);
            } else if sender == Sender::Kernel {
                process.pending_from_kernel |= bit(signal);
            }
        }
        // complete_signal: a fatal signal decides at once, and KILL wakes what is stopped.
        if signal == KILL && process.state == State::Stopped {
            process.state = State::Running;
        }
        let fatal = UNCATCHABLE & bit(signal) & !STOPS != 0
            || (STOPS | IGNORED_BY_DEFAULT | process.handled) & bit(signal) == 0;
        if !is_init && process.state == State::Running && !blocked && fatal {
            process.doomed = process.doomed.or(Some(signal));
        }
        if is_init {
            self.queue(sender, signal, was_pending);
        }
    }

    /// legacy_queue: a standard signal that is pending is not queued again, and the first one's sender stays.
    fn queue(&mut self, sender: Sender, signal: u8, was_pending: bool) {
        let at = usize::from(signal);
        if !was_pending {
            self.queue.count[at] = 1;
            self.queue.senders[at] = sender;
        } else if signal >= 32 {
            self.queue.count[at] = self.queue.count[at].saturating_add(1);
        }
    }

    /// Sends a signal to the thread of the init itself, as a write to a pipe that nobody reads does
    /// (`pipe_write`, `send_sig`).
    pub fn raise(&mut self, signal: u8) {
        self.send(Sender::Process(self.init), signal, self.init);
        let init = self.init;
        if self.get(init).pending & bit(signal) != 0 {
            self.queue.own |= bit(signal);
        }
        let process = self.get_mut(init);
        process.got &= !bit(signal);
        process.got_again &= !bit(signal);
    }

    /// Takes a signal off the init's queue: its own first, the lowest number first (`dequeue_signal`,
    /// `next_signal`).
    pub fn take(&mut self, set: Set) -> Option<(u8, Sender)> {
        let init = self.init;
        let own = self.queue.own & set & self.get(init).pending;
        let signal = first(own).or_else(|| first(self.get(init).pending & set))?;
        let at = usize::from(signal);
        self.queue.count[at] = self.queue.count[at].saturating_sub(1);
        if self.queue.count[at] == 0 {
            self.get_mut(init).pending &= !bit(signal);
            self.queue.own &= !bit(signal);
        }
        Some((signal, self.queue.senders[at]))
    }

    /// Sends a signal to a group (`__kill_pgrp_info`); for the init, as kill(2): how many were there, and
    /// how many it was allowed to.
    pub fn send_to_group(&mut self, sender: Sender, signal: u8, group: Id) -> (usize, usize) {
        let (mut there, mut sent) = (0, 0);
        for id in self.ids() {
            if self.get(id).group != group {
                continue;
            }
            there += 1;
            if let Sender::Process(from) = sender
                && from != 0
                && !self.may_signal(from, signal, id)
            {
                continue;
            }
            sent += 1;
            self.send(sender, signal, id);
        }
        (there, sent)
    }

    /// Whether the process is to deal with a signal: it does so before anything else.
    pub fn has_signal(&self, id: Id) -> bool {
        id != self.init && self.get(id).deliverable() != 0
    }

    /// A process that is not the init deals with its first signal (`get_signal`).
    pub fn deal(&mut self, id: Id) -> Dealt {
        let process = self.get_mut(id);
        if let Some(signal) = process.doomed {
            return Dealt::Killed(i32::from(signal));
        }
        let Some(signal) = first(process.deliverable()) else {
            return Dealt::Survived(0);
        };
        process.pending &= !bit(signal);
        let from_init = process.pending_from_init & bit(signal) != 0;
        let from_kernel = process.pending_from_kernel & bit(signal) != 0;
        if UNCATCHABLE & bit(signal) == 0
            && (process.ignored | process.handled | IGNORED_BY_DEFAULT) & bit(signal) != 0
        {
            return Dealt::Survived(signal);
        }
        if STOPS & bit(signal) != 0 {
            let group = process.group;
            // The terminal's stops mean nothing to an orphaned group; STOP does.
            if signal != STOP && self.is_orphaned(group) {
                return Dealt::Survived(signal);
            }
            let process = self.get_mut(id);
            process.state = State::Stopped;
            process.stopped_by_init = from_init;
            process.stopped_by = Some(signal);
            process.terminal_stop = from_kernel;
            self.tell_parent(id);
            return Dealt::Stopped;
        }
        Dealt::Killed(i32::from(signal))
    }

    /// SIGCHLD for the parent (`do_notify_parent`, `do_notify_parent_cldstop`).
    fn tell_parent(&mut self, id: Id) {
        let parent = self.get(id).parent;
        if parent != 0 && self.get(parent).lives() {
            self.send(Sender::Kernel, CHLD, parent);
        }
    }

    /// Who adopts the children of a process (`find_new_reaper`): the nearest subreaper above it, or the
    /// init of the namespace.
    fn reaper(&self, of: Id) -> Id {
        if self.subreaper && self.get(self.init).lives() && self.descends(of, self.init) {
            self.init
        } else {
            1
        }
    }

    /// The first half of an exit: children go to their reaper (`forget_original_parent`).
    pub fn leave_children(&mut self, id: Id, status: i32) {
        let reaper = self.reaper(id);
        let process = self.get_mut(id);
        process.state = State::Exiting;
        process.status = status;
        process.pending = 0;
        for child in self.ids() {
            if self.get(child).parent != id {
                continue;
            }
            let was_orphaned = self.child_group_was_orphaned(child, id);
            self.get_mut(child).parent = reaper;
            if self.get(child).state == State::Zombie {
                // reparent_leader tells the new parent.
                self.tell_of_end(child);
            } else if !was_orphaned {
                self.wake_if_orphaned(self.get(child).group);
            }
        }
    }

    /// Whether this parent, which is about to go, did not keep its child's group from being orphaned
    /// (`kill_orphaned_pgrp` as `reparent_leader` calls it).
    fn child_group_was_orphaned(&self, child: Id, parent: Id) -> bool {
        let (child, parent) = (self.get(child), self.get(parent));
        child.group == parent.group || child.session != parent.session
    }

    /// HUP and CONT for a group that is orphaned now and has a stopped member (`kill_orphaned_pgrp`).
    fn wake_if_orphaned(&mut self, group: Id) {
        let stopped = self
            .processes
            .iter()
            .any(|member| member.state == State::Stopped && member.group == group);
        if stopped && self.is_orphaned(group) {
            self.send_to_group(Sender::Kernel, HUP, group);
            self.send_to_group(Sender::Kernel, CONT, group);
        }
    }

    /// The second half of an exit: a zombie, and SIGCHLD for the parent.
    pub fn become_zombie(&mut self, id: Id) {
        self.get_mut(id).state = State::Zombie;
        let Process {
            parent,
            group,
            session,
            ..
        } = *self.get(id);
        // Where the exiting process is what kept its own group from being orphaned.
        if parent != 0 && self.get(parent).group != group && self.get(parent).session == session {
            self.wake_if_orphaned(group);
        }
        if let Some(terminal) = self.terminal
            && terminal.session == id
        {
            // disassociate_ctty: the foreground group is hung up.
            self.terminal = None;
            self.send_to_group(Sender::Kernel, HUP, terminal.foreground);
        }
        self.tell_of_end(id);
    }

    /// Tells the parent that this zombie waits for it. One that ignores SIGCHLD has it reaped by the
    /// kernel (`do_notify_parent`); so has who is outside or is the namespace's own init here, since
    /// theirs is another story.
    fn tell_of_end(&mut self, id: Id) {
        let parent = self.get(id).parent;
        let ignores = parent != 0 && self.get(parent).ignored & bit(CHLD) != 0;
        self.tell_parent(id);
        if parent == 0 || parent == 1 && parent != self.init || ignores {
            self.release(id);
        }
    }

    /// Ends a process at once.
    pub fn exit(&mut self, id: Id, status: i32) {
        if self.get(id).state != State::Exiting {
            self.leave_children(id, status);
        }
        self.become_zombie(id);
    }

    /// Takes a zombie out of the table (`release_task`).
    pub fn release(&mut self, id: Id) {
        self.get_mut(id).state = State::None;
    }

    /// What wait(2) finds for a process, zombies first, the lowest number of them (`do_wait`).
    pub fn children(&self, parent: Id) -> Children {
        let mut found = Children::None;
        for (id, process) in self.processes.iter().enumerate().skip(1) {
            if process.exists() && process.parent == parent {
                found = Children::Running;
                if process.state == State::Zombie {
                    return Children::Zombie(id as Id);
                }
            }
        }
        found
    }

    /// A child that is a zombie.
    pub fn zombie_of(&self, parent: Id) -> Option<Id> {
        match self.children(parent) {
            Children::Zombie(id) => Some(id),
            Children::Running | Children::None => None,
        }
    }

    /// Stops the init by STOP, or as TSTP does where it is neither blocked nor caught; tells whether it is stopped.
    pub fn stop_init(&mut self, by_terminal: bool) -> bool {
        let init = self.init;
        let process = self.get_mut(init);
        // prepare_signal, as with any stop.
        process.pending &= !bit(CONT);
        if init == 1 || by_terminal && self.is_orphaned(self.get(init).group) {
            return false;
        }
        let process = self.get_mut(init);
        process.state = State::Stopped;
        process.stopped_by_init = true;
        self.tell_parent(init);
        true
    }
}

impl Default for Kernel {
    fn default() -> Kernel {
        Kernel::new()
    }
}
