//! The network of a sandbox.

use std::{io, net::TcpListener};

use initlab::{Network, Place, Process, require_namespaces, require_root};

use crate::run_fixture;

#[test]
fn a_client_and_the_processes_are_in_the_network_of_the_sandbox() {
    require_root!();
    require_namespaces!();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let ours = Network::of(Process::current()).expect("we run");
    ours.connect(port).expect("the listener is in our network");

    let fixture = run_fixture(Place::Child, &["sleep-forever"]);
    let mut fixture = fixture.own_network().start_ready();
    let theirs = Network::of(fixture.process()).expect("it runs");
    let error = theirs.connect(port).expect_err("nobody listens there");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(theirs.processes(), [fixture.process()]);
    fixture.kill(libc::SIGKILL);
    fixture.wait().assert_signal(libc::SIGKILL);
    assert_eq!(theirs.processes(), []);
}
