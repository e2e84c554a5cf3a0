//! bash(1), SIGNALS: a trap runs when the command in the foreground has ended, or at once where
//! that is `wait`, which then returns more than 128.

use initlab::{TempDir, require_program, require_root};

use super::{
    page::Row,
    python::PYTHON,
    service::{Service, http, major_version},
};

pub const PLAIN: Row = Row {
    program: "Bash",
    options: "",
    command: "bash -c 'python3 -m http.server & sleep 1000 & wait'",
    signal: "TERM",
    story: "it has no trap: the signal kills it and its jobs",
    status: 143,
    seconds: 1,
};

pub const TRAP: Row = Row {
    command: "bash -c 'trap \"exit 3\" TERM; python3 -m http.server & sleep 1000 & wait'",
    story: "its trap exits with 3; the signal kills its jobs",
    status: 3,
    ..PLAIN
};

pub const WAIT: Row = Row {
    command: "bash -c 'trap : TERM; python3 -m http.server & sleep 1000 & wait'",
    story: "`wait` comes back with 128 + 15, and is the last command",
    ..PLAIN
};

pub const ALONE: Row = Row {
    options: "-c",
    command: "bash -c 'trap \"kill %1 %2; wait; exit 5\" TERM; \
              python3 -m http.server & sleep 1000 & wait'",
    story: "it alone gets the signal; its trap ends its jobs and exits with 5",
    status: 5,
    ..PLAIN
};

const BASH: &str = "/bin/bash";

#[test]
fn a_script_and_its_jobs_end_as_their_rows_say() {
    require_root!();
    require_program!(BASH, PYTHON);
    for row in [PLAIN, TRAP, WAIT, ALONE] {
        play(&row);
    }
}

fn play(row: &Row) {
    let directory = TempDir::new();
    let script = row.command.strip_prefix("bash -c '");
    let script = script.and_then(|rest| rest.strip_suffix('\''));
    let script = script.expect("the command is a script for bash");
    row.play(&major_version(BASH, "--version"), |place| {
        let bash = row
            .init(place)
            .args([BASH, "-c", script])
            .env("PATH", "/usr/bin:/bin")
            .current_dir(directory.path());
        Service::start(bash, |network| http(network, 8000)).stop(libc::SIGTERM)
    });
}
