//! Python: its `signal` module leaves TERM at its default action, unless the script sets a handler.

use std::fs;

use initlab::{Place, Sandbox, TempDir, require_program, require_root};

use super::{
    page::Row,
    service::{Service, http, major_version},
};

pub const HANDLER: Row = Row {
    program: "Python",
    options: "",
    command: "python3 server.py",
    signal: "TERM",
    story: "its handler closes the server and exits with 3",
    status: 3,
    seconds: 3,
};

pub const PLAIN: Row = Row {
    command: "python3 -m http.server",
    story: "it has no handler: the signal kills it",
    status: 143,
    seconds: 1,
    ..HANDLER
};

const PORT: u16 = 8000;

/// Debian's: the first in PATH may be a version manager's.
pub const PYTHON: &str = "/usr/bin/python3";

const SERVER: &str = r#"
import http.server, signal, sys, threading

server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), http.server.SimpleHTTPRequestHandler)

def stop(number, frame):
    # shutdown() waits for serve_forever(), which is interrupted by this very handler.
    threading.Thread(target=server.shutdown).start()

signal.signal(signal.SIGTERM, stop)
server.serve_forever()
server.server_close()
sys.exit(3)
"#;

#[test]
fn a_python_server_with_a_handler_decides_its_status() {
    require_root!();
    require_program!(PYTHON);
    let directory = TempDir::new();
    let script = directory.join("server.py");
    fs::write(&script, SERVER).expect("the directory is ours");
    HANDLER.play(&version(), |place| {
        let python = python(&HANDLER, place, &directory).arg(&script);
        Service::start(python, |network| http(network, PORT)).stop(libc::SIGTERM)
    });
}

#[test]
fn a_python_server_without_a_handler_dies_of_term() {
    require_root!();
    require_program!(PYTHON);
    let directory = TempDir::new();
    PLAIN.play(&version(), |place| {
        let python = python(&PLAIN, place, &directory).args(["-m", "http.server"]);
        Service::start(python, |network| http(network, PORT)).stop(libc::SIGTERM)
    });
}

fn version() -> String {
    major_version(PYTHON, "--version")
}

fn python(row: &Row, place: Place, directory: &TempDir) -> Sandbox {
    row.init(place).arg(PYTHON).current_dir(directory.path())
}
