//! Node.js: TERM has its default action unless a listener is added (the `process` module, "Signal
//! events").

use std::fs;

use initlab::{TempDir, require_program, require_root};

use super::{
    page::Row,
    service::{Service, http, major_version},
};

pub const HANDLER: Row = Row {
    program: "Node.js",
    options: "",
    command: "node server.js",
    signal: "TERM",
    story: "its listener closes the server and exits with 4",
    status: 4,
    seconds: 1,
};

pub const PLAIN: Row = Row {
    command: "node plain.js",
    story: "it has no listener: the signal kills it",
    status: 143,
    ..HANDLER
};

const NODE: &str = "/usr/bin/node";
const PORT: u16 = 8000;

const SERVER: &str = "
const server = require('http').createServer((_, response) => response.end('hello'));
server.listen(8000, '127.0.0.1');
";

const LISTENER: &str = "
process.on('SIGTERM', () => server.close(() => process.exit(4)));
";

#[test]
fn a_node_server_ends_as_its_listener_says_or_dies_of_term() {
    require_root!();
    require_program!(NODE);
    play(&HANDLER, "server.js", &format!("{SERVER}{LISTENER}"));
    play(&PLAIN, "plain.js", SERVER);
}

fn play(row: &Row, name: &str, script: &str) {
    let directory = TempDir::new();
    let path = directory.join(name);
    fs::write(&path, script).expect("the directory is ours");
    row.play(&major_version(NODE, "--version"), |place| {
        let node = row.init(place).arg(NODE).arg(&path);
        Service::start(node, |network| http(network, PORT)).stop(libc::SIGTERM)
    });
}
