//! A request that is in flight when the program is told to stop, and a root of the program's own.

use std::path::Path;

use initlab::{Ended, TempDir, require_namespaces, require_program, require_root};
use serde_json::Value;

use super::{advice, free_port, ids, probe, report, require_tidy_init};

/// A server whose answer takes 1.5 s, and what it does at signals: Python's statements, where `later`
/// ends it after the answer.
fn server(directory: &TempDir, port: &str, signals: &str) -> String {
    let text = format!(
        "import os, signal, socket, sys, time
busy = ended = False
def later(*_):
    global ended
    ended = True
    if not busy:
        sys.exit(0)
def at_once(*_):
    os._exit(0)
{signals}
listener = socket.create_server(('127.0.0.1', {port}))
while not ended:
    connection, _ = listener.accept()
    busy = True
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        time.sleep(0.05)
    connection.sendall(b'answer')
    connection.close()
    busy = False
"
    );
    let file = directory.join("server.py");
    std::fs::write(&file, text).unwrap();
    file.to_string_lossy().into_owned()
}

fn client(port: &str) -> String {
    format!(
        "python3 -c \"import socket, sys; \
         sys.exit(socket.create_connection(('127.0.0.1', {port})).recv(9) != b'answer')\""
    )
}

/// Probes such a server with a request in flight.
#[track_caller]
fn probe_server(signals: &str, more: &[&str]) -> (Value, Ended) {
    let directory = TempDir::new();
    let port = free_port();
    let file = server(&directory, &port, signals);
    let ended = probe(&["--ready-port", &port, "--request", &client(&port)])
        .args(more)
        .args(["--format", "json", "--", "python3", &file])
        .run()
        .assert_code(0);
    (report(&ended), ended)
}

#[test]
fn a_request_is_finished() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("python3");
    let (report, ended) = probe_server("signal.signal(signal.SIGTERM, later)", &[]);
    for run in 0..2 {
        assert_eq!(report["runs"][run]["request"], "finished", "{ended}");
    }
    assert_eq!(ids(&report), ["all-is-well"], "{ended}");
}

#[test]
fn a_request_is_cut_off_and_no_signal_helps() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("python3");
    let signals = "signal.signal(signal.SIGTERM, at_once)\nsignal.signal(signal.SIGINT, at_once)";
    let (report, ended) = probe_server(signals, &["--no-bare"]);
    assert_eq!(report["runs"][0]["request"], "cut", "{ended}");
    assert_eq!(ids(&report), ["request-cut"], "{ended}");
    let advice = advice(&report, "and also at SIGINT");
    assert!(
        advice["line"].as_str().unwrap().contains("-d TERM:5s"),
        "{ended}"
    );
    // It would only make the stop longer where nothing else is done.
    assert!(report["paste"].is_null(), "{ended}");
}

#[test]
fn another_signal_that_finishes_the_request_is_the_graceful_one() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("python3");
    let signals = "signal.signal(signal.SIGTERM, at_once)\nsignal.signal(signal.SIGINT, at_once)
signal.signal(signal.SIGQUIT, later)";
    let (report, ended) = probe_server(signals, &["--no-bare"]);
    assert_eq!(ids(&report), ["graceful-signal"], "{ended}");
    let advice = advice(&report, "lets a request in flight finish");
    assert_eq!(advice["line"], "STOPSIGNAL SIGQUIT", "{ended}");
}

#[test]
fn a_program_that_stops_its_own_workers_gets_the_signal_alone() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("python3");
    // The worker serves, and its parent waits until it has answered.
    let signals = "signal.signal(signal.SIGTERM, at_once)
worker = os.fork()
if worker:
    def tell(*_):
        # It may have ended by the signal to the group.
        try:
            os.kill(worker, signal.SIGUSR1)
        except ProcessLookupError:
            pass
    signal.signal(signal.SIGTERM, tell)
    os.waitpid(worker, 0)
    os._exit(0)
signal.signal(signal.SIGUSR1, later)";
    let (report, ended) = probe_server(signals, &[]);
    assert_eq!(report["runs"][0]["request"], "finished", "{ended}");
    assert_eq!(report["runs"][1]["request"], "cut", "{ended}");
    assert_eq!(ids(&report), ["single-child"], "{ended}");
    let image = report["paste"]["dockerfile"].as_str().unwrap();
    assert!(
        image.starts_with("ENTRYPOINT [\"/bin/tidy-init\",\"-c\",\"--\"]"),
        "{ended}"
    );
}

#[test]
fn a_program_that_hangs_when_its_workers_are_killed_gets_the_signal_alone() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("python3");
    let program = "import os, signal, sys, time
worker = os.fork()
if not worker:
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
    signal.pause()
ended = False
def end(*_):
    global ended
    ended = True
signal.signal(signal.SIGTERM, end)
print('ready', flush=True)
while not ended:
    time.sleep(0.05)
try:
    os.kill(worker, signal.SIGUSR1)
except ProcessLookupError:
    pass
# It waits for a farewell that a worker that was killed does not give.
if os.waitpid(worker, 0)[1]:
    signal.pause()";
    let ended = probe(&["--ready-line", "ready", "--stop-timeout", "2s"])
        .args(["--format", "json", "--", "python3", "-c", program])
        .run()
        .assert_code(0);
    let report = report(&ended);
    assert_eq!(
        report["runs"][1]["end"]["outcome"], "still_running",
        "{ended}"
    );
    assert_eq!(ids(&report), ["other-status"], "{ended}");
    let advice = advice(&report, "does not stop, but as PID 1 itself it ends with 0");
    assert!(
        advice["line"]
            .as_str()
            .unwrap()
            .starts_with("tidy-init -c --"),
        "{ended}"
    );
}

#[test]
fn a_request_that_is_over_shows_nothing() {
    require_namespaces!();
    require_program!("true");
    let ended = probe(&["--bare", "--request", "true", "--ready-line", "ready"])
        .args(["--stop-timeout", "20s", "--format", "json", "--"])
        .args([
            "sh",
            "-c",
            "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done",
        ])
        .run()
        .assert_code(0);
    let report = report(&ended);
    assert_eq!(report["runs"][0]["request"], "over", "{ended}");
    assert!(!ids(&report).contains(&"request-cut".to_owned()), "{ended}");
}

/// Probes a script as PID 1 with this machine's files below a layer of its own.
#[track_caller]
fn probe_in_root(more: &[&str], script: &str) -> (Value, Ended) {
    let ended = probe(&[
        "--root",
        "/",
        "--ready-line",
        "^ready$",
        "--stop-timeout",
        "500ms",
    ])
    .args(more)
    .args(["--format", "json", "--", "sh", "-c", script])
    .run()
    .assert_code(0);
    (report(&ended), ended)
}

#[test]
fn each_run_has_a_layer_of_its_own() {
    require_root!();
    require_namespaces!();
    require_tidy_init!();
    let mark = "/etc/initlab-layer-test";
    let setup = format!("test ! -e {mark} && echo prepared >{mark}");
    let script =
        format!("test $(cat {mark}) = prepared && echo changed >{mark} && echo ready; sleep 9; :");
    let (report, ended) = probe_in_root(&["--setup", &setup], &script);
    for run in report["runs"].as_array().unwrap() {
        // A run that saw the file of the one before would not get here.
        assert!(run["program"].is_object(), "{ended}");
    }
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(2), "{ended}");
    assert!(!Path::new(mark).exists(), "it has come outside");
}

#[test]
fn a_setup_that_fails_is_no_start() {
    require_root!();
    require_namespaces!();
    let ended = probe(&["--bare", "--root", "/", "--setup", "echo no luck; exit 3"])
        .args(["--", "sleep", "1"])
        .run();
    assert_eq!(ended.status.code(), Some(125), "{ended}");
    assert!(ended.stderr_text().contains("no luck"), "{ended}");
}

#[test]
fn a_program_in_a_root_has_the_user_and_the_environment_of_a_container() {
    require_root!();
    require_namespaces!();
    let script = "test $(id -u) = 65534 && test \"$A\" = b && test -z \"$CARGO\" && \
                  test ! -e /dev/kmsg && : >/dev/null && test -L /dev/stdout && echo ready; sleep 9; :";
    let more = ["--bare", "--user", "nobody", "--env", "A=b"];
    let (report, ended) = probe_in_root(&more, script);
    assert!(report["runs"][0]["program"].is_object(), "{ended}");
}

#[test]
fn a_known_program_leads_to_its_page() {
    require_namespaces!();
    let ended = probe(&["--bare", "--ready-line", "ready", "--stop-timeout", "100ms"])
        .args([
            "--",
            "sh",
            "-c",
            "trap : TERM; echo ready; while :; do :; done",
        ])
        .run()
        .assert_code(0);
    let page = "More about it: docs/field-guide/dash.md";
    assert!(ended.stdout_text().contains(page), "{ended}");
}
