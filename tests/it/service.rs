//! A program that answers on the network.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use initlab::{Ended, Network, Running, Sandbox, WaitStatus, timeout, tree_of, try_poll_until};

/// The init with a program that has answered.
pub struct Service {
    init: Running,
    network: Network,
    told: Option<Instant>,
}

/// How a service ended.
pub struct Outcome {
    /// The status of the init.
    pub status: WaitStatus,
    /// The time from the signal to the end.
    pub took: Duration,
    /// The processes that have survived, as a tree.
    pub left: String,
    ended: Ended,
}

impl Service {
    /// Starts it in a network of its own, and waits until it answers.
    #[track_caller]
    pub fn start(sandbox: Sandbox, answers: impl Fn(&Network) -> io::Result<bool>) -> Self {
        let init = sandbox.own_network().start();
        let network = Network::of(init.process()).expect("the program runs");
        let mut last = None;
        let answered = || {
            last = Some(answers(&network));
            matches!(last, Some(Ok(true)))
        };
        if !try_poll_until(timeout(), answered) {
            panic!("{}", init.failure(&format!("it does not answer: {last:?}")));
        }
        Self {
            init,
            network,
            told: None,
        }
    }

    /// A client's connection.
    #[track_caller]
    pub fn connect(&self, port: u16) -> TcpStream {
        let connected = connect(&self.network, port);
        connected.unwrap_or_else(|e| panic!("{}", self.init.failure(&format!("no answer: {e}"))))
    }

    /// Whether a new client is refused.
    pub fn refuses(&self, port: u16) -> bool {
        refuses(&self.network, port)
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub fn poll_until(&self, what: &str, condition: impl FnMut() -> bool) {
        self.init.poll_until(what, condition);
    }

    /// Sends a signal to the init.
    #[track_caller]
    pub fn tell(&mut self, signal: i32) {
        self.told = Some(Instant::now());
        self.init.kill(signal);
    }

    /// Waits for the end.
    #[track_caller]
    pub fn end(mut self) -> Outcome {
        let status = self.init.wait_exit();
        let took = self.told.map_or(Duration::MAX, |told| told.elapsed());
        // An init that is not PID 1 is gone as soon as it has sent the last signal. Its recipients
        // may take a moment to die.
        let mut left = String::new();
        try_poll_until(timeout(), || {
            left = tree_of(&self.network.processes());
            left.is_empty()
        });
        Outcome {
            status,
            took,
            left,
            ended: self.init.wait(),
        }
    }

    /// Sends a signal to the init and waits for the end.
    #[track_caller]
    pub fn stop(mut self, signal: i32) -> Outcome {
        self.tell(signal);
        self.end()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "took {:?} from the signal\n--- left ---\n{}{}",
            self.took, self.left, self.ended
        )
    }
}

/// A connection whose reads have a time limit.
pub fn connect(network: &Network, port: u16) -> io::Result<TcpStream> {
    let stream = network.connect(port)?;
    stream.set_read_timeout(Some(timeout()))?;
    Ok(stream)
}

/// Whether a new client is refused.
pub fn refuses(network: &Network, port: u16) -> bool {
    let error = network.connect(port).map(drop).map_err(|e| e.kind());
    error == Err(io::ErrorKind::ConnectionRefused)
}

/// Asks an HTTP server for `/`, and returns whether the status is 200.
pub fn http(network: &Network, port: u16) -> io::Result<bool> {
    let answer = request(network, port, "/")?;
    Ok(status_is_200(&answer))
}

/// Asks an HTTP server for a path: the body of its answer. One that is not 200 is an error, which
/// holds it.
pub fn http_get(network: &Network, port: u16, path: &str) -> io::Result<String> {
    let answer = request(network, port, path)?;
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) if status_is_200(&answer) => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("{path}: {answer:?}"))),
    }
}

fn request(network: &Network, port: u16, path: &str) -> io::Result<String> {
    let mut stream = connect(network, port)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn status_is_200(answer: &str) -> bool {
    answer.starts_with("HTTP/1.") && answer.lines().next().unwrap_or("").contains(" 200 ")
}

/// The first part of the version that a program tells when asked with this option.
pub fn major_version(program: impl AsRef<Path>, option: &str) -> String {
    let output = Command::new(program.as_ref()).arg(option).output();
    let output = output.expect("the program tells its version");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let from = text
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(text.len());
    let number = |c: &char| c.is_ascii_digit();
    text[from..].chars().take_while(number).collect()
}

/// The directory with the programs of the newest PostgreSQL that is installed as Debian does it.
pub fn postgresql_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/postgres").exists())
        .max_by_key(number)?;
    Some(newest.join("bin"))
}

/// User and group of a name in `/etc/passwd`.
pub fn ids_of(user: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let mut matching = fields.filter(|fields| fields[0] == user);
    let fields = matching.next()?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}
