//! Worlds by the million, and what becomes of the first that fails.

use crate::choices::{Choices, Given, seed_of};
use crate::event::Menu;
use crate::failure::{Failure, Property};
use crate::kernel::HIGHEST;
use crate::scenario::Scenario;
use crate::script::Script;
use crate::world::World;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

/// What runs in the worlds.
pub trait Subject: Sync {
    /// Runs an init to its end: its status, and the signal it died by instead.
    fn run(&self, world: &mut World) -> (u8, Option<u8>);

    /// How many personalities it has.
    fn personalities(&self) -> usize {
        1
    }

    /// Takes out of a scenario what it is not about.
    fn adjust(&self, _scenario: &mut Scenario) {}
}

/// How worlds are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// What may happen.
    pub menu: Menu,
    /// How many processes there may be below the init and beside it, itself included.
    pub processes: u8,
}

impl Size {
    /// As large as worlds get.
    pub const LARGE: Size = Size {
        menu: Menu::Full,
        processes: HIGHEST as u8,
    };

    /// Small enough to go through all worlds.
    pub const SMALL: Size = Size {
        menu: Menu::Small,
        processes: 4,
    };
}

/// A world that failed.
#[derive(Clone, Debug)]
pub struct Found {
    /// What does not hold.
    pub failure: Failure,
    /// The choices, as few and as small as could be found.
    pub trail: Vec<u16>,
    /// The number of the world, where worlds have one.
    pub world: u64,
    /// How many worlds had been run.
    pub worlds: u64,
    /// What happened in it.
    pub history: Vec<String>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.failure)?;
        writeln!(f, "after {} worlds, trail {:?}", self.worlds, self.trail)?;
        f.write_str(&self.history.join("\n"))
    }
}

/// What came of many worlds.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many were run.
    pub worlds: u64,
    /// How many calls the init made in them.
    pub calls: u64,
    /// How long that took.
    pub time: Duration,
    /// The first that failed.
    pub found: Option<Found>,
}

impl Outcome {
    /// What does not hold in the first world that failed.
    #[must_use]
    pub fn property(&self) -> Option<Property> {
        self.found.as_ref().map(|found| found.failure.property)
    }

    /// Panics, with all that is known of it, where a world has failed.
    #[track_caller]
    pub fn assert_holds(&self) {
        if let Some(found) = &self.found {
            panic!("{found}");
        }
    }
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
    static IN_WORLD: Cell<bool> = const { Cell::new(false) };
}

/// Has panics of the init's code kept for the failure instead of printed.
pub fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IN_WORLD.get() {
                PANIC.with_borrow_mut(|text| *text = info.to_string());
            } else {
                usual(info);
            }
        }));
    });
}

/// Runs one world, whose choices have been set.
fn run_world(world: &mut World, size: Size, subject: &dyn Subject) -> Result<(), Failure> {
    let mut scenario = Scenario::draw(&mut world.choices, subject.personalities(), size.menu);
    subject.adjust(&mut scenario);
    run_scenario(world, scenario, size, subject)
}

fn run_scenario(
    world: &mut World,
    scenario: Scenario,
    size: Size,
    subject: &dyn Subject,
) -> Result<(), Failure> {
    world.begin(scenario, size.menu, size.processes);
    in_world(|| {
        let (status, by_signal) = subject.run(world);
        world.finish(status, by_signal);
    })
}

/// Catches what ends a world.
fn in_world(run: impl FnOnce()) -> Result<(), Failure> {
    IN_WORLD.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    IN_WORLD.set(false);
    outcome.map_err(|payload| match payload.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(_) => Failure {
            property: Property::NoPanic,
            what: PANIC.with_borrow(Clone::clone),
        },
    })
}

/// Runs a world in which only what a script says happens: the status, or what failed, the script with all that was
/// done, and the history.
pub fn act_out(
    scenario: Scenario,
    script: Script,
    subject: &dyn Subject,
) -> (Result<u8, Failure>, Script, Vec<String>) {
    let mut world = World::new(Choices::list(&[]));
    world.history = Some(Vec::new());
    world.script = Some(script);
    world.begin(scenario, Size::LARGE.menu, Size::LARGE.processes);
    let mut status = 0;
    let outcome = in_world(|| {
        let (end, by_signal) = subject.run(&mut world);
        world.finish(end, by_signal);
        status = end;
    });
    (
        outcome.map(|()| status),
        world.script.unwrap_or_default(),
        world.history.unwrap_or_default(),
    )
}

/// Runs the world of a list of choices.
pub fn replay(
    choices: Choices,
    size: Size,
    subject: &dyn Subject,
) -> (Vec<String>, Option<Failure>) {
    let mut world = World::new(choices);
    world.history = Some(Vec::new());
    let failure = run_world(&mut world, size, subject).err();
    (world.history.unwrap_or_default(), failure)
}

/// Runs random worlds on every processor until one fails, or until enough have been run.
pub fn random(seed: u64, worlds: u64, limit: Option<Duration>, subject: &dyn Subject) -> Outcome {
    let start = Instant::now();
    let next = AtomicU64::new(0);
    let calls = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let found: Mutex<Option<(u64, Vec<Given>, Failure)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..processors() {
            scope.spawn(|| {
                let mut world = World::new(Choices::random(0));
                while !stop.load(Ordering::Relaxed) {
                    // A few at once, so that the counters are not fought over.
                    let first = next.fetch_add(64, Ordering::Relaxed);
                    if first >= worlds || limit.is_some_and(|limit| start.elapsed() >= limit) {
                        break;
                    }
                    for number in first..(first + 64).min(worlds) {
                        world.choices.restart(seed_of(seed, number));
                        let outcome = run_world(&mut world, Size::LARGE, subject);
                        calls.fetch_add(world.all_calls, Ordering::Relaxed);
                        let Err(failure) = outcome else {
                            continue;
                        };
                        stop.store(true, Ordering::Relaxed);
                        if let Ok(mut found) = found.lock()
                            && found.as_ref().is_none_or(|(other, ..)| *other > number)
                        {
                            *found = Some((number, world.choices.trail(), failure));
                        }
                        break;
                    }
                }
            });
        }
    });
    let run = next.load(Ordering::Relaxed).min(worlds);
    let found = found.into_inner().ok().flatten();
    Outcome {
        worlds: run,
        calls: calls.load(Ordering::Relaxed),
        time: start.elapsed(),
        found: found.map(|(number, trail, failure)| {
            let mut found = explain(&trail, failure, Size::LARGE, subject);
            found.world = number;
            found.worlds = number + 1;
            found
        }),
    }
}

/// Runs every world of a small size in which at most `events` things happen that need not, on every processor;
/// ends at the first that fails in one of the scenarios.
pub fn exhaust(events: usize, size: Size, subject: &dyn Subject) -> Outcome {
    let start = Instant::now();
    let scenarios = scenarios(size, subject);
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let totals = Mutex::new((0, 0));
    let found: Mutex<Option<(Vec<Given>, Failure)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..processors() {
            scope.spawn(|| {
                let mut world = World::new(Choices::list(&[]));
                let (mut worlds, mut calls) = (0, 0);
                'scenarios: while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed) as usize;
                    let Some(scenario) = scenarios.get(number) else {
                        break;
                    };
                    world.choices = Choices::fixed(scenario);
                    loop {
                        let outcome = run_world(&mut world, size, subject);
                        worlds += 1;
                        calls += world.all_calls;
                        if let Err(failure) = outcome {
                            stop.store(true, Ordering::Relaxed);
                            if let Ok(mut found) = found.lock() {
                                *found = Some((world.choices.trail(), failure));
                            }
                        }
                        if stop.load(Ordering::Relaxed) {
                            break 'scenarios;
                        }
                        if !world.choices.advance(events) {
                            break;
                        }
                    }
                }
                if let Ok(mut totals) = totals.lock() {
                    totals.0 += worlds;
                    totals.1 += calls;
                }
            });
        }
    });
    let (worlds, calls) = totals.into_inner().unwrap_or_default();
    let found = found.into_inner().ok().flatten();
    Outcome {
        worlds,
        calls,
        time: start.elapsed(),
        found: found.map(|(trail, failure)| Found {
            worlds,
            ..explain(&trail, failure, size, subject)
        }),
    }
}

/// The choices of every scenario of a size.
fn scenarios(size: Size, subject: &dyn Subject) -> Vec<Vec<u16>> {
    let mut choices = Choices::list(&[]);
    let mut scenarios = Vec::new();
    loop {
        Scenario::draw(&mut choices, subject.personalities(), size.menu);
        scenarios.push(choices.made());
        if !choices.advance(0) {
            return scenarios;
        }
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Makes a failing world as small as possible, and tells its history.
fn explain(trail: &[Given], failure: Failure, size: Size, subject: &dyn Subject) -> Found {
    let mut world = World::new(Choices::given(trail.to_vec()));
    let trail = shrink(trail.to_vec(), |candidate| {
        world.choices = Choices::given(candidate.to_vec());
        let fails = run_world(&mut world, size, subject)
            .is_err_and(|other| other.property == failure.property);
        fails.then(|| world.choices.trail())
    });
    let (history, shown) = replay(Choices::given(trail.clone()), size, subject);
    Found {
        failure: shown.unwrap_or(failure),
        trail: trail.iter().map(|given| given.value).collect(),
        world: 0,
        worlds: 0,
        history,
    }
}

/// Leaves out and lowers choices as long as the world still fails (delta debugging); `fails` gives the
/// choices that the world has really made.
fn shrink(
    mut trail: Vec<Given>,
    mut fails: impl FnMut(&[Given]) -> Option<Vec<Given>>,
) -> Vec<Given> {
    let mut attempts = 20_000;
    loop {
        let before = trail.clone();
        let mut length = trail.len();
        while length > 0 {
            let mut at = 0;
            while at < trail.len() && attempts > 0 {
                attempts -= 1;
                let end = (at + length).min(trail.len());
                let without = [&trail[..at], &trail[end..]].concat();
                let mut zeroed = trail.clone();
                zeroed[at..end].fill(Given::NOTHING);
                let mut lower = trail.clone();
                lower[at].value = lower[at].value.saturating_sub(1);
                lower[at].event = None;
                let simpler = [without, zeroed, lower]
                    .iter()
                    .filter(|candidate| **candidate != trail)
                    .find_map(|candidate| fails(candidate).filter(|made| is_simpler(made, &trail)));
                match simpler {
                    Some(simpler) => trail = simpler,
                    None => at += length,
                }
            }
            length /= 2;
        }
        if trail == before || attempts == 0 {
            return trail;
        }
    }
}

/// Shorter, or as long and smaller.
fn is_simpler(one: &[Given], other: &[Given]) -> bool {
    let set = |trail: &[Given]| trail.iter().filter(|given| given.value > 0).count();
    let values = |trail: &[Given]| trail.iter().map(|given| given.value).collect::<Vec<_>>();
    (set(one), one.len(), values(one)) < (set(other), other.len(), values(other))
}
