//! `-k` and `-d`: what happens after a time, and that nothing happens before.

use std::time::{Duration, Instant};

use initlab::{
    Place, Process, Running, TempDir, require_namespaces, require_program, sys, try_poll_until,
};

use crate::{
    report::signals,
    support::{
        PLACES, SLACK, all_named, assert_about, assert_refused, native, native_fixture, script,
    },
    watch::{assert_never_wake, calls, name, sleeping_in},
};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Sends a signal, waits for the end of the init, and returns the time in between.
#[track_caller]
fn time_to_end(init: &mut Running, signal: i32) -> Duration {
    let start = Instant::now();
    init.kill(signal);
    init.wait_exit();
    start.elapsed()
}

/// Waits until the init sleeps, and returns whether a deadline is set.
#[track_caller]
fn has_deadline(init: &Running) -> bool {
    let mut found = None;
    init.poll_until("the init asleep", || {
        found = sleeping_in(init.process()).filter(|(call, _)| *call == libc::SYS_rt_sigtimedwait);
        found.is_some()
    });
    let (_, arguments) = found.expect("the condition held");
    arguments[2] != 0
}

#[test]
fn a_command_that_ignores_term_is_killed_after_the_time_and_not_before() {
    require_namespaces!();
    for place in PLACES {
        for options in [
            &["-k", "300ms"][..],
            &["-k", "300ms", "-c"],
            &["-k", "300ms", "-t", "child"],
            &["-k", "300ms", "-t", "all"],
            // A named one beats the general one, and a received one is what is named.
            &["-k", "TERM:300ms", "-k", "1h"],
            &["-k", "1h", "-k", "TERM:300ms"],
            &["-k", "300ms", "-k", "INT:1h", "-r", "TERM:INT"],
            &["-k", "1h", "-k", "300ms"],
        ] {
            let mut init = native_fixture(place, options, &["ignore", "TERM,INT"]).start_ready();
            let took = time_to_end(&mut init, libc::SIGTERM);
            assert_about(took, ms(300), &init);
            init.wait().assert_code(137);
        }
    }
}

#[test]
fn each_of_the_three_stop_signals_sets_the_general_time_and_others_set_none() {
    require_namespaces!();
    for place in PLACES {
        for (signal, stops) in [(2, true), (3, true), (15, true), (1, false), (10, false)] {
            let mut init = native_fixture(place, &["-k", "1h"], &["signals"]).start_ready();
            assert!(!has_deadline(&init));
            init.kill(signal);
            init.expect(&format!("signal {signal} "));
            // The command may print its line before the init sleeps again.
            init.poll_until("the init asleep with or without a deadline", || {
                has_deadline(&init) == stops
            });
        }
    }
}

#[test]
fn the_kill_reaches_descendants_in_other_sessions_too() {
    require_namespaces!();
    const SCRIPT: &str = "$0 fixture new-session -- $0 fixture ignore all &
        $0 fixture ignore all & exec $0 fixture ignore all";
    for place in PLACES {
        let mut init = script(place, &["-k", "200ms"], SCRIPT).start();
        let processes = all_named(&mut init, 3, "ready");
        let took = time_to_end(&mut init, libc::SIGTERM);
        assert_about(took, ms(200), &init);
        assert_eq!(init.wait_exit().code(), Some(137));
        let dead = |process: &Process| process.state().is_none_or(|state| state == 'Z');
        init.poll_until("all dead", || processes.iter().all(dead));
    }
}

#[test]
fn a_time_is_for_its_own_signals_and_the_earliest_wins() {
    require_namespaces!();
    for place in PLACES {
        for (options, said, is_set, second) in [
            // A time for HUP is for HUP alone.
            (
                &["-k", "HUP:300ms"][..],
                "sent SIGTERM ",
                false,
                libc::SIGHUP,
            ),
            (
                &["-k", "1h", "-k", "HUP:300ms"],
                "sent SIGTERM ",
                true,
                libc::SIGHUP,
            ),
            // A signal that is dropped sets no time.
            (
                &["-k", "300ms", "-r", "TERM:0"],
                "received SIGTERM ",
                false,
                libc::SIGQUIT,
            ),
        ] {
            let options = [options, &["-v"]].concat();
            let mut init = native_fixture(place, &options, &["ignore", "all"]).start_ready();
            init.kill(libc::SIGTERM);
            init.expect_stderr(said);
            assert_eq!(has_deadline(&init), is_set, "{options:?}");
            let took = time_to_end(&mut init, second);
            assert_about(took, ms(300), &init);
            init.wait().assert_code(137);
        }
    }
}

#[test]
fn more_stop_signals_do_not_extend_the_time() {
    require_namespaces!();
    for place in PLACES {
        let mut init = native_fixture(place, &["-k", "400ms"], &["ignore", "all"]).start_ready();
        // If each TERM extended the time, the kill would never come.
        let ended = try_poll_until(Duration::from_millis(400) + SLACK, || {
            init.kill(libc::SIGTERM);
            init.try_status().is_some()
        });
        assert!(ended, "{}", init.failure("it is still there"));
        init.wait().assert_code(137);
    }
}

#[test]
fn the_time_ends_with_the_command() {
    require_namespaces!();
    for place in PLACES {
        let text = "$0 fixture ignore all & exec $0 fixture signals --until CONT --exit 3";
        let options = ["-k", "100ms", "--grace", "1s", "-t", "child"];
        let mut init = script(place, &options, text).start();
        all_named(&mut init, 2, "ready");
        // If -k still counted, the leftover would be killed after a tenth of this time.
        let took = time_to_end(&mut init, libc::SIGTERM);
        assert_about(took, ms(1000), &init);
        init.wait().assert_code(3);
    }
}

#[test]
fn a_stopped_command_is_woken_to_act_on_the_stop_signal() {
    require_namespaces!();
    for place in PLACES {
        for options in [&["-k", "1h"][..], &["-k", "1h", "-c"], &["-k", "TERM:1h"]] {
            let mut init = native_fixture(place, options, &["sleep-forever"]).start();
            let [command] = all_named(&mut init, 1, "ready")[..] else {
                unreachable!()
            };
            sys::kill(command.pid, libc::SIGSTOP).unwrap();
            init.poll_until("a stopped command", || command.state() == Some('T'));
            init.kill(libc::SIGTERM);
            init.wait().assert_code(143);
        }
    }
}

#[test]
fn a_held_signal_is_sent_after_its_delay_and_not_before() {
    require_namespaces!();
    for place in PLACES {
        for (options, delivered) in [
            (&["-v", "-d", "TERM:400ms"][..], 15),
            (&["-v", "-d", "15:400ms", "-c"], 15),
            // The delay is for the signal as it was received.
            (
                &["-v", "-d", "TERM:400ms", "-r", "TERM:USR2", "-d", "USR2:1h"],
                12,
            ),
            // The last one wins.
            (&["-v", "-d", "TERM:1h", "-dTERM:400ms"], 15),
        ] {
            let fixture = ["signals", "--until", "TERM,USR2"];
            let mut init = native_fixture(place, options, &fixture).start_ready();
            let start = Instant::now();
            init.kill(libc::SIGTERM);
            init.expect_stderr("holding SIGTERM back for 400 ms");
            // Others are not held.
            init.kill(libc::SIGHUP);
            init.expect("signal 1 ");
            let waited = start.elapsed();
            init.wait_exit();
            assert_about(start.elapsed(), ms(400), &init);
            let ended = init.wait().assert_code(0);
            if waited < Duration::from_millis(300) {
                assert_eq!(signals(&ended.stdout), [1, delivered], "{ended}");
            }
        }
    }
}

#[test]
fn the_second_of_a_held_signal_ends_the_wait_and_it_is_sent_once() {
    require_namespaces!();
    for place in PLACES {
        let options = ["-v", "-d", "TERM:1h", "-d", "INT:1h"];
        let mut init = native_fixture(place, &options, &["signals", "--until", "40"]).start_ready();
        init.kill(libc::SIGTERM);
        init.expect_stderr("holding SIGTERM back for 3600000 ms");
        // Another stop signal does not end it.
        init.kill(libc::SIGINT);
        init.expect_stderr("holding SIGINT back for 3600000 ms");
        assert!(has_deadline(&init));
        assert!(!init.stderr_so_far().windows(5).any(|word| word == b"sent "));
        init.kill(libc::SIGTERM);
        init.expect("signal 15 ");
        // The wait is over: a third one is passed on.
        init.kill(libc::SIGTERM);
        init.expect("signal 15 ");
        init.kill(40);
        let ended = init.wait().assert_code(0);
        assert_eq!(signals(&ended.stdout), [15, 15, 40], "{ended}");
    }
}

#[test]
fn what_is_held_ends_with_the_command() {
    require_namespaces!();
    for place in PLACES {
        // With -c nothing else is sent at the end.
        let options = ["-c", "-v", "-d", "TERM:1h"];
        let mut init = script(place, &options, "read line; exit 7").start();
        init.wait_all_blocked();
        init.kill(libc::SIGTERM);
        init.expect_stderr("holding SIGTERM");
        init.close_stdin();
        let ended = init.wait().assert_code(7);
        assert!(!ended.stderr_text().contains("sent "), "{ended}");
    }
}

#[test]
fn the_time_of_the_kill_begins_when_a_held_signal_is_sent() {
    require_namespaces!();
    for place in PLACES {
        let options = ["-d", "TERM:300ms", "-k", "300ms", "-v"];
        let mut init = native_fixture(place, &options, &["ignore", "all"]).start_ready();
        let took = time_to_end(&mut init, libc::SIGTERM);
        assert_about(took, ms(600), &init);
        let ended = init.wait().assert_code(137);
        let text = ended.stderr_text();
        let at = |what: &str| {
            text.find(what)
                .unwrap_or_else(|| panic!("no {what:?}: {ended}"))
        };
        let order = [
            "received SIGTERM",
            "holding SIGTERM",
            "sent SIGTERM",
            "sent SIGCONT",
            "sent SIGKILL to everybody",
        ];
        assert!(order.map(at).is_sorted(), "{ended}");
    }
}

/// How long the inits are watched.
const WATCHED: Duration = Duration::from_millis(1500);

#[test]
fn nothing_wakes_the_init_before_a_deadline_is_due_or_while_none_is_set() {
    require_namespaces!();
    const OPTIONS: [&str; 10] = [
        "-k", "1h", "-k", "HUP:2h", "--grace", "1h", "-d", "USR1:1h", "-d", "TERM:1h",
    ];
    // Nothing; a held signal; a command that is to be killed; a grace.
    let mut inits = Vec::new();
    for place in PLACES {
        for state in 0..4 {
            let text = "trap '' TERM; $0 fixture ignore all & read line";
            let mut init = script(place, &OPTIONS, text).start();
            all_named(&mut init, 1, "ready");
            match state {
                0 => {}
                1 => init.kill(libc::SIGUSR1),
                2 => {
                    // The first one is held, and the second one ends its delay.
                    init.kill(libc::SIGTERM);
                    init.poll_until("the TERM held", || has_deadline(&init));
                    init.kill(libc::SIGTERM);
                    init.poll_until("the second TERM taken", || {
                        !init.signal_set("ShdPnd").contains(libc::SIGTERM)
                    });
                }
                _ => init.close_stdin(),
            }
            init.poll_until("the deadline set", || has_deadline(&init) == (state != 0));
            inits.push(init);
        }
    }
    assert_never_wake(&inits, WATCHED);
}

#[test]
fn a_deadline_costs_one_wake_up() {
    require_namespaces!();
    require_program!("strace");
    for place in PLACES {
        for options in [
            &["-d", "TERM:500ms"][..],
            &["-k", "500ms"],
            &["-d", "TERM:1ms", "-k", "500ms"],
        ] {
            let directory = TempDir::new();
            let log = directory.join("strace");
            let command = if options[0] == "-d" && options.len() == 2 {
                &["signals", "--until", "TERM"][..]
            } else {
                &["ignore", "all"]
            };
            let mut init = native_fixture(place, options, command)
                .strace(&log, &[])
                .start_ready();
            init.kill(libc::SIGTERM);
            init.wait();
            let calls = calls(&log);
            let waits = calls.iter().filter(|call| name(call) == "rt_sigtimedwait");
            let in_vain = waits.filter(|call| call.contains("EAGAIN")).count();
            // A timer may come a moment early and be set again; a short time may be over before the
            // init gets to sleep.
            let deadlines = options.len() / 2;
            assert!(
                in_vain <= 2 * deadlines,
                "{in_vain} waits in vain: {calls:#?}"
            );
        }
    }
}

#[test]
fn bad_values_are_refused_with_a_line_that_names_option_and_value() {
    const DURATION: &str = "not a time like 500ms, 10s, 2m or 1h";
    const SIGNAL: &str = "no such signal (--list-signals shows them)";
    const STATUS: &str = "not a number from 0 to 255";
    const PAUSE: &str = "--pause takes no command and no options but -v and --log-format";
    let bad = |option: &str, value: &str, why: &str| format!("option {option}: {value}: {why}");
    let mut cases: Vec<(Vec<&str>, String)> = Vec::new();
    for value in [
        "5x", "x", "ms", "5 s", "-5", "+5", "5ss", "1.5s", "0x5", "5S", "5s5", " 5",
    ] {
        for option in ["-k", "--grace", "--linger"] {
            cases.push((vec![option, value], bad(option, value, DURATION)));
        }
    }
    for (arguments, line) in [
        (&["-k", ""][..], bad("-k", "\"\"", DURATION)),
        (&["--grace", ""], bad("--grace", "\"\"", DURATION)),
        (&["--grace="], bad("--grace", "\"\"", DURATION)),
        (&["--kill-after=5x"], bad("--kill-after", "5x", DURATION)),
        (&["-kTERM:5x"], bad("-k", "TERM:5x", DURATION)),
        (&["-k", "TERM:"], bad("-k", "TERM:", DURATION)),
        (&["-k", ":5s"], bad("-k", ":5s", SIGNAL)),
        (&["-k", "FOO:5s"], bad("-k", "FOO:5s", SIGNAL)),
        (&["-k", "0:5s"], bad("-k", "0:5s", SIGNAL)),
        (&["-k", "65:5s"], bad("-k", "65:5s", SIGNAL)),
        (
            &["-k", "KILL:5s"],
            bad("-k", "KILL:5s", "KILL and STOP cannot be caught"),
        ),
        (
            &["-d", "STOP:5s"],
            bad("-d", "STOP:5s", "KILL and STOP cannot be caught"),
        ),
        (
            &["-d", "CHLD:5s"],
            bad("-d", "CHLD:5s", "SIGCHLD is never forwarded"),
        ),
        (&["-d", "5s"], bad("-d", "5s", "not of the form SIG:TIME")),
        (&["-d", ""], bad("-d", "\"\"", "not of the form SIG:TIME")),
        (&["-d", "TERM:INT:5s"], bad("-d", "TERM:INT:5s", DURATION)),
        (&["--delay", "TERM:x"], bad("--delay", "TERM:x", DURATION)),
        (
            &["--linger", "TERM:5s"],
            bad("--linger", "TERM:5s", DURATION),
        ),
        (&["--pre-stop="], bad("--pre-stop", "\"\"", "not a program")),
        (
            &["--pre-stop", ""],
            bad("--pre-stop", "\"\"", "not a program"),
        ),
        (
            &["-k", "18446744073709551616"],
            bad("-k", "18446744073709551616", "too long"),
        ),
        (
            &["-k", "18446744073709552s"],
            bad("-k", "18446744073709552s", "too long"),
        ),
        (
            &["--grace", "5124096h"],
            bad("--grace", "5124096h", "too long"),
        ),
        (
            &["-d", "TERM:99999999999m"],
            bad("-d", "TERM:99999999999m", "too long"),
        ),
        (&["-e", "256"], bad("-e", "256", STATUS)),
        (&["-e", "-1"], bad("-e", "-1", STATUS)),
        (&["-e", ""], bad("-e", "\"\"", STATUS)),
        (&["-e", "1:"], bad("-e", "1:", STATUS)),
        (&["-e", "1:256"], bad("-e", "1:256", STATUS)),
        (&["-e", "1:2:3"], bad("-e", "1:2:3", STATUS)),
        (&["--exit-map=TERM"], bad("--exit-map", "TERM", STATUS)),
        (
            &["--termination-log", "log"],
            bad("--termination-log", "log", "not an absolute path"),
        ),
        (
            &["--termination-log", ""],
            bad("--termination-log", "\"\"", "not an absolute path"),
        ),
        (
            &["--log-format", "xml"],
            bad("--log-format", "xml", "not text or json"),
        ),
        (
            &["--log-format="],
            bad("--log-format", "\"\"", "not text or json"),
        ),
        (&["-x=1"], "unknown option -=".to_owned()),
        (&["--pause"], PAUSE.to_owned()),
        (&["--pause", "-v", "--log-format", "json"], PAUSE.to_owned()),
    ] {
        cases.push((arguments.to_vec(), line));
    }
    for (arguments, line) in cases {
        refused(&arguments, &["--", "echo", "started"], &line);
    }
    for option in [
        &["-c"][..],
        &["-x"],
        &["-k5s"],
        &["-dTERM:5s"],
        &["--grace=5s"],
        &["--linger=5s"],
        &["--pre-stop=./hook"],
        &["-r", "1:2"],
        &["-e1"],
        &["-t", "child"],
        &["-p", "TERM"],
        &["--termination-log=/x"],
    ] {
        refused(&[&["--pause"], option].concat(), &[], PAUSE);
        refused(&[option, &["--pause"]].concat(), &[], PAUSE);
    }
}

fn refused(options: &[&str], command: &[&str], line: &str) {
    assert_refused(native(Place::Child).args(options).args(command), line);
}

#[test]
fn each_form_of_a_duration_means_what_it_says() {
    for (written, milliseconds) in [
        ("0", 0),
        ("1", 1000),
        ("007", 7000),
        ("250ms", 250),
        ("2s", 2000),
        ("3m", 180_000),
        ("2h", 7_200_000),
        ("18446744073s", 18_446_744_073_000_u64),
    ] {
        let mut init = native_fixture(
            Place::Child,
            &["-v", "-d", &format!("USR1:{written}")],
            &["signals", "--until", "40"],
        )
        .start_ready();
        init.kill(libc::SIGUSR1);
        init.expect_stderr(&format!("holding SIGUSR1 back for {milliseconds} ms"));
        init.kill(40);
        init.wait().assert_code(0);
    }
}

#[test]
fn a_signal_that_was_inherited_as_ignored_does_not_arm_the_general_time() {
    require_namespaces!();
    let command = "kill -INT $PPID; sleep 1; exit 4";
    let script = "trap '' INT; exec \"$0\" \"$@\"";
    for (option, expected) in [("200ms", 4), ("INT:200ms", 137)] {
        for place in PLACES {
            initlab::Sandbox::new("/bin/sh")
                .args(["-c", script])
                .arg(crate::support::init())
                .args(["-k", option, "--", "sh", "-c", command])
                .place(place)
                .run()
                .assert_code(expected);
        }
    }
}
