//! A client for gRPC. A call is one request over HTTP/2, which curl(1) speaks: a client of Rust would
//! bring some hundred packages with it, and need protoc(1) for the messages.
//!
//! `doc/PROTOCOL-HTTP2.md` of gRPC has the format: a message has a prefix of 5 bytes, whether it is
//! compressed and its length, and the status comes in the trailers.

use std::{fs, path::PathBuf, process::Command};

use initlab::TempDir;
use prost::Message;

/// A server behind a socket.
pub struct Client {
    socket: PathBuf,
}

impl Client {
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Calls a method of the CRI: `RuntimeService/Version`. The error is what the server says.
    pub fn call<A: Message + Default>(
        &self,
        method: &str,
        request: &impl Message,
    ) -> Result<A, String> {
        let directory = TempDir::new();
        let [sent, headers] = ["request", "headers"].map(|name| directory.join(name));
        fs::write(&sent, framed(request)).map_err(|e| e.to_string())?;
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--http2-prior-knowledge"])
            .args(["--header", "content-type: application/grpc"])
            .args(["--header", "te: trailers", "--max-time", "120"])
            .args(["--data-binary", &format!("@{}", sent.display())])
            .arg("--unix-socket")
            .arg(&self.socket)
            .arg("--dump-header")
            .arg(&headers)
            .arg(format!("http://localhost/runtime.v1.{method}"))
            .output()
            .map_err(|e| format!("cannot execute curl: {e}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let headers = fs::read_to_string(&headers).unwrap_or_default();
        if !headers
            .lines()
            .any(|line| line.trim_end() == "grpc-status: 0")
        {
            return Err(headers);
        }
        let message = output.stdout.get(5..).unwrap_or_default();
        A::decode(message).map_err(|e| e.to_string())
    }
}

fn framed(message: &impl Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).expect("it is short");
    [&[0], &length.to_be_bytes()[..], &message].concat()
}
