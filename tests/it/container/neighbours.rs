//! Processes that enter the PID namespace from outside. They are not the init's children.

use super::{docker::Container, image::fixture_command, require_image};

const FIXTURE: [&str; 5] = ["signals", "--until", "TERM", "--exit", "4"];

#[test]
fn docker_exec_does_not_confuse_the_init() {
    require_image!();
    let mut container = Container::run(&[], &fixture_command(&FIXTURE));
    container.expect("ready");
    let init = container.init();
    let fixture = init.children()[0];

    let mut short = container.exec(&["sh", "-c", "exit 3"]);
    short.wait().assert_code(3);
    // The init gets its orphans.
    let mut storm = container.exec(&fixture_command(&["orphan-storm", "50", "--exit", "6"]));
    storm.wait().assert_code(6);
    let alone = || init.descendants() == [fixture];
    container.client.poll_until("all orphans are gone", alone);

    let mut long = container.exec(&["sh", "-c", "echo ready; exec sleep 1000"]);
    long.expect("ready");
    container.stop_at_once();
    // The init waits for its children only; the kernel kills everything else in the namespace.
    let ended = container.end(4);
    long.wait().assert_code(137);
    assert_eq!(ended.stdout_lines().len(), 2, "ready, and TERM: {ended}");
}

#[test]
fn a_sidecar_in_the_same_pid_namespace_does_not_confuse_the_init() {
    require_image!();
    let mut container = Container::run(&[], &fixture_command(&FIXTURE));
    container.expect("ready");
    let init = container.init();
    let fixture = init.children()[0];
    let namespace = format!("--pid=container:{}", container.name());

    // It has no init of its own, so that the container's init gets its orphans.
    let storm = ["fixture", "orphan-storm", "50", "--exit", "6"];
    let options = [&namespace, "--entrypoint", "/initlab"];
    Container::run(&options, &storm).end(6);
    let alone = || init.descendants() == [fixture];
    container.client.poll_until("all orphans are gone", alone);

    // Its own init is not PID 1, and reaps them.
    let storm = fixture_command(&["orphan-storm", "50", "--exit", "7"]);
    Container::run(&[&namespace], &storm).end(7);
    assert_eq!(init.descendants(), [fixture]);

    let script = "kill -USR1 1; echo sent; exec sleep 1000";
    let mut sidecar = Container::run(&[&namespace], &["sh", "-c", script]);
    sidecar.expect("sent");
    container.expect("signal 10 ");
    container.stop_at_once();
    container.end(4);
    sidecar.end(137);
}
