//! `-e` and `-x`: the status that the init reports in the place of the command's.

use std::{fs, path::Path};

use initlab::{Ended, Place, TempDir, require_namespaces, require_root, sys};

use crate::support::{PLACES, deadly, native, native_fixture};

fn run(place: Place, options: &[&str], fixture: &[&str]) -> Ended {
    native_fixture(place, options, fixture).run()
}

#[test]
fn each_status_can_be_mapped_to_another_and_to_nothing_else() {
    require_namespaces!();
    for place in PLACES {
        // 256 options at once, each from a status to the next one: only one is applied.
        let options: Vec<String> = (0..=255u8)
            .map(|from| format!("-e{from}:{}", from.wrapping_add(1)))
            .collect();
        // The place makes no difference: a sample is enough as PID 1.
        let step = if place == Place::Pid1 { 15 } else { 1 };
        for from in (0..=255u8).step_by(step) {
            let mut sandbox = native(place);
            if from % 2 == 0 {
                sandbox = sandbox.args(&options);
            } else {
                sandbox = sandbox.arg("-e").arg(&options[usize::from(from)][2..]);
            }
            sandbox
                .args(["--", "sh", "-c", &format!("exit {from}")])
                .run()
                .assert_code(from.wrapping_add(1).into());
        }
    }
}

#[test]
fn the_exit_map_can_be_spelled_in_each_way_and_the_last_one_wins() {
    require_namespaces!();
    for place in PLACES {
        for (options, status, expected) in [
            (&["-e", "3"][..], 3, 0),
            (&["-e3"], 3, 0),
            (&["-e", "3:0"], 3, 0),
            (&["--exit-map", "3:4"], 3, 4),
            (&["--exit-map=3:4"], 3, 4),
            (&["--exit-m=3:4"], 3, 4),
            (&["-e", "003:04"], 3, 4),
            (&["-e", "3:4"], 4, 4),
            (&["-e", "0:9"], 0, 9),
            (&["-e", "3:4", "-e", "5:6"], 5, 6),
            (&["-e", "3:4", "-e", "5:6"], 3, 4),
            (&["-e", "3:4", "-e", "4:5"], 3, 4),
            (&["-e", "3:4", "-e", "3"], 3, 0),
            (&["-e", "3", "-e", "3:255"], 3, 255),
            (&["-e", "3:3"], 3, 3),
        ] {
            run(place, options, &["exit", &status.to_string()]).assert_code(expected);
        }
    }
}

#[test]
fn a_death_by_signal_is_mapped_by_its_128_and_number() {
    require_namespaces!();
    for place in PLACES {
        for (signal, from) in [
            ("TERM", "143"),
            ("KILL", "137:0"),
            ("34", "162"),
            ("64", "192:0"),
        ] {
            run(place, &["-e", from], &["die", signal]).assert_code(0);
        }
        run(place, &["-e", "15:0"], &["die", "TERM"]).assert_code(143);
        // A kill by -k has a status like any other death.
        native(place)
            .args(["-k", "100ms", "-e", "137:7", "--", "sh", "-c"])
            .arg("trap '' TERM; kill -TERM $PPID; while :; do sleep 1; done")
            .run()
            .assert_code(7);
    }
}

#[test]
fn our_own_statuses_are_not_mapped_but_a_commands_125_to_127_are() {
    require_namespaces!();
    let map = ["-e", "125:1", "-e", "126:2", "-e", "127:3"];
    for place in PLACES {
        native(place)
            .args(map)
            .args(["--", "/nonexistent/x"])
            .run()
            .assert_code(127);
        native(place)
            .args(map)
            .args(["--", "/"])
            .run()
            .assert_code(126);
        native(place).args(map).run().assert_code(125);
        native(place)
            .args(map)
            .args(["-k", "5x", "true"])
            .run()
            .assert_code(125);
        for (status, mapped) in [("125", 1), ("126", 2), ("127", 3)] {
            run(place, &map, &["exit", status]).assert_code(mapped);
        }
    }
}

#[test]
fn the_init_dies_by_the_signal_that_killed_the_command() {
    for option in ["-x", "--exit-by-signal", "-xv"] {
        for signal in deadly().filter(|signal| option == "-x" || signal % 8 == 1) {
            let ended = run(Place::Child, &[option], &["die", &signal.to_string()]);
            assert_eq!(ended.status.signal(), Some(signal), "{option}: {ended}");
            if option == "-x" {
                ended.assert_stderr("");
            }
        }
    }
    for options in [&["-x"][..], &["-x", "-c"], &["-x", "--grace", "1h"]] {
        run(Place::Child, options, &["die", "TERM"]).assert_signal(libc::SIGTERM);
        run(Place::Child, options, &["exit", "143"]).assert_code(143);
        run(Place::Child, options, &["exit", "0"]).assert_code(0);
    }
    native(Place::Child)
        .args(["-x", "--", "/nonexistent/x"])
        .run()
        .assert_code(127);
}

#[test]
fn what_is_ignored_blocked_or_pending_at_the_start_does_not_change_the_death() {
    for signal in [
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGHUP,
        libc::SIGPIPE,
        34,
        64,
    ] {
        let name = signal.to_string();
        let sandbox = || native_fixture(Place::Child, &["-x"], &["die", &name]);
        sandbox().ignored([signal]).run().assert_signal(signal);
        sandbox().blocked([signal]).run().assert_signal(signal);
        // Another pending signal, whose number is lower or higher.
        for other in [libc::SIGUSR1, 50] {
            sandbox()
                .pending(&[other])
                .blocked([other])
                .run()
                .assert_signal(signal);
        }
    }
}

#[test]
fn a_signal_that_comes_while_the_init_ends_is_not_what_it_dies_by() {
    // These are pending when the init unblocks the signal that it dies by.
    let storm = "i=0; while [ $i -lt 50 ]; do kill -HUP $PPID; kill -USR2 $PPID; i=$((i+1)); done
        kill -TERM $$";
    native(Place::Child)
        .args(["-x", "-r", "HUP:0", "-r", "USR2:0", "--", "sh", "-c", storm])
        .run()
        .assert_signal(libc::SIGTERM);
}

#[test]
fn no_second_core_is_written() {
    require_root!();
    let cores = || -> Vec<_> {
        let entries = fs::read_dir("/").unwrap().flatten();
        entries
            .map(|entry| entry.file_name())
            .filter(|name| name.to_string_lossy().starts_with("core"))
            .collect()
    };
    let before = cores();
    for signal in [libc::SIGSEGV, libc::SIGABRT, libc::SIGQUIT, libc::SIGXCPU] {
        let directory = TempDir::new();
        let mut init = native(Place::Child)
            .args(["-vx", "--", "sh", "-c", &format!("kill -{signal} $$")])
            .limit(libc::RLIMIT_CORE, libc::RLIM_INFINITY)
            .current_dir(directory.path())
            .start();
        let ended = init.wait().assert_signal(signal);
        assert!(!ended.status.core_dumped(), "{ended}");
        let piped = fs::read("/proc/sys/kernel/core_pattern")
            .unwrap()
            .starts_with(b"|");
        if !piped {
            // The command's own core is there: otherwise the limit had no effect, and the test
            // proves nothing.
            assert!(ended.stderr_text().contains(" (core dumped)\n"), "{ended}");
        }
        assert!(only_one_core_at_most(directory.path()));
    }
    assert_eq!(cores(), before);
}

fn only_one_core_at_most(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().count() <= 1
}

#[test]
fn pid_1_gives_128_and_the_number_and_says_why() {
    require_namespaces!();
    for (signal, name) in [
        (15, "TERM"),
        (9, "KILL"),
        (11, "SEGV"),
        (34, "RTMIN"),
        (64, "RTMAX"),
    ] {
        run(Place::Pid1, &["-x"], &["die", &signal.to_string()])
            .assert_code(128 + signal)
            .assert_stderr(format!(
                "[tidy-init] PID 1 cannot die by SIG{name}: exiting with 128 + its number\n"
            ));
    }
    run(Place::Pid1, &["-x"], &["exit", "143"])
        .assert_code(143)
        .assert_stderr("");
}

#[test]
fn the_exit_map_wins_over_the_death_by_signal() {
    require_namespaces!();
    for place in PLACES {
        for options in [&["-x", "-e", "143:7"][..], &["-e143:7", "-x"]] {
            run(place, options, &["die", "TERM"])
                .assert_code(7)
                .assert_stderr("");
        }
    }
    run(Place::Child, &["-x", "-e", "143:7"], &["die", "HUP"]).assert_signal(libc::SIGHUP);
    // A status that is mapped to itself counts as mapped.
    run(Place::Child, &["-x", "-e", "143:143"], &["die", "TERM"]).assert_code(143);
}

#[test]
fn a_command_that_was_killed_after_its_time_is_died_with() {
    let mut init = native_fixture(Place::Child, &["-x", "-k", "100ms"], &["ignore", "all"]).start();
    let line = init.expect("ready");
    let command = crate::report::number(&line, "pid").unwrap();
    sys::kill(init.pid(), libc::SIGTERM).unwrap();
    init.wait().assert_signal(libc::SIGKILL);
    assert!(!initlab::Process::new(command).exists());
}
