//! Worlds without races, for real processes to act out: when all is quiet, the next thing happens.

use crate::event::{Event, Events};
use crate::kernel::{HIGHEST, Id, Kernel, State};
use crate::scenario::PLAIN_STATUS;
use crate::signals::number::*;
use crate::world::World;

/// A process as it was when all was quiet. Processes have the numbers in whose order they were made: the init is
/// 1, the command 2, what is outside 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Row {
    /// Which process.
    pub number: u16,
    /// `T` if it is stopped, `Z` if it has ended, else `S`.
    pub state: char,
    /// Its parent.
    pub parent: u16,
    /// Who leads its group, or has led it.
    pub group: u16,
    /// Who leads its session, or has led it.
    pub session: u16,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A process is told to do something: a word that a toy understands, and a value.
    Order(u16, &'static str, u16),
    /// Somebody outside sends a signal.
    Send(u16, u8),
}

/// A world as it is to be acted out.
#[derive(Clone, Debug, Default)]
pub struct Script {
    random: u64,
    left: usize,
    /// Whether the end of the command has been seen to.
    waits: bool,
    /// What happens, and how all stands before it.
    pub steps: Vec<(Vec<Row>, Step)>,
    /// Who dealt with which signal, but for KILL, STOP and CHLD.
    pub got: Vec<(u16, u8)>,
    /// How many of them were dealt with before the last thing happened.
    pub got_before: usize,
}

impl Script {
    /// A script of so many steps.
    pub fn new(seed: u64, steps: usize) -> Script {
        Script {
            random: seed,
            left: steps,
            ..Script::default()
        }
    }

    fn number(&mut self, below: usize) -> usize {
        self.random = crate::choices::seed_of(self.random, 1);
        (self.random >> 16) as usize % below.max(1)
    }
}

/// The signals that are sent: those that neither stop nor are special to the C library.
const SENT: [u8; 6] = [TERM, USR1, HUP, CONT, RTMIN + 3, WINCH];

impl World {
    /// Lets the next thing happen, if there is one.
    pub fn next_step(&mut self) -> bool {
        let Some(mut script) = self.script.take() else {
            return false;
        };
        // The time of the leftovers runs, and the toys are slower than this.
        let lives = |main| self.kernel.get(main).serial == 2 && self.kernel.get(main).lives();
        if !self.main.is_some_and(lives) {
            script.left = 0;
            script.waits = true;
        }
        let step = match script.left {
            0 => self.last_step(&mut script),
            _ => self.draw(&mut script),
        };
        script.left = script.left.saturating_sub(1);
        let Some((event, step)) = step else {
            self.script = Some(script);
            return false;
        };
        script.steps.push((rows(&self.kernel), step));
        script.got_before = script.got.len();
        if self.scenario.kill_after.is_some() && step == Step::Send(1, TERM) {
            script.left = 0;
            script.waits = true;
        }
        self.script = Some(script);
        self.perform(event);
        true
    }

    /// What ends the command, unless its end is awaited or has come.
    fn last_step(&self, script: &mut Script) -> Option<(Event, Step)> {
        let main = self.main.filter(|_| !script.waits)?;
        let process = self.kernel.get(main);
        if process.state == State::Stopped {
            return Some((Event::FromOutside(main, CONT), Step::Send(2, CONT)));
        }
        script.waits = true;
        let exit = Step::Order(2, "exit", u16::from(PLAIN_STATUS));
        Some((Event::Exit(main, PLAIN_STATUS), exit))
    }

    fn draw(&mut self, script: &mut Script) -> Option<(Event, Step)> {
        let events = Events::of(self);
        let number = |id: Id| self.kernel.get(id).serial;
        let newest = 1 + (1..=HIGHEST as Id).map(number).max().unwrap_or(1);
        let possible: Vec<(Event, Step)> = events
            .list()
            .iter()
            .filter_map(|event| {
                let step = match *event {
                    Event::Fork(id) => Step::Order(number(id), "fork", newest),
                    Event::MakeSession(id) => Step::Order(number(id), "session", 0),
                    Event::Join(id, group) if id == group => Step::Order(number(id), "group", 0),
                    Event::StopItself(id) => Step::Order(number(id), "stop", 0),
                    Event::Exit(id, status) if self.main != Some(id) || script.left < 3 => {
                        Step::Order(number(id), "exit", u16::from(status))
                    }
                    Event::FromOutside(id, signal @ (KILL | STOP | CONT))
                        if id != self.kernel.init && (self.main != Some(id) || signal != KILL) =>
                    {
                        Step::Send(number(id), signal)
                    }
                    Event::Ignore(id, signal) => Step::Order(number(id), "ignore", signal.into()),
                    _ => return None,
                };
                Some((*event, step))
            })
            .collect();
        // Signals for the init more often than chance has it.
        if script.number(4) == 0 {
            let signal = SENT[script.number(SENT.len())];
            let event = Event::FromOutside(self.kernel.init, signal);
            return Some((event, Step::Send(1, signal)));
        }
        // So are forks, groups of their own, and the end of a stopped process's parent: its group may be orphaned.
        let orphans = |event: &Event| match *event {
            Event::Exit(id, _) => self.kernel.ids().any(|child| {
                let child = self.kernel.get(child);
                child.state == State::Stopped && child.parent == id
            }),
            _ => false,
        };
        let preferred: Vec<_> = match script.number(6) {
            0 | 1 => pick(&possible, |event| matches!(event, Event::Fork(_))),
            2 => pick(&possible, |event| matches!(event, Event::Join(..))),
            3 | 4 => pick(&possible, orphans),
            _ => Vec::new(),
        };
        if !preferred.is_empty() {
            return preferred.get(script.number(preferred.len())).copied();
        }
        possible.get(script.number(possible.len())).copied()
    }
}

fn pick(possible: &[(Event, Step)], wanted: impl Fn(&Event) -> bool) -> Vec<(Event, Step)> {
    let wanted = |(event, _): &&(Event, Step)| wanted(event);
    possible.iter().filter(wanted).copied().collect()
}

/// How all stands.
pub fn rows(kernel: &Kernel) -> Vec<Row> {
    // The process that has an ID, or had it last: an ID that a group has does not come back.
    let number = |id: Id| kernel.get(id).serial;
    let mut rows: Vec<Row> = kernel
        .ids()
        .map(|id| {
            let process = kernel.get(id);
            Row {
                number: process.serial,
                state: match process.state {
                    State::Stopped => 'T',
                    State::Zombie => 'Z',
                    _ => 'S',
                },
                parent: number(process.parent),
                group: number(process.group),
                session: number(process.session),
            }
        })
        .collect();
    rows.sort_unstable();
    rows
}
