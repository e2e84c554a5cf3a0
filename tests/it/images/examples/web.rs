//! Web servers: each answers, in a container that is allowed little, and finishes what it has begun
//! when it is stopped.

use std::{fs, os::unix::fs::PermissionsExt, thread};

use initlab::{TempDir, poll_until};

use super::{Server, build, container::docker::Container, require_images, server::PORT};
use crate::download::{Download, SIZE};

/// The options that its Dockerfile names, and what production adds.
pub const OPTIONS: &[&str] = &[
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
fn the_python_application_is_healthy_and_stops_its_workers_quietly() {
    require_images!();
    let mut server = healthy("python");
    server.container.stop_at_once();
    let said = server.container.end(0).stderr_text();
    assert!(!said.contains("was terminated"), "{said}");
}

#[test]
fn the_node_server_is_healthy() {
    require_images!();
    let mut server = healthy("node");
    server.container.stop_at_once();
    server.container.end(0);
}

/// Runs an example until its own check finds it healthy.
#[track_caller]
fn healthy(example: &str) -> Server {
    let options = [OPTIONS, &["--health-interval=200ms"]].concat();
    let server = Server::run(&build(example), &options, &[]);
    poll_until("it is healthy", || {
        server.container.inspect("{{.State.Health.Status}}") == "healthy"
    });
    server
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

#[test]
fn nginx_completes_a_download_of_a_client_that_reads_slowly() {
    require_images!();
    let site = TempDir::new();
    fs::write(site.join("download"), vec![b'x'; SIZE]).expect("the directory is ours");
    let readable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(site.path(), readable).expect("the directory is ours");
    let mount = format!("--volume={}:/srv:ro", site.path().display());
    let say = "--env=TIDY_INIT_OPTS=-v";
    let options = [OPTIONS, &[&*mount, say]].concat();
    let container = Container::detached(&build("nginx"), &options, &[]);
    let download = Download::start(&container, PORT, "/download");
    let logged = |text: &str| {
        let logs = container.logs();
        (logs.stdout_text() + &logs.stderr_text()).contains(text)
    };
    poll_until("nginx has written all", || {
        logged("\"GET /download HTTP/1.0\" 200")
    });
    thread::scope(|scope| {
        let stop = scope.spawn(|| container.stop("20"));
        poll_until("nginx has ended", || logged("for sent TCP data to arrive"));
        assert_eq!(download.finish(), SIZE);
        stop.join().expect("it stops");
    });
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "0");
}

#[test]
fn the_ruby_application_finishes_its_requests() {
    require_images!();
    check("ruby", "hello from Ruby\n");
}

#[test]
fn php_behind_nginx_finishes_its_requests() {
    require_images!();
    check("php", "hello from PHP\n");
}
