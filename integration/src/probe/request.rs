//! A request that is in flight when the program is told to stop.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{deadline::try_poll_until, exit::Trouble, process::Process, sys::kill};

/// How long a client may take to connect; one that uses no socket counts as connected then.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a client has been connected when its request counts as in flight.
const LEAD: Duration = Duration::from_millis(500);

/// How long a client has after the end of the program.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flight {
    /// The client got all that it had asked for: it exited with 0.
    Finished,
    /// It did not.
    Cut,
    /// It still waited when the program had ended, or was killed.
    Unanswered,
    /// The client ended before the signal was sent, so that nothing was in flight.
    Over,
}

impl Flight {
    /// Whether the request was lost.
    #[must_use]
    pub fn is_lost(self) -> bool {
        matches!(self, Self::Cut | Self::Unanswered)
    }
}

/// A client. Dropping it kills it.
pub(super) struct Client(Child);

impl Client {
    /// Starts the client, and returns when its request is in flight.
    pub fn start(mut command: Command, script: &OsStr) -> Result<Self, Trouble> {
        use std::os::unix::process::CommandExt as _;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|e| Trouble(format!("cannot execute {}: {e}", script.to_string_lossy())))?;
        let mut client = Self(child);
        let process = Process::new(client.0.id().cast_signed());
        try_poll_until(CONNECT, || {
            client.status().is_some() || is_connected(process)
        });
        let begin = Instant::now();
        try_poll_until(LEAD, || {
            client.status().is_some() || begin.elapsed() >= LEAD
        });
        Ok(client)
    }

    /// Whether the client still waits for its answer.
    pub fn is_waiting(&mut self) -> bool {
        self.status().is_none()
    }

    /// What becomes of the request after the program's end.
    pub fn outcome(mut self) -> Flight {
        try_poll_until(PATIENCE, || self.status().is_some());
        match self.status() {
            None => Flight::Unanswered,
            Some(status) if status.success() => Flight::Finished,
            Some(_) => Flight::Cut,
        }
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }
}

/// Whether the process or one that it has started has a connection.
fn is_connected(process: Process) -> bool {
    let mut all = process.descendants();
    all.push(process);
    let connections = connections(process);
    all.iter().any(|process| {
        let sockets = sockets(*process);
        sockets.iter().any(|socket| connections.contains(socket))
    })
}

/// The inodes of the sockets that a process has open.
fn sockets(process: Process) -> Vec<String> {
    let directory = format!("/proc/{}/fd", process.pid);
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    let inode = |target: PathBuf| {
        let name = target.to_str()?;
        Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
    };
    targets.filter_map(inode).collect()
}

/// The inodes of all connected sockets in its network: proc(5), `/proc/net/tcp` and `/proc/net/unix`.
fn connections(process: Process) -> HashSet<String> {
    let kinds = [
        ("tcp", 3, "01", 9),
        ("tcp6", 3, "01", 9),
        ("unix", 5, "03", 6),
    ];
    let of = |(file, state_at, state, inode_at): (&str, usize, &str, usize)| {
        let path = format!("/proc/{}/net/{file}", process.pid);
        let text = fs::read_to_string(path).unwrap_or_default();
        let inode = |line: &str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let connected = fields.get(state_at) == Some(&state);
            connected.then(|| fields.get(inode_at).map(ToString::to_string))?
        };
        text.lines().filter_map(inode).collect::<Vec<_>>()
    };
    kinds.into_iter().flat_map(of).collect()
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.status().is_none() {
            // The script's programs too. It is not reaped, so the number is still its own.
            let _ = kill(-self.0.id().cast_signed(), libc::SIGKILL);
            let _ = self.0.wait();
        }
    }
}
