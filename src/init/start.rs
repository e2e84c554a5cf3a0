//! The life of an init that runs a command: before, during and after the loop.

use super::child::{self, Command};
use super::descendants::Descendants;
use super::kernel::Kernel;
use super::linger::linger;
use super::linux::Linux;
use super::run::{Run, ignored_stop_signals};
use super::termination::Reporter;
use crate::config::{Config, Placement};
use crate::log::{Event, Log};
use crate::process::{Pid, Recipient};
use crate::received::{Origin, Received};
use crate::signal::{Signal, SignalSet};
use crate::supervisor::{Supervisor, Surroundings};
use crate::sys::{fd, process, signals, terminal};
use crate::time::Limit;

/// Runs the command to its end and returns the status to exit with. All
/// signals are blocked.
// Apart, with a small frame: what lies far off in a large one takes longer
// instructions, 2 % of the binary.
#[inline(never)]
pub fn run(kernel: &mut Linux, log: &Log, config: &Config<'_>, command: &Command) -> u8 {
    if config.debug_by_environment {
        log.say(kernel, Event::Debugging {});
    }
    if config.shared_by_environment {
        log.say(kernel, Event::NoSession {});
    }
    let ourselves = kernel.ourselves();
    let reaper = adopt_orphans(kernel, log, config.subreaper, config.reaches_all());
    let parent_died = match config.parent_death {
        Some(signal) => ask_for_parent_death(kernel, log, signal),
        None => None,
    };
    let name = command.program.name.to_bytes();
    let reporter = Reporter::new(name, config);
    let walks = config.reaches_all() && !ourselves.is_namespace_init();
    let descendants = Descendants::new(kernel, walks);
    let namespace_init = ourselves.is_namespace_init();
    let surroundings = Surroundings {
        namespace_init,
        // A walk over descendants does not find the leftovers without /proc.
        reaper: reaper
            && (namespace_init || config.grace.is_none() || kernel.proc_is_ours().is_ok()),
        ignored: ignored_stop_signals(kernel, config),
    };
    let held = match config.placement {
        Placement::Session => {
            give_up_terminal(kernel, log, config.behaviour.gives_up_terminal_as_member)
        }
        Placement::Group | Placement::Shared => [None; 2],
    };
    if config.pre_stop.is_some() {
        kernel.prepare_pre_stop(command);
    }
    let started = child::start(command, kernel, log, ourselves);
    let (main_child, failed) = match started {
        Ok(started) => started,
        Err(failure) => {
            reporter.not_started(kernel, log, &failure.event(command.program.name));
            return failure.status(&command.failed_start);
        }
    };
    log.say(
        kernel,
        Event::Started {
            command: name,
            pid: main_child,
        },
    );
    // The pre-stop program is found, and runs, where the command does.
    keep_nothing_alive(kernel, log, config.pre_stop.is_none());
    let mut supervisor = Supervisor::new(config, surroundings, main_child);
    let [hangup, cont] = held;
    let end = Run::new(
        kernel,
        log,
        config,
        &mut supervisor,
        &descendants,
        main_child,
    )
    .run([parent_died, hangup, cont]);
    match failed {
        Some(failure) => {
            reporter.not_started(kernel, log, &failure.event(command.program.name));
        }
        None => reporter.ended(kernel, log, &end),
    }
    if let Some(time) = config.linger {
        linger(kernel, log, time);
    }
    log.say(
        kernel,
        Event::Leaving {
            status: u64::from(end.status),
        },
    );
    if let Some(signal) = end.by_signal {
        die_by(kernel, log, signal, ourselves);
    }
    end.status
}

/// Runs nothing: holds the namespaces of a pod, and returns the status to exit
/// with.
pub fn pause(kernel: &mut Linux, log: &Log) -> u8 {
    adopt_orphans(kernel, log, true, false);
    keep_nothing_alive(kernel, log, true);
    super::pause::pause(kernel, log)
}

/// Makes sure that the statuses of children are kept, and that orphans come to
/// us, if we want them. Tells whether they do. Where they do not, that is said
/// if they are `needed`.
fn adopt_orphans(kernel: &mut Linux, log: &Log, wanted: bool, needed: bool) -> bool {
    // Before the command is started: later it would discard a pending one.
    signals::default_action(Signal::CHLD);
    if kernel.ourselves().is_namespace_init() {
        if wanted {
            log.say(kernel, Event::Reaper {});
        }
        return true;
    }
    if wanted {
        let adopted = process::become_subreaper();
        match adopted {
            Err(errno) if needed => log.cannot(kernel, "adopt orphans", errno),
            // Orphans go to the next reaper, as they always did.
            _ => log.say(kernel, Event::Reaper {}),
        };
        return adopted.is_ok();
    }
    let reaper = process::is_subreaper();
    if !reaper {
        log.say(kernel, Event::NoReaper {});
    }
    reaper
}

/// Has the kernel tell us when our parent dies. It may have died before: the
/// signal is returned then.
fn ask_for_parent_death(kernel: &mut Linux, log: &Log, signal: Signal) -> Option<Received> {
    match process::signal_on_parent_death(signal) {
        Ok(died) => died.then_some(Received {
            signal,
            origin: Origin::Kernel,
        }),
        Err(errno) => {
            let step = "watch the parent";
            log.cannot(kernel, step, errno);
            None
        }
    }
}

/// Gives the terminal up, for the command to take, and takes the HUP and CONT
/// off the queue that the kernel sends us for it: here they can still be told
/// from real ones, by their sender. Returns the real ones.
fn give_up_terminal(kernel: &mut Linux, log: &Log, as_member: bool) -> [Option<Received>; 2] {
    match terminal::give_up(kernel.ourselves(), as_member) {
        Ok(true) => log.say(kernel, Event::Detached {}),
        Ok(false) => {
            log.say(kernel, Event::DetachedAsMember {});
            return [None; 2];
        }
        Err(errno) => {
            log.say(kernel, Event::NotDetached { errno });
            return [None; 2];
        }
    };
    let hangup = take_unless_our_own(kernel, log, Signal::HUP);
    let cont = take_unless_our_own(kernel, log, Signal::CONT);
    [hangup, cont]
}

/// Takes a signal off the queue, if it is there, and returns it unless we have
/// raised it.
fn take_unless_our_own(kernel: &mut Linux, log: &Log, signal: Signal) -> Option<Received> {
    let received = kernel.take_signal(SignalSet::of(signal), Limit::NOW).ok()?;
    if received.origin == Origin::Ourselves {
        log.say(kernel, Event::HandedOff { signal });
        return None;
    }
    Some(received)
}

/// Lets go of the directory, unless it is needed, and of all descriptors but the
/// standard ones: a file system can be unmounted, and a pipe's reader sees its
/// end, as soon as the command lets go as well.
fn keep_nothing_alive(kernel: &mut Linux, log: &Log, directory_too: bool) {
    if directory_too && let Err(errno) = process::change_to_root() {
        log.cannot(kernel, "change to the root directory", errno);
    }
    if let Err(errno) = fd::close_from_3() {
        log.cannot(kernel, "close inherited descriptors", errno);
    }
}

/// Dies by the signal that killed the command, without a core of our own;
/// returns where that is not possible.
fn die_by(kernel: &mut Linux, log: &Log, signal: Signal, ourselves: Pid) {
    if !ourselves.is_namespace_init() {
        process::forbid_core();
        signals::default_action(signal);
        let _ = signals::send(signal, Recipient::Process(ourselves));
        // Only this one: another that is pending might be the one we die by.
        let _ = signals::set_mask(SignalSet::ALL.without(signal));
    }
    log.say(kernel, Event::CannotDie { signal });
}
