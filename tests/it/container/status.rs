//! The exit status, as `docker run` returns it and `docker inspect` shows it.

use super::{docker::Container, image::fixture_command, require_image};

#[test]
fn the_status_of_the_command_is_that_of_the_container() {
    require_image!();
    for status in [0, 1, 42, 125, 255] {
        let script = format!("exit {status}");
        Container::run(&[], &["sh", "-c", &script]).end(status);
    }
}

#[test]
fn a_command_that_cannot_be_executed_gives_126_and_a_missing_one_127() {
    require_image!();
    let cases = [
        ("/not-executable", 126, "Permission denied"),
        ("/bin", 126, "Permission denied"),
        ("/nowhere", 127, "No such file or directory"),
        ("nowhere", 127, "No such file or directory"),
    ];
    for (command, status, reason) in cases {
        // The message shows that the status is the init's: the engine uses the same numbers.
        Container::run(&[], &[command])
            .end(status)
            .assert_stdout("")
            .assert_stderr(format!("[tidy-init] cannot execute {command}: {reason}\n"));
    }
}

#[test]
fn death_by_a_signal_gives_128_and_its_number() {
    require_image!();
    for (signal, status) in [("KILL", 137), ("SEGV", 139), ("RTMIN+3", 165)] {
        Container::run(&[], &fixture_command(&["die", signal])).end(status);
    }
}

#[test]
fn no_command_gives_125() {
    require_image!();
    let ended = Container::run(&[], &[]).end(125);
    let stderr = ended.stderr_text();
    assert!(stderr.starts_with("[tidy-init] "), "{ended}");
}

#[test]
fn a_command_that_takes_too_much_memory_gives_137_and_the_init_lives_to_say_so() {
    require_image!();
    let command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
    for (memory, status) in [("256m", 0), ("6m", 137)] {
        let options = ["--memory", memory, "--memory-swap", memory];
        Container::run(&options, &command).end(status);
    }
}
