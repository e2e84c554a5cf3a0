//! A small init, and what is broken in it on purpose: each property is seen to fail.

use simulation::explore::{Size, Subject, exhaust, keep_panics, random};
use simulation::failure::Property;
use simulation::kernel::Sender;
use simulation::scenario::{Refusal, Role, Scenario};
use simulation::signals::{Set, bit, number::*};
use simulation::world::{Peeked, World};
use tidy_init::config::{Placement, Target};

/// What is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Defect {
    None,
    /// One zombie is reaped for each SIGCHLD.
    ReapsOne,
    /// A signal of our own makes us write a line, which may raise the next.
    SpeaksOfItsOwn,
    /// It stops itself by STOP.
    StopsHard,
    /// It signals the command after it has reaped it.
    SignalsLate,
    /// It drops USR1.
    Deaf,
    /// It sends TERM twice.
    Stutters,
    /// Its status is 0.
    Cheerful,
    /// It waits for all children.
    WaitsForAll,
    /// It kills at once.
    Kills,
}

struct Toy(Defect);

/// Sends a signal to the command's group, and says where that is refused.
fn send(world: &mut World, signal: u8, main: i32) {
    if world.send_to_group(signal, main).is_err() {
        let _ = world.write_line(b"cannot send");
    }
}

impl Subject for Toy {
    fn adjust(&self, scenario: &mut Scenario) {
        scenario.grace = None;
        scenario.kill_after = None;
        scenario.pre_stop = false;
        scenario.linger = None;
        scenario.delay = None;
        scenario.rewrite = None;
        scenario.exit_map = false;
        scenario.exit_by_signal = false;
        scenario.refusal = Refusal::None;
        scenario.faults = false;
        scenario.personality = 0;
        scenario.target = Target::Group;
        if scenario.placement == Placement::Shared {
            scenario.placement = Placement::Session;
        }
    }

    fn run(&self, world: &mut World) -> (u8, Option<u8>) {
        world.kernel.subreaper = world.scenario.role == Role::Subreaper;
        let Ok(main) = world.start() else {
            return (125, None);
        };
        let mut status = None;
        loop {
            while let Ok(seen) = world.peek() {
                let Peeked::Zombie(id, raw) = seen else {
                    if seen == Peeked::None || status.is_some() && self.0 != Defect::WaitsForAll {
                        return (status.unwrap_or(125), None);
                    }
                    break;
                };
                // An orphan may have the ID of the command, which was reaped.
                let is_main = i32::from(id) == main && status.is_none();
                if is_main {
                    status = Some(self.status(raw));
                    if self.0 != Defect::SignalsLate {
                        send(world, TERM, main);
                    }
                }
                let _ = world.reap(i32::from(id));
                if is_main && self.0 == Defect::SignalsLate {
                    send(world, TERM, main);
                }
                if self.0 == Defect::ReapsOne && status.is_none() {
                    break;
                }
            }
            self.receive(world, main, status.is_some());
        }
    }
}

impl Toy {
    fn status(&self, raw: i32) -> u8 {
        match raw & 0x7f {
            _ if self.0 == Defect::Cheerful => 0,
            0 => (raw >> 8) as u8,
            signal => 128 + signal as u8,
        }
    }

    fn receive(&self, world: &mut World, main: i32, has_ended: bool) {
        let Ok((signal, sender)) = world.take_signal(Set::MAX, None) else {
            return;
        };
        if signal == CHLD || has_ended {
            return;
        }
        if sender == Sender::Process(world.kernel.init) {
            if self.0 == Defect::SpeaksOfItsOwn {
                let _ = world.write_line(b"a signal of our own");
            }
            return;
        }
        let _ = world.write_line(b"a signal");
        if self.0 == Defect::Deaf && signal == USR1 {
            return;
        }
        let stops = (bit(TSTP) | bit(TTIN) | bit(TTOU)) & bit(signal) != 0;
        let session = world.scenario.placement == Placement::Session;
        let orphaned = world
            .kernel
            .is_orphaned(world.kernel.get(world.kernel.init).group);
        let wakes = world.kernel.init == 1 && sender != Sender::Kernel;
        if stops && orphaned && !wakes && self.0 != Defect::StopsHard {
            return;
        }
        let delivered = if stops && session { STOP } else { signal };
        send(world, delivered, main);
        if self.0 == Defect::Stutters && signal == TERM {
            send(world, TERM, main);
        }
        if self.0 == Defect::Kills {
            send(world, KILL, main);
        }
        if stops && world.kernel.init != 1 && !world.is_pending(CONT) {
            if self.0 == Defect::StopsHard {
                let init = i32::from(world.kernel.init);
                let _ = world.send_to_process(STOP, init);
            } else {
                world.stop_ourselves(true);
                // Not when CONT is taken off the queue: another stop may have flushed it.
                send(world, CONT, main);
            }
        }
    }
}

#[test]
fn the_sound_toy_holds_in_random_worlds() {
    keep_panics();
    let outcome = random(1, 100_000, None, &Toy(Defect::None));
    outcome.assert_holds();
}

#[test]
fn the_sound_toy_holds_in_every_small_world() {
    keep_panics();
    let outcome = exhaust(1, Size::SMALL, &Toy(Defect::None));
    outcome.assert_holds();
}

#[test]
fn each_defect_is_caught() {
    keep_panics();
    for (defect, property) in [
        (Defect::ReapsOne, Property::NoZombie),
        (Defect::SpeaksOfItsOwn, Property::NoSpin),
        (Defect::StopsHard, Property::NotFrozen),
        (Defect::SignalsLate, Property::NoStranger),
        (Defect::Deaf, Property::PassedOn),
        (Defect::Stutters, Property::Once),
        (Defect::Cheerful, Property::Status),
        (Defect::WaitsForAll, Property::Ends),
        (Defect::Kills, Property::KillInTime),
    ] {
        let outcome = random(1, 200_000, None, &Toy(defect));
        let found = outcome.property();
        assert_eq!(found, Some(property), "{defect:?}: {:#?}", outcome.found);
    }
}
