//! Processes whose parent has died become children of PID 1.

use super::{docker::Container, image::fixture_command, require_image};

#[test]
fn no_orphan_is_left_as_a_zombie() {
    require_image!();
    let command = fixture_command(&["orphan-storm", "500"]);
    let mut container = Container::run(&[], &command);
    container.expect("done orphans=500");
    let init = container.init();
    let fixture = init.children()[0];
    let alone = || init.descendants() == [fixture];
    container.client.poll_until("all orphans are gone", alone);
    container.stop_at_once();
    container.end(0);
}
