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

/// A network namespace: that of a sandbox with
/// [`own_network`](crate::Sandbox::own_network). It lives as long as this value, so that no other
/// can be taken for it.
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

    /// Connects to a port of its loopback interface. Only root may.
    ///
    /// A thread of its own enters the namespace (setns(2) moves one thread) and ends; the socket
    /// stays in the network it was made in.
    pub fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let connect = || {
            setns(&self.namespace, CloneFlags::CLONE_NEWNET)?;
            TcpStream::connect(("127.0.0.1", port))
        };
        thread::scope(|scope| scope.spawn(connect).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The processes that are in it, zombies not among them. Unlike a mark in the environment,
    /// which a program may write over, and unlike a parent, this cannot be lost.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        let mut found = Process::all();
        found.retain(|process| process.link("ns/net").as_ref() == Some(&self.name));
        found
    }
}
