//! `--network host`: the container's sockets are the host's.

use std::time::Duration;

use initlab::{Network, require_root};

use super::{docker::Container, require_image};
use crate::linger::{Connection, V4};

/// Why the guide advises against `--linger` there.
#[test]
fn with_the_network_of_the_host_linger_waits_for_strangers() {
    require_image!();
    require_root!();
    let options = ["--network=host", "--env=TIDY_INIT_OPTS=--linger 1500ms"];
    let mut container = Container::run(&options, &["sh", "-c", "echo ready; exec sleep 1000"]);
    container.expect("ready");
    let network = Network::of(container.init()).expect("it runs");
    let (_strangers, _) = Connection::full(&network, V4);
    let took = container.stop("60");
    assert!(took >= Duration::from_millis(1500), "{took:?}");
    let ended = container.end(143);
    ended.assert_stderr("[tidy-init] sent TCP data has not arrived\n");
}
