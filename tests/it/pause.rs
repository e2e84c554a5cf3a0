//! `--pause`: no command, only a process that holds namespaces and reaps.

use std::{path::Path, time::Duration};

use initlab::{
    Place, Running, Sandbox, SignalSet, fixture, require_namespaces, require_program, require_root,
    try_poll_until,
};

use tidy_init::signal::Signal;

use crate::{
    names::name_of,
    support::{PLACES, behind, init, native},
    watch::{assert_never_wake, sleeping_in, wait_asleep},
};

fn pause(place: Place, options: &[&str]) -> Running {
    let running = native(place)
        .arg("--pause")
        .args(options.iter().copied())
        .start();
    wait_asleep(&running);
    running
}

#[test]
fn term_and_int_end_it_at_once_with_0() {
    require_namespaces!();
    for place in PLACES {
        for signal in [libc::SIGTERM, libc::SIGINT] {
            let mut running = pause(place, &[]);
            running.kill(signal);
            running
                .wait()
                .assert_code(0)
                .assert_stdout("")
                .assert_stderr("");
        }
    }
}

#[test]
fn a_term_that_was_pending_at_the_start_counts() {
    require_namespaces!();
    for place in PLACES {
        for signal in [libc::SIGTERM, libc::SIGINT] {
            native(place)
                .arg("--pause")
                .pending(&[signal])
                .run()
                .assert_code(0);
        }
    }
}

#[test]
fn no_other_signal_does_anything() {
    require_namespaces!();
    for place in PLACES {
        let mut running = pause(place, &["-v"]);
        let others =
            SignalSet::all_but(&[libc::SIGTERM, libc::SIGINT, libc::SIGKILL, libc::SIGSTOP]);
        for signal in others.iter() {
            running.kill(signal);
            // One after the other: a pending CONT and a pending stop cancel each other. The init
            // takes SIGCHLD for itself.
            if signal != libc::SIGCHLD {
                let name = name_of(Signal::new(signal).unwrap());
                running.expect_stderr(&format!("received SIG{name} "));
            }
        }
        wait_asleep(&running);
        assert_eq!(running.try_status(), None);
        running.kill(libc::SIGTERM);
        running.wait().assert_code(0);
    }
}

#[test]
fn it_logs_what_it_receives_in_either_format() {
    require_namespaces!();
    for place in PLACES {
        let mut running = pause(place, &["-v"]);
        running.kill(libc::SIGTERM);
        let ended = running.wait().assert_code(0);
        let text = ended.stderr_text();
        assert!(
            text.starts_with("[tidy-init] received SIGTERM from pid "),
            "{ended}"
        );
        assert_eq!(text.lines().count(), 1, "{ended}");
        let mut running = pause(place, &["--log-format=json", "-v"]);
        running.kill(libc::SIGINT);
        let ended = running.wait().assert_code(0);
        let line: serde_json::Value = serde_json::from_slice(&ended.stderr).unwrap();
        assert_eq!(
            (&line["event"], &line["signal"]),
            (&"signal_received".into(), &"INT".into())
        );
    }
}

#[test]
fn it_reaps_the_children_that_it_was_executed_with() {
    require_namespaces!();
    for place in PLACES {
        let mut running = behind(place, &["children-then-exec", "1", "--zombies", "3"])
            .args(["--pause", "-vv"])
            .start();
        running.expect("waiting");
        for _ in 0..3 {
            running.expect_stderr("reaped pid ");
        }
        running.poll_until("one child left", || running.children().len() == 1);
        running.kill(libc::SIGTERM);
        running.wait().assert_code(0);
    }
}

#[test]
fn it_reaps_the_orphans_of_processes_that_are_put_into_its_namespace() {
    require_namespaces!();
    require_root!();
    require_program!("nsenter");
    let mut running = pause(Place::Pid1, &["-vv"]);
    let guest = Sandbox::plain("nsenter")
        .args(["-t", &running.pid().to_string(), "-p", "--"])
        .arg(fixture())
        .args(["fixture", "orphan-storm", "200", "--exit", "0"])
        .run()
        .assert_code(0);
    assert_eq!(guest.stdout_text(), "done orphans=200\n");
    running.poll_until("no zombies", || running.zombies() == 0);
    running.kill(libc::SIGTERM);
    let ended = running.wait().assert_code(0);
    assert_eq!(
        ended.stderr_text().matches("reaped pid ").count(),
        200,
        "{ended}"
    );
}

#[test]
fn elsewhere_than_as_pid_1_it_is_a_subreaper() {
    // Its only child makes orphans before it ends.
    let mut running = Sandbox::plain("sh")
        .args(["-c", "(read line; exec $0 fixture orphan-storm 20 --exit 0) < /dev/fd/3 & exec \"$1\" --pause -vv"])
        .arg(fixture())
        .arg(init())
        .fd(3, {
            let (read, write) = initlab::pipe().unwrap();
            initlab::sys::write_all(std::os::fd::AsRawFd::as_raw_fd(&write), b"go\n").unwrap();
            read
        })
        .start();
    // The orphans may appear before the init has become the reaper, but their parent is always its
    // child.
    running.expect("done orphans=20");
    running.poll_until("no children", || running.children().is_empty());
    running.kill(libc::SIGTERM);
    running.wait().assert_code(0);
}

/// How long the inits are watched.
const WATCHED: Duration = Duration::from_secs(1);

#[test]
fn it_holds_nothing_open_and_never_wakes() {
    require_namespaces!();
    let inits: Vec<Running> = PLACES.iter().map(|place| pause(*place, &[])).collect();
    for init in &inits {
        let (_, arguments) = sleeping_in(init.process()).unwrap();
        assert_eq!(arguments[2], 0, "a timeout: {arguments:x?}");
        assert_eq!(init.process().link("cwd").as_deref(), Some(Path::new("/")));
        let open: Vec<i32> = init.process().descriptors().unwrap().into_keys().collect();
        assert_eq!(open, [0, 1, 2]);
    }
    assert_never_wake(&inits, WATCHED);
}

#[test]
fn its_own_broken_pipe_causes_no_more_lines() {
    require_namespaces!();
    for place in PLACES {
        let (read, write) = initlab::pipe().unwrap();
        drop(read);
        let mut running = native(place).args(["--pause", "-vv"]).stderr(write).start();
        wait_asleep(&running);
        running.kill(libc::SIGHUP);
        wait_asleep(&running);
        let before = running.context_switches();
        let busy = try_poll_until(Duration::from_millis(300), || {
            running.context_switches() > before + 10
        });
        assert!(!busy, "{}", running.failure("it keeps itself busy"));
        running.kill(libc::SIGTERM);
        running.wait().assert_code(0);
    }
}
