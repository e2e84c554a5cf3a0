//! A Node.js server behind a wrapper, which is the command.

use std::{fs, path::Path};

use initlab::{Sandbox, TempDir, require_program, require_root};

use super::{
    scene::{Row, Scene, Under, read},
    service::{Service, http},
};

pub const SHELL: Scene = Scene {
    name: "Node.js behind a shell",
    story: "`sh -c 'node server.js; true'`: the server needs 300 ms after TERM to close its \
            connections. The command is the shell, and TERM kills it at once, whether or not the \
            server gets TERM too.",
    rows: &[
        Row::cut_off(Under::DumbInit, "", 143),
        Row::cut_off(Under::Tini, "", 143),
        Row::cut_off(Under::Tini, "-g", 143),
        Row::cut_off(Under::TidyInit, "", 143),
        Row::cut_off(Under::TidyInit, "-t all", 143),
        Row::cut_off(Under::TidyInit, "-k 10s", 143),
        Row::finished(Under::TidyInit, "--grace 10s", 143),
        Row::finished(Under::TidyInit, "--grace 10s -k 10s -t all -e 143", 0),
    ],
};

pub const NPM: Scene = Scene {
    name: "Node.js behind npm",
    story: "`npm start` (npm 10), where the server needs three seconds. npm runs it through a \
            shell, and forwards TERM only to that shell. TERM kills the shell, whether the init \
            or npm sends it. Then npm ends, and npm is the command.",
    rows: &[
        Row::cut_off(Under::DumbInit, "", 143),
        Row::cut_off(Under::Tini, "", 143),
        Row::cut_off(Under::Tini, "-g", 143),
        Row::cut_off(Under::TidyInit, "", 143),
        Row::cut_off(Under::TidyInit, "-t child", 143),
        Row::cut_off(Under::TidyInit, "-t all", 143),
        Row::cut_off(Under::TidyInit, "-k 10s", 143),
        Row::finished(Under::TidyInit, "--grace 10s", 143),
        Row::finished(Under::TidyInit, "--grace 10s -e 143", 0),
    ],
};

pub const NPM_EXEC: Scene = Scene {
    name: "Node.js behind npm and `exec`",
    story: "The same with `exec node server.js` as the script: no shell remains, and npm waits \
            for the server. It needs no `--grace`.",
    rows: &[
        Row::finished(Under::DumbInit, "", 0),
        Row::finished(Under::Tini, "", 0),
        Row::finished(Under::TidyInit, "", 0),
        Row::finished(Under::TidyInit, "--grace 10s", 0),
    ],
};

const PORT: u16 = 8000;

/// A server that needs a moment to close its connections.
const SERVER: &str = "
const fs = require('fs');
const server = require('http').createServer((_, response) => response.end('hello'));
process.on('SIGTERM', () => {
    server.close();
    setTimeout(() => { fs.appendFileSync('log', 'finished\\n'); process.exit(0); }, NEEDED);
});
server.listen(8000, '127.0.0.1', () => fs.writeFileSync('log', 'begun\\n'));
";

#[test]
fn a_node_server_behind_a_shell_closes_its_connections_with_grace_and_only_then() {
    require_root!();
    require_program!("dumb-init", "tini", "node");
    let directory = directory(300);
    SHELL.play(|init| {
        let command = ["sh", "-c", "node server.js; true"];
        play(init.args(command), directory.path())
    });
}

#[test]
fn a_node_server_behind_npm_closes_its_connections_with_grace_and_only_then() {
    require_root!();
    require_program!("dumb-init", "tini", "node", "npm");
    play_npm(&NPM, "node server.js", 3000);
}

#[test]
fn a_node_server_that_npm_starts_by_exec_closes_its_connections() {
    require_root!();
    require_program!("dumb-init", "tini", "node", "npm");
    play_npm(&NPM_EXEC, "exec node server.js", 300);
}

#[track_caller]
fn play_npm(scene: &Scene, script: &str, needed: u32) {
    let directory = directory(needed);
    let package = format!(r#"{{"name": "server", "scripts": {{"start": "{script}"}}}}"#);
    fs::write(directory.join("package.json"), package).expect("the directory is ours");
    scene.play(|init| {
        let init = init.env("HOME", directory.path());
        let npm = init.env("npm_config_update_notifier", "false");
        play(npm.args(["npm", "start"]), directory.path())
    });
}

/// A directory with a server that needs this many milliseconds to stop.
fn directory(needed: u32) -> TempDir {
    let directory = TempDir::new();
    let server = SERVER.replace("NEEDED", &needed.to_string());
    fs::write(directory.join("server.js"), server).expect("the directory is ours");
    directory
}

#[track_caller]
fn play(command: Sandbox, directory: &Path) -> (super::service::Outcome, String) {
    let log = directory.join("log");
    let _ = fs::remove_file(&log);
    let service = Service::start(command.current_dir(directory), |network| {
        http(network, PORT)
    });
    (service.stop(libc::SIGTERM), read(&log))
}
