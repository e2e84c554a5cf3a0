//! What the init costs while it has nothing to do, and how little it does otherwise.

use std::time::Duration;

use initlab::{Running, TempDir, is_dynamic, require_namespaces, require_program};

use crate::{
    support::{PLACES, init, native_fixture, script},
    watch::{assert_never_wake, calls, name, sleeping_in, wait_asleep},
};

/// How long the inits are watched: some inits wake up every second.
const WATCHED: Duration = Duration::from_secs(3);

#[test]
fn an_idle_init_sleeps_in_one_call_without_a_timeout_and_never_wakes() {
    require_namespaces!();
    let options: [&[&str]; 4] = [&[], &["-c"], &["-t", "child"], &["-vv"]];
    let inits: Vec<Running> = PLACES
        .iter()
        .flat_map(|place| {
            options.map(|options| native_fixture(*place, options, &["sleep-forever"]))
        })
        .map(|sandbox| {
            let init = sandbox.start_ready();
            wait_asleep(&init);
            init
        })
        .collect();
    for init in &inits {
        let (_, arguments) = sleeping_in(init.process()).expect("it sleeps");
        assert_eq!(arguments[2], 0, "a timeout: {arguments:x?}");
    }
    assert_never_wake(&inits, WATCHED);
}

/// The system calls that the init may make once the command runs and there is nothing to log.
const AFTER_THE_START: [&str; 3] = ["rt_sigtimedwait", "kill", "waitid"];

#[test]
fn signals_and_orphans_cost_three_kinds_of_system_calls_and_no_memory() {
    require_namespaces!();
    require_program!("strace");
    const SCRIPT: &str = "$0 fixture orphan-storm 100 --exit 0; exec $0 fixture signals --until 40";
    for place in PLACES {
        let directory = TempDir::new();
        let log = directory.join("strace");
        let mut init = script(place, &[], SCRIPT).strace(&log, &[]).start();
        init.expect("done orphans=100");
        init.expect("ready");
        for _ in 0..100 {
            init.kill(39);
        }
        for _ in 0..100 {
            init.expect("signal 39 ");
        }
        init.poll_until("the orphans reaped", || init.children().len() == 1);
        init.kill(40);
        init.wait().assert_code(0);
        let calls = calls(&log);
        let close = |call: &String| name(call) == "close_range";
        let started = calls.iter().position(close).expect("the end of the start") + 1;
        let (end, run) = calls[started..].split_last().unwrap();
        assert_eq!(name(end), "exit_group", "{end}");
        let count = |wanted: &str| run.iter().filter(|call| name(call) == wanted).count();
        let others: Vec<_> = run
            .iter()
            .filter(|call| !AFTER_THE_START.contains(&name(call)))
            .collect();
        assert!(others.is_empty(), "{others:#?}");
        // One each for 101 signals, and the last TERM to the group.
        assert_eq!(count("kill"), 102);
        // The shell has reaped its first child itself.
        let reaps = |call: &&String| call.starts_with("waitid(P_PID");
        assert_eq!(run.iter().filter(reaps).count(), 101);
        let timed =
            |call: &&String| name(call) == "rt_sigtimedwait" && !call.contains(", NULL, 8)");
        assert_eq!(run.iter().find(timed), None, "a wait with a timeout");
    }
}

#[test]
fn an_empty_command_takes_eighteen_system_calls_from_start_to_end() {
    require_namespaces!();
    require_program!("strace");
    /// What comes before `main` in a static program: execve, arch_prctl, set_tid_address.
    const BEFORE_MAIN: usize = 3;
    for place in PLACES {
        for options in [&[][..], &["-c"]] {
            let directory = TempDir::new();
            let log = directory.join("strace");
            native_fixture(place, options, &["exit", "0"])
                .strace(&log, &[])
                .run()
                .assert_code(0);
            let mut calls = calls(&log);
            let mut allowed = 18;
            if is_dynamic(&init()).unwrap() {
                let main = calls.iter().position(|call| {
                    name(call) == "rt_sigprocmask" && call.contains("SIG_SETMASK, ~[]")
                });
                calls.drain(..main.expect("all signals are blocked"));
                allowed -= BEFORE_MAIN;
            }
            assert!(calls.len() <= allowed, "{}: {calls:#?}", calls.len());
        }
    }
}
