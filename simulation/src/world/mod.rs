//! A world: the kernel in memory, what may happen in it between two calls of the init, and what must not.

mod calls;
mod events;
mod life;
mod options;
mod place;
mod properties;
mod steps;

pub use calls::{Pass, Peeked, PidFd};

use crate::choices::Choices;
use crate::event::{Menu, Stderr};
use crate::facts::{Facts, Window};
use crate::kernel::{HIGHEST, Id, Kernel, Process, Terminal};
use crate::scenario::{Role, Scenario, Shell};
use crate::script::Script;
use crate::signals::Set;

/// In nanoseconds.
pub const MILLISECOND: u64 = 1_000_000;

/// A world.
pub struct World {
    /// All processes.
    pub kernel: Kernel,
    /// Where chance comes from.
    pub choices: Choices,
    /// What it began with.
    pub scenario: Scenario,
    /// What has happened, if somebody wants to know.
    pub history: Option<Vec<String>>,
    /// How much may happen.
    pub menu: Menu,
    /// How many processes there may be.
    pub most_processes: u8,
    /// The command.
    pub main: Option<Id>,
    /// Calls of the init since something has happened.
    pub calls: u32,
    /// What takes our lines.
    pub stderr: Stderr,
    /// The clock, in nanoseconds.
    pub now: u64,
    /// How much of it has passed while the init was at work.
    pub spent: u64,
    /// All calls.
    pub all_calls: u64,
    /// What is to happen when all is quiet, where that was decided before.
    pub script: Option<Script>,
    fuel: u32,
    pub(crate) main_serial: u16,
    pub(crate) window: Window,
    pub(crate) facts: Facts,
}

impl World {
    /// A world without anybody.
    pub fn new(choices: Choices) -> World {
        World {
            kernel: Kernel::new(),
            choices,
            scenario: Scenario::default(),
            history: None,
            menu: Menu::Full,
            most_processes: HIGHEST as u8,
            main: None,
            calls: 0,
            stderr: Stderr::Open,
            now: 0,
            spent: 0,
            all_calls: 0,
            script: None,
            fuel: 0,
            main_serial: 0,
            window: Window::default(),
            facts: Facts::default(),
        }
    }

    /// Begins anew, with this scenario.
    pub fn begin(&mut self, scenario: Scenario, menu: Menu, most_processes: u8) {
        self.kernel = Kernel::new();
        self.menu = menu;
        self.main = None;
        self.calls = 0;
        self.stderr = scenario.stderr;
        self.now = 1_000 * MILLISECOND;
        self.spent = 0;
        self.all_calls = 0;
        self.fuel = 40;
        self.window = Window::default();
        self.facts = Facts::default();
        if let Some(history) = &mut self.history {
            history.clear();
            history.extend(scenario.differences());
        }
        let kernel = &mut self.kernel;
        kernel.from_above = scenario.from_above;
        match scenario.role {
            Role::First => {
                kernel.init = 1;
                kernel.add(1, 0, 1, 1);
            }
            Role::Subreaper | Role::Ordinary => {
                kernel.init = place::INIT;
                kernel.add(place::SYSTEM, 0, 1, 1);
                kernel.add(place::SHELL, 1, 2, 2);
                match scenario.shell {
                    Shell::None => kernel.add(place::INIT, 2, 3, 3),
                    Shell::JobControl => kernel.add(place::INIT, 2, 3, 2),
                    Shell::Script => kernel.add(place::INIT, 2, 2, 2),
                }
                kernel.add(place::STRANGER, 2, 4, 2);
            }
        }
        let init = kernel.init;
        let (group, session) = (kernel.get(init).group, kernel.get(init).session);
        kernel.get_mut(init).blocked = Set::MAX;
        kernel.get_mut(init).ignored = scenario.ignored;
        kernel.terminal = scenario.terminal.then_some(Terminal {
            session,
            foreground: group,
        });
        if scenario.adopted
            && let Some(child) = kernel.fork(init)
        {
            kernel.get_mut(child).blocked = 0;
            kernel.get_mut(child).ignored = 0;
        }
        self.most_processes = match scenario.role {
            Role::First => most_processes,
            _ => most_processes.saturating_add(3),
        };
        self.scenario = scenario;
        self.open_window();
    }

    /// Adds a line to the history.
    pub fn note(&mut self, text: impl FnOnce(&World) -> String) {
        if self.history.is_some() {
            let text = text(self);
            if let Some(history) = &mut self.history {
                history.push(text);
            }
        }
    }

    /// Whether a process is part of the surroundings, and does nothing by itself.
    pub fn is_scenery(&self, id: Id) -> bool {
        id == self.kernel.init
            || self.scenario.role != Role::First && (id == place::SYSTEM || id == place::SHELL)
    }

    /// The command, while it is in the table.
    pub(crate) fn command(&self) -> Option<(Id, &Process)> {
        let id = self.main?;
        let process = self.kernel.get(id);
        (process.exists() && process.serial == self.main_serial).then_some((id, process))
    }
}
