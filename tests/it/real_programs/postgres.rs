//! postgres(1): TERM is a smart shutdown, which waits for the clients to leave; INT a fast one,
//! which sends them away. After either it exits with 0.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::fs::chown,
    path::PathBuf,
};

use initlab::{Network, Place, Sandbox, TempDir, require_root, skip};

use super::{
    page::Row,
    service::{Service, connect, ids_of, major_version, postgresql_programs},
};

pub const TERM: Row = Row {
    program: "PostgreSQL",
    options: "",
    command: "postgres -D data",
    signal: "TERM",
    story: "no client is connected: it stops",
    status: 0,
    seconds: 3,
};

pub const SMART: Row = Row {
    story: "a client is connected and goes on; it stops when the client has left",
    ..TERM
};

pub const FAST: Row = Row {
    options: "-r TERM:INT",
    story: "a client is connected, and is sent away",
    ..TERM
};

const PORT: u16 = 5432;

/// One cluster, of which one server at a time runs.
#[test]
fn postgresql_shuts_down_smart_on_term_and_fast_on_int() {
    require_root!();
    let Some(programs) = postgresql_programs() else {
        skip!("needs PostgreSQL, which is not installed");
    };
    let Some(user) = ids_of("postgres") else {
        skip!("needs a user postgres");
    };
    let cluster = Cluster::new(programs, user);
    let version = major_version(cluster.programs.join("postgres"), "--version");

    TERM.play(&version, |place| {
        Service::start(cluster.postgres(&TERM, place), answers).stop(libc::SIGTERM)
    });

    SMART.play(&version, |place| {
        let mut service = Service::start(cluster.postgres(&SMART, place), answers);
        let mut client = Client::new(service.connect(PORT)).expect("the server answers");
        service.tell(libc::SIGTERM);
        service.poll_until("new clients are sent away", || {
            Client::new(service.connect(PORT)).is_err()
        });
        let answer = client.select("6 * 7").expect("the server goes on");
        assert_eq!(answer, "42");
        drop(client);
        service.end()
    });

    FAST.play(&version, |place| {
        let mut service = Service::start(cluster.postgres(&FAST, place), answers);
        let mut client = Client::new(service.connect(PORT)).expect("the server answers");
        service.tell(libc::SIGTERM);
        let sent_away = client.message().expect("the server says so");
        assert_eq!(sent_away.0, b'E', "{sent_away:?}");
        // 57P01 is admin_shutdown.
        let text = String::from_utf8_lossy(&sent_away.1).into_owned();
        assert!(text.contains("57P01"), "{text:?}");
        service.end()
    });
}

fn answers(network: &Network) -> io::Result<bool> {
    let mut client = Client::new(connect(network, PORT)?)?;
    Ok(client.select("6 * 7")? == "42")
}

struct Cluster {
    programs: PathBuf,
    user: (u32, u32),
    directory: TempDir,
}

impl Cluster {
    fn new(programs: PathBuf, user: (u32, u32)) -> Self {
        let directory = TempDir::new();
        chown(directory.path(), Some(user.0), Some(user.1)).expect("the directory is ours");
        Sandbox::plain(programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--locale=C", "-D"])
            .arg(directory.join("data"))
            .env("LC_ALL", "C")
            .current_dir(directory.path())
            .user(user.0, user.1)
            .run()
            .assert_code(0);
        Self {
            programs,
            user,
            directory,
        }
    }

    fn postgres(&self, row: &Row, place: Place) -> Sandbox {
        row.init(place)
            .arg(self.programs.join("postgres"))
            .args(["-D", "data"])
            .env("LC_ALL", "C")
            .current_dir(self.directory.path())
            .tmpfs("/run/postgresql")
            .tmpfs("/dev/shm")
            .user(self.user.0, self.user.1)
    }
}

/// As much of the protocol as a query needs: the manual's chapter "Frontend/Backend Protocol".
struct Client(TcpStream);

impl Client {
    /// Logs in, and waits until the server is ready for a question.
    fn new(stream: TcpStream) -> io::Result<Self> {
        let mut client = Self(stream);
        let version = 3_u32 << 16;
        let start = [&version.to_be_bytes()[..], b"user\0postgres\0\0"].concat();
        client.0.write_all(&length(&start))?;
        client.0.write_all(&start)?;
        client.until_ready().map(|_| client)
    }

    /// The first column of the first line that `SELECT expression` gives, as text.
    fn select(&mut self, expression: &str) -> io::Result<String> {
        let question = format!("SELECT {expression}\0").into_bytes();
        let message = [b"Q", &length(&question)[..], &question].concat();
        self.0.write_all(&message)?;
        let messages = self.until_ready()?;
        let line = messages.iter().find(|(kind, _)| *kind == b'D');
        // The number of columns, and the length of the first, come before it.
        let column = line.and_then(|(_, line)| line.get(6..)).unwrap_or_default();
        Ok(String::from_utf8_lossy(column).into_owned())
    }

    fn until_ready(&mut self) -> io::Result<Vec<(u8, Vec<u8>)>> {
        let mut messages = Vec::new();
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'Z' => return Ok(messages),
                b'E' => {
                    let text = String::from_utf8_lossy(&body).into_owned();
                    return Err(io::Error::other(text));
                }
                _ => messages.push((kind, body)),
            }
        }
    }

    /// The next message: its kind and its content.
    fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let mut body = vec![0; (u32::from_be_bytes(length) as usize).saturating_sub(4)];
        self.0.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

/// The length of a message, which counts itself.
fn length(body: &[u8]) -> [u8; 4] {
    (body.len() as u32 + 4).to_be_bytes()
}
