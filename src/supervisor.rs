//! The decisions: an event comes in, actions go out.
//!
//! A pure state machine. It makes no system call, does not allocate and is told
//! the time, so that every race is a sequence of events that a test can write
//! down. [`crate::run`] carries events in and actions out.
//!
//! What holds, whatever the order of events:
//!
//! - the status that is reported is the main child's;
//! - no signal goes to a process or a group that has been reaped;
//! - every zombie that was seen is reaped, once, before the end;
//! - a received signal is sent at most once;
//! - no deadline moves away from us once it is set.
//!
//! The way of a received signal: delay, then rewrite, then sending, which sets
//! the time of the kill. The tables of delays and kills go by the signal as it
//! was received.

#![forbid(unsafe_code)]

use crate::config::{Config, PerSignal, Personality, Placement, Target};
use crate::signal::{Origin, Received, Rewrite, Signal, SignalSet};
use crate::status::{INIT_FAILED, WaitStatus};
use crate::time::Time;
use core::num::NonZeroI32;

/// A process ID: positive, so that it can never mean "everybody" or "a group".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// The process of this ID; `None` unless it is positive.
    pub fn new(raw: i32) -> Option<Pid> {
        NonZeroI32::new(raw)
            .filter(|pid| pid.is_positive())
            .map(Pid)
    }

    /// The number.
    pub fn raw(self) -> i32 {
        self.0.get()
    }

    /// Whether this is the init of a PID namespace (pid_namespaces(7)).
    pub fn is_namespace_init(self) -> bool {
        self.raw() == 1
    }
}

/// What the loop has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A signal was taken off the queue.
    Signal(Received),
    /// A child has ended and is not reaped yet, so its ID is still its own.
    Zombie {
        /// Which child.
        pid: Pid,
        /// How it ended.
        status: WaitStatus,
    },
    /// There is no zombie just now.
    Settled {
        /// Whether we have children at all.
        children: bool,
    },
    /// The deadline that [`Supervisor::deadline`] gave has come. One event does
    /// one thing that was due; there may be more.
    Timer,
}

/// Who is to get a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recipient {
    /// One process.
    Process(Pid),
    /// The process group that this process leads; the process itself where
    /// there is no such group.
    Group(Pid),
    /// Every process of the namespace but us, if we are its init; else every
    /// descendant.
    All,
}

/// What the loop is to do, in the order given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send a signal. A failure is reported and changes nothing.
    Send {
        /// Which one.
        signal: Signal,
        /// To whom.
        to: Recipient,
    },
    /// Say that a signal is held back for so long.
    SayHeld(Signal, Time),
    /// Stop ourselves until a SIGCONT comes.
    StopOurselves,
    /// Reap this very child.
    Reap(Pid),
    /// End.
    Exit(End),
}

/// How we end, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// The status to exit with.
    pub status: u8,
    /// The signal to die by instead, where that is possible.
    pub by_signal: Option<Signal>,
    /// The main child, and how it ended; `None` where that was lost.
    pub command: Option<(Pid, WaitStatus)>,
    /// Whether the time that the stop signals allow had run out before.
    pub killed: bool,
}

/// The actions that follow from one event: never more than three.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Actions([Option<Action>; 3]);

impl Actions {
    const NONE: Actions = Actions([None; 3]);

    fn one(action: Action) -> Actions {
        Actions([Some(action), None, None])
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = core::iter::Flatten<core::array::IntoIter<Option<Action>, 3>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

/// The state machine.
#[derive(Clone, Debug)]
pub struct Supervisor<'a> {
    config: &'a Config<'a>,
    /// Whether we are the init of a PID namespace, whom no stop reaches.
    namespace_init: bool,
    state: State,
}

// The large variant is the usual one, and there is no heap to put it on.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
enum State {
    /// The command runs.
    Running(Running),
    /// It has ended, and what it left behind has until a point in time.
    Grace(Ended, Time),
    /// What has ended is reaped, then we leave.
    Leaving(Ended),
}

#[derive(Clone, Debug)]
struct Running {
    main_child: Pid,
    /// Until when a signal is held back.
    held: PerSignal,
    /// The stop signals that were held once.
    drained: SignalSet,
    /// When everything is killed.
    kill_at: Option<Time>,
    /// Whether that has been done.
    killed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    main_child: Pid,
    status: WaitStatus,
    killed: bool,
}

impl<'a> Supervisor<'a> {
    /// Begins with the command running as `main_child`.
    pub fn new(config: &'a Config<'a>, ourselves: Pid, main_child: Pid) -> Supervisor<'a> {
        Supervisor {
            config,
            namespace_init: ourselves.is_namespace_init(),
            state: State::Running(Running {
                main_child,
                held: PerSignal::new(),
                drained: SignalSet::EMPTY,
                kill_at: None,
                killed: false,
            }),
        }
    }

    /// When [`Event::Timer`] is due.
    pub fn deadline(&self) -> Option<Time> {
        match &self.state {
            State::Running(running) => {
                let held = running.held.earliest().map(|(_, until)| until);
                held.into_iter().chain(running.kill_at).min()
            }
            State::Grace(_, until) => Some(*until),
            State::Leaving(_) => None,
        }
    }

    /// What follows from an event.
    pub fn handle(&mut self, now: Time, event: Event) -> Actions {
        match event {
            Event::Signal(received) => self.signal(now, received),
            Event::Zombie { pid, status } => self.zombie(now, pid, status),
            Event::Settled { children } => self.settled(children),
            Event::Timer => self.timer(now),
        }
    }

    fn signal(&mut self, now: Time, received: Received) -> Actions {
        let Received { signal, origin } = received;
        if signal == Signal::CHLD || received.is_for_our_own_line() {
            return Actions::NONE;
        }
        let config = self.config;
        // catatonit takes these for its own: a line of it met a terminal that
        // stops background writers.
        if config.personality == Personality::Catatonit
            && origin == Origin::Kernel
            && matches!(signal, Signal::TTIN | Signal::TTOU)
        {
            return Actions::NONE;
        }
        match &mut self.state {
            State::Running(running) => {
                if has_reached_the_command(config, signal, origin) {
                    running.set_kill(config, signal, now);
                    let stop = stop_ourselves(config, signal, self.namespace_init);
                    return Actions([stop, None, None]);
                }
                if let Some(delay) = running.hold(config, signal, now) {
                    return Actions::one(Action::SayHeld(signal, delay));
                }
                self.pass_on(now, signal)
            }
            // The leftovers know nothing of the command's other signals.
            State::Grace(..) if is_stop_signal(config, signal) => {
                match config.rewrite.get(signal) {
                    Rewrite::Drop => Actions::NONE,
                    Rewrite::Same => tell_all(signal, None),
                    Rewrite::To(other) => tell_all(other, None),
                }
            }
            State::Grace(..) | State::Leaving(_) => Actions::NONE,
        }
    }

    /// Rewrites and sends a signal whose delay, if it has one, is over.
    fn pass_on(&mut self, now: Time, signal: Signal) -> Actions {
        let config = self.config;
        let State::Running(running) = &mut self.state else {
            return Actions::NONE;
        };
        if is_stop_signal(config, signal) {
            running.drained = running.drained.and(signal);
        }
        // Natively a rewritten stop is none of ours: deaf while the command
        // runs, we could not even reap it. dumb-init stops whatever it sends.
        let stop = match (config.personality, config.rewrite.get(signal)) {
            (Personality::DumbInit, _) | (_, Rewrite::Same) => {
                stop_ourselves(config, signal, self.namespace_init)
            }
            _ => None,
        };
        let Some(delivered) = config.delivered(signal) else {
            return Actions([stop, None, None]);
        };
        let to = match config.target {
            Target::Child => Recipient::Process(running.main_child),
            Target::Group => Recipient::Group(running.main_child),
            Target::All => Recipient::All,
        };
        running.set_kill(config, signal, now);
        // A stopped command would spend its time without knowing that it runs.
        let wake = (config.kill_after.get(signal).is_some() && !delivered.stops()).then_some(
            Action::Send {
                signal: Signal::CONT,
                to,
            },
        );
        Actions([
            Some(Action::Send {
                signal: delivered,
                to,
            }),
            wake,
            stop,
        ])
    }

    fn zombie(&mut self, now: Time, pid: Pid, status: WaitStatus) -> Actions {
        let State::Running(running) = &self.state else {
            return Actions::one(Action::Reap(pid));
        };
        if running.main_child != pid {
            return Actions::one(Action::Reap(pid));
        }
        // Held signals and the kill were the command's: they end with it.
        let ended = Ended {
            main_child: pid,
            status,
            killed: running.killed,
        };
        if let Some(grace) = self.config.grace {
            self.state = State::Grace(ended, now.after(grace));
            return tell_all(Signal::TERM, Some(Action::Reap(pid)));
        }
        self.state = State::Leaving(ended);
        // dumb-init takes its own TERM for a received one.
        let term = match self.config.personality {
            Personality::DumbInit => self.config.delivered(Signal::TERM),
            _ => Some(Signal::TERM),
        };
        let term = match self.config.placement {
            // Before the reaping: after it the group's ID may be another's.
            Placement::Session => term.map(|signal| Action::Send {
                signal,
                to: Recipient::Group(pid),
            }),
            // The others end when they do.
            Placement::Group => None,
            // The group is our own, and our parent's affair.
            Placement::Shared => None,
        };
        Actions([term, Some(Action::Reap(pid)), None])
    }

    fn settled(&self, children: bool) -> Actions {
        match &self.state {
            State::Grace(..) | State::Running(_) if children => Actions::NONE,
            State::Grace(ended, _) | State::Leaving(ended) => {
                Actions::one(Action::Exit(self.end(*ended)))
            }
            // Somebody else took the status: waiting on would be for ever.
            State::Running(running) => Actions::one(Action::Exit(End {
                status: INIT_FAILED,
                by_signal: None,
                command: None,
                killed: running.killed,
            })),
        }
    }

    fn end(&self, ended: Ended) -> End {
        let status = ended.status.shell_status();
        let mapped = self.config.exit_map.get(status);
        End {
            status: mapped.unwrap_or(status),
            by_signal: match mapped {
                None if self.config.exit_by_signal => ended.status.signal(),
                _ => None,
            },
            command: Some((ended.main_child, ended.status)),
            killed: ended.killed,
        }
    }

    fn timer(&mut self, now: Time) -> Actions {
        match &mut self.state {
            State::Running(running) => {
                if let Some(signal) = running.release(now) {
                    return self.pass_on(now, signal);
                }
                if running.kill_at.is_none_or(|at| at > now) {
                    return Actions::NONE;
                }
                running.kill_at = None;
                running.killed = true;
                KILL_ALL
            }
            State::Grace(ended, until) if *until <= now => {
                self.state = State::Leaving(*ended);
                KILL_ALL
            }
            State::Grace(..) | State::Leaving(_) => Actions::NONE,
        }
    }
}

impl Running {
    /// Holds a signal back, if it has a delay, and tells for how long: not one
    /// that comes for the second time, which ends the wait, nor a stop signal
    /// whose wait is over, since the draining is done then.
    fn hold(&mut self, config: &Config<'_>, signal: Signal, now: Time) -> Option<Time> {
        let delay = config.delay.get(signal)?;
        let was_held = self.held.clear(signal);
        if was_held || self.drained.contains(signal) {
            return None;
        }
        self.held.set(signal, now.after(delay));
        Some(delay)
    }

    /// The signal whose delay is over, if that is what is due first.
    fn release(&mut self, now: Time) -> Option<Signal> {
        let (signal, until) = self.held.earliest()?;
        if until > now || self.kill_at.is_some_and(|at| at < until) {
            return None;
        }
        self.held.clear(signal);
        Some(signal)
    }

    /// Sets the time of the kill, if the signal has one: the earliest wins.
    fn set_kill(&mut self, config: &Config<'_>, signal: Signal, now: Time) {
        let Some(allowed) = config.kill_after.get(signal) else {
            return;
        };
        if self.killed {
            return;
        }
        let at = now.after(allowed);
        self.kill_at = Some(self.kill_at.map_or(at, |earlier| earlier.min(at)));
    }
}

const KILL_ALL: Actions = Actions([
    Some(Action::Send {
        signal: Signal::KILL,
        to: Recipient::All,
    }),
    None,
    None,
]);

/// A signal to everybody, and CONT, without which a stopped process could not
/// act on it.
fn tell_all(signal: Signal, then: Option<Action>) -> Actions {
    let to = Recipient::All;
    let wake = Action::Send {
        signal: Signal::CONT,
        to,
    };
    Actions([
        Some(Action::Send { signal, to }),
        (!signal.stops()).then_some(wake),
        then,
    ])
}

/// Whether a signal asks for the end: TERM, INT, QUIT, and what the user has
/// named.
fn is_stop_signal(config: &Config<'_>, signal: Signal) -> bool {
    matches!(signal, Signal::TERM | Signal::INT | Signal::QUIT)
        || config.kill_after.get(signal).is_some()
}

/// Whether the terminal has sent this signal to the command as well, since both
/// are in the foreground group: two of one Ctrl-C make programs that count them
/// quit the hard way.
fn has_reached_the_command(config: &Config<'_>, signal: Signal, origin: Origin) -> bool {
    config.personality == Personality::Native
        && config.placement == Placement::Shared
        && config.rewrite.get(signal) == Rewrite::Same
        && origin == Origin::Kernel
        && (matches!(signal, Signal::INT | Signal::QUIT | Signal::WINCH)
            || signal.is_terminal_stop())
}

/// The shell that started us looks at us alone: were we not to stop along with
/// the command, its prompt would not come back. The kernel does not stop the
/// init of a namespace; dumb-init asks it to all the same. The originals that
/// leave the command in their session leave it alone.
fn stop_ourselves(config: &Config<'_>, signal: Signal, namespace_init: bool) -> Option<Action> {
    let asks = match config.personality {
        Personality::Tini | Personality::Catatonit => false,
        Personality::DumbInit => true,
        _ => !namespace_init,
    };
    (asks && signal.is_terminal_stop()).then_some(Action::StopOurselves)
}
