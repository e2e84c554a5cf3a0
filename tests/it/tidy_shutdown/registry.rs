//! A service that is known to a registry, which has to be told before the service stops.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Once,
    thread,
};

use initlab::{Network, TempDir, require_program, require_root, write_executable};

use super::{
    scene::{FINISHED, Row, Scene, Under, read},
    service::{Service, http},
};

pub const DEREGISTRATION: Scene = Scene {
    name: "A service that is registered",
    story: "A Python service registers itself with a registry, which sends clients to it. It has \
            no handler for TERM. `./deregister` is a script of ten lines that removes the \
            service from the registry while the service still answers.",
    rows: &[
        Row::cut_off(Under::DumbInit, "", 143),
        Row::cut_off(Under::Tini, "", 143),
        Row::cut_off(Under::TidyInit, "", 143),
        Row::finished(Under::TidyInit, "--pre-stop ./deregister", 143),
        Row::finished(
            Under::TidyInit,
            "--pre-stop ./deregister --grace 10s -k 10s -t all -e 143",
            0,
        ),
    ],
};

const SERVICE_PORT: u16 = 8000;
const REGISTRY_PORT: u16 = 9000;

const SERVICE: &str = "
import http.server, time
from registry import ask

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

server = http.server.HTTPServer(('127.0.0.1', 8000), Handler)
while not ask('PUT'):
    time.sleep(0.02)
server.serve_forever()
";

const ASK: &str = "
import urllib.request

def ask(method):
    url = 'http://127.0.0.1:9000/services/web'
    try:
        urllib.request.urlopen(urllib.request.Request(url, method=method))
        return True
    except OSError:
        return False
";

const DEREGISTER: &str = "#!/usr/bin/env python3
import os
from registry import ask

assert os.environ['TIDY_INIT_SIGNAL'] == 'TERM'
os.kill(int(os.environ['TIDY_INIT_COMMAND_PID']), 0)
assert ask('DELETE')
";

#[test]
fn a_service_is_taken_off_its_registry_with_pre_stop_and_only_then() {
    require_root!();
    require_program!("dumb-init", "tini", "python3");
    let directory = TempDir::new();
    for (name, text) in [
        ("service.py", SERVICE),
        ("registry.py", ASK),
        ("deregister", DEREGISTER),
    ] {
        write_executable(&directory.join(name), text, 0o755).expect("the directory is ours");
    }
    let log = directory.join("log");
    DEREGISTRATION.play(|init| {
        fs::write(&log, "").expect("the directory is ours");
        let command = init.args(["python3", "service.py"]);
        let command = command.current_dir(directory.path());
        let opened = Once::new();
        let service = Service::start(command, |network| {
            opened.call_once(|| open(network, &log));
            Ok(!read(&log).is_empty() && http(network, SERVICE_PORT)?)
        });
        (service.stop(libc::SIGTERM), read(&log))
    });
}

/// Opens the registry in the service's network. It goes with this process.
#[track_caller]
fn open(network: &Network, log: &Path) {
    let bind = || TcpListener::bind(("127.0.0.1", REGISTRY_PORT));
    let listener = network.enter(bind).expect("the interface is up");
    let same = network.try_clone().expect("a descriptor is left");
    let log: PathBuf = log.to_owned();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("it has connected");
            let mut request = String::new();
            let _ = BufReader::new(&client).read_line(&mut request);
            let line = match request.split(' ').next() {
                Some("PUT") => "begun\n".to_owned(),
                // A client that was sent there a moment ago is still served.
                Some("DELETE") if http(&same, SERVICE_PORT).is_ok_and(|well| well) => {
                    format!("{FINISHED}\n")
                }
                _ => format!("{request}: too late, or not understood\n"),
            };
            fs::write(&log, read(&log) + &line).expect("the directory is there");
            let _ = client.write_all(b"HTTP/1.0 204 No Content\r\n\r\n");
        }
    });
}
