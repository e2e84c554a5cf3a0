//! The fixtures do what their help text says.

use initlab::{Place, Sandbox, SignalSet, Stdio, fixture, require_namespaces, require_program};

use crate::{PLACES, run_fixture};

/// A fixture under one of Debian's inits, since it needs one that reaps.
fn under_tini(words: &[&str]) -> Sandbox {
    Sandbox::new("tini")
        .arg("--")
        .arg(fixture())
        .arg("fixture")
        .args(words)
}

/// A fixture that executes `fixture AFTER` at its end.
fn then(place: Place, words: &[&str], after: &[&str]) -> Sandbox {
    run_fixture(place, words)
        .arg("--")
        .arg(fixture())
        .arg("fixture")
        .args(after)
}

#[test]
fn signals_sees_all_sixty_four() {
    require_namespaces!();
    for place in PLACES {
        let mut running =
            run_fixture(place, &["signals", "--until", "TERM", "--exit", "9"]).start_ready();
        running.wait_all_blocked();
        let sent = SignalSet::all_but(&[libc::SIGKILL, libc::SIGSTOP, libc::SIGTERM]);
        for signal in sent.iter() {
            running.kill(signal);
            running.expect(&format!("signal {signal} "));
        }
        running.kill(libc::SIGTERM);
        running.wait().assert_code(9);
    }
}

#[test]
fn five_hundred_queued_signals_are_five_hundred() {
    let mut running = run_fixture(Place::Child, &["signals", "--until", "TERM"]).start_ready();
    for value in 0..500 {
        running.sigqueue(40, value);
    }
    running.expect("value=499");
    running.kill(libc::SIGTERM);
    let lines = running.wait().assert_code(0).stdout_lines();
    let values: Vec<_> = lines
        .iter()
        .filter(|l| l.starts_with("signal 40 "))
        .collect();
    assert_eq!(values.len(), 500);
    assert!(
        values
            .iter()
            .zip(0..)
            .all(|(l, n)| l.ends_with(&format!("value={n}")))
    );
}

#[test]
fn ignore_survives_what_it_ignores() {
    let mut running = run_fixture(Place::Child, &["ignore", "TERM,RTMIN+3,33"]).start_ready();
    assert_eq!(
        running.signal_set("SigIgn"),
        SignalSet::of(&[libc::SIGTERM, 37, 33])
    );
    for signal in [libc::SIGTERM, 37, 33] {
        running.kill(signal);
    }
    assert_eq!(running.try_status(), None);
    running.kill(libc::SIGINT);
    running.wait().assert_signal(libc::SIGINT);
}

#[test]
fn group_members_all_get_what_the_group_gets() {
    let mut running = run_fixture(Place::Child, &["group", "2"]).start();
    for _ in 0..3 {
        running.expect("ready");
    }
    assert!(
        running
            .children()
            .iter()
            .all(|p| p.stat().is_some_and(|s| s.pgid == running.pid()))
    );
    let group = nix::unistd::Pid::from_raw(running.pid());
    nix::sys::signal::killpg(group, nix::sys::signal::SIGTERM).unwrap();
    let text = running.wait().assert_code(0).stdout_text();
    for member in 0..3 {
        assert!(
            text.contains(&format!("member {member} signal 15 ")),
            "{text}"
        );
    }
}

#[test]
fn orphans_become_children_of_the_init() {
    require_namespaces!();
    require_program!("tini");
    let mut tini = under_tini(&["orphans", "3", "--exit-after-ms", "600000", "--session"]).start();
    tini.expect("ready orphans=3");
    tini.poll_until("the orphans are the init's", || tini.children().len() == 4);
    let leaders = tini
        .children()
        .into_iter()
        .filter(|p| p.stat().is_some_and(|s| s.sid == p.pid));
    assert_eq!(leaders.count(), 3, "{}", tini.tree());
    tini.kill(libc::SIGTERM);
    tini.wait().assert_code(0);
}

#[test]
fn a_storm_of_orphans_passes() {
    require_namespaces!();
    require_program!("tini");
    let mut tini = under_tini(&["orphan-storm", "1000"]).start();
    tini.expect("done orphans=1000");
    tini.poll_until("no zombies", || {
        tini.zombies() == 0 && tini.children().len() == 1
    });
    tini.kill(libc::SIGTERM);
    tini.wait().assert_code(0);
}

#[test]
fn stopped_children_stay_while_orphans_end() {
    require_namespaces!();
    require_program!("tini");
    let mut tini = under_tini(&["stopped-child", "--orphans", "50"]).start_ready();
    let stopped = || {
        tini.others()
            .iter()
            .filter(|p| p.state() == Some('T'))
            .count()
    };
    tini.poll_until("two are stopped, no zombies", || {
        stopped() == 2 && tini.zombies() == 0
    });
    tini.kill(libc::SIGTERM);
    tini.wait().assert_code(0);
}

#[test]
fn parent_reports_its_child_and_its_orphans() {
    require_namespaces!();
    let mut parent = then(Place::Pid1, &["parent"], &["orphans", "2", "--exit", "6"]).start();
    let ended = parent.wait().assert_code(0);
    let text = ended.stdout_text();
    assert!(
        text.contains("child pid=2\n") && text.contains("ended pid=2 code=6 signal=none\n"),
        "{ended}"
    );
    assert_eq!(text.matches("reaped pid=").count(), 2, "{ended}");

    let mut parent = then(Place::Pid1, &["parent"], &["sleep-forever"]).start();
    parent.expect("ready pid=2 ppid=1");
    parent.kill(libc::SIGUSR1);
    parent.wait().assert_code(0);
}

#[test]
fn programs_are_executed_in_the_state_that_was_asked_for() {
    require_namespaces!();
    for place in PLACES {
        let words = [
            "exec-with",
            "--block",
            "TERM,RTMAX",
            "--ignore",
            "HUP,33",
            "--pending",
            "USR1",
        ];
        let ended = then(place, &words, &["info"]).run().assert_code(0);
        let set = |signals: &[i32]| Some(format!("{:016x}", SignalSet::of(signals).bits()));
        assert_eq!(
            ended.value("SigBlk"),
            set(&[libc::SIGTERM, 64, libc::SIGUSR1])
        );
        assert_eq!(ended.value("SigIgn"), set(&[libc::SIGHUP, 33]));
        assert_eq!(ended.value("SigPnd"), set(&[libc::SIGUSR1]));

        let ended = then(place, &["close-fds", "0,2"], &["info"])
            .run()
            .assert_code(0);
        assert_eq!(ended.value("fds").as_deref(), Some("1"));

        let ended = then(place, &["new-session"], &["info"])
            .run()
            .assert_code(0);
        assert_eq!(ended.value("sid"), ended.value("pid"));

        let running = then(
            place,
            &["children-then-exec", "2", "--zombies", "1"],
            &["signals"],
        )
        .start_ready();
        running.poll_until("a zombie", || running.zombies() == 1);
        assert_eq!(running.children().len(), 3);
    }
}

#[test]
fn mistakes_are_told() {
    for words in [
        &["no-such-fixture"][..],
        &["exit"],
        &["exit", "x"],
        &["signals", "--coutn", "1"],
    ] {
        let ended = run_fixture(Place::Child, words).run().assert_code(2);
        assert!(
            ended.stderr_text().starts_with("initlab fixture: "),
            "{ended}"
        );
    }
    let help = run_fixture(Place::Child, &["help"])
        .stdin(Stdio::Closed)
        .run()
        .assert_code(0);
    assert_eq!(help.stdout_text(), initlab::fixture::HELP);
}
