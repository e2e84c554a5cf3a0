//! Worlds without races, for real processes to act out: when all is quiet, the next thing happens.

use crate::kernel::{Id, Kernel, State};

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
    /// How many things are still to happen before the end.
    pub left: usize,
    /// Whether the end of the command has been seen to.
    pub waits: bool,
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

    /// A number below a bound, by chance.
    pub fn number(&mut self, below: usize) -> usize {
        self.random = crate::choices::seed_of(self.random, 1);
        (self.random >> 16) as usize % below.max(1)
    }
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
