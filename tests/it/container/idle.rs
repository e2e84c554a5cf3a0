//! Doing nothing.

use std::time::Duration;

use initlab::try_poll_until;

use super::{docker::Container, image::fixture_command, require_image};

#[test]
fn the_init_of_an_idle_container_never_wakes_up() {
    require_image!();
    let command = fixture_command(&["signals", "--until", "TERM"]);
    let mut container = Container::run(&[], &command);
    container.expect("ready");
    let init = container.init();
    // Falling asleep is a context switch as well.
    let asleep = || init.state() == Some('S');
    container.client.poll_until("the init sleeps", asleep);
    let before = init.context_switches();
    assert!(
        before.is_some(),
        "{}",
        container.client.failure("it is gone")
    );
    let woken = try_poll_until(Duration::from_secs(3), || init.context_switches() != before);
    assert!(!woken, "{before:?} became {:?}", init.context_switches());
    container.stop_at_once();
    container.end(0);
}
