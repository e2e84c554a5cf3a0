//! The loop: wait for a signal or a deadline, ask the supervisor, act.

#![forbid(unsafe_code)]

use crate::child::{self, Command};
use crate::config::{Config, Personality, Placement};
use crate::descendants::{self, Descendants};
use crate::event;
use crate::log::{say, say_failed, say_plain, says_everything};
use crate::signal::{Origin, Received, Signal, SignalSet};
use crate::status::{INIT_FAILED, WaitStatus};
use crate::supervisor::{Action, Actions, End, Event, Pid, Recipient, Supervisor};
use crate::sys::signals::Limit;
use crate::sys::{Errno, clock, fd, process, signals, terminal, wait};
use crate::termination::Reporter;
use crate::time::Time;
use crate::voice::Kind;

/// Runs the command to its end and returns the status to exit with. All
/// signals are blocked.
pub fn run(config: &Config<'_>, command: &Command) -> u8 {
    if config.debug_by_environment {
        say_plain(Kind::Debugging);
    }
    if config.shared_by_environment {
        say_plain(Kind::NoSession);
    }
    let Some(ourselves) = adopt_orphans(config) else {
        return INIT_FAILED;
    };
    if let Some(signal) = config.parent_death {
        ask_for_parent_death(signal, ourselves);
    }
    let reporter = Reporter::new(command.name.to_bytes(), config);
    let descendants = Descendants::new(config.reaches_all() && !ourselves.is_namespace_init());
    let held = match config.placement {
        Placement::Session => give_up_terminal(ourselves, config.personality),
        Placement::Group | Placement::Shared => [None; 2],
    };
    let (main_child, failed) = match child::start(command, ourselves) {
        Ok(started) => started,
        Err(failure) => {
            reporter.not_started(&failure.event(command.name));
            return failure.status(config.personality);
        }
    };
    say(event::Event::Started(command.name.to_bytes(), main_child));
    keep_nothing_alive();
    let mut init = Init {
        supervisor: Supervisor::new(config, ourselves, main_child),
        timed: config.has_deadlines(),
        config,
        descendants,
        ourselves,
        main_child: Some(main_child),
        warned: false,
        told: false,
    };
    let end = init.run(held);
    match failed {
        Some(failure) => reporter.not_started(&failure.event(command.name)),
        None => reporter.ended(&end),
    }
    say(event::Event::Leaving(end.status));
    if let Some(signal) = end.by_signal {
        die_by(signal, ourselves);
    }
    end.status
}

/// Runs nothing: holds the namespaces and reaps, until TERM or INT.
pub fn pause(config: &Config<'_>) -> u8 {
    let Some(ourselves) = adopt_orphans(config) else {
        return INIT_FAILED;
    };
    keep_nothing_alive();
    loop {
        while let Event::Zombie { pid, status } = wait::peek() {
            say(event::Event::Reaped(pid, status));
            if !wait::reap(pid) {
                break;
            }
        }
        match signals::take(SignalSet::ALL, Limit::None, ourselves) {
            Ok(received) => {
                if received.signal != Signal::CHLD && !received.is_for_our_own_line() {
                    say(event::Event::Received(received));
                }
                if matches!(received.signal, Signal::TERM | Signal::INT) {
                    return 0;
                }
            }
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(errno) => {
                say_failed("wait for signals", errno);
                return INIT_FAILED;
            }
        }
    }
}

/// Makes sure that orphans come to us, and that their statuses are kept.
/// Returns who we are.
fn adopt_orphans(config: &Config<'_>) -> Option<Pid> {
    let ourselves = process::id()?;
    // Before the command is started: later it would discard a pending one.
    signals::default_action(Signal::CHLD);
    if config.subreaper {
        // As PID 1 it changes nothing. Where it fails, orphans go to the next
        // reaper, as they always did.
        if !ourselves.is_namespace_init() {
            let _ = process::become_subreaper();
        }
        say_plain(Kind::Reaper);
    } else if !ourselves.is_namespace_init() && !process::is_subreaper() {
        say_plain(Kind::NoReaper);
    }
    Some(ourselves)
}

/// Has the kernel tell us when our parent dies; it may have died before.
fn ask_for_parent_death(signal: Signal, ourselves: Pid) {
    match process::signal_on_parent_death(signal) {
        Ok(false) => {}
        Ok(true) => {
            let _ = signals::send(signal, Recipient::Process(ourselves));
        }
        Err(errno) => say_failed("ask for a signal when the parent dies", errno),
    }
}

/// Gives the terminal up, for the command to take, and takes the HUP and CONT
/// off the queue that the kernel sends us for it: here they can still be told
/// from real ones, by their sender. Returns the real ones.
fn give_up_terminal(ourselves: Pid, personality: Personality) -> [Option<Received>; 2] {
    let anyway = personality == Personality::DumbInit;
    match terminal::give_up(ourselves, anyway) {
        Ok(true) => say_plain(Kind::Detached),
        Ok(false) => {
            say_plain(Kind::DetachedAsMember);
            return [None; 2];
        }
        Err(errno) => {
            say(event::Event::NotDetached(errno));
            return [None; 2];
        }
    }
    [Signal::HUP, Signal::CONT].map(|signal| {
        let received = signals::take(SignalSet::of(signal), Limit::Now, ourselves).ok()?;
        if received.origin != Origin::Ourselves {
            return Some(received);
        }
        say(event::Event::HandedOff(signal));
        None
    })
}

/// Lets go of the directory and of all descriptors but the standard ones: a
/// file system can be unmounted, a pipe's reader sees its end, when the
/// command lets go as well.
fn keep_nothing_alive() {
    if let Err(errno) = process::change_to_root() {
        say_failed("change to the root directory", errno);
    }
    if let Err(errno) = fd::close_from_3() {
        say_failed("close inherited descriptors", errno);
    }
}

/// Dies by the signal that killed the command, without a core of our own;
/// returns where that is not possible.
fn die_by(signal: Signal, ourselves: Pid) {
    if !ourselves.is_namespace_init() {
        process::forbid_core();
        signals::default_action(signal);
        let _ = signals::send(signal, Recipient::Process(ourselves));
        // Only this one: another that is pending might be the one we die by.
        let _ = signals::set_mask(SignalSet::all_but(signal));
    }
    say(event::Event::CannotDie(signal));
}

struct Init<'a> {
    supervisor: Supervisor<'a>,
    /// Whether the time matters.
    timed: bool,
    config: &'a Config<'a>,
    descendants: Descendants,
    ourselves: Pid,
    /// The main child, until it is reaped.
    main_child: Option<Pid>,
    /// Whether it was said that the walk to all descendants is not possible.
    warned: bool,
    /// Whether it was said that children changed their state.
    told: bool,
}

impl Init<'_> {
    fn run(&mut self, held: [Option<Received>; 2]) -> End {
        for received in held.into_iter().flatten() {
            self.receive(received);
        }
        loop {
            if let Some(end) = self.reap() {
                return end;
            }
            if let Err(errno) = self.receive_until_child_ends() {
                say_failed("wait for signals", errno);
                return End {
                    status: INIT_FAILED,
                    by_signal: None,
                    command: None,
                    killed: false,
                };
            }
        }
    }

    /// The time, where it matters: without deadlines it costs nothing.
    fn now(&self) -> Time {
        if self.timed { clock::now() } else { Time::ZERO }
    }

    /// Reaps all that has ended: one SIGCHLD may stand for many.
    fn reap(&mut self) -> Option<End> {
        loop {
            let seen = wait::peek();
            match seen {
                Event::Zombie { pid, status } => self.say_ended(pid, status),
                Event::Settled { children } if self.told => say_plain(match children {
                    true => Kind::NothingToReap,
                    false => Kind::NoChildren,
                }),
                _ => {}
            }
            let actions = self.supervisor.handle(self.now(), seen);
            match self.act(actions) {
                Next::GoOn if matches!(seen, Event::Zombie { .. }) => {}
                Next::GoOn | Next::Wait => {
                    self.told = false;
                    return None;
                }
                Next::End(end) => return Some(end),
            }
        }
    }

    fn say_ended(&mut self, pid: Pid, status: WaitStatus) {
        let personality = self.config.personality;
        self.say_child_signal();
        let is_main_child = self.main_child == Some(pid);
        if !is_main_child || matches!(personality, Personality::DumbInit | Personality::Tini) {
            say(event::Event::Reaped(pid, status));
        }
        if !is_main_child {
            if self.config.warn_on_reap {
                say(event::Event::OrphanReaped(pid));
            }
            return;
        }
        say(event::Event::CommandEnded(pid, status));
        self.say_zombies();
        if let Some(grace) = self.config.grace {
            say(event::Event::GraceBegins(grace));
        }
        if personality == Personality::DumbInit {
            self.say_rewrite(Signal::TERM);
            // It says that of a command in its own session as well, where
            // nobody is left to get it.
            if let (Placement::Shared, Some(signal)) =
                (self.config.placement, self.config.delivered(Signal::TERM))
            {
                say(event::Event::Sent(signal, Recipient::Process(pid)));
            }
        }
    }

    /// SIGCHLD is said once for all that is reaped by it: by whoever sees it
    /// first.
    fn say_child_signal(&mut self) {
        if !self.told {
            say_plain(Kind::ChildSignal);
        }
        self.told = true;
    }

    /// Says what becomes of a signal that is not delivered as it is.
    fn say_rewrite(&self, signal: Signal) {
        let to = self.config.delivered(signal);
        if to != Some(signal) {
            say(event::Event::Rewritten(signal, to));
        }
        if to.is_none() {
            say_plain(Kind::Dropped);
        }
    }

    /// The commonest false alarm is that we do not reap: at `-vv` we say whose
    /// it is, when a signal arrives and when the command has ended.
    fn say_zombies(&self) {
        if says_everything() {
            descendants::report_zombies(self.ourselves);
        }
    }

    /// Sleeps, and handles what arrives, until there may be something to reap
    /// or to end.
    fn receive_until_child_ends(&mut self) -> Result<(), Errno> {
        loop {
            let limit = match self.supervisor.deadline() {
                None => Limit::None,
                Some(deadline) => {
                    let now = clock::now();
                    if deadline <= now {
                        let actions = self.supervisor.handle(now, Event::Timer);
                        self.act(actions);
                        return Ok(());
                    }
                    Limit::After(now.until(deadline))
                }
            };
            match signals::take(SignalSet::ALL, limit, self.ourselves) {
                Ok(Received {
                    signal: Signal::CHLD,
                    ..
                }) => {
                    self.say_child_signal();
                    return Ok(());
                }
                Ok(received) => self.receive(received),
                // The deadline; or a stop and CONT.
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(other) => return Err(other),
            }
        }
    }

    fn receive(&mut self, received: Received) {
        if !received.is_for_our_own_line() {
            say(event::Event::Received(received));
            self.say_rewrite(received.signal);
            self.say_zombies();
        }
        let actions = self.supervisor.handle(self.now(), Event::Signal(received));
        self.act(actions);
        say_plain(Kind::NothingToReap);
    }

    /// Does what the supervisor has decided.
    fn act(&mut self, actions: Actions) -> Next {
        let mut next = Next::GoOn;
        for action in actions {
            match action {
                Action::Send { signal, to } => self.send(signal, to),
                Action::SayHeld(signal, delay) => say(event::Event::Held(signal, delay)),
                Action::StopOurselves => self.stop(),
                Action::Reap(pid) => {
                    if !wait::reap(pid) {
                        next = Next::Wait;
                    } else if self.main_child == Some(pid) {
                        self.main_child = None;
                    }
                }
                Action::Exit(end) => next = Next::End(end),
            }
        }
        next
    }

    fn stop(&mut self) {
        say_plain(Kind::Stopping);
        // A stop flushes a pending CONT (signal(7)), and nobody would send
        // another one. Nothing may come between the look and the stop.
        if !signals::is_pending(Signal::CONT) {
            let _ = signals::send(Signal::STOP, Recipient::Process(self.ourselves));
        }
    }

    /// Sends a signal; where the group is gone, to its leader.
    fn send(&mut self, signal: Signal, to: Recipient) {
        let mut reached = to;
        let sent = match to {
            Recipient::All if !self.ourselves.is_namespace_init() => {
                self.send_to_descendants(signal)
            }
            Recipient::All | Recipient::Process(_) => signals::send(signal, to),
            Recipient::Group(leader) => match signals::send(signal, to) {
                Err(Errno::ESRCH) => {
                    reached = Recipient::Process(leader);
                    signals::send(signal, reached)
                }
                sent => sent,
            },
        };
        match sent {
            Ok(()) => say(event::Event::Sent(signal, reached)),
            // There is nobody left to get it.
            Err(Errno::ESRCH) if to == Recipient::All => {}
            Err(errno) => say(event::Event::NotSent(signal, reached, errno)),
        }
    }

    /// Sends a signal to all our descendants, or to as many as can be reached.
    fn send_to_descendants(&mut self, signal: Signal) -> Result<(), Errno> {
        match self
            .descendants
            .signal_all(signal, self.ourselves, self.main_child)
        {
            Ok(0) => Err(Errno::ESRCH),
            Ok(_) => Ok(()),
            Err(errno) => {
                if !self.warned {
                    self.warned = true;
                    say_failed(
                        "reach processes other than the command's group and our children",
                        errno,
                    );
                }
                // Not everybody has got it, so that this is not said.
                Err(Errno::ESRCH)
            }
        }
    }
}

/// What to do after the supervisor's actions.
enum Next {
    GoOn,
    /// A zombie could not be reaped: look again when the next SIGCHLD comes.
    Wait,
    End(End),
}
