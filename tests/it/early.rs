//! Signals that come before the command runs.
//!
//! No init can save a signal that comes before it has blocked all signals. So the tests block
//! signals before the init is executed, or send them once the kernel shows that the init has
//! blocked all; and the fixture waits for signals, since it inherits the mask, or has blocked all
//! of them by then.

use std::{
    hint,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use initlab::{Place, Sandbox, SignalSet, require_namespaces};

use crate::{
    report::signals,
    support::{PLACES, fixture_command, init, native, native_fixture},
};

/// Runs this many starts, half of them as PID 1, two at a time.
fn thousand(start: impl Fn(Place, usize) + Sync) {
    thread::scope(|scope| {
        for place in PLACES {
            let start = &start;
            scope.spawn(move || (0..500).for_each(|number| start(place, number)));
        }
    });
}

#[test]
fn no_term_that_is_pending_at_exec_is_lost() {
    require_namespaces!();
    thousand(|place, _| {
        native_fixture(place, &[], &["signals", "--count", "1", "--exit", "7"])
            .pending(&[libc::SIGTERM])
            .unmarked()
            .run()
            .assert_code(7);
    });
}

#[test]
fn all_signals_that_are_pending_at_exec_arrive() {
    require_namespaces!();
    // CONT and the stop signals remove each other. The init does not forward SIGPIPE and SIGXFSZ
    // from itself, which its own write to stderr may raise, and here it is the sender of all that
    // is pending.
    let others = [9, 19, 20, 21, 22, libc::SIGPIPE, libc::SIGXFSZ];
    let pending: Vec<_> = (1..=64).filter(|signal| !others.contains(signal)).collect();
    let expected: Vec<_> = pending
        .iter()
        .copied()
        .filter(|signal| *signal != libc::SIGCHLD)
        .collect();
    let modes: [&[&str]; 5] = [&[], &["-t", "child"], &["-c"], &["-vv"], &["-vvc"]];
    for place in PLACES {
        for options in modes {
            for _ in 0..10 {
                let ended = native_fixture(place, options, &["signals", "--until", "64"])
                    .pending(&pending)
                    .run()
                    .assert_code(0);
                let mut arrived = signals(&ended.stdout);
                arrived.sort_unstable();
                assert_eq!(arrived, expected, "{ended}");
            }
        }
    }
}

#[test]
fn sigpipe_and_sigxfsz_are_forwarded_where_another_process_has_sent_them() {
    require_namespaces!();
    for place in PLACES {
        for (name, signal) in [("PIPE", libc::SIGPIPE), ("XFSZ", libc::SIGXFSZ)] {
            // The sender is the shell's child.
            let script = format!("(kill -s {name} $$); exec \"$0\" -- \"$@\"");
            let ended = Sandbox::new("sh")
                .place(place)
                .args(["-c", &script])
                .arg(init())
                .args(fixture_command(&["signals", "--count", "1"]))
                .blocked(SignalSet::ALL)
                .run()
                .assert_code(0);
            assert_eq!(signals(&ended.stdout), [signal], "{ended}");
        }
    }
}

#[test]
fn a_stop_that_is_pending_at_exec_stops_the_command() {
    require_namespaces!();
    for place in PLACES {
        for signal in [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
            let fixture = ["signals", "--until", "TERM"];
            let mut init = native_fixture(place, &[], &fixture)
                .pending(&[signal])
                .blocked(SignalSet::ALL)
                .start();
            init.poll_until("the command is stopped", || {
                init.children()
                    .iter()
                    .any(|child| child.state() == Some('T'))
            });
            if place == Place::Child {
                init.poll_until("the init is stopped", || {
                    init.process().state() == Some('T')
                });
            }
            init.kill(libc::SIGCONT);
            init.expect("signal 18 ");
            init.kill(libc::SIGTERM);
            let ended = init.wait().assert_code(0);
            assert_eq!(signals(&ended.stdout), [18, 15], "{ended}");
        }
    }
}

/// How many of a thousand signals, sent at random moments, arrived.
#[derive(Default)]
struct Arrivals {
    /// The signal was sent before the command was ready.
    early: AtomicUsize,
    /// The signal killed it before it could block signals.
    killed: AtomicUsize,
}

impl Arrivals {
    fn counts(self) -> [usize; 2] {
        [self.early, self.killed].map(AtomicUsize::into_inner)
    }
}

/// Sends each start a signal, some microseconds after the init has blocked all.
fn send_at_random(blocked: SignalSet, choice: &[i32]) -> Arrivals {
    let full = SignalSet::all_but(&[libc::SIGKILL, libc::SIGSTOP]);
    let fixture = initlab::fixture();
    let (directory, name) = (fixture.parent().unwrap(), fixture.file_name().unwrap());
    let directory = directory.to_str().expect("a path in UTF-8").to_owned();
    // The command is in the last of many directories, so that the time from clone to exec is long
    // enough to be hit.
    let long_path = "/nowhere:".repeat(400) + &directory;
    let arrivals = Arrivals::default();
    thousand(|place, number| {
        let signal = choice[number % choice.len()];
        let mut init = native(place)
            .arg("--")
            .arg(name)
            .args(["fixture", "signals", "--count", "1", "--exit", "7"])
            .env(
                "PATH",
                if number % 2 == 0 {
                    &long_path
                } else {
                    &directory
                },
            )
            .blocked(blocked)
            .unmarked()
            .start();
        let process = init.process();
        let until = Instant::now() + initlab::timeout();
        // While the init waits for signals, the kernel shows them as not blocked (do_sigtimedwait).
        // It waits as soon as the command is there.
        while process.signal_set("SigBlk") != Some(full) && process.children().is_empty() {
            assert!(Instant::now() < until, "{}", init.failure("never blocked"));
        }
        // A busy wait: a sleep would be longer than the window that the signal has to hit.
        let pause = Duration::from_micros((number as u64).wrapping_mul(7919) % 2500);
        let from = Instant::now();
        while from.elapsed() < pause {
            hint::spin_loop();
        }
        init.kill(signal);
        let early = init.stdout_so_far().is_empty();
        arrivals
            .early
            .fetch_add(usize::from(early), Ordering::Relaxed);
        let ended = init.wait();
        if ended.status.code() == Some(128 + signal) {
            arrivals.killed.fetch_add(1, Ordering::Relaxed);
        } else {
            let ended = ended.assert_code(7);
            assert_eq!(signals(&ended.stdout), [signal], "{ended}");
        }
    });
    arrivals
}

#[test]
fn nothing_is_lost_that_comes_when_all_signals_are_blocked() {
    require_namespaces!();
    let choice: Vec<i32> = (1..=64)
        .filter(|signal| ![9, 17, 19, 20, 21, 22].contains(signal))
        .collect();
    let arrivals = send_at_random(SignalSet::ALL, &choice);
    let [early, killed] = arrivals.counts();
    assert_eq!(
        killed, 0,
        "the command has all signals blocked from its start"
    );
    assert!(early >= 50, "only {early} were early");
}

#[test]
fn no_term_is_lost_that_comes_when_the_init_has_blocked_it() {
    require_namespaces!();
    // The command's mask is empty: a signal that comes before the command has set its own mask
    // kills it, which is not a loss.
    let arrivals = send_at_random(SignalSet::EMPTY, &[libc::SIGTERM]);
    let [early, killed] = arrivals.counts();
    assert!(early >= 50 && killed >= 1, "{early} early, {killed} killed");
}
