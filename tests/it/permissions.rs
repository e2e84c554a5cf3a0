//! Signals that the init may not send, or that find no recipient.

use std::path::{Path, PathBuf};

use initlab::{
    Place, Process, Running, TempDir, copy_executable, fixture, require_namespaces, require_root,
    sys,
};

use crate::{
    report::signals,
    support::{PLACES, native, native_fixture},
};

/// An ordinary user, who needs no entry in /etc/passwd.
const USER: u32 = 65532;

/// Each way to choose the recipients of forwarded signals.
const TARGETS: [&[&str]; 3] = [&[], &["-t", "child"], &["-c"]];

/// The signals that are sent: the init has to go on after each of them.
const SENT: [(i32, &str); 3] = [
    (libc::SIGUSR1, "SIGUSR1"),
    (40, "SIGRTMIN+6"),
    (libc::SIGTERM, "SIGTERM"),
];

/// The command, and the name of the recipient in the init's messages.
fn command_of(init: &Running, options: &[&str]) -> (Process, String) {
    let command = init.wait_child();
    let pid = command.inner_pid().expect("the command runs");
    let whom = match options {
        [] => "process group",
        _ => "process",
    };
    (command, format!("{whom} {pid}"))
}

/// The fixtures as a program in this directory that becomes root.
pub fn setuid_root(directory: &TempDir) -> PathBuf {
    let program = directory.join("setuid-root");
    copy_executable(&fixture(), &program, 0o4755).unwrap();
    program
}

/// The init of an ordinary user, whose command has become root by this program, and ends with 7 at
/// TERM.
#[track_caller]
pub fn above_a_command_of_root(program: &Path, place: Place, options: &[&str]) -> Running {
    let mut init = native(place)
        .args(options)
        .arg("--")
        .arg(program)
        .args(["fixture", "setuid-root-block"])
        .args(["--until", "TERM", "--exit", "7"])
        .user(USER, USER)
        .start();
    init.expect("uid=0 euid=0");
    init.expect("ready");
    init
}

/// Sends all of [`SENT`], and returns the lines that report that none could be forwarded.
fn forward_in_vain(init: &mut Running, recipient: &str, why: &str) -> String {
    let mut warnings = String::new();
    for (signal, name) in SENT {
        let warning = format!("[tidy-init] cannot send {name} to {recipient}: {why}");
        init.kill(signal);
        init.expect_stderr(&warning);
        warnings += &warning;
        warnings += "\n";
    }
    warnings
}

#[test]
fn a_command_that_has_become_root_is_out_of_reach_which_is_logged_and_does_no_harm() {
    require_root!();
    require_namespaces!();
    let directory = TempDir::new();
    let program = setuid_root(&directory);
    for place in PLACES {
        for options in TARGETS {
            let mut init = above_a_command_of_root(&program, place, options);
            let (command, recipient) = command_of(&init, options);
            let why = "Operation not permitted";
            let warnings = forward_in_vain(&mut init, &recipient, why);
            sys::kill(command.pid, libc::SIGTERM).unwrap();
            let ended = init.wait().assert_code(7);
            assert_eq!(signals(&ended.stdout), [libc::SIGTERM], "{ended}");
            // Root's command is a zombie now, and cannot be sent TERM either.
            let stderr = ended.stderr_text();
            let rest = stderr.strip_prefix(&warnings);
            assert!(
                rest.is_some_and(|rest| rest.lines().all(|line| line.contains("SIGTERM"))),
                "expected:\n{warnings}\n{ended}"
            );
        }
    }
}

/// As PID 1, kill(2) with -1 does not tell of those that it could not reach.
#[test]
fn a_command_that_has_become_root_is_said_to_be_out_of_reach_of_a_signal_for_all() {
    require_root!();
    require_namespaces!();
    let directory = TempDir::new();
    let program = setuid_root(&directory);
    let options = ["-t", "all", "-k", "10s"];
    let mut init = above_a_command_of_root(&program, Place::Child, &options);
    let (command, recipient) = command_of(&init, &options);
    forward_in_vain(&mut init, &recipient, "Operation not permitted");
    sys::kill(command.pid, libc::SIGTERM).unwrap();
    let ended = init.wait().assert_code(7);
    assert_eq!(signals(&ended.stdout), [libc::SIGTERM], "{ended}");
}

#[test]
fn a_signal_that_cannot_be_sent_is_logged_and_does_no_harm() {
    require_namespaces!();
    let refusals = [
        (libc::EPERM, "Operation not permitted"),
        (libc::ESRCH, "No such process"),
    ];
    for place in PLACES {
        for options in TARGETS {
            for (errno, why) in refusals {
                let fixture = ["signals", "--until", "TERM", "--exit", "7"];
                let mut init = native_fixture(place, options, &fixture)
                    .failing_call(libc::SYS_kill, errno)
                    .start_ready();
                let (command, mut recipient) = command_of(&init, options);
                if errno == libc::ESRCH {
                    // The group does not exist: the init tried its leader last.
                    recipient = recipient.replace("group ", "");
                }
                forward_in_vain(&mut init, &recipient, why);
                sys::kill(command.pid, libc::SIGTERM).unwrap();
                let ended = init.wait().assert_code(7);
                assert_eq!(signals(&ended.stdout), [libc::SIGTERM], "{ended}");
            }
        }
    }
}

#[test]
fn a_command_without_a_group_of_its_own_gets_the_signals_alone() {
    require_namespaces!();
    for place in PLACES {
        let mut init = native_fixture(place, &["-v"], &["signals", "--until", "TERM"])
            .failing_call(libc::SYS_setsid, libc::EPERM)
            .start();
        let ready = init.expect("ready");
        let (command, _) = command_of(&init, &[]);
        let pid = command.inner_pid().unwrap();
        assert!(!ready.contains(&format!("pgid={pid} ")), "{ready}");
        for (signal, name) in SENT {
            init.kill(signal);
            init.expect(&format!("signal {signal} "));
            init.expect_stderr(&format!("[tidy-init] sent {name} to process {pid}"));
        }
        let ended = init.wait().assert_code(0);
        assert!(!ended.stderr_text().contains("cannot send"), "{ended}");
    }
}
