//! A client that is slow to read what an HTTP server sends it, from outside a container: its data
//! goes through the interface that the engine takes away.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use initlab::try_poll_until;

use crate::container::docker::Container;

/// How much the file has. A server can write all of it while the client reads nothing: some 120,000
/// bytes wait at the client, and the rest, up to some 500,000, in the server's send buffer.
pub const SIZE: usize = 300_000;

/// A client that nothing reaches for so long has lost its server. It is no wait where all goes well.
const SILENCE: Duration = Duration::from_secs(3);

/// A client that has asked for a file, and reads nothing so far.
pub struct Download(TcpStream);

impl Download {
    /// Asks the container for this path, as soon as it answers.
    #[track_caller]
    pub fn start(container: &Container, port: u16, path: &str) -> Self {
        Self::start_in(container, container, port, path)
    }

    /// As [`start`](Self::start), where another container holds the server's network, as in a pod.
    #[track_caller]
    pub fn start_in(holder: &Container, server: &Container, port: u16, path: &str) -> Self {
        let address = holder.inspect("{{.NetworkSettings.IPAddress}}");
        let address: IpAddr = address.parse().expect("it is in the engine's network");
        let mut stream = None;
        let connected = try_poll_until(initlab::timeout(), || {
            stream = TcpStream::connect(SocketAddr::new(address, port)).ok();
            stream.is_some()
        });
        assert!(connected, "no answer: {}", server.logs());
        let mut stream = stream.expect("it is connected");
        stream
            .set_read_timeout(Some(SILENCE))
            .expect("it is not zero");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("it is connected");
        Self(stream)
    }

    /// Reads the rest in small pieces until nothing more comes, and returns the length of the body.
    pub fn finish(mut self) -> usize {
        let mut answer = Vec::new();
        let mut piece = [0; 1000];
        loop {
            match self.0.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let end = b"\r\n\r\n";
        let head = answer.windows(end.len()).position(|window| window == end);
        head.map_or(0, |head| answer.len() - head - end.len())
    }
}
