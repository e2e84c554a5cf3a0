//! The decisions, as sequences of events: a small model of the kernel with a clock of its own makes
//! arbitrary histories, and every history must keep what `supervisor.rs` promises.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tidy_init::{
    config::{Config, Placement, Target},
    signal::{Origin, Received, Rewrite, Signal},
    status::{INIT_FAILED, WaitStatus},
    supervisor::{Action, End, Event, Pid, Recipient, Supervisor},
    time::Time,
};

const MAIN: i32 = 7;

fn pid(raw: i32) -> Pid {
    Pid::new(raw).expect("a positive pid")
}

fn ms(milliseconds: u64) -> Time {
    Time::from_milliseconds(milliseconds).expect("a short time")
}

fn signal(number: i32) -> Signal {
    Signal::new(number).expect("1 to 64")
}

fn any_signal() -> impl Strategy<Value = Signal> {
    // Those with a part of their own come often enough to meet each other.
    prop_oneof![
        3 => prop::sample::select(vec![1, 2, 3, 10, 13, 15, 17, 18, 20, 25]).prop_map(signal),
        1 => (1..=64i32).prop_map(signal),
    ]
}

fn any_origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        Just(Origin::Kernel),
        Just(Origin::Ourselves),
        (0..9i32, 0..2u32).prop_map(|(pid, uid)| Origin::Process { pid, uid }),
    ]
}

/// Few different ones, so that deadlines coincide.
fn any_span() -> impl Strategy<Value = Time> {
    prop::sample::select(vec![0, 1, 10, 10, 20, 50, 100]).prop_map(ms)
}

fn any_shape() -> impl Strategy<Value = (Placement, Target)> {
    prop::sample::select(vec![
        (Placement::Session, Target::Group),
        (Placement::Session, Target::Child),
        (Placement::Session, Target::All),
        (Placement::Shared, Target::Child),
        (Placement::Shared, Target::All),
    ])
}

fn any_config() -> impl Strategy<Value = Config<'static>> {
    let rules = prop::collection::vec((any_signal(), prop::option::of(any_signal())), 0..5);
    let delays = prop::collection::vec((any_signal(), any_span()), 0..4);
    let kills = prop::collection::vec((any_signal(), any_span()), 0..3);
    let general = prop::option::of(any_span());
    let statuses = prop::collection::vec((any::<u8>(), any::<u8>()), 0..200);
    let grace = prop::option::of(any_span());
    let tables = (rules, delays, kills, general, statuses);
    (tables, any_shape(), grace, any::<bool>()).prop_map(
        |((rules, delays, kills, general, statuses), (placement, target), grace, by_signal)| {
            let mut config = Config {
                placement,
                target,
                grace,
                exit_by_signal: by_signal,
                ..Config::default()
            };
            for (from, to) in rules {
                config.rewrite.set(from, to);
            }
            for (signal, delay) in delays {
                config.delay.set(signal, delay);
            }
            for (signal, allowed) in kills {
                config.kill_after.set(signal, allowed);
            }
            if let Some(allowed) = general {
                for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
                    config.kill_after.set_default(signal, allowed);
                }
            }
            for (from, to) in statuses {
                config.exit_map.set(from, to);
            }
            config
        },
    )
}

/// What may happen to an init.
#[derive(Clone, Debug)]
enum Step {
    Signal(Received),
    /// An orphan is given to us; the ID may be one that was used before.
    Adopt(i32),
    /// A child ends; the number picks one that is alive.
    End(usize, i32),
    /// The main child ends.
    EndMain(i32),
    /// SIGCHLD is seen: everything that has ended is reaped.
    Scan,
    /// Time passes. Each deadline within it is met exactly, or all of them when it is over, as after
    /// a time without a processor.
    Pass(Time, Punctual),
    /// The loop gives the event though nothing is due.
    EarlyTimer,
}

type Punctual = bool;

/// A wait status as the kernel makes them: exited, killed, with a core.
fn any_status() -> impl Strategy<Value = i32> {
    prop_oneof![
        (0..256i32).prop_map(|code| code << 8),
        (1..=64i32),
        (1..=31i32).prop_map(|signal| signal | 0x80),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any_signal(), any_origin())
            .prop_map(|(signal, origin)| Step::Signal(Received { signal, origin })),
        // MAIN among them: once it is reaped its ID may be an orphan's.
        3 => (2..12i32).prop_map(Step::Adopt),
        3 => (any::<usize>(), any_status()).prop_map(|(which, status)| Step::End(which, status)),
        1 => any_status().prop_map(Step::EndMain),
        3 => Just(Step::Scan),
        6 => (any_span(), any::<bool>()).prop_map(|(span, exact)| Step::Pass(span, exact)),
        1 => Just(Step::EarlyTimer),
    ]
}

/// What the documentation says, written down once more, plainly: a table of what is held, one time of
/// the kill, one end of the grace.
struct Expected<'a> {
    config: &'a Config<'a>,
    namespace_init: bool,
    phase: Phase,
    held: BTreeMap<u8, Time>,
    /// The stop signals whose wait is over.
    waited: BTreeSet<u8>,
    kill_at: Option<Time>,
    killed: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Running,
    Grace(i32, Time),
    Leaving(i32),
}

impl<'a> Expected<'a> {
    fn new(config: &'a Config<'a>, ourselves: i32) -> Self {
        Self {
            config,
            namespace_init: ourselves == 1,
            phase: Phase::Running,
            held: BTreeMap::new(),
            waited: BTreeSet::new(),
            kill_at: None,
            killed: false,
        }
    }

    fn deadline(&self) -> Option<Time> {
        match self.phase {
            Phase::Running => self.held.values().copied().chain(self.kill_at).min(),
            Phase::Grace(_, until) => Some(until),
            Phase::Leaving(_) => None,
        }
    }

    fn asks_for_the_end(&self, signal: Signal) -> bool {
        [2, 3, 15].contains(&signal.number()) || self.config.kill_after.get(signal).is_some()
    }

    fn arm(&mut self, signal: Signal, now: Time) {
        if let (Some(allowed), false) = (self.config.kill_after.get(signal), self.killed) {
            let at = now.after(allowed);
            self.kill_at = Some(self.kill_at.unwrap_or(at).min(at));
        }
    }

    fn to(&self) -> Recipient {
        match self.config.target {
            Target::Child => Recipient::Process(pid(MAIN)),
            Target::Group => Recipient::Group(pid(MAIN)),
            Target::All => Recipient::All,
        }
    }

    fn signal(&mut self, now: Time, Received { signal, origin }: Received) -> Vec<Action> {
        let number = signal.number();
        // Our own line met a pipe without a reader, or a file that may not grow.
        let own_line = [13, 25].contains(&number) && origin == Origin::Ourselves;
        if number == 17 || own_line {
            return vec![];
        }
        let rule = self.config.rewrite.get(signal);
        match self.phase {
            Phase::Running => {
                let from_terminal = self.config.placement == Placement::Shared
                    && origin == Origin::Kernel
                    && rule == Rewrite::Same
                    && [2, 3, 20, 21, 22, 28].contains(&number);
                if from_terminal {
                    self.arm(signal, now);
                    let stops = [20, 21, 22].contains(&number) && !self.namespace_init;
                    return stops.then_some(Action::StopOurselves).into_iter().collect();
                }
                if let Some(delay) = self.config.delay.get(signal)
                    && self.held.remove(&number).is_none()
                    && !self.waited.contains(&number)
                {
                    self.held.insert(number, now.after(delay));
                    return vec![Action::SayHeld(signal, delay)];
                }
                self.send(now, signal)
            }
            Phase::Grace(..) if self.asks_for_the_end(signal) => {
                let delivered = match rule {
                    Rewrite::Drop => return vec![],
                    Rewrite::Same => signal,
                    Rewrite::To(other) => other,
                };
                to_all_with_cont(delivered)
            }
            Phase::Grace(..) | Phase::Leaving(_) => vec![],
        }
    }

    fn send(&mut self, now: Time, signal: Signal) -> Vec<Action> {
        let to = self.to();
        let terminal_stop = signal.is_terminal_stop();
        if self.asks_for_the_end(signal) {
            self.waited.insert(signal.number());
        }
        let rule = self.config.rewrite.get(signal);
        let delivered = match rule {
            Rewrite::Drop => return vec![],
            Rewrite::To(other) => other,
            Rewrite::Same if terminal_stop && self.config.placement == Placement::Session => {
                Signal::STOP
            }
            Rewrite::Same => signal,
        };
        self.arm(signal, now);
        let mut actions = vec![Action::Send {
            signal: delivered,
            to,
        }];
        if self.config.kill_after.get(signal).is_some() && wants_cont(delivered) {
            actions.push(Action::Send {
                signal: Signal::CONT,
                to,
            });
        }
        if rule == Rewrite::Same && terminal_stop && !self.namespace_init {
            actions.push(Action::StopOurselves);
        }
        actions
    }

    fn timer(&mut self, now: Time) -> Vec<Action> {
        match self.phase {
            Phase::Running => {
                // What is due first; a signal before a kill of the same moment.
                let first = self.held.iter().min_by_key(|(number, at)| (**at, **number));
                let first = first.map(|(number, at)| (*number, *at));
                match (first, self.kill_at) {
                    (Some((number, at)), kill) if at <= now && kill.is_none_or(|k| at <= k) => {
                        self.held.remove(&number);
                        self.send(now, signal(number.into()))
                    }
                    (_, Some(at)) if at <= now => {
                        self.kill_at = None;
                        self.killed = true;
                        vec![KILL_ALL]
                    }
                    _ => vec![],
                }
            }
            Phase::Grace(status, until) if until <= now => {
                self.phase = Phase::Leaving(status);
                vec![KILL_ALL]
            }
            Phase::Grace(..) | Phase::Leaving(_) => vec![],
        }
    }

    fn zombie(&mut self, now: Time, child: i32, status: i32) -> Vec<Action> {
        let mut actions = vec![];
        if child == MAIN && self.phase == Phase::Running {
            if let Some(grace) = self.config.grace {
                self.phase = Phase::Grace(status, now.after(grace));
                actions = to_all_with_cont(Signal::TERM);
            } else {
                self.phase = Phase::Leaving(status);
                if self.config.placement == Placement::Session {
                    actions.push(Action::Send {
                        signal: Signal::TERM,
                        to: Recipient::Group(pid(MAIN)),
                    });
                }
            }
        }
        actions.push(Action::Reap(pid(child)));
        actions
    }

    fn settled(&self, children: bool) -> Vec<Action> {
        match self.phase {
            Phase::Running | Phase::Grace(..) if children => vec![],
            // The main child is still there where this is a history of the model.
            Phase::Running => vec![Action::Exit(End {
                status: INIT_FAILED,
                by_signal: None,
                command: None,
                killed: self.killed,
            })],
            Phase::Grace(status, _) | Phase::Leaving(status) => {
                vec![Action::Exit(self.end(status))]
            }
        }
    }

    fn end(&self, raw: i32) -> End {
        let status = shell_status(raw);
        let mapped = self.config.exit_map.get(status);
        let by_signal = mapped.is_none() && self.config.exit_by_signal && raw & 0x7f != 0;
        End {
            status: mapped.unwrap_or(status),
            by_signal: by_signal.then(|| signal(raw & 0x7f)),
            command: Some((pid(MAIN), WaitStatus::from_raw(raw))),
            killed: self.killed,
        }
    }
}

const KILL_ALL: Action = Action::Send {
    signal: Signal::KILL,
    to: Recipient::All,
};

/// A CONT behind a signal that stops would undo it; behind a KILL it means nothing.
fn wants_cont(delivered: Signal) -> bool {
    ![9, 19, 20, 21, 22].contains(&delivered.number())
}

fn to_all_with_cont(delivered: Signal) -> Vec<Action> {
    let to = Recipient::All;
    let cont = wants_cont(delivered).then_some(Signal::CONT);
    std::iter::once(delivered)
        .chain(cont)
        .map(|signal| Action::Send { signal, to })
        .collect()
}

/// What a shell would call the status: written down anew, not by our code.
fn shell_status(raw: i32) -> u8 {
    let status = if raw & 0x7f == 0 {
        (raw >> 8) & 0xff
    } else {
        128 + (raw & 0x7f)
    };
    u8::try_from(status).expect("a byte")
}

/// The kernel's side: our children, with a status if they have ended; the time; and what the
/// documentation expects.
struct World<'a> {
    supervisor: Supervisor<'a>,
    expected: Expected<'a>,
    now: Time,
    children: BTreeMap<i32, Option<i32>>,
    /// Whether the main child is alive or a zombie: its ID is its own.
    main_is_ours: bool,
    /// How the main child ended first.
    main_status: Option<i32>,
    exit: Option<End>,
    /// The deadline of the grace, once there was one.
    grace_until: Option<Time>,
    /// How often everything was killed since its time was over.
    killed: usize,
}

impl<'a> World<'a> {
    fn new(config: &'a Config<'a>, ourselves: i32) -> Self {
        Self {
            supervisor: Supervisor::new(config, pid(ourselves), pid(MAIN)),
            expected: Expected::new(config, ourselves),
            now: ms(1000),
            children: BTreeMap::from([(MAIN, None)]),
            main_is_ours: true,
            main_status: None,
            exit: None,
            grace_until: None,
            killed: 0,
        }
    }

    /// Gives an event to the supervisor, compares what it does with what is expected, and carries
    /// it out.
    fn give(&mut self, event: Event) {
        assert_eq!(self.exit, None, "an event after the end: {event:?}");
        let actions: Vec<Action> = self
            .supervisor
            .handle(self.now, event)
            .into_iter()
            .collect();
        let expected = match event {
            Event::Signal(received) => self.expected.signal(self.now, received),
            Event::Timer => self.expected.timer(self.now),
            Event::Settled { children } => self.expected.settled(children),
            Event::Zombie { pid, .. } => {
                let raw = self.children[&pid.raw()].expect("a zombie");
                self.expected.zombie(self.now, pid.raw(), raw)
            }
        };
        assert_eq!(actions, expected, "at {:?}, {event:?}", self.now);
        let received_sends = actions.iter().filter(
            |action| matches!(action, Action::Send { signal, .. } if *signal != Signal::CONT),
        );
        assert!(
            received_sends.count() <= 1,
            "{event:?} sent twice: {actions:?}"
        );
        // A signal that is rewritten to KILL for all is the user's, and counts for nothing here.
        self.killed += usize::from(event == Event::Timer && actions.contains(&KILL_ALL));
        for action in actions {
            self.carry_out(action);
        }
        assert_eq!(self.supervisor.deadline(), self.expected.deadline());
        if let (Phase::Grace(..), Some(until)) = (self.expected.phase, self.supervisor.deadline()) {
            let first = *self.grace_until.get_or_insert(until);
            assert_eq!(first, until, "the end of the grace has moved");
        }
    }

    fn carry_out(&mut self, action: Action) {
        assert_eq!(self.exit, None, "an action after the end: {action:?}");
        match action {
            Action::Send { signal, to } => {
                if let Recipient::Process(to_pid) | Recipient::Group(to_pid) = to {
                    assert!(
                        self.main_is_ours && to_pid == pid(MAIN),
                        "{signal} sent to {to}, which was reaped"
                    );
                }
                if action == KILL_ALL {
                    // Who has ended before keeps the status that it ended with.
                    for status in self.children.values_mut() {
                        status.get_or_insert(9);
                    }
                    if self.main_is_ours {
                        self.main_status.get_or_insert(9);
                    }
                }
            }
            Action::SayHeld(..) => {}
            Action::StopOurselves => {
                assert!(!self.expected.namespace_init, "PID 1 cannot stop");
            }
            Action::Reap(child) => {
                let ended = self.children.remove(&child.raw());
                assert!(
                    matches!(ended, Some(Some(_))),
                    "{child} reaped, which is no zombie of ours"
                );
                self.main_is_ours &= child != pid(MAIN);
            }
            Action::Exit(end) => self.exit = Some(end),
        }
    }

    /// What `waitid(P_ALL, WEXITED | WNOHANG | WNOWAIT)` would say.
    fn peek(&self) -> Event {
        self.children
            .iter()
            .find_map(|(child, status)| status.map(|status| (child, status)))
            .map_or(
                Event::Settled {
                    children: !self.children.is_empty(),
                },
                |(child, status)| Event::Zombie {
                    pid: pid(*child),
                    status: WaitStatus::from_raw(status),
                },
            )
    }

    /// Reaps until nothing is left, as the loop does after each SIGCHLD and each deadline.
    fn scan(&mut self) {
        while self.exit.is_none() {
            let seen = self.peek();
            self.give(seen);
            if matches!(seen, Event::Settled { .. }) {
                return;
            }
        }
    }

    /// Gives what is due at this moment, and looks at the children after each, as the loop does.
    fn due(&mut self) {
        let mut rounds = 0;
        while self.exit.is_none() && self.supervisor.deadline().is_some_and(|at| at <= self.now) {
            rounds += 1;
            assert!(rounds <= 100, "a deadline that stays due: a busy loop");
            self.give(Event::Timer);
            if self.exit.is_none() {
                self.scan();
            }
        }
    }

    fn pass(&mut self, span: Time, exact: Punctual) {
        let until = self.now.after(span);
        while exact && self.exit.is_none() {
            match self.supervisor.deadline() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.due();
                }
                _ => break,
            }
        }
        self.now = until;
        if self.exit.is_none() {
            self.due();
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Signal(received) => self.give(Event::Signal(received)),
            Step::Adopt(child) => {
                self.children.entry(child).or_insert(None);
            }
            Step::End(which, status) => {
                let alive: Vec<i32> = self
                    .children
                    .iter()
                    .filter(|(child, ended)| {
                        ended.is_none() && (**child != MAIN || !self.main_is_ours)
                    })
                    .map(|(child, _)| *child)
                    .collect();
                if let Some(child) = alive.get(which % alive.len().max(1)) {
                    self.children.insert(*child, Some(status));
                }
            }
            Step::EndMain(status) => {
                if self.main_status.is_none() {
                    self.main_status = Some(status);
                    self.children.insert(MAIN, Some(status));
                }
            }
            Step::Scan => self.scan(),
            Step::Pass(span, exact) => self.pass(span, exact),
            Step::EarlyTimer => self.give(Event::Timer),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn every_history_keeps_the_promises(
        config in any_config(),
        ourselves in prop_oneof![Just(1i32), Just(3)],
        steps in prop::collection::vec(any_step(), 0..60),
        last_status in any_status(),
    ) {
        let mut world = World::new(&config, ourselves);
        // However it goes on, the end of the command and the longest grace are the end.
        let end = [Step::EndMain(last_status), Step::Scan, Step::Pass(ms(100), true), Step::Scan];
        for step in steps.iter().chain(&end) {
            world.take(step);
            if world.exit.is_some() {
                break;
            }
        }
        // The main child has ended and was seen: that is the end, with its status, and without a
        // zombie.
        let end = world.exit.expect("the init ends");
        let raw = world.main_status.expect("the command has ended");
        prop_assert_eq!(end.command, Some((pid(MAIN), WaitStatus::from_raw(raw))));
        let mapped = config.exit_map.get(shell_status(raw));
        prop_assert_eq!(end.status, mapped.unwrap_or(shell_status(raw)));
        prop_assert_eq!(end.by_signal.is_some(),
            config.exit_by_signal && mapped.is_none() && raw & 0x7f != 0);
        prop_assert!(!world.main_is_ours);
        prop_assert!(world.children.values().all(Option::is_none), "a zombie is left");
        // Once for the stop signals, once for the grace.
        prop_assert!(world.killed <= 2);
        let left_early = world.grace_until.is_some_and(|until| world.now < until);
        prop_assert!(!left_early || world.children.is_empty(), "left before the leftovers");
    }

    #[test]
    fn a_signal_is_delivered_as_the_table_says(
        mut config in any_config(),
        ourselves in prop_oneof![Just(1i32), Just(3)],
        signal in any_signal(),
        origin in any_origin(),
    ) {
        config.delay = Config::default().delay;
        config.kill_after = Config::default().kill_after;
        let mut supervisor = Supervisor::new(&config, pid(ourselves), pid(MAIN));
        let sent: Vec<Action> = supervisor
            .handle(Time::ZERO, Event::Signal(Received { signal, origin }))
            .into_iter()
            .filter(|action| matches!(action, Action::Send { .. }))
            .collect();
        let session = config.placement == Placement::Session;
        let rule = config.rewrite.get(signal);
        let terminal_stop = [20, 21, 22].contains(&signal.number());
        let from_terminal = !session
            && origin == Origin::Kernel
            && rule == Rewrite::Same
            && (terminal_stop || [2, 3, 28].contains(&signal.number()));
        let ours = [13, 25].contains(&signal.number()) && origin == Origin::Ourselves;
        let expected = match rule {
            _ if signal.number() == 17 || ours || from_terminal => None,
            Rewrite::Drop => None,
            Rewrite::To(other) => Some(other),
            Rewrite::Same if terminal_stop && session => Some(Signal::STOP),
            Rewrite::Same => Some(signal),
        };
        let to = match config.target {
            Target::Child => Recipient::Process(pid(MAIN)),
            Target::Group => Recipient::Group(pid(MAIN)),
            Target::All => Recipient::All,
        };
        let expected: Vec<Action> = expected
            .map(|signal| Action::Send { signal, to })
            .into_iter()
            .collect();
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(supervisor.deadline(), None);
    }

    #[test]
    fn a_held_signal_is_sent_once_after_its_delay_or_at_its_second_coming(
        delay in 1..100u64,
        second in prop::option::of(1..200u64),
        number in prop::sample::select(vec![1, 2, 10, 15, 34, 64]),
        rewritten in any::<bool>(),
    ) {
        let mut config = Config::default();
        config.delay.set(signal(number), ms(delay));
        if rewritten {
            // The tables of delays go by the signal as it was received.
            config.rewrite.set(signal(number), Some(signal(12)));
            config.delay.set(signal(12), ms(1000));
        }
        let mut story = Story::new(&config);
        story.receive(0, signal(number));
        story.nothing_sent_at(0);
        if let Some(at) = second.filter(|at| *at < delay) {
            story.receive(at, signal(number));
        }
        let due = second.unwrap_or(delay).min(delay);
        let delivered = if rewritten { signal(12) } else { signal(number) };
        prop_assert_eq!(story.until(10_000), [(due, delivered, group())]);
    }

    #[test]
    fn the_kill_comes_once_at_the_earliest_of_the_times(
        general in 20..60u64,
        named in prop::option::of(20..60u64),
        arrivals in prop::collection::vec((1..15u64, prop::sample::select(vec![1, 2, 3, 15])), 1..6),
    ) {
        // -k GENERAL -k HUP:NAMED
        let mut config = Config::default();
        for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
            config.kill_after.set_default(signal, ms(general));
        }
        if let Some(named) = named {
            config.kill_after.set(Signal::HUP, ms(named));
        }
        let mut story = Story::new(&config);
        let mut at = 0;
        let mut due = None;
        for (pause, number) in arrivals {
            at += pause;
            if due.is_some_and(|due| at >= due) {
                break;
            }
            story.receive(at, signal(number));
            let allowed = if number == 1 { named } else { Some(general) };
            due = due.into_iter().chain(allowed.map(|allowed| at + allowed)).min();
        }
        let killed: Vec<u64> = story
            .until(10_000)
            .into_iter()
            .filter(|(_, signal, to)| *signal == Signal::KILL && *to == Recipient::All)
            .map(|(at, ..)| at)
            .collect();
        prop_assert_eq!(killed, due.into_iter().collect::<Vec<_>>());
    }
}

fn group() -> Recipient {
    Recipient::Group(pid(MAIN))
}

/// A supervisor whose clock begins at 0 and is exact, and what it has sent.
struct Story<'a> {
    supervisor: Supervisor<'a>,
    sent: Vec<(u64, Signal, Recipient)>,
    held: Vec<(u64, Signal)>,
    exit: Option<End>,
}

impl<'a> Story<'a> {
    fn new(config: &'a Config<'a>) -> Self {
        Self {
            supervisor: Supervisor::new(config, pid(1), pid(MAIN)),
            sent: Vec::new(),
            held: Vec::new(),
            exit: None,
        }
    }

    fn give(&mut self, at: u64, event: Event) {
        for action in self.supervisor.handle(ms(at), event) {
            match action {
                Action::Send { signal, to } => self.sent.push((at, signal, to)),
                Action::SayHeld(signal, _) => self.held.push((at, signal)),
                Action::Exit(end) => self.exit = Some(end),
                Action::Reap(_) | Action::StopOurselves => {}
            }
        }
    }

    /// What is due before the moment `at`, or at it.
    fn run_to(&mut self, at: u64) {
        while let Some(due) = self.supervisor.deadline().filter(|due| *due <= ms(at)) {
            self.give(due.milliseconds(), Event::Timer);
        }
    }

    /// A signal comes at a moment, after what was due before it.
    fn receive(&mut self, at: u64, signal: Signal) {
        self.run_to(at.saturating_sub(1));
        let origin = Origin::Process { pid: 0, uid: 0 };
        self.give(at, Event::Signal(Received { signal, origin }));
    }

    fn command_ends(&mut self, at: u64, raw: i32) {
        self.run_to(at.saturating_sub(1));
        self.give(
            at,
            Event::Zombie {
                pid: pid(MAIN),
                status: WaitStatus::from_raw(raw),
            },
        );
    }

    fn settled(&mut self, at: u64, children: bool) {
        self.run_to(at.saturating_sub(1));
        self.give(at, Event::Settled { children });
    }

    #[track_caller]
    fn nothing_sent_at(&self, at: u64) {
        assert!(
            self.sent.iter().all(|(sent, ..)| *sent != at),
            "{:?}",
            self.sent
        );
    }

    /// All that was sent until then.
    fn until(&mut self, at: u64) -> Vec<(u64, Signal, Recipient)> {
        self.run_to(at);
        self.sent.clone()
    }
}

const ALL: Recipient = Recipient::All;

/// A configuration with `-d` and `-k` for some signals.
fn timed(delays: &[(Signal, u64)], kills: &[(Signal, u64)]) -> Config<'static> {
    let mut config = Config::default();
    for (signal, delay) in delays {
        config.delay.set(*signal, ms(*delay));
    }
    for (signal, allowed) in kills {
        config.kill_after.set(*signal, ms(*allowed));
    }
    config
}

#[test]
fn the_stop_signals_do_not_end_each_others_delay() {
    let stops = [Signal::TERM, Signal::INT, Signal::QUIT];
    let config = timed(&stops.map(|signal| (signal, 50)), &[]);
    for first in stops {
        for second in stops.into_iter().filter(|second| *second != first) {
            let mut story = Story::new(&config);
            story.receive(0, first);
            story.receive(10, second);
            assert_eq!(
                story.until(1000),
                [(50, first, group()), (60, second, group())]
            );
        }
    }
}

#[test]
fn a_stop_signal_whose_wait_is_over_is_not_held_again_but_another_signal_is() {
    let config = timed(&[(Signal::TERM, 50), (Signal::HUP, 50)], &[]);
    let mut story = Story::new(&config);
    story.receive(0, Signal::TERM);
    story.receive(100, Signal::TERM);
    assert_eq!(
        story.until(1000),
        [(50, Signal::TERM, group()), (100, Signal::TERM, group())]
    );
    let mut story = Story::new(&config);
    story.receive(0, Signal::HUP);
    story.receive(100, Signal::HUP);
    assert_eq!(
        story.until(1000),
        [(50, Signal::HUP, group()), (150, Signal::HUP, group())]
    );
}

#[test]
fn a_stop_signal_whose_wait_the_second_one_has_ended_is_not_held_again() {
    let config = timed(&[(Signal::TERM, 50)], &[]);
    let mut story = Story::new(&config);
    for at in [0, 10, 20] {
        story.receive(at, Signal::TERM);
    }
    assert_eq!(
        story.until(1000),
        [(10, Signal::TERM, group()), (20, Signal::TERM, group())]
    );
    assert_eq!(story.held, [(0, Signal::TERM)]);
}

#[test]
fn the_time_of_the_kill_begins_when_the_held_signal_is_sent() {
    let config = timed(&[(Signal::TERM, 50)], &[(Signal::TERM, 30)]);
    let mut story = Story::new(&config);
    story.receive(0, Signal::TERM);
    assert_eq!(
        story.until(1000),
        [
            (50, Signal::TERM, group()),
            (50, Signal::CONT, group()),
            (80, Signal::KILL, ALL)
        ]
    );
}

#[test]
fn a_dropped_signal_sets_no_time_for_the_kill() {
    let mut config = timed(
        &[(Signal::INT, 10)],
        &[(Signal::TERM, 30), (Signal::INT, 30)],
    );
    config.rewrite.set(Signal::TERM, None);
    config.rewrite.set(Signal::INT, None);
    let mut story = Story::new(&config);
    story.receive(0, Signal::TERM);
    story.receive(0, Signal::INT);
    assert_eq!(story.until(1000), []);
    assert_eq!(story.supervisor.deadline(), None);
}

#[test]
fn the_kill_goes_by_the_signal_as_it_was_received() {
    // -r TERM:QUIT: the time of TERM counts, not that of QUIT; and HUP:TERM has none.
    let mut config = timed(&[], &[(Signal::TERM, 30), (Signal::QUIT, 5)]);
    config.rewrite.set(Signal::TERM, Some(Signal::QUIT));
    config.rewrite.set(Signal::HUP, Some(Signal::TERM));
    let mut story = Story::new(&config);
    story.receive(0, Signal::HUP);
    story.receive(100, Signal::TERM);
    assert_eq!(
        story.until(1000),
        [
            (0, Signal::TERM, group()),
            (100, Signal::QUIT, group()),
            (100, Signal::CONT, group()),
            (130, Signal::KILL, ALL)
        ]
    );
}

#[test]
fn later_stop_signals_never_extend_the_time_and_an_earlier_end_wins() {
    let config = timed(&[], &[(Signal::TERM, 50), (Signal::HUP, 10)]);
    let kill = |arrivals: &[(u64, Signal)]| {
        let mut story = Story::new(&config);
        for (at, signal) in arrivals {
            story.receive(*at, *signal);
        }
        let sent = story.until(1000);
        let killed = sent
            .into_iter()
            .filter(|(_, signal, _)| *signal == Signal::KILL);
        killed.map(|(at, ..)| at).collect::<Vec<_>>()
    };
    assert_eq!(kill(&[(0, Signal::TERM), (40, Signal::TERM)]), [50]);
    assert_eq!(kill(&[(0, Signal::TERM), (45, Signal::HUP)]), [50]);
    assert_eq!(kill(&[(0, Signal::TERM), (20, Signal::HUP)]), [30]);
    assert_eq!(kill(&[(0, Signal::HUP), (5, Signal::TERM)]), [10]);
    // Once is enough, and what comes after it is forwarded all the same.
    assert_eq!(kill(&[(0, Signal::TERM), (60, Signal::TERM)]), [50]);
}

#[test]
fn the_end_of_the_command_drops_what_is_held_and_cancels_the_kill() {
    let mut config = timed(&[(Signal::HUP, 50)], &[(Signal::TERM, 30)]);
    for grace in [None, Some(ms(200))] {
        config.grace = grace;
        let mut story = Story::new(&config);
        story.receive(0, Signal::HUP);
        story.receive(0, Signal::TERM);
        story.command_ends(10, 0);
        let until = grace.map(|_| ms(210));
        assert_eq!(story.supervisor.deadline(), until);
        let sent: Vec<_> = story
            .until(200)
            .into_iter()
            .filter(|(at, ..)| *at > 10)
            .collect();
        assert_eq!(sent, [], "grace {grace:?}");
    }
}

#[test]
fn the_status_is_the_real_one_after_the_kill() {
    let config = timed(&[], &[(Signal::TERM, 30)]);
    // It was killed; it had just ended by itself.
    for (raw, status) in [(9, 137), (3 << 8, 3)] {
        let mut story = Story::new(&config);
        story.receive(0, Signal::TERM);
        story.run_to(30);
        story.command_ends(31, raw);
        story.settled(31, false);
        let end = story.exit.expect("the end");
        assert_eq!((end.status, end.killed), (status, true));
    }
}

#[test]
fn grace_begins_with_term_and_cont_to_all_before_the_command_is_reaped() {
    let mut config = Config {
        grace: Some(ms(100)),
        ..Config::default()
    };
    config.rewrite.set(Signal::TERM, Some(Signal::INT));
    let mut supervisor = Supervisor::new(&config, pid(1), pid(MAIN));
    let actions = supervisor.handle(
        ms(5),
        Event::Zombie {
            pid: pid(MAIN),
            status: WaitStatus::from_raw(0),
        },
    );
    assert_eq!(
        actions.into_iter().collect::<Vec<_>>(),
        [
            Action::Send {
                signal: Signal::TERM,
                to: ALL,
            },
            Action::Send {
                signal: Signal::CONT,
                to: ALL,
            },
            Action::Reap(pid(MAIN)),
        ]
    );
    assert_eq!(supervisor.deadline(), Some(ms(105)));
}

#[test]
fn a_stop_signal_during_grace_goes_to_all_and_moves_nothing() {
    let mut config = timed(&[(Signal::TERM, 1000)], &[(Signal::HUP, 10)]);
    config.grace = Some(ms(100));
    config.rewrite.set(Signal::INT, Some(signal(12)));
    config.rewrite.set(Signal::QUIT, None);
    let mut story = Story::new(&config);
    story.command_ends(0, 0);
    story.settled(0, true);
    story.sent.clear();
    // Not held back, rewritten, dropped, and HUP is one here; nothing else is passed on.
    for (at, signal) in [
        (10, Signal::TERM),
        (20, Signal::INT),
        (30, Signal::QUIT),
        (40, Signal::HUP),
        (50, Signal::CONT),
        (60, Signal::WINCH),
    ] {
        story.receive(at, signal);
        assert_eq!(story.supervisor.deadline(), Some(ms(100)));
    }
    let cont = |at| (at, Signal::CONT, ALL);
    assert_eq!(
        story.until(1000),
        [
            (10, Signal::TERM, ALL),
            cont(10),
            (20, signal(12), ALL),
            cont(20),
            (40, Signal::HUP, ALL),
            cont(40),
            (100, Signal::KILL, ALL),
        ]
    );
    // The time is over: whoever is left, this is the end.
    story.settled(100, true);
    assert_eq!(
        story.exit.map(|end| (end.status, end.killed)),
        Some((0, false))
    );
}

#[test]
fn grace_ends_the_moment_nothing_is_left() {
    let config = Config {
        grace: Some(ms(100)),
        ..Config::default()
    };
    let mut story = Story::new(&config);
    story.command_ends(0, 7 << 8);
    story.settled(0, true);
    assert_eq!(story.exit, None);
    story.settled(10, false);
    assert_eq!(story.exit.map(|end| end.status), Some(7));
    assert_eq!(
        story
            .sent
            .iter()
            .filter(|(_, signal, _)| *signal == Signal::KILL)
            .count(),
        0
    );
}

#[test]
fn the_group_is_told_to_end_before_its_leader_is_reaped() {
    for (placement, told) in [(Placement::Session, true), (Placement::Shared, false)] {
        let config = Config {
            placement,
            target: Target::Child,
            ..Config::default()
        };
        let mut supervisor = Supervisor::new(&config, pid(1), pid(MAIN));
        let actions = supervisor.handle(
            Time::ZERO,
            Event::Zombie {
                pid: pid(MAIN),
                status: WaitStatus::from_raw(0),
            },
        );
        let term = told.then_some(Action::Send {
            signal: Signal::TERM,
            to: group(),
        });
        let expected: Vec<_> = term.into_iter().chain([Action::Reap(pid(MAIN))]).collect();
        assert_eq!(actions.into_iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_exit_time_term_is_not_rewritten() {
    let mut config = Config::default();
    config.rewrite.set(Signal::TERM, None);
    let mut story = Story::new(&config);
    story.command_ends(0, 0);
    assert_eq!(story.sent, [(0, Signal::TERM, group())]);
}

#[test]
fn the_exit_map_comes_before_the_signal() {
    let mut config = Config {
        exit_by_signal: true,
        ..Config::default()
    };
    config.exit_map.set(143, 0);
    // 0 is mapped no further.
    config.exit_map.set(0, 1);
    let end = |raw| {
        let mut story = Story::new(&config);
        story.command_ends(0, raw);
        story.settled(0, false);
        let end = story.exit.expect("the end");
        (end.status, end.by_signal)
    };
    assert_eq!(end(15), (0, None));
    assert_eq!(end(9), (137, Some(Signal::KILL)));
    assert_eq!(end(64), (192, Some(signal(64))));
    // 143 as a status, which no signal has made.
    assert_eq!(end(143 << 8), (0, None));
    assert_eq!(end(137 << 8), (137, None));
}

#[test]
fn losing_the_status_to_somebody_else_is_an_end_and_not_a_hang() {
    let config = Config {
        grace: Some(ms(100)),
        exit_by_signal: true,
        ..Config::default()
    };
    let mut supervisor = Supervisor::new(&config, pid(1), pid(MAIN));
    let actions = supervisor.handle(Time::ZERO, Event::Settled { children: false });
    assert_eq!(
        actions.into_iter().collect::<Vec<_>>(),
        [Action::Exit(End {
            status: INIT_FAILED,
            by_signal: None,
            command: None,
            killed: false,
        })]
    );
}

#[test]
fn the_longest_times_do_not_come_round() {
    let longest = Time::from_milliseconds(u64::MAX / 1_000_000).expect("it fits");
    assert_eq!(Time::from_milliseconds(u64::MAX / 1_000_000 + 1), None);
    let mut config = timed(&[], &[]);
    config.delay.set(Signal::TERM, longest);
    config.grace = Some(longest);
    let mut story = Story::new(&config);
    story.receive(1000, Signal::TERM);
    assert!(story.supervisor.deadline() >= Some(longest));
    story.command_ends(2000, 0);
    assert!(story.supervisor.deadline() >= Some(longest));
}
