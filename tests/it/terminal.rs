//! The controlling terminal: whose it is, and which of its signals reach the command, how often.

use std::{fs::File, os::fd::OwnedFd};

use initlab::{Place, Pty, Running, Sandbox, Stdio, fixture, pipe, require_namespaces};

use crate::{
    report::{number, signals},
    support::{PLACES, fixture_command, init, native_fixture},
};

/// A signal with a higher number than those that a terminal sends, so that the command reports it
/// last of all that are pending.
const LAST: i32 = 40;

/// The init alone on this terminal. The test reads its output and the command's.
fn on(pty: &Pty, place: Place, options: &[&str]) -> Sandbox {
    native_fixture(place, options, &["echo-tty", "--until", "40"])
        .terminal(pty)
        .stdout(Stdio::Piped)
        .stderr(Stdio::Piped)
}

/// Ends the command, and returns all signals that it had got before.
#[track_caller]
fn signals_until_the_end(init: &mut Running) -> Vec<i32> {
    init.kill(LAST);
    let ended = init.wait().assert_code(0);
    let mut signals = signals(&ended.stdout);
    assert_eq!(signals.pop(), Some(LAST), "{ended}");
    signals
}

/// The number behind `key=`.
#[track_caller]
fn value(line: &str, key: &str) -> i32 {
    number(line, key).unwrap_or_else(|| panic!("no {key} in {line:?}"))
}

/// A way to make the terminal send a signal.
type Key = (i32, fn(&Pty));

const KEYS: [Key; 4] = [
    (libc::SIGINT, |pty| pty.send_ctrl('c')),
    (libc::SIGQUIT, |pty| pty.send_ctrl('\\')),
    (libc::SIGWINCH, |pty| pty.set_window_size(50, 132)),
    (libc::SIGTSTP, |pty| pty.send_ctrl('z')),
];

#[test]
fn the_command_gets_the_terminal_and_no_signal_with_it() {
    require_namespaces!();
    for place in PLACES {
        for _ in 0..200 {
            let pty = Pty::open();
            let mut init = on(&pty, place, &[]).start();
            let ready = init.expect("ready");
            let pid = value(&ready, "pid");
            let mine = ["pgid", "sid", "tpgid"].map(|key| value(&ready, key));
            assert_eq!(mine, [pid; 3], "{ready}");
            assert_eq!(init.stat().tty, 0, "the init kept the terminal");
            assert_eq!(signals_until_the_end(&mut init), [0i32; 0]);
            assert_eq!(init.stderr_so_far(), b"");
        }
    }
}

#[test]
fn with_c_the_terminal_stays_with_the_init_and_the_command_is_in_its_foreground() {
    require_namespaces!();
    for place in PLACES {
        let pty = Pty::open();
        let mut init = on(&pty, place, &["-c"]).start();
        let ready = init.expect("ready");
        let leader = value(&ready, "ppid");
        let shared = ["pgid", "sid", "tpgid"].map(|key| value(&ready, key));
        assert_eq!(shared, [leader; 3], "{ready}");
        assert_eq!(pty.foreground_group(), Some(init.pid()));
        assert_eq!(signals_until_the_end(&mut init), [0i32; 0]);
    }
}

#[test]
fn a_hup_and_a_cont_that_were_pending_before_arrive_once() {
    require_namespaces!();
    for place in PLACES {
        for sent in [
            &[libc::SIGHUP][..],
            &[libc::SIGCONT],
            &[libc::SIGHUP, libc::SIGCONT],
        ] {
            let pty = Pty::open();
            let (gate, go) = pipe().unwrap();
            // The shell waits with the init until the signals are pending; both have them blocked.
            let mut init = Sandbox::new("sh")
                .place(place)
                .args(["-c", "read line <&3; exec \"$0\" \"$@\""])
                .arg(init())
                .arg("--")
                .args(fixture_command(&["echo-tty", "--until", "40"]))
                .blocked([libc::SIGHUP, libc::SIGCONT])
                .fd(3, gate)
                .terminal(&pty)
                .stdout(Stdio::Piped)
                .stderr(Stdio::Piped)
                .start();
            for signal in sent {
                init.kill(*signal);
            }
            std::io::Write::write_all(&mut File::from(go), b"\n").unwrap();
            init.expect("ready");
            assert_eq!(signals_until_the_end(&mut init), sent);
        }
    }
}

#[test]
fn what_is_typed_arrives_once_with_c_and_without() {
    require_namespaces!();
    for place in PLACES {
        for options in [&[][..], &["-t", "child"], &["-c"]] {
            let pty = Pty::open();
            let mut init = on(&pty, place, options).start_ready();
            for (signal, press) in KEYS {
                press(&pty);
                let line = init.expect(&format!("signal {signal} "));
                assert!(line.contains("pid=0 uid=0 code=128 "), "{line}");
                if signal == libc::SIGWINCH {
                    assert!(line.ends_with(" rows=50 columns=132"), "{line}");
                }
            }
            // There is no shell with job control that would continue the init, so it does not stop.
            let expected: Vec<i32> = KEYS.iter().map(|(signal, _)| *signal).collect();
            assert_eq!(signals_until_the_end(&mut init), expected, "{options:?}");
        }
    }
}

#[test]
fn with_c_what_others_send_is_forwarded_though_a_terminal_sends_the_same() {
    require_namespaces!();
    for place in PLACES {
        let pty = Pty::open();
        let mut init = on(&pty, place, &["-c"]).start();
        let ready = init.expect("ready");
        for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGWINCH] {
            init.kill(signal);
            let line = init.expect(&format!("signal {signal} "));
            assert_eq!(value(&line, "pid"), value(&ready, "ppid"), "{line}");
        }
        assert_eq!(signals_until_the_end(&mut init).len(), 3);
    }
}

#[test]
fn a_hang_up_arrives_once() {
    require_namespaces!();
    for place in PLACES {
        for options in [&[][..], &["-c"]] {
            for is_stdin in [true, false] {
                let mut pty = Pty::open();
                let mut sandbox = on(&pty, place, options);
                if !is_stdin {
                    sandbox = sandbox.stdin(Stdio::Null);
                }
                let mut init = sandbox.start_ready();
                pty.hang_up();
                init.expect("signal 1 ");
                init.expect("signal 18 ");
                let signals = signals_until_the_end(&mut init);
                assert_eq!(
                    signals,
                    [libc::SIGHUP, libc::SIGCONT],
                    "{options:?} {is_stdin}"
                );
            }
        }
    }
}

#[test]
fn where_standard_input_is_not_the_terminal_it_stays_with_the_init_which_forwards_its_signals() {
    require_namespaces!();
    for place in PLACES {
        let pty = Pty::open();
        let mut init = on(&pty, place, &[]).stdin(Stdio::Null).start();
        let ready = init.expect("ready");
        assert_eq!(pty.foreground_group(), Some(init.pid()));
        assert_eq!(init.wait_child().stat().unwrap().tty, 0);
        for (letter, signal) in [('c', libc::SIGINT), ('\\', libc::SIGQUIT)] {
            pty.send_ctrl(letter);
            let line = init.expect(&format!("signal {signal} "));
            assert_eq!(value(&line, "pid"), value(&ready, "ppid"), "{line}");
        }
        let signals = signals_until_the_end(&mut init);
        assert_eq!(signals, [libc::SIGINT, libc::SIGQUIT]);
        assert_eq!(init.stderr_so_far(), b"");
    }
}

#[test]
fn a_terminal_of_another_session_is_not_taken_from_it() {
    require_namespaces!();
    for place in PLACES {
        for options in [&["-vv"][..], &["-vv", "-c"]] {
            let pty = Pty::open();
            let mut owner = Sandbox::plain(fixture())
                .args(["fixture", "echo-tty", "--until", "40"])
                .terminal(&pty)
                .stdout(Stdio::Piped)
                .start_ready();
            let mut init = native_fixture(place, options, &["echo-tty", "--until", "40"])
                .stdin(pty.open_slave().unwrap())
                .start_ready();
            assert_eq!(init.wait_child().stat().unwrap().tty, 0);
            assert_eq!(pty.foreground_group(), Some(owner.pid()));
            assert_eq!(signals_until_the_end(&mut init), [0i32; 0]);
            assert_says_nothing_of_a_terminal(&init);
            assert_ne!(owner.stat().tty, 0);
            assert_eq!(signals_until_the_end(&mut owner), [0i32; 0]);
        }
    }
}

#[test]
fn a_terminal_that_is_free_becomes_the_commands() {
    require_namespaces!();
    for place in PLACES {
        let pty = Pty::open();
        let mut init = native_fixture(place, &["-vv"], &["echo-tty", "--until", "40"])
            .stdin(pty.open_slave().unwrap())
            .start();
        let ready = init.expect("ready");
        assert_eq!(value(&ready, "tpgid"), value(&ready, "pid"), "{ready}");
        pty.send_ctrl('c');
        init.expect("signal 2 ");
        assert_eq!(signals_until_the_end(&mut init), [libc::SIGINT]);
        assert_says_nothing_of_a_terminal(&init);
    }
}

#[test]
fn without_a_terminal_the_init_does_not_mention_one() {
    require_namespaces!();
    for place in PLACES {
        for options in [&["-vv"][..], &["-vv", "-c"]] {
            let mut hung_up = Pty::open();
            let slave = hung_up.open_slave().unwrap();
            hung_up.hang_up();
            for stdin in [
                Stdio::Null,
                Stdio::Closed,
                Stdio::Piped,
                OwnedFd::from(File::open("/dev/zero").unwrap()).into(),
                OwnedFd::from(File::open("/").unwrap()).into(),
                slave.into(),
            ] {
                let what = format!("{options:?} {stdin:?}");
                let mut init = native_fixture(place, options, &["echo-tty", "--until", "40"])
                    .stdin(stdin)
                    .start_ready();
                assert_eq!(signals_until_the_end(&mut init), [0i32; 0], "{what}");
                assert_says_nothing_of_a_terminal(&init);
            }
        }
    }
}

/// `-vv` logs what happens, and nothing about terminals that do not matter.
#[track_caller]
fn assert_says_nothing_of_a_terminal(init: &Running) {
    let stderr = String::from_utf8(init.stderr_so_far()).unwrap();
    let known = ["started ", "received SIG", "sent SIG", "the command "];
    for line in stderr.lines() {
        let message = line.strip_prefix("[tidy-init] ");
        let is_known = |message: &str| known.iter().any(|start| message.starts_with(start));
        assert!(message.is_some_and(is_known), "{stderr}");
    }
}
