//! The next step of a script, where a world follows one.

use super::World;
use crate::event::Event;
use crate::kernel::{HIGHEST, Id, State};
use crate::scenario::PLAIN_STATUS;
use crate::script::{Script, Step, rows};
use crate::signals::number::*;

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
        let events = self.possible();
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
