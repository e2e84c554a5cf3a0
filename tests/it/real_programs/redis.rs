//! redis-server(1): on TERM it writes its data to the disk and exits with 0.

use std::{
    io::{self, Read, Write},
    os::unix::fs::chown,
};

use initlab::{Network, TempDir, find_program, require_program, require_root};

use super::{
    page::Row,
    service::{Service, connect, ids_of, major_version},
};

pub const TERM: Row = Row {
    program: "Redis",
    options: "",
    command: "redis-server --save 3600 1",
    signal: "TERM",
    story: "the data is written to the disk",
    status: 0,
    seconds: 3,
};

const PORT: u16 = 6379;

#[test]
fn redis_writes_its_data_and_stops_on_term() {
    require_root!();
    require_program!("redis-server");
    let program = find_program("redis-server").expect("it is installed");
    let (user, group) = ids_of("redis").unwrap_or((65534, 65534));
    TERM.play(&major_version(&program, "--version"), |place| {
        let directory = TempDir::new();
        chown(directory.path(), Some(user), Some(group)).expect("the directory is ours");
        let redis = TERM
            .init(place)
            .arg(&program)
            .args(["--save", "3600", "1"])
            .current_dir(directory.path())
            .user(user, group);
        let service = Service::start(redis, |network| ask(network, "SET key value", "+OK"));
        let data = directory.join("dump.rdb");
        assert!(!data.exists(), "nothing is written before it is stopped");
        let outcome = service.stop(libc::SIGTERM);
        assert!(data.exists(), "the data is on the disk\n{outcome}");
        outcome
    });
}

fn ask(network: &Network, request: &str, answer: &str) -> io::Result<bool> {
    let mut stream = connect(network, PORT)?;
    stream.write_all(format!("{request}\r\n").as_bytes())?;
    let mut given = vec![0; answer.len()];
    stream.read_exact(&mut given)?;
    Ok(given == answer.as_bytes())
}
