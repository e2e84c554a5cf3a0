//! Signals, sent to the init, seen at the command.

use std::{collections::BTreeMap, time::Duration};

use initlab::{Place, Process, Running, require_namespaces};

use crate::{
    report::{signals, taken},
    support::{PLACES, members, native_fixture},
};

/// The terminal's stop signals. In a session of its own the command gets SIGSTOP instead.
const STOPS: [i32; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// The highest signal. A process takes it last of all pending ones, so that everything sent before
/// it has arrived.
const LAST: i32 = 64;

/// Every signal that the init forwards unchanged, [`LAST`] at the end.
fn forwarded() -> impl Iterator<Item = i32> {
    let others = [libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD];
    (1..=LAST).filter(move |signal| !others.contains(signal) && !STOPS.contains(signal))
}

/// The init's pid as the command sees it.
fn inner_pid(init: &Running) -> i32 {
    init.process().inner_pid().expect("the init is there")
}

fn is_stopped(process: Process) -> bool {
    process.state() == Some('T')
}

#[test]
fn every_signal_arrives_once_at_everyone_it_is_for() {
    require_namespaces!();
    let modes: [(&[&str], bool); 9] = [
        (&[], true),
        (&["-t", "group"], true),
        (&["-vv"], true),
        (&["-t", "all"], true),
        (&["-c", "-t", "all"], true),
        (&["-t", "child"], false),
        (&["-c"], false),
        (&["-c", "-t", "child"], false),
        (&["-vvc"], false),
    ];
    for place in PLACES {
        for (options, whole_group) in modes {
            // Where it is not PID 1, the init has to look for all its descendants each time.
            if place == Place::Child && options.contains(&"all") {
                continue;
            }
            let fixture = ["group", "2", "--until", "64"];
            let mut init = native_fixture(place, options, &fixture).start();
            let members = members(&mut init, 3);
            let sender = inner_pid(&init);
            for signal in forwarded() {
                init.kill(signal);
            }
            if !whole_group {
                init.expect("member 0 signal 64 ");
                for member in &members[1..] {
                    initlab::sys::kill(member.pid, LAST).unwrap();
                }
            }
            let ended = init.wait().assert_code(0);
            let all = taken(&ended.stdout);
            for member in 0..3 {
                let mut from_init: Vec<_> = all
                    .iter()
                    .filter(|taken| taken.member == member && taken.pid == sender)
                    .map(|taken| taken.signal)
                    .collect();
                from_init.sort_unstable();
                let expected: Vec<_> = forwarded().filter(|_| whole_group || member == 0).collect();
                assert_eq!(from_init, expected, "member {member}: {ended}");
            }
            // Nobody else sent anything, except for the last signal that the test sent directly.
            let others = all.iter().filter(|taken| taken.pid != sender);
            assert_eq!(others.count(), if whole_group { 0 } else { 2 }, "{ended}");
        }
    }
}

#[test]
fn the_terminals_stops_stop_the_session_until_cont() {
    require_namespaces!();
    let modes: [(&[&str], usize); 3] = [(&[], 2), (&["-vv"], 2), (&["-t", "child"], 1)];
    for place in PLACES {
        for (options, reached) in modes {
            let fixture = ["group", "1", "--until", "64"];
            let mut init = native_fixture(place, options, &fixture).start();
            let members = members(&mut init, 2);
            for signal in STOPS {
                init.kill(signal);
                init.poll_until("all that it reaches are stopped", || {
                    members[..reached].iter().all(|member| is_stopped(*member))
                });
                // The parent of the init waits for the init, not for the command, so the init
                // stops, too. PID 1 cannot.
                match place {
                    Place::Child => {
                        init.poll_until("the init is stopped", || is_stopped(init.process()))
                    }
                    Place::Pid1 => assert!(!is_stopped(init.process()), "{}", init.tree()),
                }
                assert!(
                    members[reached..].iter().all(|member| !is_stopped(*member)),
                    "{}",
                    init.tree()
                );
                init.kill(libc::SIGCONT);
                init.expect("member 0 signal 18 ");
                init.poll_until("nobody is stopped", || {
                    !members.iter().any(|member| is_stopped(*member)) && !is_stopped(init.process())
                });
            }
            init.kill(LAST);
            init.expect("member 0 signal 64 ");
            let mut expected = vec![libc::SIGCONT; 3];
            expected.push(LAST);
            let all = taken(init.stdout_so_far());
            let first = all.iter().filter(|taken| taken.member == 0);
            assert_eq!(
                first.map(|taken| taken.signal).collect::<Vec<_>>(),
                expected,
                "{}",
                init.failure("not a CONT after each stop")
            );
        }
    }
}

#[test]
fn without_a_session_the_terminals_stops_arrive_as_they_are() {
    require_namespaces!();
    for place in PLACES {
        let mut init = native_fixture(place, &["-c"], &["signals", "--until", "64"]).start_ready();
        for signal in STOPS {
            init.kill(signal);
            init.expect(&format!("signal {signal} "));
            if place == Place::Child {
                init.poll_until("the init is stopped", || is_stopped(init.process()));
            }
            init.kill(libc::SIGCONT);
            init.expect("signal 18 ");
        }
        init.kill(LAST);
        let ended = init.wait().assert_code(0);
        assert_eq!(
            signals(&ended.stdout),
            [20, 18, 21, 18, 22, 18, 64],
            "{ended}"
        );
    }
}

/// How often each signal is there.
fn counted(signals: impl IntoIterator<Item = i32>) -> BTreeMap<i32, usize> {
    let mut counts = BTreeMap::new();
    for signal in signals {
        *counts.entry(signal).or_default() += 1;
    }
    counts
}

#[test]
fn queued_real_time_signals_arrive_as_many() {
    require_namespaces!();
    let mut queued = vec![40; 500];
    queued.push(LAST);
    for place in PLACES {
        // Signals that are pending since before the exec.
        let ended = native_fixture(place, &[], &["signals", "--until", "64"])
            .pending(&queued)
            .run()
            .assert_code(0);
        let counts = [counted(signals(&ended.stdout)), counted(queued.clone())];
        assert_eq!(counts[0], counts[1], "{ended}");

        // Signals that come while the init is stopped, and go to the whole group.
        let mut init = native_fixture(place, &[], &["group", "2", "--until", "64"]).start();
        members(&mut init, 3);
        init.kill(libc::SIGSTOP);
        init.poll_until("the init is stopped", || is_stopped(init.process()));
        for number in 0..500 {
            init.sigqueue(34 + number % 30, number);
        }
        init.sigqueue(LAST, 0);
        init.kill(libc::SIGCONT);
        let ended = init.wait().assert_code(0);
        let sent = (0..500).map(|number| 34 + number % 30);
        let expected = counted(sent.chain([libc::SIGCONT, LAST]));
        for member in 0..3 {
            let all = taken(&ended.stdout);
            let of_member = all.iter().filter(|taken| taken.member == member);
            let counted = counted(of_member.map(|taken| taken.signal));
            assert_eq!(counted, expected, "member {member}: {ended}");
        }
    }
}

#[test]
fn a_sigchld_that_somebody_sends_is_not_forwarded() {
    require_namespaces!();
    let modes: [&[&str]; 4] = [&[], &["-c"], &["-t", "child"], &["-vv"]];
    for place in PLACES {
        for options in modes {
            let fixture = ["signals", "--until", "64"];
            let mut init = native_fixture(place, options, &fixture)
                .pending(&[libc::SIGCHLD])
                .start_ready();
            for value in 0..20 {
                init.kill(libc::SIGCHLD);
                init.sigqueue(libc::SIGCHLD, value);
            }
            init.kill(LAST);
            let ended = init.wait().assert_code(0);
            assert_eq!(signals(&ended.stdout), [LAST], "{ended}");
        }
    }
}

/// Sends these signals, each when the one before has arrived, and checks what the command gets.
#[track_caller]
fn rewritten(place: Place, options: &[&str], pairs: &[(i32, Option<i32>)]) {
    let mut init = native_fixture(place, options, &["signals", "--until", "64"]).start_ready();
    let mut expected = Vec::new();
    for (sent, arrives) in pairs {
        init.kill(*sent);
        if let Some(signal) = arrives {
            init.expect(&format!("signal {signal} "));
            expected.push(*signal);
        }
    }
    init.kill(LAST);
    expected.push(LAST);
    let ended = init.wait().assert_code(0);
    assert_eq!(signals(&ended.stdout), expected, "{ended}");
}

#[test]
fn signals_are_rewritten_as_told() {
    require_namespaces!();
    const TERM: i32 = libc::SIGTERM;
    const INT: i32 = libc::SIGINT;
    const QUIT: i32 = libc::SIGQUIT;
    type Case = (&'static [&'static str], &'static [(i32, Option<i32>)]);
    let cases: [Case; 17] = [
        // By name, with and without the prefix, in lower case, by number.
        (&["-r", "TERM:INT"], &[(TERM, Some(INT)), (INT, Some(INT))]),
        (&["-r", "SIGTERM:SIGINT"], &[(TERM, Some(INT))]),
        (&["-r", "term:int"], &[(TERM, Some(INT))]),
        (&["-r", "SigTerm:sigint"], &[(TERM, Some(INT))]),
        (&["-r", "15:2"], &[(TERM, Some(INT))]),
        (&["-r", "TERM:2"], &[(TERM, Some(INT))]),
        // Real-time ones, from and to.
        (&["-r", "TERM:RTMIN+3"], &[(TERM, Some(37))]),
        (&["-r", "RTMIN:TERM"], &[(34, Some(TERM)), (35, Some(35))]),
        (
            &["-r", "rtmin+1:SIGRTMAX-1", "-r", "32:33"],
            &[(35, Some(63)), (32, Some(33)), (33, Some(33))],
        ),
        (&["-r", "50:QUIT"], &[(50, Some(QUIT))]),
        // Dropped.
        (&["-r", "TERM:0"], &[(TERM, None), (INT, Some(INT))]),
        (&["-r", "15:0", "-r", "40:0"], &[(TERM, None), (40, None)]),
        // Once, never in a chain.
        (
            &["-r", "TERM:INT", "-r", "INT:TERM"],
            &[(TERM, Some(INT)), (INT, Some(TERM))],
        ),
        (
            &["-r", "TERM:INT", "-r", "INT:QUIT", "-r", "QUIT:0"],
            &[(TERM, Some(INT)), (INT, Some(QUIT)), (QUIT, None)],
        ),
        // The last rule wins.
        (&["-r", "TERM:INT", "-r", "15:QUIT"], &[(TERM, Some(QUIT))]),
        (&["-r", "TERM:0", "-r", "TERM:TERM"], &[(TERM, Some(TERM))]),
        (&["-r", "TERM:TERM", "-r", "TERM:0"], &[(TERM, None)]),
    ];
    for place in PLACES {
        for (options, pairs) in cases {
            rewritten(place, options, pairs);
            rewritten(place, &[&["-c"], options].concat(), pairs);
        }
    }
}

#[test]
fn every_signal_can_be_rewritten_to_every_other() {
    require_namespaces!();
    let from: Vec<i32> = (1..LAST)
        .filter(|signal| ![libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD].contains(signal))
        .collect();
    for place in PLACES {
        for distance in [1, 17, 45] {
            let pairs: Vec<_> = from
                .iter()
                .zip(from.iter().cycle().skip(distance))
                .map(|(from, to)| (*from, Some(*to)))
                .collect();
            let rules: Vec<_> = pairs
                .iter()
                .flat_map(|(from, to)| ["-r".to_owned(), format!("{from}:{}", to.unwrap())])
                .collect();
            let options: Vec<_> = rules.iter().map(String::as_str).collect();
            rewritten(place, &options, &pairs);
        }
    }
}

#[test]
fn a_signal_can_be_rewritten_to_what_cannot_be_caught() {
    require_namespaces!();
    for place in PLACES {
        let mut init = native_fixture(place, &["-r", "TERM:KILL"], &["signals"]).start_ready();
        init.kill(libc::SIGTERM);
        init.wait().assert_code(137);

        let options = ["-r", "USR1:STOP", "-r", "USR2:CONT"];
        let mut init =
            native_fixture(place, &options, &["signals", "--until", "TERM"]).start_ready();
        let command = init.wait_child();
        init.kill(libc::SIGUSR1);
        init.poll_until("the command is stopped", || is_stopped(command));
        init.kill(libc::SIGUSR2);
        init.expect("signal 18 ");
        init.kill(libc::SIGTERM);
        init.wait().assert_code(0);
    }
}

#[test]
fn a_stop_that_is_rewritten_ends_the_command_without_stopping_the_init() {
    require_namespaces!();
    for place in PLACES {
        for signal in STOPS {
            let rule = format!("{signal}:TERM");
            let mut init = native_fixture(place, &["-r", &rule], &["sleep-forever"])
                .timeout(Duration::from_secs(10))
                .start_ready();
            init.kill(signal);
            init.wait().assert_code(143);
        }
    }
}
