//! The decisions, as sequences of events: a small model of the kernel with a clock of its own makes
//! arbitrary histories, and every history must keep what `supervisor.rs` promises.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::parsing::tries;
use proptest::prelude::*;
use tidy_init::{
    config::{Behaviour, Config, Placement, Stops, Target},
    per_signal::PerSignal,
    personality,
    process::{Pid, Recipient},
    received::{Origin, Received},
    rewrite::Rewrite,
    signal::{Signal, SignalSet},
    status::{Children, INIT_FAILED, WaitStatus},
    supervisor::{Action, Decision, End, Input, Supervisor, Surroundings},
    time::Time,
};

const MAIN: i32 = 7;
/// The pre-stop program, where it was started.
const PRE_STOP: i32 = 20;

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

/// What a program does, and its defaults: those of each personality, and behaviours that no
/// personality has.
fn any_program() -> impl Strategy<Value = Config<'static>> {
    let known = (0..personality::ALL.len()).prop_map(|place| {
        let program = personality::ALL[place];
        let mut config = Config {
            behaviour: program.behaviour,
            ..Config::default()
        };
        (program.defaults)(&mut config);
        config
    });
    let stops = prop::sample::select(vec![Stops::Never, Stops::WithCommand, Stops::Always]);
    let unknown = (stops, any::<[bool; 4]>()).prop_map(
        |(
            stops,
            [
                terminal_signals_once,
                keeps_background_stops,
                undoes_terminal_stops,
                rewrites_final_term,
            ],
        )| Config {
            behaviour: Behaviour {
                stops,
                terminal_signals_once,
                keeps_background_stops,
                undoes_terminal_stops,
                rewrites_final_term,
                ..Behaviour::NATIVE
            },
            ..Config::default()
        },
    );
    prop_oneof![3 => known, 1 => unknown]
}

/// Where the command runs: mostly where the program puts it.
fn any_placement() -> impl Strategy<Value = Option<Placement>> {
    let placements = vec![Placement::Session, Placement::Group, Placement::Shared];
    prop::option::of(prop::sample::select(placements))
}

/// Who gets the signals: mostly those who do without an option.
fn any_target() -> impl Strategy<Value = Option<Target>> {
    let targets = vec![Target::Child, Target::Group, Target::All];
    prop::option::of(prop::sample::select(targets))
}

/// A configuration, of which a failure prints no more than the supervisor reads and somebody set.
#[derive(Clone)]
struct Setting(Config<'static>);

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setting(config) = self;
        let rules: Vec<(Signal, Rewrite)> = Signal::all()
            .map(|signal| (signal, config.rewrite.get(signal)))
            .filter(|(_, rule)| *rule != Rewrite::Same)
            .collect();
        let times = |times: &PerSignal| -> Vec<(Signal, Time)> {
            let all = Signal::all();
            all.filter_map(|signal| Some((signal, times.get(signal)?)))
                .collect()
        };
        let statuses: Vec<(u8, u8)> = (0..=u8::MAX)
            .filter_map(|from| Some((from, config.exit_map.get(from)?)))
            .collect();
        f.debug_struct("Config")
            .field("behaviour", &config.behaviour)
            .field("placement", &config.placement)
            .field("target", &config.target)
            .field("rewrite", &rules)
            .field("delay", &times(&config.delay))
            .field("general_kill", &config.kill_after.general)
            .field("kills", &times(&config.kill_after.named))
            .field("grace", &config.grace)
            .field("pre_stop", &config.pre_stop)
            .field("exit_map", &statuses)
            .field("exit_by_signal", &config.exit_by_signal)
            .finish()
    }
}

fn any_setting() -> impl Strategy<Value = Setting> {
    let rules = prop::collection::vec((any_signal(), prop::option::of(any_signal())), 0..5);
    let delays = prop::collection::vec((any_signal(), any_span()), 0..4);
    let kills = prop::collection::vec((any_signal(), any_span()), 0..3);
    let general = prop::option::of(any_span());
    let statuses = prop::collection::vec((any_status().prop_map(shell_status), any::<u8>()), 0..6);
    let grace = prop::option::of(any_span());
    // The one that has no name cannot be started.
    let pre_stop = prop::option::of(prop::sample::select(vec![&b"program"[..], b""]));
    let tables = (rules, delays, kills, statuses);
    let shape = (any_program(), any_placement(), any_target());
    (shape, tables, general, grace, pre_stop, any::<bool>()).prop_map(
        |((mut config, placement, target), tables, general, grace, pre_stop, by_signal)| {
            let (rules, delays, kills, statuses) = tables;
            config.placement = placement.unwrap_or(config.placement);
            config.target = target.unwrap_or(match config.placement {
                Placement::Session => Target::Group,
                Placement::Group | Placement::Shared => Target::Child,
            });
            config.grace = grace;
            config.pre_stop = pre_stop;
            config.kill_after.general = general;
            config.exit_by_signal = by_signal;
            for (from, to) in rules {
                config.rewrite.set(from, to);
            }
            for (signal, delay) in delays {
                config.delay.set(signal, delay);
            }
            for (signal, allowed) in kills {
                config.kill_after.named.set(signal, allowed);
            }
            for (from, to) in statuses {
                config.exit_map.set(from, to);
            }
            Setting(config)
        },
    )
}

fn any_surroundings() -> impl Strategy<Value = Surroundings> {
    let ignored = prop::collection::vec(prop::sample::select(vec![2, 3, 15]), 0..3);
    (any::<bool>(), any::<bool>(), ignored).prop_map(|(namespace_init, reaper, ignored)| {
        Surroundings {
            namespace_init,
            reaper,
            ignored: ignored
                .into_iter()
                .fold(SignalSet::EMPTY, |set, number| set.with(signal(number))),
        }
    })
}

/// As PID 1, started with no signal ignored.
const PID_1: Surroundings = Surroundings {
    namespace_init: true,
    reaper: true,
    ignored: SignalSet::EMPTY,
};

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
    /// A terminal has stopped the main child.
    Stop,
    /// Time passes. Each deadline within it is met exactly, or all of them when it is over, as after
    /// a time without a processor.
    Pass(Time, Punctual),
    /// The loop gives the input though nothing is due.
    EarlyTimer,
}

type Punctual = bool;

/// A wait status as the kernel makes them: exited, killed, with a core. The usual ones come often
/// enough for a rule of the exit map to meet them.
fn any_status() -> impl Strategy<Value = i32> {
    prop_oneof![
        3 => prop::sample::select(vec![0, 1 << 8, 9, 15, 137 << 8]),
        1 => any_unusual_status(),
    ]
}

fn any_unusual_status() -> impl Strategy<Value = i32> {
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
        1 => Just(Step::Stop),
        6 => (any_span(), any::<bool>()).prop_map(|(span, exact)| Step::Pass(span, exact)),
        1 => Just(Step::EarlyTimer),
    ]
}

/// What the documentation says, written down once more, plainly: a table of what is held, one time of
/// the kill, one end of the grace.
struct Expected<'a> {
    config: &'a Config<'a>,
    surroundings: Surroundings,
    phase: Phase,
    held: BTreeMap<u8, Time>,
    hook: Hook,
    /// The held signals that wait for the pre-stop program, too.
    awaiting: BTreeSet<u8>,
    /// The stop signals whose wait is over.
    waited: BTreeSet<u8>,
    kill_at: Option<Time>,
    killed: bool,
}

/// The pre-stop program.
#[derive(Clone, Copy, PartialEq)]
enum Hook {
    Due,
    Starting,
    Running(i32),
    Over,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Running,
    /// The command has ended and is reaped. Nobody has seen yet whether it left anything behind.
    Ended(i32),
    Grace(i32, Time),
    Leaving(i32),
}

impl<'a> Expected<'a> {
    fn new(config: &'a Config<'a>, surroundings: Surroundings) -> Self {
        Self {
            config,
            surroundings,
            phase: Phase::Running,
            held: BTreeMap::new(),
            hook: config.pre_stop.map_or(Hook::Over, |_| Hook::Due),
            awaiting: BTreeSet::new(),
            waited: BTreeSet::new(),
            kill_at: None,
            killed: false,
        }
    }

    fn deadline(&self) -> Option<Time> {
        match self.phase {
            Phase::Running => {
                let held = self.due_by_time().map(|(_, at)| at);
                held.chain(self.kill_at).min()
            }
            Phase::Grace(_, until) => Some(until),
            Phase::Ended(_) | Phase::Leaving(_) => None,
        }
    }

    /// What is held for some time alone, and until when.
    fn due_by_time(&self) -> impl Iterator<Item = (u8, Time)> {
        let all = self.held.iter().map(|(number, at)| (*number, *at));
        all.filter(|(number, _)| !self.awaiting.contains(number))
    }

    /// The wait for the pre-stop program is over.
    fn hook_is_over(&mut self) {
        self.hook = Hook::Over;
        self.awaiting.clear();
    }

    fn pre_stop(&mut self, process: Option<Pid>) -> Vec<Action> {
        match process {
            Some(process) => self.hook = Hook::Running(process.raw()),
            None => self.hook_is_over(),
        }
        vec![]
    }

    fn asks_for_the_end(&self, signal: Signal) -> bool {
        [2, 3, 15].contains(&signal.number()) || self.config.kill_after.named.get(signal).is_some()
    }

    /// How long the command may live once the signal was sent: what was named for it; else what is
    /// for TERM, INT and QUIT, unless the command has inherited that one as ignored.
    fn allowed(&self, signal: Signal) -> Option<Time> {
        let kill_after = &self.config.kill_after;
        let counts =
            [2, 3, 15].contains(&signal.number()) && !self.surroundings.ignored.contains(signal);
        let general = kill_after.general.filter(|_| counts);
        kill_after.named.get(signal).or(general)
    }

    fn arm(&mut self, signal: Signal, now: Time) {
        if let (Some(allowed), false) = (self.allowed(signal), self.killed) {
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

    /// Whether we stop along with the command.
    fn stops_with_the_command(&self, signal: Signal) -> bool {
        let not_rewritten = self.config.rewrite.get(signal) == Rewrite::Same;
        is_terminal_stop(signal)
            && match self.config.behaviour.stops {
                Stops::Never => false,
                // Nothing stops the init of a namespace.
                Stops::WithCommand => not_rewritten && !self.surroundings.namespace_init,
                Stops::Always => true,
            }
    }

    fn signal(&mut self, now: Time, received: Received) -> Vec<Action> {
        let Received { signal, origin } = received;
        let number = signal.number();
        let background = self.config.behaviour.keeps_background_stops
            && origin == Origin::Kernel
            && [21, 22].contains(&number);
        // What we have raised ourselves, as by a line for a pipe that nobody reads, is no news for
        // the command.
        if number == 17 || ([13, 25].contains(&number) && origin == Origin::Ourselves) || background
        {
            return vec![];
        }
        match self.phase {
            Phase::Running => {
                // It undoes the stops before it: those that are held are never sent.
                if signal == Signal::CONT {
                    self.held.retain(|held, _| ![20, 21, 22].contains(held));
                }
                if self.has_reached_the_command(received) {
                    self.arm(signal, now);
                    let stops = self.stops_with_the_command(signal);
                    return stops
                        .then_some(Action::StopOurselves { resume: None })
                        .into_iter()
                        .collect();
                }
                let mut actions = vec![];
                // One that is dropped or ignored stops nothing.
                let stops = self.asks_for_the_end(signal)
                    && self.rewritten(signal).0.is_some()
                    && !self.surroundings.ignored.contains(signal);
                if stops && self.hook == Hook::Due {
                    self.hook = Hook::Starting;
                    self.arm(signal, now);
                    actions.push(Action::StartPreStop(signal));
                }
                if self.held.remove(&number).is_some() {
                    if self.awaiting.contains(&number) {
                        self.hook_is_over();
                    }
                } else {
                    let waited = self.waited.contains(&number);
                    let delay = self.config.delay.get(signal).filter(|_| !waited);
                    let hold = delay.map(|delay| Action::Say(Decision::Hold(signal, delay)));
                    actions.extend(hold);
                    let awaits = stops && matches!(self.hook, Hook::Starting | Hook::Running(_));
                    if awaits {
                        self.awaiting.insert(number);
                    }
                    if awaits || delay.is_some() {
                        let until = now.after(delay.unwrap_or(Time::ZERO));
                        self.held.insert(number, until);
                        return actions;
                    }
                }
                actions.extend(self.send(now, signal));
                actions
            }
            Phase::Ended(_) | Phase::Grace(..) if self.asks_for_the_end(signal) => {
                match self.config.rewrite.get(signal) {
                    Rewrite::Drop => vec![],
                    Rewrite::Same => to_all_with_cont(signal),
                    Rewrite::To(other) => to_all_with_cont(other),
                }
            }
            Phase::Ended(_) | Phase::Grace(..) | Phase::Leaving(_) => vec![],
        }
    }

    /// Whether the terminal has sent the signal to the command as well.
    fn has_reached_the_command(&self, Received { signal, origin }: Received) -> bool {
        self.config.behaviour.terminal_signals_once
            && self.config.placement == Placement::Shared
            && origin == Origin::Kernel
            && self.config.rewrite.get(signal) == Rewrite::Same
            && [2, 3, 20, 21, 22, 28].contains(&signal.number())
    }

    /// What is delivered, and whether something else was received.
    fn rewritten(&self, signal: Signal) -> (Option<Signal>, bool) {
        match self.config.rewrite.get(signal) {
            Rewrite::Drop => (None, true),
            Rewrite::To(other) => (Some(other), true),
            Rewrite::Same
                if is_terminal_stop(signal) && self.config.placement == Placement::Session =>
            {
                (Some(Signal::STOP), true)
            }
            Rewrite::Same => (Some(signal), false),
        }
    }

    fn send(&mut self, now: Time, signal: Signal) -> Vec<Action> {
        let to = self.to();
        if self.asks_for_the_end(signal) {
            self.waited.insert(signal.number());
        }
        let mut actions = vec![];
        let (delivered, by_a_rule) = self.rewritten(signal);
        if by_a_rule {
            actions.push(Action::Say(Decision::Rewrite(signal, delivered)));
        }
        if let Some(delivered) = delivered {
            self.arm(signal, now);
            let signals = match self.allowed(signal) {
                Some(_) => with_cont(delivered),
                None => vec![delivered],
            };
            actions.extend(
                signals
                    .into_iter()
                    .map(|signal| Action::Send { signal, to }),
            );
        }
        if self.stops_with_the_command(signal) {
            // When we go on, so does the command, even if the CONT that woke us was lost.
            let resume = (self.config.behaviour.stops == Stops::WithCommand).then_some(to);
            actions.push(Action::StopOurselves { resume });
        }
        actions
    }

    fn timer(&mut self, now: Time) -> Vec<Action> {
        match self.phase {
            Phase::Running => {
                // What is due first; a signal before a kill of the same moment.
                let first = self.due_by_time().min_by_key(|(number, at)| (*at, *number));
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
            Phase::Ended(_) | Phase::Grace(..) | Phase::Leaving(_) => vec![],
        }
    }

    fn zombie(&mut self, child: i32, status: i32) -> Vec<Action> {
        let how = WaitStatus::from_raw(status);
        let mut actions = vec![];
        if child == MAIN && self.phase == Phase::Running {
            actions.push(Action::Say(Decision::CommandEnded(pid(child), how)));
            actions.extend(self.last_signal());
            self.phase = match self.config.grace {
                Some(_) => Phase::Ended(status),
                None => Phase::Leaving(status),
            };
        } else if self.phase == Phase::Running && self.hook == Hook::Running(child) {
            actions.push(Action::Say(Decision::PreStopEnded(pid(child), how)));
            self.hook_is_over();
        } else {
            actions.push(Action::Say(Decision::ChildEnded(pid(child), how)));
        }
        actions.push(Action::Reap(pid(child)));
        actions
    }

    /// The TERM for the group of a command that has ended.
    fn last_signal(&self) -> Vec<Action> {
        // Each leftover gets a TERM of its own, but those that others adopt.
        if self.config.grace.is_some() && self.surroundings.reaper {
            return vec![];
        }
        let rewrites = self.config.behaviour.rewrites_final_term;
        let (signal, by_a_rule) = match rewrites {
            true => self.rewritten(Signal::TERM),
            false => (Some(Signal::TERM), false),
        };
        let said = Action::Say(Decision::Rewrite(Signal::TERM, signal));
        let told = signal.and_then(|signal| {
            let to = Recipient::Group(pid(MAIN));
            match self.config.placement {
                Placement::Session => Some(Action::Send { signal, to }),
                Placement::Group if self.config.grace.is_some() => {
                    Some(Action::Send { signal, to })
                }
                // The group is our own: no more than said.
                Placement::Shared if rewrites => {
                    Some(Action::Say(Decision::FinalSignal(signal, pid(MAIN))))
                }
                Placement::Group | Placement::Shared => None,
            }
        });
        by_a_rule.then_some(said).into_iter().chain(told).collect()
    }

    fn settled(&mut self, now: Time, children: bool) -> Vec<Action> {
        match (self.phase, self.config.grace) {
            (Phase::Ended(status), Some(grace)) if children => {
                self.phase = Phase::Grace(status, now.after(grace));
                let said = Action::Say(Decision::Grace(grace));
                let told = to_all_with_cont(Signal::TERM);
                [said].into_iter().chain(told).collect()
            }
            (Phase::Running | Phase::Grace(..), _) if children => vec![],
            // The main child is still there where this is a history of the model.
            (Phase::Running, _) => vec![Action::Exit(End {
                status: INIT_FAILED,
                by_signal: None,
                command: None,
                killed: false,
            })],
            (Phase::Ended(status) | Phase::Grace(status, _) | Phase::Leaving(status), _) => {
                vec![Action::Exit(self.end(status))]
            }
        }
    }

    /// A terminal's stop that nobody else would undo.
    fn stopped(&self) -> Vec<Action> {
        match self.phase {
            Phase::Running => vec![Action::Send {
                signal: Signal::CONT,
                to: Recipient::Group(pid(MAIN)),
            }],
            _ => vec![],
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

fn is_terminal_stop(signal: Signal) -> bool {
    [20, 21, 22].contains(&signal.number())
}

/// A signal and the CONT that makes a stopped process act on it. Behind a signal that stops a CONT
/// would undo it; behind a KILL it means nothing.
fn with_cont(delivered: Signal) -> Vec<Signal> {
    let cont = ![9, 19, 20, 21, 22].contains(&delivered.number());
    let cont = cont.then_some(Signal::CONT);
    [delivered].into_iter().chain(cont).collect()
}

fn to_all_with_cont(delivered: Signal) -> Vec<Action> {
    let to = Recipient::All;
    let signals = with_cont(delivered).into_iter();
    signals.map(|signal| Action::Send { signal, to }).collect()
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
    pre_stop_started: bool,
}

impl<'a> World<'a> {
    fn new(config: &'a Config<'a>, surroundings: Surroundings) -> Self {
        Self {
            supervisor: Supervisor::new(config, surroundings, pid(MAIN)),
            expected: Expected::new(config, surroundings),
            now: ms(1000),
            children: BTreeMap::from([(MAIN, None)]),
            main_is_ours: true,
            main_status: None,
            exit: None,
            grace_until: None,
            killed: 0,
            pre_stop_started: false,
        }
    }

    /// Gives an input to the supervisor, compares what it does with what is expected, and carries
    /// it out.
    fn give(&mut self, input: Input) {
        assert_eq!(self.exit, None, "an input after the end: {input:?}");
        let actions: Vec<Action> = self
            .supervisor
            .handle(self.now, input)
            .iter()
            .copied()
            .collect();
        let expected = match input {
            Input::Signal(received) => self.expected.signal(self.now, received),
            Input::Timer => self.expected.timer(self.now),
            Input::Children(Children::Running) => self.expected.settled(self.now, true),
            Input::Children(Children::None) => self.expected.settled(self.now, false),
            Input::Children(Children::Zombie { pid, .. }) => {
                let raw = self.children[&pid.raw()].expect("a zombie");
                self.expected.zombie(pid.raw(), raw)
            }
            Input::CommandStopped => self.expected.stopped(),
            Input::PreStop(process) => self.expected.pre_stop(process),
        };
        assert_eq!(actions, expected, "at {:?}, {input:?}", self.now);
        let received_sends = actions.iter().filter(
            |action| matches!(action, Action::Send { signal, .. } if *signal != Signal::CONT),
        );
        assert!(
            received_sends.count() <= 1,
            "{input:?} sent twice: {actions:?}"
        );
        // A signal that is rewritten to KILL for all is the user's, and counts for nothing here.
        self.killed += usize::from(input == Input::Timer && actions.contains(&KILL_ALL));
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
                        "{signal:?} sent to {to:?}, which was reaped"
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
            Action::Say(_) => {}
            Action::StartPreStop(_) => {
                assert!(
                    !self.pre_stop_started,
                    "the pre-stop program is started twice"
                );
                self.pre_stop_started = true;
                let program = self.expected.config.pre_stop.expect("a program is given");
                let process = (!program.is_empty()).then_some(PRE_STOP);
                self.children.extend(process.map(|process| (process, None)));
                self.give(Input::PreStop(process.map(pid)));
            }
            Action::StopOurselves { .. } => {
                let stops = self.expected.config.behaviour.stops;
                assert!(
                    stops == Stops::Always || !self.expected.surroundings.namespace_init,
                    "PID 1 cannot stop"
                );
            }
            Action::Reap(child) => {
                let ended = self.children.remove(&child.raw());
                assert!(
                    matches!(ended, Some(Some(_))),
                    "{child:?} reaped, which is no zombie of ours"
                );
                self.main_is_ours &= child != pid(MAIN);
            }
            Action::Exit(end) => self.exit = Some(end),
        }
    }

    /// What `waitid(P_ALL, WEXITED | WNOHANG | WNOWAIT)` would say.
    fn peek(&self) -> Children {
        let mut ended = self
            .children
            .iter()
            .filter_map(|(child, status)| status.map(|status| (child, status)));
        match ended.next() {
            Some((child, status)) => Children::Zombie {
                pid: pid(*child),
                status: WaitStatus::from_raw(status),
            },
            None if self.children.is_empty() => Children::None,
            None => Children::Running,
        }
    }

    /// Reaps until nothing is left, as the loop does after each SIGCHLD and each deadline.
    fn scan(&mut self) {
        while self.exit.is_none() {
            let seen = self.peek();
            self.give(Input::Children(seen));
            if !matches!(seen, Children::Zombie { .. }) {
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
            self.give(Input::Timer);
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
            Step::Signal(received) => self.give(Input::Signal(received)),
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
            Step::Stop if self.main_is_ours => self.give(Input::CommandStopped),
            Step::Stop => {}
            Step::Pass(span, exact) => self.pass(span, exact),
            Step::EarlyTimer => self.give(Input::Timer),
        }
    }
}

proptest! {
    #![proptest_config(tries(2048))]

    #[test]
    fn every_history_keeps_the_promises(
        Setting(config) in any_setting(),
        surroundings in any_surroundings(),
        steps in prop::collection::vec(any_step(), 0..60),
        last_status in any_status(),
    ) {
        let mut world = World::new(&config, surroundings);
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
        Setting(mut config) in any_setting(),
        surroundings in any_surroundings(),
        signal in any_signal(),
        origin in any_origin(),
    ) {
        config.delay = Config::default().delay;
        config.kill_after = Config::default().kill_after;
        config.pre_stop = None;
        let mut supervisor = Supervisor::new(&config, surroundings, pid(MAIN));
        let sent: Vec<Action> = supervisor
            .handle(Time::ZERO, Input::Signal(Received { signal, origin }))
            .iter()
            .copied()
            .filter(|action| matches!(action, Action::Send { .. }))
            .collect();
        let session = config.placement == Placement::Session;
        let once = config.behaviour.terminal_signals_once
            && config.placement == Placement::Shared;
        let in_background = config.behaviour.keeps_background_stops
            && origin == Origin::Kernel
            && [21, 22].contains(&signal.number());
        let rule = config.rewrite.get(signal);
        let terminal_stop = [20, 21, 22].contains(&signal.number());
        let from_terminal = once
            && origin == Origin::Kernel
            && rule == Rewrite::Same
            && (terminal_stop || [2, 3, 28].contains(&signal.number()));
        let ours = origin == Origin::Ourselves && [13, 25].contains(&signal.number());
        let expected = match rule {
            _ if signal.number() == 17 || ours || in_background || from_terminal => None,
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
            .into_iter()
            .map(|signal| Action::Send { signal, to })
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
        config.kill_after.general = Some(ms(general));
        if let Some(named) = named {
            config.kill_after.named.set(Signal::HUP, ms(named));
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

/// The main child is seen to have ended.
fn main_ended(raw: i32) -> Input {
    Input::Children(Children::Zombie {
        pid: pid(MAIN),
        status: WaitStatus::from_raw(raw),
    })
}

/// A supervisor whose clock begins at 0 and is exact, and what it has sent.
struct Story<'a> {
    supervisor: Supervisor<'a>,
    sent: Vec<(u64, Signal, Recipient)>,
    held: Vec<(u64, Signal)>,
    /// When the pre-stop program was started, and because of which signal.
    started: Vec<(u64, Signal)>,
    /// Whether that is possible.
    starts: bool,
    now: u64,
    exit: Option<End>,
}

impl<'a> Story<'a> {
    fn new(config: &'a Config<'a>) -> Self {
        Self {
            supervisor: Supervisor::new(config, PID_1, pid(MAIN)),
            sent: Vec::new(),
            held: Vec::new(),
            started: Vec::new(),
            starts: true,
            now: 0,
            exit: None,
        }
    }

    fn give(&mut self, at: u64, input: Input) {
        self.now = at;
        for action in self.supervisor.handle(ms(at), input).iter().copied() {
            match action {
                Action::Send { signal, to } => self.sent.push((at, signal, to)),
                Action::Say(Decision::Hold(signal, _)) => self.held.push((at, signal)),
                Action::Exit(end) => self.exit = Some(end),
                Action::StartPreStop(signal) => {
                    self.started.push((at, signal));
                    let process = self.starts.then(|| pid(PRE_STOP));
                    self.give(at, Input::PreStop(process));
                }
                Action::Say(_) | Action::Reap(_) | Action::StopOurselves { .. } => {}
            }
        }
    }

    /// What is due before the moment `at`, or at it.
    fn run_to(&mut self, at: u64) {
        while let Some(due) = self.supervisor.deadline().filter(|due| *due <= ms(at)) {
            // What was held for something else may be overdue.
            self.give(due.milliseconds().max(self.now), Input::Timer);
        }
    }

    /// A signal comes at a moment, after what was due before it.
    fn receive(&mut self, at: u64, signal: Signal) {
        self.run_to(at.saturating_sub(1));
        let origin = Origin::Process { pid: 0, uid: 0 };
        self.give(at, Input::Signal(Received { signal, origin }));
    }

    fn pre_stop_ends(&mut self, at: u64) {
        self.run_to(at.saturating_sub(1));
        let status = WaitStatus::from_raw(0);
        let pid = pid(PRE_STOP);
        self.give(at, Input::Children(Children::Zombie { pid, status }));
    }

    fn command_ends(&mut self, at: u64, raw: i32) {
        self.run_to(at.saturating_sub(1));
        self.give(at, main_ended(raw));
    }

    /// All that has ended is reaped. Some children are left, or none.
    fn settled(&mut self, at: u64, left: Children) {
        self.run_to(at.saturating_sub(1));
        self.give(at, Input::Children(left));
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
        config.kill_after.named.set(*signal, ms(*allowed));
    }
    config
}

/// A configuration with a pre-stop program, `-d` and `-k`.
fn with_program(delays: &[(Signal, u64)], kill_after: Option<u64>) -> Config<'static> {
    let mut config = timed(delays, &[]);
    config.pre_stop = Some(b"program");
    config.kill_after.general = kill_after.map(ms);
    config
}

#[test]
fn a_stop_signal_waits_for_the_pre_stop_program_which_runs_once() {
    let config = with_program(&[], None);
    let mut story = Story::new(&config);
    story.receive(0, Signal::TERM);
    story.receive(10, Signal::HUP);
    story.receive(20, Signal::INT);
    story.pre_stop_ends(100);
    story.receive(200, Signal::TERM);
    assert_eq!(
        story.until(1000),
        [
            (10, Signal::HUP, group()),
            (100, Signal::TERM, group()),
            (100, Signal::INT, group()),
            (200, Signal::TERM, group()),
        ]
    );
    assert_eq!(story.started, [(0, Signal::TERM)]);
}

#[test]
fn the_second_of_a_signal_ends_the_wait_for_the_pre_stop_program() {
    let config = with_program(&[], None);
    let mut story = Story::new(&config);
    story.receive(0, Signal::TERM);
    story.receive(10, Signal::INT);
    story.receive(20, Signal::TERM);
    assert_eq!(
        story.until(1000),
        [(20, Signal::TERM, group()), (20, Signal::INT, group())]
    );
}

#[test]
fn the_delay_and_the_pre_stop_program_go_side_by_side() {
    let config = with_program(&[(Signal::TERM, 50)], None);
    for (program, sent) in [(10, 50), (70, 70)] {
        let mut story = Story::new(&config);
        story.receive(0, Signal::TERM);
        story.pre_stop_ends(program);
        assert_eq!(story.until(1000), [(sent, Signal::TERM, group())]);
        assert_eq!(story.held, [(0, Signal::TERM)]);
    }
}

#[test]
fn the_kill_is_armed_when_the_pre_stop_program_starts() {
    let config = with_program(&[(Signal::TERM, 50)], Some(30));
    let mut story = Story::new(&config);
    story.receive(0, Signal::TERM);
    assert_eq!(story.until(1000)[0], (30, Signal::KILL, ALL));
}

#[test]
fn a_signal_that_stops_nothing_does_not_start_the_pre_stop_program() {
    let mut config = with_program(&[], None);
    config.rewrite.set(Signal::TERM, None);
    let mut story = Story::new(&config);
    story.receive(0, Signal::TERM);
    story.receive(1, Signal::HUP);
    assert_eq!(story.until(1000), [(1, Signal::HUP, group())]);
    assert_eq!(story.started, []);
}

#[test]
fn a_pre_stop_program_that_cannot_be_started_holds_nothing_up() {
    let config = with_program(&[], None);
    let mut story = Story::new(&config);
    story.starts = false;
    story.receive(0, Signal::TERM);
    assert_eq!(story.until(1000), [(0, Signal::TERM, group())]);
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
        story.settled(10, Children::Running);
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
        story.settled(31, Children::None);
        let end = story.exit.expect("the end");
        assert_eq!((end.status, end.killed), (status, true));
    }
}

#[test]
fn grace_begins_with_term_and_cont_to_all_once_something_is_seen_to_be_left() {
    let mut config = Config {
        grace: Some(ms(100)),
        ..Config::default()
    };
    config.rewrite.set(Signal::TERM, Some(Signal::INT));
    for reaper in [true, false] {
        let surroundings = Surroundings { reaper, ..PID_1 };
        let mut supervisor = Supervisor::new(&config, surroundings, pid(MAIN));
        let send = |signal, to| Action::Send { signal, to };
        // Where others adopt orphans the group is in reach only as long as its leader is a zombie.
        let ended = Decision::CommandEnded(pid(MAIN), WaitStatus::from_raw(0));
        let term = (!reaper).then_some(send(Signal::TERM, group()));
        let mut expected = vec![Action::Say(ended)];
        expected.extend(term);
        expected.push(Action::Reap(pid(MAIN)));
        let actions = supervisor.handle(ms(5), main_ended(0));
        assert_eq!(actions.iter().copied().collect::<Vec<_>>(), expected);
        assert_eq!(supervisor.deadline(), None);
        let actions = supervisor.handle(ms(6), Input::Children(Children::Running));
        assert_eq!(
            actions.iter().copied().collect::<Vec<_>>(),
            [
                Action::Say(Decision::Grace(ms(100))),
                send(Signal::TERM, ALL),
                send(Signal::CONT, ALL),
            ]
        );
        assert_eq!(supervisor.deadline(), Some(ms(106)));
    }
}

#[test]
fn where_nothing_is_left_grace_says_and_sends_nothing() {
    let config = Config {
        grace: Some(ms(100)),
        ..Config::default()
    };
    let mut supervisor = Supervisor::new(&config, PID_1, pid(MAIN));
    let _ = supervisor.handle(ms(5), main_ended(0));
    let actions = supervisor.handle(ms(5), Input::Children(Children::None));
    let actions: Vec<_> = actions.iter().copied().collect();
    assert!(matches!(actions[..], [Action::Exit(_)]), "{actions:?}");
}

#[test]
fn a_stop_signal_that_was_inherited_as_ignored_arms_only_a_kill_of_its_own() {
    let surroundings = Surroundings {
        ignored: SignalSet::EMPTY.with(Signal::INT).with(Signal::QUIT),
        ..PID_1
    };
    let mut config = timed(&[], &[(Signal::QUIT, 20)]);
    config.kill_after.general = Some(ms(10));
    for (signal, armed) in [
        (Signal::INT, None),
        (Signal::QUIT, Some(ms(20))),
        (Signal::TERM, Some(ms(10))),
    ] {
        let mut supervisor = Supervisor::new(&config, surroundings, pid(MAIN));
        let origin = Origin::Kernel;
        let actions = supervisor.handle(ms(0), Input::Signal(Received { signal, origin }));
        let sent = actions.iter().copied().next();
        let to = group();
        assert_eq!(sent, Some(Action::Send { signal, to }));
        assert_eq!(supervisor.deadline(), armed, "{signal:?}");
    }
}

#[test]
fn a_stop_signal_during_grace_goes_to_all_and_moves_nothing() {
    let mut config = timed(&[(Signal::TERM, 1000)], &[(Signal::HUP, 10)]);
    config.grace = Some(ms(100));
    config.rewrite.set(Signal::INT, Some(signal(12)));
    config.rewrite.set(Signal::QUIT, None);
    let mut story = Story::new(&config);
    story.command_ends(0, 0);
    story.settled(0, Children::Running);
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
    // The time is over: the init ends, though a process is left.
    story.settled(100, Children::Running);
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
    story.settled(0, Children::Running);
    assert_eq!(story.exit, None);
    story.settled(10, Children::None);
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
        let mut supervisor = Supervisor::new(&config, PID_1, pid(MAIN));
        let actions = supervisor.handle(Time::ZERO, main_ended(0));
        let ended = Decision::CommandEnded(pid(MAIN), WaitStatus::from_raw(0));
        let mut expected = vec![Action::Say(ended)];
        expected.extend(told.then_some(Action::Send {
            signal: Signal::TERM,
            to: group(),
        }));
        expected.push(Action::Reap(pid(MAIN)));
        assert_eq!(actions.iter().copied().collect::<Vec<_>>(), expected);
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
        story.settled(0, Children::None);
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
    let mut supervisor = Supervisor::new(&config, PID_1, pid(MAIN));
    let actions = supervisor.handle(Time::ZERO, Input::Children(Children::None));
    assert_eq!(
        actions.iter().copied().collect::<Vec<_>>(),
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
    story.settled(2000, Children::Running);
    assert!(story.supervisor.deadline() >= Some(longest));
}
