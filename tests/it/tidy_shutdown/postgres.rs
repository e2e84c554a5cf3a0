//! PostgreSQL, started by a script that has a loop in the background.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::chown,
    path::PathBuf,
};

use initlab::{Network, Sandbox, TempDir, require_program, require_root, skip, write_executable};

use super::{
    scene::{FINISHED, Row, Scene, Under, read},
    service::{Service, connect, ids_of, postgresql_programs},
};

pub const ARCHIVER: Scene = Scene {
    name: "PostgreSQL and its archiver",
    story: "A shell script starts an archiver in the background and then becomes `postgres`. The \
            archiver is a shell loop that needs two seconds after TERM to finish its file. \
            `postgres` stops long before that.",
    rows: &[
        Row::cut_off(Under::DumbInit, "", 0),
        Row::cut_off(Under::Tini, "", 0),
        Row::cut_off(Under::Tini, "-g", 0),
        Row::cut_off(Under::TidyInit, "", 0),
        Row::finished(Under::TidyInit, "--grace 10s", 0),
    ],
};

pub const CLIENT: Scene = Scene {
    name: "PostgreSQL and a client that stays",
    story: "On TERM PostgreSQL waits for its clients to leave, but this client does not. So the \
            engine, or `-k`, kills PostgreSQL, and it has to recover at its next start. `./stop` \
            is a script that runs `pg_ctl stop -m fast`. The shutdown is finished if \
            `pg_controldata` reports `shut down`.",
    rows: &[
        Row::cut_off(Under::TidyInit, "-k 2s", 137),
        Row::finished(Under::TidyInit, "--pre-stop ./stop -k 10s", 0),
        Row::finished(Under::TidyInit, "--pre-stop ./stop -k 10s --grace 5s", 0),
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
    let cluster = match Cluster::new() {
        Ok(cluster) => cluster,
        Err(missing) => skip!("{missing}"),
    };
    let directory = &cluster.directory;
    let script = directory.join("start.sh");
    fs::write(&script, SCRIPT).expect("the directory is ours");

    let archive = directory.join("archive");
    ARCHIVER.play(|init| {
        let _ = fs::remove_file(&archive);
        let command = init.arg("sh").args([&script, &archive, &cluster.programs]);
        let service = Service::start(cluster.sandbox(command), answers);
        service.poll_until("the archiver has begun", || !read(&archive).is_empty());
        (service.stop(libc::SIGTERM), read(&archive))
    });
}

#[test]
fn postgresql_with_a_client_that_stays_is_shut_down_with_pre_stop_and_only_then() {
    require_root!();
    let cluster = match Cluster::new() {
        Ok(cluster) => cluster,
        Err(missing) => skip!("{missing}"),
    };
    let programs = cluster.programs.display();
    let stop = cluster.directory.join("stop");
    // The command ends before the script, which has nothing left to do then.
    let script = format!("#!/bin/sh\nexec {programs}/pg_ctl stop --silent -m fast -D data\n");
    write_executable(&stop, script, 0o755).expect("the directory is ours");
    CLIENT.play(|init| {
        let command = init
            .arg(cluster.programs.join("postgres"))
            .args(["-D", "data"]);
        let service = Service::start(cluster.sandbox(command), answers);
        let mut client = service.connect(PORT);
        greet(&mut client).expect("it answers");
        let outcome = service.stop(libc::SIGTERM);
        let state = cluster.sandbox(Sandbox::plain(cluster.programs.join("pg_controldata")));
        let state = state.arg("data").run().assert_code(0).stdout_text();
        let is_shut_down = state
            .lines()
            .filter_map(|line| line.strip_prefix("Database cluster state:"))
            .any(|state| state.trim() == "shut down");
        let end = if is_shut_down { FINISHED } else { "" };
        (outcome, format!("begun\n{end}\n"))
    });
}

/// The files of a server.
struct Cluster {
    directory: TempDir,
    programs: PathBuf,
    user: u32,
    group: u32,
}

impl Cluster {
    /// A new one; an error is what is missing here.
    #[track_caller]
    fn new() -> Result<Self, &'static str> {
        let programs = postgresql_programs();
        let programs = programs.ok_or("needs PostgreSQL, which is not installed")?;
        let (user, group) = ids_of("postgres").ok_or("needs a user postgres")?;
        let directory = TempDir::new();
        chown(directory.path(), Some(user), Some(group)).expect("the directory is ours");
        let cluster = Self {
            directory,
            programs,
            user,
            group,
        };
        cluster
            .sandbox(Sandbox::plain(cluster.programs.join("initdb")))
            .args(["--no-sync", "--auth=trust", "--locale=C", "-D", "data"])
            .run()
            .assert_code(0);
        Ok(cluster)
    }

    /// A sandbox as the server's user in the directory.
    fn sandbox(&self, sandbox: Sandbox) -> Sandbox {
        let sandbox = sandbox.env("LC_ALL", "C").user(self.user, self.group);
        let sandbox = sandbox.current_dir(self.directory.path());
        sandbox.tmpfs("/run/postgresql").tmpfs("/dev/shm")
    }
}

/// Waits until the server is ready for a client's queries.
fn greet(client: &mut (impl Read + Write)) -> io::Result<()> {
    start_up(client)?;
    let mut header = [0; 5];
    loop {
        client.read_exact(&mut header)?;
        let [kind, length @ ..] = header;
        let mut rest = vec![0; u32::from_be_bytes(length).saturating_sub(4) as usize];
        client.read_exact(&mut rest)?;
        if kind == b'Z' {
            return Ok(());
        }
    }
}

fn start_up(client: &mut impl Write) -> io::Result<()> {
    let version = 3_u32 << 16;
    let start = [&version.to_be_bytes()[..], b"user\0postgres\0\0"].concat();
    client.write_all(&(start.len() as u32 + 4).to_be_bytes())?;
    client.write_all(&start)
}

/// Whether the server accepts us: the manual's chapter "Frontend/Backend Protocol".
fn answers(network: &Network) -> io::Result<bool> {
    let mut stream = connect(network, PORT)?;
    start_up(&mut stream)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    // Authentication: the other answer is an error, while it is starting up.
    Ok(kind == *b"R")
}
