//! Sending a signal to all our descendants, where we are not the init of a PID
//! namespace and no single system call does it.

use super::kernel::Kernel;
use super::pid_set::{PidSet, WORDS};
use crate::log::{Event, Log, ParentPid};
use crate::process::{Pid, Recipient, Stat};
use crate::signal::Signal;
use crate::time::Time;
use nix::errno::Errno;

/// The first pass examines this many entries regardless of time: a busy machine
/// must not keep the signal from processes that were there when the walk began.
const ALL_OF: u32 = 1 << 16;
/// How often a process is looked at in a pass where its ancestors end meanwhile.
const LOOKS: u32 = 16;
/// How long a walk goes on beyond that: processes that fork without end keep
/// ahead of it.
const LONGEST_WALK: Time = Time::short(200);

/// What a walk over our descendants needs.
pub struct Descendants {
    /// Which processes have got the signal of this walk.
    seen: PidSet,
}

/// How the walk sees another process.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// It descends from us, or belongs to the command's process group.
    Ours {
        /// Whether it is a child of ours.
        child: bool,
        /// Whether it belongs to the command's process group.
        member: bool,
    },
    /// It does neither, or has ended.
    Stranger,
    /// A process ended while it was looked at, so that it cannot be told.
    Disturbed,
}

impl Descendants {
    /// Prepares walks, which need memory of their own, if there are to be any.
    pub fn new<K: Kernel>(kernel: &mut K, needed: bool) -> Descendants {
        let memory = if needed {
            kernel.memory(WORDS).ok()
        } else {
            None
        };
        Descendants {
            seen: memory.map_or(PidSet::NONE, PidSet::new),
        }
    }

    /// Sends a signal to each of our descendants, once, in whatever session or
    /// group, and to those that are made meanwhile; also to the group of
    /// `leader`, the main child while it is not reaped, since its orphans may
    /// have gone to another reaper. Returns how many got the signal.
    ///
    /// Nobody else gets it: the walk opens a pidfd, then verifies the descent,
    /// then sends the signal by the pidfd, which means nobody once its process
    /// has ended. A pass that finds nothing new and was not disturbed ends the
    /// walk. The leader comes last: its death changes the parent of its
    /// children.
    ///
    /// # Errors
    ///
    /// Why the walk is not possible: /proc does not show our PID namespace
    /// (ENOENT), or there are no pidfds (ENOSYS before Linux 5.3, EPERM under a
    /// filter). The group of `leader` gets the signal then, and so do direct
    /// children if /proc shows them: their IDs cannot be anybody else's before
    /// we reap them.
    pub fn signal_all<K: Kernel>(
        &self,
        kernel: &mut K,
        log: &Log,
        signal: Signal,
        leader: Option<Pid>,
    ) -> Result<usize, Errno> {
        let ourselves = kernel.ourselves();
        if let Err(errno) = kernel.proc_is_ours() {
            if let Some(leader) = leader {
                let (to, sent) = send_to_group(kernel, signal, leader);
                say_not_sent(kernel, log, signal, to, sent);
            }
            return Err(errno);
        }
        let pidfds = kernel
            .pidfd(ourselves)
            .and_then(|pidfd| kernel.send_by_pidfd(None, &pidfd));
        let mut walk = Walk {
            kernel,
            log,
            seen: &self.seen,
            signal,
            ourselves,
            leader,
            pidfds: pidfds.is_ok(),
            sent: 0,
            failed: pidfds.err(),
        };
        self.seen.clear();
        if let (Some(leader), Signal::KILL) = (leader, signal) {
            // It would see its children die, and exit with a status of its own.
            let _ = walk.kernel.send(Signal::STOP, Recipient::Process(leader));
        }
        walk.passes();
        if let Some(leader) = leader {
            walk.end_with(leader);
        }
        match walk.failed {
            None => Ok(walk.sent),
            Some(errno) => Err(errno),
        }
    }
}

/// Sends a signal to a process group; to its leader where there is none. Gives
/// the recipient, and whether that has worked.
pub fn send_to_group<K: Kernel>(
    kernel: &mut K,
    signal: Signal,
    leader: Pid,
) -> (Recipient, Result<(), Errno>) {
    let group = Recipient::Group(leader);
    match kernel.send(signal, group) {
        Err(Errno::ESRCH) => {
            let process = Recipient::Process(leader);
            (process, kernel.send(signal, process))
        }
        sent => (group, sent),
    }
}

/// Says that a signal could not be sent, unless its recipient has ended.
fn say_not_sent<K: Kernel>(
    kernel: &mut K,
    log: &Log,
    signal: Signal,
    target: Recipient,
    sent: Result<(), Errno>,
) {
    if let Err(errno) = sent
        && errno != Errno::ESRCH
    {
        let event = Event::NotSent {
            signal,
            target,
            errno,
        };
        log.say(kernel, event);
    }
}

/// A walk that goes on.
struct Walk<'w, K: Kernel> {
    kernel: &'w mut K,
    log: &'w Log,
    seen: &'w PidSet,
    signal: Signal,
    ourselves: Pid,
    leader: Option<Pid>,
    /// Whether signals are sent by pidfds.
    pidfds: bool,
    /// How many processes got the signal.
    sent: usize,
    /// Why some process cannot be reached.
    failed: Option<Errno>,
}

impl<K: Kernel> Walk<'_, K> {
    /// Makes passes until one finds nothing new and was not disturbed.
    fn passes(&mut self) {
        let end = self.kernel.now().after(LONGEST_WALK);
        let mut regardless = ALL_OF;
        loop {
            let sent_before = self.sent;
            let mut disturbed = false;
            let mut pass = match self.kernel.processes() {
                Ok(pass) => pass,
                Err(errno) => {
                    self.failed = Some(errno);
                    return;
                }
            };
            loop {
                match self.kernel.next_process(&mut pass) {
                    Ok(Some(pid)) => disturbed |= self.visit(pid),
                    Ok(None) => break,
                    Err(errno) => {
                        self.failed = Some(errno);
                        return;
                    }
                }
                regardless = regardless.saturating_sub(1);
                if regardless == 0 && self.kernel.now() > end {
                    return;
                }
            }
            regardless = 0;
            let is_over = self.sent == sent_before && !disturbed;
            // Without a set of those that have got it, each pass would send the
            // signal again.
            if is_over || !self.seen.works() || self.kernel.now() > end {
                return;
            }
        }
    }

    /// Sends the signal to the leader; to its group at once where members of it
    /// could not be reached. A KILL always goes to the group, which no fork
    /// escapes, and once more to what was forked into another group meanwhile.
    fn end_with(&mut self, leader: Pid) {
        let walked = self.failed.is_none();
        let (to, sent) = if walked {
            let to = Recipient::Process(leader);
            (to, self.kernel.send(self.signal, to))
        } else {
            send_to_group(self.kernel, self.signal, leader)
        };
        if self.signal == Signal::KILL && sent.is_err() {
            // It was stopped for a KILL that it does not get.
            let _ = self.kernel.send(Signal::CONT, Recipient::Process(leader));
        }
        self.count(to, sent);
        if walked && self.signal == Signal::KILL {
            // With `-c` there is no such group.
            let _ = self.kernel.send(self.signal, Recipient::Group(leader));
            self.passes();
        }
    }

    /// Sends the signal to a process that is ours and has not got it yet; tells
    /// whether that could not be told.
    fn visit(&mut self, pid: Pid) -> bool {
        if pid == self.ourselves || Some(pid) == self.leader || self.seen.contains(pid) {
            return false;
        }
        let (child, member) = match self.relation(pid) {
            Relation::Ours { child, member } => (child, member),
            Relation::Stranger => return false,
            Relation::Disturbed => return true,
        };
        let to = Recipient::Process(pid);
        let sent = if self.pidfds {
            let Ok(pidfd) = self.kernel.pidfd(pid) else {
                return true;
            };
            // The process of this ID may be another one since it was looked at.
            match self.relation(pid) {
                Relation::Ours { .. } => {}
                Relation::Stranger => return false,
                Relation::Disturbed => return true,
            }
            self.kernel.send_by_pidfd(Some(self.signal), &pidfd)
        } else if child && !member {
            self.kernel.send(self.signal, to)
        } else {
            return false;
        };
        self.seen.insert(pid);
        self.count(to, sent);
        false
    }

    fn count(&mut self, to: Recipient, sent: Result<(), Errno>) {
        self.sent += usize::from(sent.is_ok());
        say_not_sent(self.kernel, self.log, self.signal, to, sent);
    }

    /// Looks again at once where a process has ended meanwhile: on a busy machine
    /// there may be no time for another pass.
    fn relation(&mut self, pid: Pid) -> Relation {
        for _ in 0..LOOKS {
            let relation = self.look(pid);
            if relation != Relation::Disturbed {
                return relation;
            }
        }
        Relation::Disturbed
    }

    fn look(&mut self, pid: Pid) -> Relation {
        let stat = match self.kernel.stat(pid) {
            // What has ended needs no signal. Its children have another parent
            // now, which they show.
            Ok(stat) if stat.zombie => return Relation::Stranger,
            Err(Errno::ENOENT | Errno::ESRCH) => return Relation::Stranger,
            Err(errno) => {
                self.failed = Some(errno);
                return Relation::Stranger;
            }
            Ok(stat) => stat,
        };
        let member = stat.group.is_some() && stat.group == self.leader;
        match descent(self.kernel, pid, stat, self.ourselves) {
            Descent::Steps(steps) => Relation::Ours {
                child: steps == 1,
                member,
            },
            _ if member => Relation::Ours {
                child: false,
                member,
            },
            Descent::None => Relation::Stranger,
            Descent::Disturbed => Relation::Disturbed,
        }
    }
}

/// How a process descends from another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Descent {
    /// By so many steps: 1 for a child.
    Steps(usize),
    /// It does not.
    None,
    /// A process on the way ended meanwhile.
    Disturbed,
}

/// Follows the parents of a process up to one of its ancestors.
///
/// Each parent is read twice. A process that ended before its own parent was
/// read would have left its child to a reaper, so that the second reading
/// differs; where both agree, what was read between them was the parent's.
fn descent<K: Kernel>(kernel: &mut K, pid: Pid, stat: Stat, ancestor: Pid) -> Descent {
    let mut child = pid;
    let Some(mut parent) = stat.parent else {
        return Descent::None;
    };
    let mut steps = 1;
    while parent != ancestor {
        let above = kernel.stat(parent);
        let again = kernel.stat(child).ok().and_then(|stat| stat.parent);
        let Some(above) = above.ok().filter(|_| again == Some(parent)) else {
            return Descent::Disturbed;
        };
        let Some(next) = above.parent else {
            return Descent::None;
        };
        child = parent;
        parent = next;
        steps += 1;
    }
    Descent::Steps(steps)
}

/// Says of each zombie among our descendants, or in the namespace of which we
/// are the init, that its parent lives and does not reap it. What we reap
/// ourselves is not among them.
pub fn report_zombies<K: Kernel>(kernel: &mut K, log: &Log) {
    let ourselves = kernel.ourselves();
    if kernel.proc_is_ours().is_err() {
        return;
    }
    let Ok(mut pass) = kernel.processes() else {
        return;
    };
    while let Ok(Some(pid)) = kernel.next_process(&mut pass) {
        let Some(stat) = kernel.stat(pid).ok().filter(|stat| stat.zombie) else {
            continue;
        };
        let Some(parent) = stat.parent.filter(|parent| *parent != ourselves) else {
            continue;
        };
        if let Descent::Steps(_) = descent(kernel, pid, stat, ourselves) {
            log.say(
                kernel,
                Event::NotReaped {
                    pid,
                    parent: ParentPid(parent),
                },
            );
        }
    }
}
