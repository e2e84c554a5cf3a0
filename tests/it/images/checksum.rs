//! The binary by way of a download: only with the checksum that is expected.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use initlab::{Ended, Sandbox, find_program, require_program};

use super::{
    build::{Builder, missing_buildkit},
    container::janitor::mark,
    require_images, stages,
};

#[test]
fn a_download_needs_the_right_checksum() {
    require_images!();
    require_program!("sha256sum");
    if let Some(reason) = missing_buildkit() {
        initlab::skip!("{reason}");
    }
    let address = serve(std::fs::read(crate::support::init()).expect("it is there"));
    let url = format!("TIDY_INIT=http://{address}/tidy-init-x86_64");
    let sum = format!("TIDY_INIT_SHA256={}", sha256());
    for builder in Builder::ALL {
        build(builder, &[&url, &sum]).assert_code(0);
        let wrong = format!("TIDY_INIT_SHA256={:064}", 0);
        assert_refused(&build(builder, &[&url, &wrong]), "/tidy-init: FAILED");
        assert_refused(&build(builder, &[&url]), "test -n ");
        // A file of the context may be checked as well.
        assert_refused(&build(builder, &[&wrong]), "/tidy-init: FAILED");
    }
}

#[track_caller]
fn build(builder: Builder, arguments: &[&str]) -> Ended {
    let mut options = stages::options("files");
    for argument in arguments {
        options.extend(["--build-arg", argument]);
    }
    let name = format!("tidy-init-test-files:{}", mark().name);
    builder.try_build(&name, &options, stages::context())
}

#[track_caller]
fn assert_refused(build: &Ended, reason: &str) {
    let said = build.stdout_text() + &build.stderr_text();
    let refused = build.status.code() != Some(0) && said.contains(reason);
    assert!(refused, "not refused for {reason:?}: {build}");
}

/// What sha256sum(1) says of the init.
#[track_caller]
fn sha256() -> String {
    let program = find_program("sha256sum").expect("it has been found before");
    let ended = Sandbox::plain(program).arg(crate::support::init()).run();
    let said = ended.assert_code(0).stdout_text();
    said.split_whitespace().next().unwrap_or("").to_owned()
}

/// A server that answers every request with these bytes, as long as this process lives.
#[track_caller]
fn serve(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that goes away is its own affair.
            let _ = answer(&mut stream, &bytes);
        }
    });
    address
}

fn answer(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut part)?;
        if length == 0 {
            return Ok(());
        }
        request.extend(&part[..length]);
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    )?;
    if !request.starts_with(b"HEAD") {
        stream.write_all(bytes)?;
    }
    Ok(())
}
