//! Starts in surroundings that a program does not expect.

use initlab::{Place, Process, Running, Sandbox, require_namespaces};

use crate::support::{PLACES, behind, fixture_command, init, native, native_fixture};

#[test]
fn a_deleted_directory_does_no_harm() {
    require_namespaces!();
    for place in PLACES {
        let ended = native_fixture(place, &["-vv"], &["info"])
            .deleted_cwd()
            .run()
            .assert_code(0);
        // The command still has the deleted directory.
        let directory = ended.value("cwd").expect("cwd");
        assert!(directory.contains("No such file"), "{ended}");
        native(place)
            .args(["--", "./command"])
            .deleted_cwd()
            .run()
            .assert_code(127)
            .assert_stderr("[tidy-init] cannot execute ./command: No such file or directory\n");
    }
}

#[test]
fn a_missing_proc_does_no_harm() {
    require_namespaces!();
    for place in PLACES {
        native_fixture(place, &[], &["exit", "7"])
            .no_proc()
            .run()
            .assert_code(7)
            .assert_stderr("");
        let fixture = ["orphans", "5", "--exit", "7"];
        native_fixture(place, &[], &fixture)
            .no_proc()
            .run()
            .assert_code(7);
        let mut init = native_fixture(place, &[], &["signals", "--until", "TERM"])
            .no_proc()
            .start_ready();
        init.kill(libc::SIGTERM);
        init.wait().assert_code(0).assert_stderr("");
    }
}

#[test]
fn a_lack_of_free_descriptors_does_no_harm() {
    require_namespaces!();
    // A dynamic loader needs one descriptor: closing standard input leaves one.
    for place in PLACES {
        native_fixture(place, &[], &["exit", "7"])
            .limit(libc::RLIMIT_NOFILE, 3)
            .stdin(initlab::Stdio::Closed)
            .run()
            .assert_code(7)
            .assert_stderr("");
    }
    // A static init needs none.
    let alone = native(Place::Child)
        .arg("--version")
        .limit(libc::RLIMIT_NOFILE, 3)
        .run();
    if alone.status.code() != Some(0) {
        assert!(alone.stderr_text().contains("shared libraries"), "{alone}");
        return;
    }
    for place in PLACES {
        let init = || {
            native(place)
                .arg("--")
                .arg(init())
                .arg("--version")
                .limit(libc::RLIMIT_NOFILE, 3)
        };
        init()
            .run()
            .assert_code(0)
            .assert_stdout(&alone.stdout)
            .assert_stderr("");
        init()
            .failing_call(libc::SYS_close_range, libc::EPERM)
            .run()
            .assert_code(0)
            .assert_stdout(&alone.stdout)
            .assert_stderr("[tidy-init] cannot close inherited descriptors: Too many open files\n");
    }
}

#[test]
fn no_arguments_at_all_are_a_usage_error() {
    require_namespaces!();
    for place in PLACES {
        // Since Linux 5.18 the kernel puts an empty name there.
        Sandbox::new(init())
            .place(place)
            .no_arguments()
            .run()
            .assert_code(125)
            .assert_stdout("")
            .assert_stderr("[tidy-init] no command given (tidy-init --help shows the usage)\n");
    }
}

#[test]
fn an_empty_or_odd_argv_0_does_no_harm() {
    require_namespaces!();
    for place in PLACES {
        for name in ["", "-", "/", "a/b/", "-tidy-init", "x\u{ff}"] {
            native_fixture(place, &[], &["exit", "7"])
                .arg0(name)
                .run()
                .assert_code(7)
                .assert_stderr("");
        }
    }
}

/// The children of the init that are not the command.
fn strangers(init: &Running, command: Process) -> Vec<Process> {
    let mut children = init.children();
    children.retain(|child| *child != command);
    children
}

#[test]
fn children_that_the_init_was_executed_with_are_reaped_and_do_not_end_it() {
    require_namespaces!();
    for place in PLACES {
        let signals = ["signals", "--until", "TERM", "--exit", "7"];
        let mut init = behind(place, &["children-then-exec", "3", "--zombies", "5"])
            .args(["-vv", "--"])
            .args(fixture_command(&signals))
            .start();
        let ready = init.expect("ready ");
        let pid = crate::report::number(&ready, "pid").expect("a pid");
        let main = init.inside(pid);
        init.poll_until("the dead are reaped", || {
            init.zombies() == 0 && strangers(&init, main).len() == 3
        });
        for (left, child) in [2, 1, 0].into_iter().zip(strangers(&init, main)) {
            initlab::sys::kill(child.pid, libc::SIGKILL).unwrap();
            init.poll_until("the killed one is reaped", || {
                !child.exists() && strangers(&init, main).len() == left
            });
        }
        // The init goes on working, and reports the command's status.
        init.kill(libc::SIGUSR1);
        init.expect("signal 10 ");
        init.kill(libc::SIGTERM);
        init.wait().assert_code(7);
    }
}

#[test]
fn children_that_the_init_was_executed_with_do_not_keep_it() {
    require_namespaces!();
    for place in PLACES {
        behind(place, &["children-then-exec", "2", "--zombies", "2"])
            .arg("--")
            .args(fixture_command(&["exit", "7"]))
            .run()
            .assert_code(7);
    }
}
