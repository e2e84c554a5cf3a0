//! Sending a signal to all that descends from us, where we are not the init of
//! a namespace and no single system call does it.

#![forbid(unsafe_code)]

use crate::event::Event;
use crate::log::say;
use crate::signal::Signal;
use crate::supervisor::{Pid, Recipient};
use crate::sys::{Errno, clock, memory, proc, process, signals};
use crate::time::Time;
use core::sync::atomic::{AtomicU32, Ordering};

/// So many processes are looked at however long that takes: a machine that is
/// busy must not keep the signal from those that were there when the walk
/// began.
const ALL_OF: u32 = 1 << 16;
/// How long a walk lasts beyond that at the most: a bound for those that fork
/// without end, whose numbers keep ahead of it.
const LONGEST_WALK: Time = Time::from_timespec(0, 200_000_000);

/// The way to our descendants.
pub struct Descendants {
    /// Who has got the signal of the walk that goes on.
    seen: PidSet,
}

impl Descendants {
    /// Prepares walks, which need memory of their own, if there are to be any.
    pub fn new(needed: bool) -> Descendants {
        Descendants {
            seen: if needed { PidSet::new() } else { PidSet::NONE },
        }
    }

    /// Sends a signal to each of our descendants, once, in whatever session or
    /// group, and to those that are made meanwhile. Returns how many got it.
    ///
    /// Never to another process: a handle is taken first, then the process is
    /// seen to descend from us, and the signal goes to the handle. A process that
    /// ends meanwhile leaves a handle that means nobody.
    ///
    /// # Errors
    ///
    /// Why the walk is not possible: /proc does not show our PID namespace
    /// (ENOENT), or there are no handles (ENOSYS before Linux 5.3, EPERM under a
    /// filter). The group of `leader`, a child that is not reaped yet, gets the
    /// signal then, and so do direct children where they can be found: their IDs
    /// cannot be anybody else's before we reap them.
    pub fn signal_all(
        &self,
        signal: Signal,
        ourselves: Pid,
        leader: Option<Pid>,
    ) -> Result<usize, Errno> {
        let handles = match proc::is_ours(ourselves) {
            true => proc::handle(ourselves).map(drop),
            false => Err(Errno::ENOENT),
        };
        self.seen.clear();
        let mut sent = 0;
        // The command first: the walk may run out of time before it comes to it.
        if let Some(leader) = leader {
            let whom = [Recipient::Group(leader), Recipient::Process(leader)];
            // With `-c` there is no such group.
            let reached = whom
                .iter()
                .skip(usize::from(handles.is_ok()))
                .any(|to| signals::send(signal, *to).is_ok());
            sent += usize::from(reached);
            self.seen.insert(leader);
        }
        if handles == Err(Errno::ENOENT) {
            return Err(Errno::ENOENT);
        }
        let end = clock::now().after(LONGEST_WALK);
        let mut to_look_at = ALL_OF;
        loop {
            let before = sent;
            proc::for_each_number(c"/proc", &mut |number, _| {
                if let Some(pid) = Pid::new(number) {
                    sent += usize::from(self.signal_one(signal, pid, ourselves, leader, handles));
                }
                to_look_at = to_look_at.saturating_sub(1);
                to_look_at > 0 || clock::now() <= end
            })?;
            to_look_at = 0;
            if sent == before || !self.seen.works() || clock::now() > end {
                break;
            }
        }
        handles.map(|()| sent)
    }

    /// Sends the signal to a process that is our descendant and has not got it yet,
    /// and tells whether it has now.
    fn signal_one(
        &self,
        signal: Signal,
        pid: Pid,
        ourselves: Pid,
        leader: Option<Pid>,
        handles: Result<(), Errno>,
    ) -> bool {
        if pid == ourselves || self.seen.contains(pid) {
            return false;
        }
        let Some(distance) = distance(pid, ourselves) else {
            return false;
        };
        let result = match (handles, proc::handle(pid)) {
            (Ok(()), Ok(handle)) if self::distance(pid, ourselves).is_some() => {
                proc::send(signal, &handle)
            }
            (Err(_), _) if distance == 1 && process::group_of(pid) != leader => {
                signals::send(signal, Recipient::Process(pid))
            }
            _ => return false,
        };
        self.seen.insert(pid);
        match result {
            Ok(()) => return true,
            Err(Errno::ESRCH) => {}
            Err(errno) => say(Event::NotSent(signal, Recipient::Process(pid), errno)),
        }
        false
    }
}

/// Says of each zombie among our descendants, or in the namespace of which we
/// are the init, that its parent lives and does not reap it. What we reap
/// ourselves is not among them.
pub fn report_zombies(ourselves: Pid) {
    if !proc::is_ours(ourselves) {
        return;
    }
    let _ = proc::for_each_number(c"/proc", &mut |number, _| {
        let zombie = Pid::new(number);
        let parent = zombie.and_then(proc::stat).filter(|stat| stat.zombie);
        if let (Some(zombie), Some(parent)) = (zombie, parent.and_then(|stat| stat.parent))
            && parent != ourselves
            && distance(zombie, ourselves).is_some()
        {
            say(Event::NotReaped { zombie, parent });
        }
        true
    });
}

/// How many steps a process descends from us, if it lives and does: 1 for a
/// child.
///
/// Each parent is read twice. A process that had ended before its own parent
/// was read would have left its child to a reaper, so that the second reading
/// would differ; where both agree, what was read between them was the parent's.
fn distance(pid: Pid, ourselves: Pid) -> Option<usize> {
    let stat = proc::stat(pid)?;
    let mut child = pid;
    let mut parent = stat.parent?;
    let mut steps = 1;
    while parent != ourselves {
        let next = proc::stat(parent)?.parent?;
        if proc::stat(child)?.parent? != parent {
            return None;
        }
        child = parent;
        parent = next;
        steps += 1;
    }
    Some(steps)
}

/// The highest process ID that Linux gives, on 64 bits (proc(5), pid_max).
const PID_MAX: usize = 1 << 22;

/// A set of process IDs: a bit each.
struct PidSet(&'static [AtomicU32]);

impl PidSet {
    /// One that nothing can be put into.
    const NONE: PidSet = PidSet(&[]);

    /// An empty one; where there is no memory, one that stays empty.
    fn new() -> PidSet {
        memory::zeros(PID_MAX / 32).map_or(PidSet::NONE, PidSet)
    }

    /// Whether what is put into it is found again. Otherwise there can be one
    /// pass only, since each would send the signal again.
    fn works(&self) -> bool {
        !self.0.is_empty()
    }

    fn word(&self, pid: Pid) -> Option<(&AtomicU32, u32)> {
        let number = pid.raw().unsigned_abs();
        let word = self.0.get((number / 32) as usize)?;
        Some((word, 1 << (number % 32)))
    }

    fn contains(&self, pid: Pid) -> bool {
        self.word(pid)
            .is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    fn insert(&self, pid: Pid) {
        if let Some((word, bit)) = self.word(pid) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn clear(&self) {
        for word in self.0 {
            // Writing zeros over zeros would make the memory ours.
            if word.load(Ordering::Relaxed) != 0 {
                word.store(0, Ordering::Relaxed);
            }
        }
    }
}
