//! `docker stop`: the stop signal, and KILL when the time is over.

use super::{docker::Container, image::fixture_command, require_image};

#[test]
fn docker_stop_ends_a_command_without_a_handler_at_once_with_143() {
    require_image!();
    let mut container = Container::run(&[], &["sh", "-c", "echo ready; exec sleep 1000"]);
    container.expect("ready");
    container.stop_at_once();
    container.end(143);
}

/// The reason for an init: signals have no default action for PID 1.
#[test]
fn without_the_init_the_same_command_has_to_be_killed() {
    require_image!();
    let alone = ["--entrypoint", "/bin/sh"];
    let mut container = Container::run(&alone, &["-c", "echo ready; exec sleep 1000"]);
    container.expect("ready");
    container.stop("1");
    container.end(137);
}

#[test]
fn the_stop_signal_of_an_image_is_the_one_that_arrives() {
    require_image!();
    let command = fixture_command(&["signals", "--until", "RTMIN+3", "--exit", "9"]);
    let mut container = Container::run(&["--stop-signal", "RTMIN+3"], &command);
    container.expect("ready");
    container.stop_at_once();
    container.expect("signal 37 ");
    container.end(9);
}
