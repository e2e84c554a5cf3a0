//! The sandbox itself.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf, time::Duration};

use initlab::{
    Ended, Leader, Place, Process, Sandbox, SignalSet, Stdio, Strace, TempDir, fixture, poll_until,
    require_namespaces, require_program, require_root,
};

use crate::{PLACES, run_fixture};

fn info(place: Place) -> Sandbox {
    run_fixture(place, &["info"])
}

fn number(ended: &Ended, key: &str) -> i32 {
    ended
        .value(key)
        .and_then(|v| v.parse().ok())
        .unwrap_or_else(|| panic!("no number {key}: {ended}"))
}

#[test]
fn exit_codes_and_streams_come_back() {
    require_namespaces!();
    for place in PLACES {
        let script = "echo out; echo err >&2; exit 7";
        Sandbox::new("sh")
            .place(place)
            .args(["-c", script])
            .run()
            .assert_code(7)
            .assert_stdout("out\n")
            .assert_stderr("err\n");
    }
}

#[test]
fn every_deadly_signal_is_seen() {
    let not_deadly = [libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH];
    let stops = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    for signal in (1..=64).filter(|s| !not_deadly.contains(s) && !stops.contains(s)) {
        let ended = run_fixture(Place::Child, &["die", &signal.to_string()])
            .run()
            .assert_signal(signal);
        assert_eq!(ended.status.shell(), 128 + signal);
    }
}

#[test]
fn the_program_is_pid_1_of_its_own_proc_and_a_child_of_ours() {
    require_namespaces!();
    let mut running = run_fixture(Place::Pid1, &["signals", "--until", "TERM"]).start();
    running.expect("ready pid=1 ppid=0 pgid=1 sid=1");
    let stat = running.stat();
    assert_eq!(stat.ppid, std::process::id().cast_signed());
    assert_eq!(running.process().inner_pid(), Some(1));
    assert_eq!(running.inside(1), running.process());
    running.kill(libc::SIGTERM);
    running.expect("signal 15 pid=0");
    running.wait().assert_code(0);
    let ended = Sandbox::new("sh")
        .args(["-c", "echo /proc/[0-9]*"])
        .run()
        .assert_code(0);
    assert_eq!(ended.stdout_text(), "/proc/1\n");
}

#[test]
fn the_surroundings_are_exactly_what_was_asked_for() {
    require_namespaces!();
    for place in PLACES {
        let ended = info(place).run().assert_code(0);
        for set in ["SigBlk", "SigIgn", "SigCgt", "SigPnd"] {
            assert_eq!(
                ended.value(set).as_deref(),
                Some("0000000000000000"),
                "{set}: {ended}"
            );
        }
        assert_eq!(ended.value("fds").as_deref(), Some("0,1,2"), "{ended}");
        assert_eq!(number(&ended, "pid"), number(&ended, "sid"));
        assert_eq!(number(&ended, "pdeathsig"), libc::SIGKILL);
        let ignored = SignalSet::of(&[libc::SIGCHLD, libc::SIGPIPE, 32, 33, 64]);
        let ended = info(place).blocked(SignalSet::ALL).ignored(ignored).run();
        assert_eq!(
            ended.value("SigBlk"),
            Some(format!("{:016x}", SignalSet::all_but(&[9, 19]).bits())),
            "{ended}"
        );
        assert_eq!(
            ended.value("SigIgn"),
            Some(format!("{:016x}", ignored.bits())),
            "{ended}"
        );
        let ended = info(place).pending(&[libc::SIGTERM, 34, 34]).run();
        assert_eq!(
            ended.value("SigPnd").as_deref(),
            Some("0000000200004000"),
            "{ended}"
        );
        assert_eq!(
            ended.value("SigBlk").as_deref(),
            Some("0000000200004000"),
            "{ended}"
        );
    }
}

#[test]
fn pending_real_time_signals_are_counted() {
    require_namespaces!();
    for place in PLACES {
        let mut signals = vec![40; 20];
        signals.push(libc::SIGTERM);
        let ended = run_fixture(place, &["signals", "--count", "21"])
            .pending(&signals)
            .run()
            .assert_code(0);
        assert_eq!(
            ended.stdout_text().matches("signal 40 ").count(),
            20,
            "{ended}"
        );
        assert_eq!(
            ended.stdout_text().matches("signal 15 ").count(),
            1,
            "{ended}"
        );
    }
}

#[test]
fn queued_values_arrive() {
    let mut running = run_fixture(Place::Child, &["signals", "--until", "40"]).start_ready();
    running.sigqueue(40, -5);
    let line = running.expect("signal 40");
    assert!(
        line.contains("code=-1") && line.ends_with("value=-5"),
        "{line}"
    );
    assert!(
        line.contains(&format!("pid={} ", std::process::id())),
        "{line}"
    );
    running.wait().assert_code(0);
}

#[test]
fn descriptors_are_the_given_ones() {
    require_namespaces!();
    for place in PLACES {
        let (_read, write) = initlab::pipe().unwrap();
        let ended = info(place).stdin(Stdio::Closed).fd(9, write).run();
        assert_eq!(ended.value("fds").as_deref(), Some("1,2,9"), "{ended}");
        let ended = info(place).stderr(Stdio::Closed).stdin(Stdio::Piped).run();
        assert_eq!(ended.value("fds").as_deref(), Some("0,1"), "{ended}");
    }
    let mut cat = Sandbox::plain("cat").stdin(Stdio::Piped).start();
    cat.write_stdin("one\n");
    cat.expect("one");
    cat.close_stdin();
    cat.wait().assert_code(0);
}

#[test]
fn arguments_and_environment_are_any_bytes() {
    require_namespaces!();
    let odd = OsString::from_vec(b"\xff=\n\xfe".to_vec());
    for place in PLACES {
        let ended = info(place)
            .arg(&odd)
            .arg0("")
            .env_clear()
            .unmarked()
            .env_raw(&odd)
            .env_raw("no-equals")
            .run();
        let text = ended.stdout_text();
        assert!(
            text.contains("\narg=\n") && text.contains("\narg=\\xff=\\n\\xfe\n"),
            "{ended}"
        );
        assert_eq!(ended.value("env_count").as_deref(), Some("2"), "{ended}");
        assert!(
            text.contains("\nenv=\\xff=\\n\\xfe\nenv=no-equals\n"),
            "{ended}"
        );

        let many: Vec<_> = (0..10_000).map(|n| n.to_string()).collect();
        let big = (0..16).map(|n| (format!("V{n}"), "x".repeat(64 * 1024)));
        let mut sandbox = run_fixture(place, &["info", "--brief"]).args(&many);
        for (key, value) in big {
            sandbox = sandbox.env(key, value);
        }
        let ended = sandbox.run().assert_code(0);
        assert_eq!(ended.value("arg_count").as_deref(), Some("10004"));
    }
}

#[test]
fn the_directory_can_be_given_and_be_deleted() {
    require_namespaces!();
    let directory = TempDir::new();
    for place in PLACES {
        let ended = info(place).current_dir(directory.path()).run();
        assert_eq!(
            ended.value("cwd").map(PathBuf::from).as_deref(),
            Some(directory.path())
        );
        let ended = info(place).deleted_cwd().run().assert_code(0);
        assert!(
            ended
                .value("cwd")
                .is_some_and(|cwd| cwd.contains("No such file")),
            "{ended}"
        );
    }
}

#[test]
fn limits_and_failing_calls_hold() {
    require_namespaces!();
    for place in PLACES {
        let ended = info(place).limit(libc::RLIMIT_NOFILE, 17).run();
        assert_eq!(
            ended.value("limit_nofile").as_deref(),
            Some("17:17"),
            "{ended}"
        );
        let ended = info(place)
            .failing_call(libc::SYS_getcwd, libc::ENOSYS)
            .run();
        assert!(
            ended
                .value("cwd")
                .is_some_and(|cwd| cwd.contains("not implemented")),
            "{ended}"
        );
        let ended = info(place).no_new_privileges().run();
        assert_eq!(number(&ended, "no_new_privs"), 1);
    }
}

#[test]
fn proc_can_be_empty_and_directories_fresh() {
    require_namespaces!();
    let directory = TempDir::new();
    std::fs::write(directory.join("file"), "").unwrap();
    for place in PLACES {
        let list = format!("ls -A /proc {}", directory.path().display());
        let ended = Sandbox::new("sh")
            .place(place)
            .args(["-c", &list])
            .no_proc()
            .tmpfs(directory.path())
            .run()
            .assert_code(0);
        assert_eq!(
            ended.stdout_text(),
            format!("/proc:\n\n{}:\n", directory.path().display())
        );
    }
    assert!(directory.join("file").exists());
}

#[test]
fn leaders_are_as_asked_for() {
    require_namespaces!();
    for place in PLACES {
        let own = i32::from(place == Place::Child) * Process::current().stat().unwrap().sid;
        let ended = info(place).leader(Leader::Group).run();
        assert_eq!(
            (number(&ended, "pgid"), number(&ended, "sid")),
            (number(&ended, "pid"), own),
            "{ended}"
        );
        let ended = info(place).leader(Leader::Nothing).run();
        assert_ne!(number(&ended, "pgid"), number(&ended, "pid"), "{ended}");
        assert_eq!(number(&ended, "sid"), own, "{ended}");
    }
}

#[test]
fn another_user_can_be_had_by_root() {
    require_root!();
    for place in PLACES {
        let ended = info(place)
            .user(65534, 65533)
            .groups(&[7, 8])
            .run()
            .assert_code(0);
        assert_eq!(
            ["uid", "euid", "gid", "egid"].map(|k| number(&ended, k)),
            [65534, 65534, 65533, 65533]
        );
        assert_eq!(ended.value("groups").as_deref(), Some("7,8"));
        assert_eq!(number(&ended, "pdeathsig"), libc::SIGKILL);
    }
}

#[test]
fn a_setuid_copy_becomes_root() {
    require_root!();
    let directory = TempDir::new();
    let copy = directory.join("root");
    initlab::copy_executable(&fixture(), &copy, 0o4755).unwrap();
    let program = Sandbox::plain(&copy)
        .args(["fixture", "setuid-root-block", "--count", "0"])
        .user(65534, 65534);
    program
        .run()
        .assert_code(0)
        .stdout_text()
        .starts_with("uid=0 euid=0\n")
        .then_some(())
        .expect("root");
}

#[test]
fn a_network_of_its_own_has_loopback() {
    require_namespaces!();
    require_program!("bash");
    // Nothing listens, so the connection is refused; without the interface it would be unreachable.
    let ended = Sandbox::new("bash")
        .args(["-c", "exec 3<>/dev/tcp/127.0.0.1/9"])
        .own_network()
        .run();
    assert!(ended.stderr_text().contains("refused"), "{ended}");
}

#[test]
fn dropping_leaves_nothing() {
    require_namespaces!();
    for place in PLACES {
        let running = run_fixture(
            place,
            &["orphans", "3", "--exit-after-ms", "600000", "--session"],
        )
        .start();
        let mut running = running;
        running.expect("ready");
        let others = running.others();
        assert_eq!(others.len(), 3, "{}", running.tree());
        let main = running.process();
        drop(running);
        assert!(!main.exists());
        poll_until("the orphans are gone", || {
            others.iter().all(|p| p.state().is_none_or(|s| s == 'Z'))
        });
    }
}

#[test]
fn survivors_of_a_plain_program_are_found_and_killed() {
    let mut running = run_fixture(
        Place::Child,
        &["orphans", "2", "--exit-after-ms", "600000", "--exit", "3"],
    )
    .start();
    running.wait().assert_code(3);
    let others = running.others();
    assert_eq!(others.len(), 2, "{}", running.tree());
    assert!(running.tree().contains("orphans"), "{}", running.tree());
    drop(running);
    poll_until("the orphans are gone", || {
        others.iter().all(|p| p.state().is_none_or(|s| s == 'Z'))
    });
}

#[test]
fn zombies_are_counted() {
    require_namespaces!();
    let running = run_fixture(Place::Pid1, &["orphans", "5"]).start_ready();
    running.poll_until("five zombies", || running.zombies() == 5);
    assert!(
        running
            .others()
            .iter()
            .all(|p| p.stat().is_some_and(|s| s.ppid == running.pid()))
    );
}

#[test]
fn a_deadline_says_all_there_is() {
    require_namespaces!();
    for place in PLACES {
        let script = "echo here; echo there >&2; sleep 1000 & wait";
        let mut running = Sandbox::new("sh")
            .place(place)
            .args(["-c", script])
            .timeout(Duration::from_millis(300))
            .start();
        running.expect("here");
        running.poll_until("sleep has started", || {
            running.tree().contains("sleep 1000")
        });
        let text = running.try_wait().expect_err("it does not end").to_string();
        for part in [
            "sleep 1000 & wait",
            "still running",
            "here",
            "there",
            "ppid",
            ": sleep 1000",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }
}

#[test]
fn an_end_of_the_stream_is_told_at_once() {
    let mut running = Sandbox::plain("sh").args(["-c", "printf half"]).start();
    assert_eq!(running.expect("half"), "half");
    let text = running
        .try_expect_line("more", |_| true)
        .expect_err("there is no more")
        .to_string();
    assert!(text.contains("the stream has ended"), "{text}");
}

#[test]
fn a_program_that_cannot_start_says_why() {
    let error = Sandbox::plain("/nowhere/at/all")
        .try_start()
        .err()
        .expect("no such program");
    assert_eq!(error.errno(), Some(libc::ENOENT));
    assert!(
        error.to_string().contains("step Exec") && error.to_string().contains("/nowhere/at/all"),
        "{error}"
    );
    let error = Sandbox::plain("true")
        .current_dir("/nowhere")
        .try_start()
        .err()
        .expect("no such directory");
    assert!(error.to_string().contains("step Directory"), "{error}");
}

#[test]
fn strace_follows_from_the_first_call() {
    require_namespaces!();
    require_program!("strace");
    let directory = TempDir::new();
    for place in PLACES {
        let log = directory.join("log");
        Sandbox::new("true")
            .place(place)
            .strace(&log, &[])
            .run()
            .assert_code(0);
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(
            text.contains("execve(") && text.contains("exited with 0"),
            "{text}"
        );
    }
}

#[test]
fn output_of_any_size_comes_back() {
    let ended = Sandbox::plain("sh")
        .args(["-c", "head -c 3000000 /dev/zero"])
        .run()
        .assert_code(0);
    assert_eq!(ended.stdout.len(), 3_000_000);
}

#[test]
fn strace_comes_and_goes() {
    require_namespaces!();
    require_program!("strace");
    let directory = TempDir::new();
    let mut running = run_fixture(Place::Pid1, &["signals", "--until", "TERM"]).start_ready();
    running.poll_until("it sleeps", || running.process().waits_for_signals());
    let strace = Strace::attach(running.pid(), directory.join("log"), &[]).unwrap();
    running.kill(libc::SIGUSR1);
    running.expect("signal 10 ");
    let log = strace.detach().unwrap();
    assert!(log.contains("signal 10 "), "{log}");
    assert_eq!(running.status_field("TracerPid"), "0");
    running.kill(libc::SIGTERM);
    running.wait().assert_code(0);
}
