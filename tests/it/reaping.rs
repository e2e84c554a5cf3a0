//! Orphans: the init reaps each of them, soon, whatever else happens.

use std::time::Duration;

use initlab::{Process, Running, Sandbox, fixture, require_namespaces, sys};

use crate::support::{PLACES, named, native_fixture, script, wait_for_state};

/// Waits until the init has this many children: zombies count.
#[track_caller]
fn wait_for_children(init: &Running, count: usize) {
    init.poll_until(&format!("{count} children"), || {
        init.children().len() == count
    });
}

#[test]
fn of_twenty_thousand_orphans_no_zombie_is_left() {
    require_namespaces!();
    for place in PLACES {
        let storm = ["orphan-storm", "20000", "--alive", "64"];
        let mut init = native_fixture(place, &[], &storm)
            .timeout(Duration::from_secs(120))
            .start();
        let mut backlog = 0;
        init.poll_until("the last orphan", || {
            let children = init.children();
            let zombies = children.iter().filter(|p| p.state() == Some('Z'));
            backlog = backlog.max(zombies.count());
            init.stdout_so_far().starts_with(b"done ")
        });
        // The init reaps them as they die, not at the end. Some batches may wait for a processor.
        assert!(backlog < 2000, "{backlog} zombies at once");
        wait_for_children(&init, 1);
        assert_eq!(init.zombies(), 0);
        init.kill(libc::SIGTERM);
        init.wait().assert_code(0);
    }
}

#[test]
fn the_status_is_the_commands_in_a_crowd_of_dying_orphans() {
    require_namespaces!();
    for place in PLACES {
        for code in (0..256).step_by(6) {
            let exit = code.to_string();
            let storm = ["orphan-storm", "100", "--alive", "50", "--exit", &exit];
            native_fixture(place, &[], &storm).run().assert_code(code);
        }
    }
}

#[test]
fn orphans_in_groups_and_sessions_of_their_own_are_reaped() {
    require_namespaces!();
    for place in PLACES {
        for options in [&[][..], &["-t", "child"], &["-c"]] {
            for led in ["--group", "--session"] {
                let orphans = ["orphans", "20", "--exit-after-ms", "10", led];
                let mut init = native_fixture(place, options, &orphans).start();
                init.expect("ready orphans=20");
                wait_for_children(&init, 1);
                init.kill(libc::SIGTERM);
                init.wait().assert_code(0);
            }
        }
    }
}

/// A debugger that has attached to the process and does nothing else.
#[track_caller]
fn trace(process: Process) -> Running {
    let mut tracer = Sandbox::plain(fixture())
        .args(["fixture", "trace", &process.pid.to_string()])
        .start();
    tracer.expect("tracing");
    tracer
}

/// Makes an orphan that lives on. After a line of input, makes twenty that end, and then reports
/// signals.
const SCRIPT: &str = "$0 fixture orphans 1 --exit-after-ms 600000 --exit 0; read line
    $0 fixture orphans 20 --exit 0; exec $0 fixture signals --until TERM --exit 7";

#[test]
fn a_zombie_that_its_tracer_holds_delays_nothing_and_is_reaped_when_it_lets_go() {
    require_namespaces!();
    for place in PLACES {
        let mut init = script(place, &[], SCRIPT).start();
        let line = init.expect("orphan pid=");
        let orphan = named(&init, &line);
        let tracer = trace(orphan);
        sys::kill(orphan.pid, libc::SIGSTOP).unwrap();
        wait_for_state(orphan, "t");
        sys::kill(orphan.pid, libc::SIGKILL).unwrap();
        wait_for_state(orphan, "Z");
        // Only now, so that all of this happens beside a zombie that cannot be reaped.
        init.write_stdin("\n");
        init.expect("ready orphans=20");
        init.expect("ready pid=");
        wait_for_children(&init, 2);
        init.kill(40);
        init.expect("signal 40 ");
        assert_eq!(orphan.state(), Some('Z'));
        tracer.kill(libc::SIGTERM);
        wait_for_children(&init, 1);
        init.kill(libc::SIGTERM);
        init.wait().assert_code(7);
    }
}

#[test]
fn a_command_whose_death_its_tracer_hides_is_seen_when_it_lets_go() {
    require_namespaces!();
    for place in PLACES {
        let orphans = ["orphans", "20", "--exit-after-ms", "50"];
        let mut init = native_fixture(place, &[], &orphans).start();
        init.expect("ready orphans=20");
        let command = init.wait_child();
        let tracer = trace(command);
        sys::kill(command.pid, libc::SIGKILL).unwrap();
        wait_for_state(command, "Z");
        wait_for_children(&init, 1);
        assert!(init.try_status().is_none());
        tracer.kill(libc::SIGTERM);
        init.wait().assert_code(137);
    }
}
