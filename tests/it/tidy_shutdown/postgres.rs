//! PostgreSQL, started by a script that has a loop in the background.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::chown,
    path::PathBuf,
};

use initlab::{Network, Sandbox, TempDir, require_program, require_root, skip};

use super::{
    scene::{Row, Scene, Under, read},
    service::{Service, connect, ids_of},
};

pub const ARCHIVER: Scene = Scene {
    name: "PostgreSQL and its archiver",
    story: "A shell script starts an archiver in the background, a shell loop that needs two \
            seconds after TERM to finish its file, and becomes `postgres`, which has stopped long \
            before.",
    rows: &[
        Row::cut_off(Under::DumbInit, "", 0),
        Row::cut_off(Under::Tini, "", 0),
        Row::cut_off(Under::Tini, "-g", 0),
        Row::cut_off(Under::TidyInit, "", 0),
        Row::finished(Under::TidyInit, "--grace 10s", 0),
    ],
};

const PORT: u16 = 5432;

const SCRIPT: &str = r#"#!/bin/sh
archive() {
    trap 'stopping=yes' TERM
    echo begun >"$1"
    until [ -n "$stopping" ]; do sleep 0.1; done
    for part in 1 2 3 4 5 6 7 8; do
        sleep 0.25
        echo "part $part" >>"$1"
    done
    echo finished >>"$1"
}
archive "$1" &
exec "$2/postgres" -D data
"#;

#[test]
fn the_archiver_of_a_postgresql_finishes_its_file_with_grace_and_only_then() {
    require_root!();
    require_program!("dumb-init", "tini");
    let Some(programs) = programs() else {
        skip!("needs PostgreSQL, which is not installed");
    };
    let Some((user, group)) = ids_of("postgres") else {
        skip!("needs a user postgres");
    };
    let directory = TempDir::new();
    chown(directory.path(), Some(user), Some(group)).expect("the directory is ours");
    let as_postgres = |sandbox: Sandbox| {
        let sandbox = sandbox.env("LC_ALL", "C").current_dir(directory.path());
        sandbox.user(user, group)
    };
    as_postgres(Sandbox::plain(programs.join("initdb")))
        .args(["--no-sync", "--auth=trust", "--locale=C", "-D", "data"])
        .run()
        .assert_code(0);
    let script = directory.join("start.sh");
    fs::write(&script, SCRIPT).expect("the directory is ours");

    let archive = directory.join("archive");
    ARCHIVER.play(|init| {
        let _ = fs::remove_file(&archive);
        let command = init.arg("sh").args([&script, &archive, &programs]);
        let command = as_postgres(command).tmpfs("/run/postgresql");
        let service = Service::start(command.tmpfs("/dev/shm"), answers);
        service.poll_until("the archiver has begun", || !read(&archive).is_empty());
        (service.stop(libc::SIGTERM), read(&archive))
    });
}

/// Whether the server lets us in: the manual's chapter "Frontend/Backend Protocol".
fn answers(network: &Network) -> io::Result<bool> {
    let mut stream = connect(network, PORT)?;
    let version = 3_u32 << 16;
    let start = [&version.to_be_bytes()[..], b"user\0postgres\0\0"].concat();
    stream.write_all(&(start.len() as u32 + 4).to_be_bytes())?;
    stream.write_all(&start)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    // Authentication: the other answer is an error, while it is starting up.
    Ok(kind == *b"R")
}

/// The directory with the programs of the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/postgres").exists())
        .max_by_key(number)?;
    Some(newest.join("bin"))
}
