//! Ways to signal all descendants where no single system call does it.

use simulation::explore::{Size, Subject, exhaust, keep_panics, random};
use simulation::failure::Property;
use simulation::kernel::{Id, Process, Sender, State};
use simulation::scenario::{Refusal, Role, Scenario};
use simulation::signals::{Set, number::*};
use simulation::world::{Peeked, World};
use tidy_init::config::{Placement, Target};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// The leader first, and whoever has lost a parent meanwhile is a stranger.
    LeaderFirst,
    /// Whoever has lost a parent is looked at again, the leader's group and the leader come last.
    LeaderLast,
    /// The init's own.
    Ours,
}

struct Walk(Way);

impl Subject for Walk {
    fn adjust(&self, scenario: &mut Scenario) {
        *scenario = Scenario {
            role: if scenario.role == Role::First {
                Role::Subreaper
            } else {
                scenario.role
            },
            shell: scenario.shell,
            placement: Placement::Session,
            target: Target::All,
            refusal: Refusal::None,
            signals: [TERM, TERM],
            batch: scenario.batch,
            from_above: scenario.from_above,
            ..Scenario::default()
        };
    }

    fn run(&self, world: &mut World) -> (u8, Option<u8>) {
        world.kernel.subreaper = world.scenario.role == Role::Subreaper;
        let Ok(main) = world.start() else {
            return (125, None);
        };
        let mut status = None;
        loop {
            while let Ok(Peeked::Zombie(id, raw)) = world.peek() {
                if status.is_none() && i32::from(id) == main {
                    status = Some(match raw & 0x7f {
                        0 => (raw >> 8) as u8,
                        signal => 128 + signal as u8,
                    });
                }
                let _ = world.reap(i32::from(id));
            }
            if let Some(status) = status {
                return (status, None);
            }
            if let Ok((signal, sender)) = world.take_signal(Set::MAX, None)
                && signal != CHLD
                && sender != Sender::Process(world.kernel.init)
            {
                match self.0 {
                    Way::LeaderFirst => leader_first(world, main as Id, signal),
                    Way::LeaderLast => leader_last(world, main as Id, signal),
                    Way::Ours => ours(world, main, signal),
                }
            }
        }
    }
}

fn ours(world: &mut World, main: i32, signal: u8) {
    let walks = tidy_init::init::Descendants::new(world, true);
    let signal = tidy_init::signal::Signal::new(i32::from(signal)).unwrap();
    let main = tidy_init::process::Pid::new(main);
    let _ = walks.signal_all(
        world,
        &tidy_init::log::Log::new(&tidy_init::personality::NATIVE.messages),
        signal,
        main,
    );
}

/// Sends a signal, and says where that is refused.
fn say(world: &mut World, send: impl FnOnce(&mut World) -> Result<(), nix::errno::Errno>) {
    if send(world).is_err() {
        let _ = world.write_line(b"cannot send");
    }
}

/// Whether a process descends from the init: `None` where somebody has died while it was looked at.
fn descends(world: &mut World, first: &Process, id: Id) -> Option<bool> {
    let init = world.kernel.init;
    let (mut child, mut parent) = (id, first.parent);
    while parent != init {
        if parent == 0 {
            return Some(false);
        }
        let next = world.stat(i32::from(parent));
        let again = world.stat(i32::from(child));
        let next = next.ok()?;
        if again.ok()?.parent != parent {
            return None;
        }
        child = parent;
        parent = next.parent;
    }
    Some(true)
}

fn leader_first(world: &mut World, main: Id, signal: u8) {
    say(world, |world| {
        world.send_to_process(signal, i32::from(main))
    });
    let init = world.kernel.init;
    let mut seen: u32 = 1 << main;
    loop {
        let before = seen;
        let Ok(mut pass) = world.processes() else {
            return;
        };
        while let Ok(Some(id)) = world.next_process(&mut pass) {
            if id == i32::from(init) || seen & 1 << id != 0 {
                continue;
            }
            let is_ours = |world: &mut World| {
                let Ok(process) = world.stat(id) else {
                    return false;
                };
                descends(world, &process, id as Id) == Some(true)
            };
            if is_ours(world)
                && let Ok(handle) = world.pidfd(id)
                && is_ours(world)
            {
                say(world, |world| world.send_to_pidfd(signal, handle));
                seen |= 1 << id;
            }
        }
        if before == seen {
            return;
        }
    }
}

fn leader_last(world: &mut World, main: Id, signal: u8) {
    let init = world.kernel.init;
    let ordinary = world.scenario.role == Role::Ordinary;
    let mut seen: u32 = 1 << main;
    let mut serials = [0; 32];
    loop {
        let before = seen;
        let mut disturbed = false;
        let Ok(mut pass) = world.processes() else {
            return;
        };
        while let Ok(Some(id)) = world.next_process(&mut pass) {
            if id == i32::from(init) || seen & 1 << id != 0 {
                continue;
            }
            let Ok(handle) = world.pidfd(id) else {
                disturbed = true;
                continue;
            };
            let Ok(process) = world.stat(id) else {
                disturbed = true;
                continue;
            };
            if process.state == State::Zombie || ordinary && process.group == main {
                continue;
            }
            match descends(world, &process, id as Id) {
                Some(true) => {
                    say(world, |world| world.send_to_pidfd(signal, handle));
                    seen |= 1 << id;
                    serials[id as usize] = process.serial;
                }
                Some(false) => {}
                None => disturbed = true,
            }
        }
        if before == seen && !disturbed {
            break;
        }
    }
    if ordinary {
        say(world, |world| world.send_to_group(signal, i32::from(main)));
    } else {
        say(world, |world| {
            world.send_to_process(signal, i32::from(main))
        });
    }
}

#[test]
fn a_walk_that_begins_with_the_leader_misses_somebody() {
    keep_panics();
    let outcome = exhaust(3, Size::SMALL, &Walk(Way::LeaderFirst));
    let property = outcome.property();
    assert_eq!(property, Some(Property::AllReached), "{:#?}", outcome.found);
    eprintln!("{}", outcome.found.expect("a world has failed"));
}

#[test]
fn a_walk_that_ends_with_the_leader_misses_nobody() {
    keep_panics();
    let outcome = random(1, 200_000, None, &Walk(Way::LeaderLast));
    outcome.assert_holds();
    eprintln!(
        "{} worlds, {} calls in {:?}",
        outcome.worlds, outcome.calls, outcome.time
    );
}

#[test]
fn the_walk_misses_nobody() {
    keep_panics();
    let outcome = random(1, 200_000, None, &Walk(Way::Ours));
    eprintln!(
        "{} worlds, {} calls in {:?}",
        outcome.worlds, outcome.calls, outcome.time
    );
    outcome.assert_holds();
}
