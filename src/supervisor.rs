//! The decisions: an event comes in, actions go out.
//!
//! A pure state machine. It makes no system call, does not allocate and is told
//! the time, so that every race is a sequence of events that a test can write
//! down. [`crate::init::run`] carries events in and actions out.
//!
//! What holds, whatever the order of events:
//!
//! - the status that is reported is the main child's;
//! - no signal goes to a process or a group that has been reaped;
//! - every zombie that was seen is reaped, once, before the end;
//! - a received signal is sent at most once;
//! - the pre-stop program is started at most once;
//! - no deadline moves away from us once it is set.
//!
//! The way of a received signal: delay and pre-stop program side by side, then
//! rewrite, then sending. The time of the kill is set by the start of the
//! program or the sending, whichever comes first. The tables of delays and kills
//! go by the signal as it was received.

#![forbid(unsafe_code)]

use crate::config::{Config, Placement, Stops, Target};
use crate::per_signal::PerSignal;
use crate::process::{Pid, Recipient};
use crate::received::{Origin, Received};
use crate::rewrite::Rewrite;
use crate::signal::{Signal, SignalSet};
use crate::status::{Children, INIT_FAILED, WaitStatus};
use crate::time::Time;

/// What the loop has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// A signal was taken off the queue.
    Signal(Received),
    /// What a look at our children showed.
    Children(Children),
    /// A terminal's stop has stopped the main child.
    CommandStopped,
    /// The pre-stop program runs; `None` where it could not be started.
    PreStop(Option<Pid>),
    /// The deadline that [`Supervisor::deadline`] gave has come. One input does
    /// one thing that was due; there may be more.
    Timer,
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
    /// Say what was decided.
    Say(Decision),
    /// Start the pre-stop program because of this signal.
    StartPreStop(Signal),
    /// Stop ourselves until a SIGCONT comes, and forward it.
    StopOurselves {
        /// Who is continued where no SIGCONT comes: our process group was
        /// orphaned, so that we never stopped, or another stop has flushed it.
        resume: Option<Recipient>,
    },
    /// Reap this very child.
    Reap(Pid),
    /// End.
    Exit(End),
}

/// A decision that is worth a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// A received signal is held back for so long.
    Hold(Signal, Time),
    /// A signal is delivered as another one; `None` where nothing is.
    Rewrite(Signal, Option<Signal>),
    /// The main child has ended.
    CommandEnded(Pid, WaitStatus),
    /// The pre-stop program has ended.
    PreStopEnded(Pid, WaitStatus),
    /// Another child has ended.
    ChildEnded(Pid, WaitStatus),
    /// The leftovers have so long to end.
    Grace(Time),
    /// The final signal is not sent, since it would go to our own group; it is
    /// said of the main child all the same.
    FinalSignal(Signal, Pid),
}

/// How we end, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// The status to exit with.
    pub status: u8,
    /// The signal to die by instead, where that is possible.
    pub by_signal: Option<Signal>,
    /// The main child, and how it ended; `None` where its status was lost.
    pub command: Option<(Pid, WaitStatus)>,
    /// Whether the time that the stop signals allow had run out before.
    pub killed: bool,
}

/// The actions that follow from one input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Actions([Option<Action>; Actions::MAX]);

impl Actions {
    /// How many there are at the most: a stop is said to be rewritten, is sent,
    /// is undone for the sake of a kill, and stops us.
    const MAX: usize = 4;

    /// The actions, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.0.iter().flatten()
    }

    // Apart: it is called in twenty places.
    #[inline(never)]
    fn push(&mut self, action: Action) {
        if let Some(slot) = self.0.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(action);
        }
    }

    #[inline(never)] // Likewise.
    fn send(&mut self, signal: Signal, to: Recipient) {
        self.push(Action::Send { signal, to });
    }

    /// A signal to everybody, and CONT, without which a stopped process could
    /// not act on it.
    fn tell_all(&mut self, signal: Signal) {
        self.send(signal, Recipient::All);
        if !signal.stops() {
            self.send(Signal::CONT, Recipient::All);
        }
    }
}

/// What the supervisor has to know of the process that it runs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Surroundings {
    /// Whether we are the init of a PID namespace, which no stop reaches.
    pub namespace_init: bool,
    /// Whether orphans of the command come to us, as PID 1 or as a subreaper,
    /// and can be found.
    pub reaper: bool,
    /// The stop signals that we were started with as ignored. The command has
    /// inherited that, so that the general time of `--kill-after` does not
    /// apply to them.
    pub ignored: SignalSet,
}

/// The state machine.
#[derive(Clone, Debug)]
pub struct Supervisor<'a> {
    config: &'a Config<'a>,
    surroundings: Surroundings,
    state: State,
}

// The large variant is the usual one, and there is no heap to put it on.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
enum State {
    /// The command runs.
    Running(Running),
    /// It has ended. Whether there are leftovers is not known yet.
    Ended(Ended),
    /// The leftovers have until a point in time.
    Grace(Ended, Time),
    /// What has ended is reaped, then we leave.
    Leaving(Ended),
}

#[derive(Clone, Debug)]
struct Running {
    main_child: Pid,
    /// Until when a signal is held back.
    held: PerSignal,
    /// Those of them that wait for the pre-stop program, too.
    awaiting: SignalSet,
    /// How far the pre-stop program is.
    pre_stop: PreStop,
    /// The stop signals whose delay is over.
    drained: SignalSet,
    /// When everything is killed.
    kill_at: Option<Time>,
    /// Whether that has been done.
    killed: bool,
}

/// How far the program of `--pre-stop` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PreStop {
    /// It has not been needed.
    Idle,
    /// Stop signals wait for it. Its process is known once it was made.
    Running(Option<Pid>),
    /// Nobody waits for it: it has ended, or there is none.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    main_child: Pid,
    status: WaitStatus,
    killed: bool,
}

impl<'a> Supervisor<'a> {
    /// Begins with the command running as `main_child`.
    pub fn new(
        config: &'a Config<'a>,
        surroundings: Surroundings,
        main_child: Pid,
    ) -> Supervisor<'a> {
        Supervisor {
            config,
            surroundings,
            state: State::Running(Running {
                main_child,
                held: PerSignal::new(),
                awaiting: SignalSet::EMPTY,
                pre_stop: match config.pre_stop {
                    Some(_) => PreStop::Idle,
                    None => PreStop::Over,
                },
                drained: SignalSet::EMPTY,
                kill_at: None,
                killed: false,
            }),
        }
    }

    /// When [`Input::Timer`] is due.
    pub fn deadline(&self) -> Option<Time> {
        match &self.state {
            State::Running(running) => {
                let held = running.next_release().map(|(_, until)| until);
                held.into_iter().chain(running.kill_at).min()
            }
            State::Grace(_, until) => Some(*until),
            State::Ended(_) | State::Leaving(_) => None,
        }
    }

    /// What follows from an input.
    pub fn handle(&mut self, now: Time, input: Input) -> Actions {
        let mut actions = Actions::default();
        match input {
            Input::Signal(received) => self.signal(now, received, &mut actions),
            Input::Children(Children::Zombie { pid, status }) => {
                self.zombie(pid, status, &mut actions);
            }
            Input::Children(Children::Running) => self.nobody_ended(now, &mut actions),
            Input::Children(Children::None) => self.nobody_left(&mut actions),
            Input::CommandStopped => self.command_stopped(&mut actions),
            Input::PreStop(pid) => self.pre_stop_started(pid),
            Input::Timer => self.timer(now, &mut actions),
        }
        actions
    }

    fn signal(&mut self, now: Time, received: Received, actions: &mut Actions) {
        let Received { signal, origin } = received;
        let config = self.config;
        if signal == Signal::CHLD || received.is_raised_by_our_line() {
            return;
        }
        if config.behaviour.keeps_background_stops
            && origin == Origin::Kernel
            && matches!(signal, Signal::TTIN | Signal::TTOU)
        {
            return;
        }
        match &mut self.state {
            State::Running(running) => {
                if signal == Signal::CONT {
                    running.forget_stops();
                }
                if has_reached_the_command(config, received) {
                    running.set_kill(config, self.surroundings, signal, now);
                    if self.stops_along(signal) {
                        actions.push(Action::StopOurselves { resume: None });
                    }
                    return;
                }
                // The command will get it, and does not ignore it.
                let stops =
                    config.stops_the_command(signal) && !self.surroundings.ignored.contains(signal);
                if stops && running.pre_stop == PreStop::Idle {
                    running.pre_stop = PreStop::Running(None);
                    // It is part of the shutdown that the kill bounds.
                    running.set_kill(config, self.surroundings, signal, now);
                    actions.push(Action::StartPreStop(signal));
                }
                let awaits = stops && matches!(running.pre_stop, PreStop::Running(_));
                if !running.hold(config, signal, now, awaits, actions) {
                    self.pass_on(now, signal, actions);
                }
            }
            // The leftovers know nothing of the command's other signals.
            State::Ended(_) | State::Grace(..) if config.is_stop_signal(signal) => {
                match config.rewrite.get(signal) {
                    Rewrite::Drop => {}
                    Rewrite::Same => actions.tell_all(signal),
                    Rewrite::To(other) => actions.tell_all(other),
                }
            }
            State::Ended(_) | State::Grace(..) | State::Leaving(_) => {}
        }
    }

    /// Rewrites and sends a signal whose delay, if it has one, is over.
    fn pass_on(&mut self, now: Time, signal: Signal, actions: &mut Actions) {
        let config = self.config;
        let State::Running(running) = &mut self.state else {
            return;
        };
        if config.is_stop_signal(signal) {
            running.drained = running.drained.with(signal);
        }
        let delivered = config.delivered(signal);
        if delivered != Some(signal) || config.rewrite.get(signal) != Rewrite::Same {
            actions.push(Action::Say(Decision::Rewrite(signal, delivered)));
        }
        let to = match config.target {
            Target::Child => Recipient::Process(running.main_child),
            Target::Group => Recipient::Group(running.main_child),
            Target::All => Recipient::All,
        };
        if let Some(delivered) = delivered {
            actions.send(delivered, to);
            let kills = running.set_kill(config, self.surroundings, signal, now);
            // A stopped command would spend its time without knowing that it
            // runs.
            if kills && !delivered.stops() {
                actions.send(Signal::CONT, to);
            }
        }
        if self.stops_along(signal) {
            let resume = (config.behaviour.stops == Stops::WithCommand).then_some(to);
            actions.push(Action::StopOurselves { resume });
        }
    }

    /// Whether we stop because of a terminal's stop for the command.
    fn stops_along(&self, signal: Signal) -> bool {
        let stops = match self.config.behaviour.stops {
            Stops::Never => false,
            // A command that gets another signal does not stop, and a stopped
            // init could not even reap it.
            Stops::WithCommand => {
                !self.surroundings.namespace_init
                    && self.config.rewrite.get(signal) == Rewrite::Same
            }
            Stops::Always => true,
        };
        stops && signal.is_terminal_stop()
    }

    fn zombie(&mut self, pid: Pid, status: WaitStatus, actions: &mut Actions) {
        let config = self.config;
        match &mut self.state {
            State::Running(running) if running.pre_stop == PreStop::Running(Some(pid)) => {
                running.end_pre_stop();
                actions.push(Action::Say(Decision::PreStopEnded(pid, status)));
            }
            State::Running(running) if running.main_child == pid => {
                actions.push(Action::Say(Decision::CommandEnded(pid, status)));
                // Held signals and the kill were the command's: they end with
                // it.
                let ended = Ended {
                    main_child: pid,
                    status,
                    killed: running.killed,
                };
                self.state = match config.grace {
                    Some(_) => State::Ended(ended),
                    None => State::Leaving(ended),
                };
                // With `--grace` every leftover gets its TERM later, but those
                // that other reapers adopt: they are in reach only now.
                if config.grace.is_none() || !self.surroundings.reaper {
                    self.end_group(pid, actions);
                }
            }
            _ => actions.push(Action::Say(Decision::ChildEnded(pid, status))),
        }
        actions.push(Action::Reap(pid));
    }

    /// Asks the group of the main child, a zombie, to end. Once the main child
    /// is reaped, the ID of its group may be another's.
    fn end_group(&self, main_child: Pid, actions: &mut Actions) {
        let mut signal = Some(Signal::TERM);
        let rewrites = self.config.behaviour.rewrites_final_term;
        if rewrites {
            signal = self.config.delivered(Signal::TERM);
            if self.config.rewrite.get(Signal::TERM) != Rewrite::Same {
                actions.push(Action::Say(Decision::Rewrite(Signal::TERM, signal)));
            }
        }
        let Some(signal) = signal else {
            return;
        };
        match self.config.placement {
            Placement::Session => actions.send(signal, Recipient::Group(main_child)),
            Placement::Group if self.config.grace.is_some() => {
                actions.send(signal, Recipient::Group(main_child));
            }
            // The group is our own, and our parent's affair.
            Placement::Shared if rewrites => {
                actions.push(Action::Say(Decision::FinalSignal(signal, main_child)));
            }
            Placement::Shared | Placement::Group => {}
        }
    }

    /// There are children, and none of them has ended.
    fn nobody_ended(&mut self, now: Time, actions: &mut Actions) {
        match (&self.state, self.config.grace) {
            (State::Ended(ended), Some(grace)) => {
                self.state = State::Grace(*ended, now.after(grace));
                actions.push(Action::Say(Decision::Grace(grace)));
                actions.tell_all(Signal::TERM);
            }
            (State::Ended(ended) | State::Leaving(ended), _) => {
                actions.push(Action::Exit(self.end(*ended)));
            }
            (State::Running(_) | State::Grace(..), _) => {}
        }
    }

    fn nobody_left(&self, actions: &mut Actions) {
        // Without an end somebody else took the status: waiting on would be for
        // ever.
        let end = self.end_now().unwrap_or(End {
            status: INIT_FAILED,
            by_signal: None,
            command: None,
            killed: false,
        });
        actions.push(Action::Exit(end));
    }

    /// How we end if we cannot go on; `None` while the command runs.
    pub fn end_now(&self) -> Option<End> {
        match &self.state {
            State::Ended(ended) | State::Grace(ended, _) | State::Leaving(ended) => {
                Some(self.end(*ended))
            }
            State::Running(_) => None,
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

    fn command_stopped(&self, actions: &mut Actions) {
        if let State::Running(running) = &self.state {
            actions.send(Signal::CONT, Recipient::Group(running.main_child));
        }
    }

    fn pre_stop_started(&mut self, pid: Option<Pid>) {
        if let State::Running(running) = &mut self.state {
            match pid {
                Some(_) => running.pre_stop = PreStop::Running(pid),
                None => running.end_pre_stop(),
            }
        }
    }

    fn timer(&mut self, now: Time, actions: &mut Actions) {
        match &mut self.state {
            State::Running(running) => {
                if let Some(signal) = running.release(now) {
                    self.pass_on(now, signal, actions);
                } else if running.kill_at.is_some_and(|at| at <= now) {
                    running.kill_at = None;
                    running.killed = true;
                    actions.send(Signal::KILL, Recipient::All);
                }
            }
            State::Grace(ended, until) if *until <= now => {
                self.state = State::Leaving(*ended);
                actions.send(Signal::KILL, Recipient::All);
            }
            State::Ended(_) | State::Grace(..) | State::Leaving(_) => {}
        }
    }
}

impl Running {
    /// Nobody waits for the pre-stop program any more. What waited for it alone
    /// is due now: the timer sends it.
    fn end_pre_stop(&mut self) {
        self.pre_stop = PreStop::Over;
        self.awaiting = SignalSet::EMPTY;
    }

    /// Holds a signal back, if it has a delay or `awaits` the pre-stop program,
    /// and tells whether it does. The second one of a signal ends both,
    /// and a stop signal is not delayed again: the draining is done then.
    fn hold(
        &mut self,
        config: &Config<'_>,
        signal: Signal,
        now: Time,
        awaits: bool,
        actions: &mut Actions,
    ) -> bool {
        if self.held.clear(signal) {
            if self.awaiting.contains(signal) {
                self.end_pre_stop();
            }
            return false;
        }
        let delay = match self.drained.contains(signal) {
            true => None,
            false => config.delay.get(signal),
        };
        if awaits {
            self.awaiting = self.awaiting.with(signal);
        }
        if let Some(delay) = delay {
            actions.push(Action::Say(Decision::Hold(signal, delay)));
        }
        let is_held = awaits || delay.is_some();
        if is_held {
            self.held
                .set(signal, now.after(delay.unwrap_or(Time::ZERO)));
        }
        is_held
    }

    /// Forgets the terminal's stops that are held: a CONT undoes them
    /// (signal(7)).
    fn forget_stops(&mut self) {
        for stop in Signal::all().filter(|signal| signal.is_terminal_stop()) {
            self.held.clear(stop);
        }
    }

    /// The held signal that is sent next, and when; of equals the lowest
    /// number.
    fn next_release(&self) -> Option<(Signal, Time)> {
        self.held.earliest(self.awaiting)
    }

    /// The signal whose delay is over, if that is what is due first.
    fn release(&mut self, now: Time) -> Option<Signal> {
        let (signal, until) = self.next_release()?;
        if until > now || self.kill_at.is_some_and(|at| at < until) {
            return None;
        }
        self.held.clear(signal);
        Some(signal)
    }

    /// Sets the time of the kill, if the signal has one, and tells whether it
    /// has: the earliest time wins.
    fn set_kill(
        &mut self,
        config: &Config<'_>,
        surroundings: Surroundings,
        signal: Signal,
        now: Time,
    ) -> bool {
        let general = config
            .kill_after
            .general
            .filter(|_| signal.asks_for_the_end() && !surroundings.ignored.contains(signal));
        let Some(allowed) = config.kill_after.named.get(signal).or(general) else {
            return false;
        };
        if !self.killed {
            let at = now.after(allowed);
            self.kill_at = Some(self.kill_at.map_or(at, |earlier| earlier.min(at)));
        }
        true
    }
}

/// Whether the terminal has sent this signal to the command as well, since both
/// are in the foreground group.
fn has_reached_the_command(config: &Config<'_>, received: Received) -> bool {
    let Received { signal, origin } = received;
    config.behaviour.terminal_signals_once
        && config.placement == Placement::Shared
        && config.rewrite.get(signal) == Rewrite::Same
        && origin == Origin::Kernel
        && (matches!(signal, Signal::INT | Signal::QUIT | Signal::WINCH)
            || signal.is_terminal_stop())
}
