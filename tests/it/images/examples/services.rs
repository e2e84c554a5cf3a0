//! Two programs in a container, without a supervisor.

use initlab::Process;

use super::{Server, build, require_images, web};

#[test]
fn server_and_worker_finish_what_they_have_begun() {
    require_images!();
    let mut server = Server::run(&build("services"), web::OPTIONS, &[]);
    server.container.expect("worker: begun");
    assert_eq!(server.get("/"), "hello from Node.js\n");
    server.container.kill("TERM");
    let said = server.container.end(0).stdout_text();
    for line in ["worker: finished\n", "stopped\n"] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn where_the_worker_fails_the_server_stops_and_the_status_tells() {
    require_images!();
    let mut server = Server::run(&build("services"), web::OPTIONS, &[]);
    server.container.expect("worker: begun");
    let everybody = server.container.init().descendants();
    let is_worker = |process: &&Process| {
        let arguments = process.arguments().unwrap_or_default();
        arguments.iter().any(|argument| argument == "./worker")
    };
    let worker = everybody.iter().find(is_worker).expect("it works");
    initlab::sys::kill(worker.pid, libc::SIGKILL).expect("it is there");
    let ended = server.container.end(137);
    assert!(ended.stdout_text().contains("stopped\n"), "{ended}");
}
