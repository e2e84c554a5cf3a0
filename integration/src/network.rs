//! The network of a sandbox, as a client in it sees it.

use std::{
    fs::{self, File},
    io,
    net::TcpStream,
    os::fd::AsRawFd,
    path::PathBuf,
    thread,
};

use nix::sched::{CloneFlags, setns};

use crate::process::Process;

/// The network namespace of a sandbox with [`own_network`](crate::Sandbox::own_network). It lives
/// as long as this value, so that its identity cannot be reused.
#[derive(Debug)]
pub struct Network {
    namespace: File,
    name: PathBuf,
}

impl Network {
    /// The network that a process is in.
    pub fn of(process: Process) -> io::Result<Self> {
        let namespace = File::open(format!("/proc/{}/ns/net", process.pid))?;
        let name = fs::read_link(format!("/proc/self/fd/{}", namespace.as_raw_fd()))?;
        Ok(Self { namespace, name })
    }

    /// The same network, for another thread.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            namespace: self.namespace.try_clone()?,
            name: self.name.clone(),
        })
    }

    /// Connects to a port of its loopback interface. Needs root.
    pub fn connect(&self, port: u16) -> io::Result<TcpStream> {
        self.enter(|| TcpStream::connect(("127.0.0.1", port)))
    }

    /// Does something in it. Needs root.
    ///
    /// A separate thread enters the namespace (setns(2) moves one thread) and ends; a socket stays
    /// in the network in which it was created.
    pub fn enter<T: Send>(&self, action: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let enter = || {
            setns(&self.namespace, CloneFlags::CLONE_NEWNET)?;
            action()
        };
        thread::scope(|scope| scope.spawn(enter).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The processes in it, without zombies. A process cannot lose its network the way it loses its
    /// parent, or overwrites a mark in its environment.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        let mut found = Process::all();
        found.retain(|process| process.link("ns/net").as_ref() == Some(&self.name));
        found
    }
}
