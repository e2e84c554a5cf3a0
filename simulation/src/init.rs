//! The init's own loop in a world.

use crate::explore::Subject;
use crate::scenario::{Role, Scenario};
use crate::world::World;
use tidy_init::config::{Config, Placement, Target};
use tidy_init::init::{Descendants, Run, ignored_stop_signals, linger};
use tidy_init::log::{Event, Log};
use tidy_init::personality::{ALL, NATIVE, Personality};
use tidy_init::process::Pid;
use tidy_init::status::INIT_FAILED;
use tidy_init::supervisor::{Supervisor, Surroundings};

/// The init, by all names by which it runs commands.
#[derive(Clone, Copy, Debug)]
pub struct Init;

/// Names by which it runs commands: our own, and one for each that we stand for.
pub const PERSONALITIES: [&str; 4] = ["tidy-init", "dumb-init", "tini", "catatonit"];

fn personality(scenario: &Scenario) -> &'static Personality {
    let name = PERSONALITIES.get(scenario.personality);
    ALL.iter()
        .find(|personality| name.is_some_and(|name| personality.names.contains(name)))
        .copied()
        .unwrap_or(&NATIVE)
}

impl Subject for Init {
    fn personalities(&self) -> usize {
        PERSONALITIES.len()
    }

    fn adjust(&self, scenario: &mut Scenario) {
        // What their options can ask for.
        match (scenario.personality, scenario.placement) {
            (0 | 1, Placement::Group) => scenario.placement = Placement::Session,
            (2 | 3, Placement::Session | Placement::Shared) => {
                scenario.placement = Placement::Group;
            }
            _ => {}
        }
        if scenario.placement == Placement::Shared && scenario.target == Target::Group {
            scenario.target = Target::Child;
        }
    }

    fn run(&self, world: &mut World) -> (u8, Option<u8>) {
        let personality = personality(&world.scenario);
        let mut config = Config {
            behaviour: personality.behaviour,
            ..Config::default()
        };
        (personality.defaults)(&mut config);
        world.scenario.configure(&mut config);
        let mut log = Log::new(&personality.messages);
        log.set(config.logging);
        let role = world.scenario.role;
        world.kernel.subreaper = role == Role::Subreaper;
        let walks = config.reaches_all() && role != Role::First;
        let descendants = Descendants::new(world, walks);
        let started = world.start();
        let main = match started {
            Ok(main) => Pid::new(main).unwrap_or(Pid::INIT),
            Err(errno) => {
                let command = b"command";
                log.say(world, Event::CannotStart { command, errno });
                return (INIT_FAILED, None);
            }
        };
        let surroundings = Surroundings {
            namespace_init: role == Role::First,
            reaper: role != Role::Ordinary,
            ignored: ignored_stop_signals(world, &config),
        };
        let mut supervisor = Supervisor::new(&config, surroundings, main);
        let end =
            Run::new(world, &log, &config, &mut supervisor, &descendants, main).run([None; 3]);
        if let Some(time) = config.linger {
            linger(world, &log, time);
        }
        (end.status, end.by_signal.map(|signal| signal.number()))
    }
}
