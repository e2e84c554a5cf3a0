//! Web servers: each answers, in a container that is allowed little, and finishes what it has begun
//! when it is stopped.

use initlab::poll_until;

use super::{Server, build, require_images};

/// The options that its Dockerfile names, and what production adds.
const OPTIONS: &[&str] = &[
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
];

#[track_caller]
fn check(example: &str, says: &str) {
    let server = Server::run(&build(example), OPTIONS, &[]);
    assert_eq!(server.get("/"), says);
    server.stop_gracefully();
}

#[test]
fn the_python_application_finishes_its_requests() {
    require_images!();
    check("python", "hello from Python\n");
}

#[test]
fn the_python_application_is_healthy() {
    require_images!();
    let options = [OPTIONS, &["--health-interval=200ms"]].concat();
    let mut server = Server::run(&build("python"), &options, &[]);
    poll_until("it is healthy", || {
        server.container.inspect("{{.State.Health.Status}}") == "healthy"
    });
    server.container.stop_at_once();
    server.container.end(0);
}

#[test]
fn the_node_server_finishes_its_requests() {
    require_images!();
    check("node", "hello from Node.js\n");
}

#[test]
fn nginx_finishes_its_requests() {
    require_images!();
    check("nginx", "hello from nginx\n");
}
