//! The loop: wait for a signal or a deadline, ask the supervisor, act.

use super::descendants::{self, Descendants, send_to_group};
use super::job_control::group_is_orphaned;
use super::kernel::Kernel;
use crate::config::{Config, Stops};
use crate::log::{Event, Log};
use crate::process::{Pid, Recipient};
use crate::received::{Origin, Received};
use crate::signal::{Signal, SignalSet};
use crate::status::{Children, INIT_FAILED};
use crate::supervisor::{Action, Decision, End, Input, Supervisor};
use crate::time::{Limit, Time};
use log::Level;
use nix::errno::Errno;

/// The loop, with a command that runs.
pub struct Run<'a, K: Kernel> {
    kernel: &'a mut K,
    log: &'a Log,
    config: &'a Config<'a>,
    supervisor: &'a mut Supervisor<'a>,
    descendants: &'a Descendants,
    /// Whether the time matters.
    timed: bool,
    namespace_init: bool,
    main_child: Pid,
    /// Whether the main child has been reaped.
    main_child_reaped: bool,
    /// Whether it was said that the walk to all descendants is not possible.
    warned: bool,
    /// Whether it was said that children have changed their state.
    told: bool,
    /// How we stop along with the command: as the terminal would, or for
    /// certain, where the sender of the stop can continue us.
    stop: Signal,
    /// Why a child that has ended could not be reaped.
    not_reaped: Option<Errno>,
    /// How we end, once that is decided.
    end: Option<End>,
}

/// The stop signals that the general time of `--kill-after` and `--pre-stop` do
/// not apply to: we were started with them as ignored, and so is the command.
pub fn ignored_stop_signals<K: Kernel>(kernel: &mut K, config: &Config<'_>) -> SignalSet {
    let mut ignored = SignalSet::EMPTY;
    if config.kill_after.general.is_some() || config.pre_stop.is_some() {
        for signal in Signal::all().filter(|signal| signal.asks_for_the_end()) {
            if kernel.is_ignored(signal) {
                ignored = ignored.with(signal);
            }
        }
    }
    ignored
}

impl<'a, K: Kernel> Run<'a, K> {
    /// Prepares the loop.
    pub fn new(
        kernel: &'a mut K,
        log: &'a Log,
        config: &'a Config<'a>,
        supervisor: &'a mut Supervisor<'a>,
        descendants: &'a Descendants,
        main_child: Pid,
    ) -> Run<'a, K> {
        let namespace_init = kernel.ourselves().is_namespace_init();
        Run {
            kernel,
            log,
            config,
            supervisor,
            descendants,
            timed: config.has_deadlines(),
            namespace_init,
            main_child,
            main_child_reaped: false,
            warned: false,
            told: false,
            stop: Signal::STOP,
            not_reaped: None,
            end: None,
        }
    }

    /// Runs until the command, and what is waited for after it, has ended.
    /// `early` are signals that were taken off the queue before.
    pub fn run(&mut self, early: [Option<Received>; 3]) -> End {
        for received in early.into_iter().flatten() {
            self.receive(received);
        }
        loop {
            if let Err(errno) = self.reap_all() {
                return self.give_up("look for zombies", errno);
            }
            if let Some(end) = self.end {
                if end.command.is_none() {
                    self.say(Event::StatusLost {});
                }
                return end;
            }
            if let Err(errno) = self.sleep() {
                return self.give_up("wait for signals", errno);
            }
        }
    }

    /// Ends a run that cannot go on. The command would have nobody that knows
    /// of it.
    fn give_up(&mut self, step: &'static str, errno: Errno) -> End {
        self.log.cannot(self.kernel, step, errno);
        if !self.main_child_reaped {
            for to in [Recipient::Group, Recipient::Process] {
                let _ = self.kernel.send(Signal::KILL, to(self.main_child));
            }
        }
        End {
            status: INIT_FAILED,
            by_signal: None,
            command: None,
            killed: false,
        }
    }

    // Apart: it is called in twenty places.
    #[inline(never)]
    fn say(&mut self, event: Event<'_>) {
        self.log.say(self.kernel, event);
    }

    /// The time, where it matters: without deadlines it costs nothing.
    fn now(&mut self) -> Time {
        if self.timed {
            self.kernel.now()
        } else {
            Time::ZERO
        }
    }

    /// Reaps all that has ended: one SIGCHLD may stand for many.
    #[inline(never)]
    fn reap_all(&mut self) -> Result<(), Errno> {
        loop {
            let children = self.kernel.peek()?;
            match children {
                Children::Zombie { .. } => self.say_child_signal(),
                Children::Running if self.told => self.say(Event::NothingToReap {}),
                Children::None if self.told => self.say(Event::NoChildren {}),
                Children::Running | Children::None => {}
            }
            self.handle(Input::Children(children));
            if let Some(errno) = self.not_reaped.take() {
                // The status is known all the same.
                self.log.cannot(self.kernel, "reap a child", errno);
                self.end = self.supervisor.end_now();
                return Ok(());
            }
            if self.end.is_some() {
                return Ok(());
            }
            if !matches!(children, Children::Zombie { .. }) {
                self.told = false;
                return Ok(());
            }
        }
    }

    /// SIGCHLD is reported once for all that is reaped by it: by whoever sees
    /// it first.
    fn say_child_signal(&mut self) {
        if !self.told {
            self.say(Event::ChildSignal {});
        }
        self.told = true;
    }

    /// Sleeps, and handles what arrives, until there may be something to reap.
    #[inline(never)]
    fn sleep(&mut self) -> Result<(), Errno> {
        loop {
            let deadline = self.supervisor.deadline();
            let limit =
                deadline.map_or(Limit::None, |at| Limit::After(self.kernel.now().until(at)));
            match self.kernel.take_signal(SignalSet::ALL, limit) {
                Ok(received) if received.signal == Signal::CHLD => {
                    self.undo_stop();
                    self.say_child_signal();
                    return Ok(());
                }
                Ok(received) => self.receive(received),
                // The wait is over, whatever the clock says: where it cannot be
                // read, the deadline has passed all the same.
                Err(Errno::EAGAIN) => {
                    let now = self.kernel.now();
                    let now = deadline.map_or(now, |at| at.max(now));
                    self.handle_at(now, Input::Timer);
                    return Ok(());
                }
                // A stop and CONT.
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Continues the command where a terminal has stopped it and nobody else
    /// would.
    fn undo_stop(&mut self) {
        if !self.config.behaviour.undoes_terminal_stops
            || !self.namespace_init
            || self.main_child_reaped
        {
            return;
        }
        let stopped_by = self.kernel.stopped_by(self.main_child);
        if stopped_by.is_some_and(Signal::is_terminal_stop) {
            self.handle(Input::CommandStopped);
        }
    }

    fn receive(&mut self, received: Received) {
        let Received { signal, origin } = received;
        // A line about a signal that a line has raised would raise the next.
        if received.is_raised_by_our_line() {
            return;
        }
        self.say(Event::Received {
            signal,
            sender: origin,
        });
        self.say_zombies();
        if !self.would_stop_for_ever(received) {
            self.handle(Input::Signal(received));
        }
        self.say(Event::NothingToReap {});
    }

    /// Whether a terminal sends a stop where nobody does job control: the
    /// kernel would ignore it for us, and nobody would continue the command.
    fn would_stop_for_ever(&mut self, received: Received) -> bool {
        if !received.signal.is_terminal_stop() || self.config.behaviour.stops == Stops::Never {
            return false;
        }
        self.stop = Signal::STOP;
        // The sender of another one can send a CONT.
        if received.origin != Origin::Kernel {
            return false;
        }
        self.stop = Signal::TSTP;
        self.namespace_init || group_is_orphaned(self.kernel)
    }

    /// The commonest false alarm is that we do not reap: at `-vv` we say whose
    /// zombie it is, when a signal arrives and when the command has ended.
    fn say_zombies(&mut self) {
        if self.log.says(Level::Debug) {
            descendants::report_zombies(self.kernel, self.log);
        }
    }

    /// Tells the supervisor what was seen, and does what it decides.
    fn handle(&mut self, input: Input) {
        let now = self.now();
        self.handle_at(now, input);
    }

    fn handle_at(&mut self, now: Time, input: Input) {
        for action in self.supervisor.handle(now, input).iter() {
            self.act(action);
        }
    }

    // Apart, by reference: an action in registers takes a third more code.
    #[inline(never)]
    fn act(&mut self, action: &Action) {
        match action {
            Action::Send { signal, to } => self.send(*signal, *to),
            Action::Say(decision) => self.say_decision(decision),
            Action::StartPreStop(signal) => self.start_pre_stop(*signal),
            Action::StopOurselves { resume } => self.stop(*resume),
            Action::Reap(pid) => match self.kernel.reap(*pid) {
                Ok(()) => self.main_child_reaped |= *pid == self.main_child,
                Err(errno) => self.not_reaped = Some(errno),
            },
            Action::Exit(end) => self.end = Some(*end),
        }
    }

    fn say_decision(&mut self, decision: &Decision) {
        match *decision {
            Decision::Hold(signal, time) => self.say(Event::Held { signal, time }),
            Decision::Rewrite(signal, delivered) => {
                self.say(Event::Rewritten { signal, delivered });
                if delivered.is_none() {
                    self.say(Event::Dropped {});
                }
            }
            Decision::CommandEnded(pid, status) => {
                if self.log.reports_main_child_as_reaped() {
                    self.say(Event::reaped(pid, status));
                }
                self.say(Event::command_ended(pid, status));
                self.say_zombies();
            }
            Decision::PreStopEnded(pid, status) => self.say(Event::pre_stop_ended(pid, status)),
            Decision::ChildEnded(pid, status) => {
                self.say(Event::reaped(pid, status));
                if self.config.warn_on_reap {
                    self.say(Event::OrphanReaped { pid });
                }
            }
            Decision::Grace(time) => self.say(Event::GraceBegins { time }),
            Decision::FinalSignal(signal, main_child) => self.say(Event::Sent {
                signal,
                target: Recipient::Process(main_child),
            }),
        }
    }

    fn start_pre_stop(&mut self, signal: Signal) {
        let command = self.config.pre_stop.unwrap_or_default();
        let started = self.kernel.start_pre_stop(command, self.main_child, signal);
        self.say(match started {
            Ok(pid) => Event::PreStopStarted { command, pid },
            Err(errno) => Event::PreStopNotStarted { command, errno },
        });
        self.handle(Input::PreStop(started.ok()));
    }

    fn stop(&mut self, resume: Option<Recipient>) {
        self.say(Event::Stopping {});
        // A stop flushes a pending CONT (signal(7)), and nobody would send
        // another one. Nothing may come between the look and the stop.
        if !self.kernel.is_pending(Signal::CONT) {
            self.kernel.stop_ourselves(self.stop);
        }
        // Another stop would flush it from the queue.
        match self
            .kernel
            .take_signal(SignalSet::of(Signal::CONT), Limit::NOW)
        {
            Ok(received) => self.receive(received),
            Err(_) => {
                if let Some(to) = resume {
                    self.send(Signal::CONT, to);
                }
            }
        }
    }

    /// Sends a signal; where the group is gone, to its leader.
    fn send(&mut self, signal: Signal, to: Recipient) {
        let (target, sent) = match to {
            Recipient::All if !self.namespace_init => (to, self.send_to_descendants(signal)),
            Recipient::All | Recipient::Process(_) => (to, self.kernel.send(signal, to)),
            Recipient::Group(leader) => send_to_group(self.kernel, signal, leader),
        };
        match sent {
            Ok(()) => self.say(Event::Sent { signal, target }),
            // There is nobody left to get it.
            Err(Errno::ESRCH) if to == Recipient::All => {}
            Err(errno) => self.say(Event::NotSent {
                signal,
                target,
                errno,
            }),
        }
    }

    /// Sends a signal to all our descendants, or to as many as can be reached.
    fn send_to_descendants(&mut self, signal: Signal) -> Result<(), Errno> {
        let leader = (!self.main_child_reaped).then_some(self.main_child);
        let sent = self
            .descendants
            .signal_all(self.kernel, self.log, signal, leader);
        match sent {
            Ok(0) => Err(Errno::ESRCH),
            Ok(_) => Ok(()),
            Err(errno) => {
                if !self.warned {
                    self.warned = true;
                    let step = "reach more than the command's group and our children";
                    self.log.cannot(self.kernel, step, errno);
                }
                // Not everybody has got it, so that nothing is said of it.
                Err(Errno::ESRCH)
            }
        }
    }
}
