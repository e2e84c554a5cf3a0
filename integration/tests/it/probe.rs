//! `initlab probe`, with programs that behave well and programs that do not.

mod image;
mod programs;
mod request;

use std::{collections::BTreeSet, env, fs, net::TcpListener, path::PathBuf, time::Duration};

use initlab::{
    Ended, Process, Sandbox, TempDir, fixture, missing_program, poll_until, require_namespaces,
    require_program, write_executable,
};
use serde_json::Value;

use crate::{assert_needs_stdout, assert_says, document, initlab};

/// tidy-init: the file that `TIDY_INIT` names, or the one that cargo has built beside the harness.
pub(crate) fn tidy_init() -> Option<PathBuf> {
    let beside = env::current_exe().ok()?;
    let beside = beside.parent()?.parent()?.join("tidy-init");
    let named = env::var_os("TIDY_INIT").map(PathBuf::from);
    named.or(Some(beside)).filter(|path| path.is_file())
}

/// Skips the running test if there is no tidy-init to probe with.
macro_rules! require_tidy_init {
    () => {
        if crate::probe::tidy_init().is_none() {
            initlab::skip!("needs a built tidy-init: run `cargo xtask test`");
        }
    };
}
pub(crate) use require_tidy_init;

/// `initlab probe` with these arguments, under tidy-init too if there is one.
pub(crate) fn probe(arguments: &[&str]) -> Sandbox {
    let ours = tidy_init().unwrap_or_default();
    initlab(&["probe"]).env("TIDY_INIT", ours).args(arguments)
}

/// The report that a probe has printed as JSON.
#[track_caller]
fn report(ended: &Ended) -> Value {
    document(ended, "initlab-probe")
}

/// Probes a shell script that prints `ready`, and gives it 0.7 s to stop.
#[track_caller]
fn probe_script(script: &str) -> (Value, Ended) {
    probe_script_for(script, &["--stop-timeout", "700ms"])
}

/// Probes a shell script that prints `ready` and that stops, however busy the machine is.
#[track_caller]
fn probe_stopping_script(script: &str) -> (Value, Ended) {
    probe_script_for(script, &["--stop-timeout", "20s"])
}

#[track_caller]
fn probe_script_for(script: &str, more: &[&str]) -> (Value, Ended) {
    // A script that loops is never quiet.
    let ended = probe(&["--ready-line", "^ready$", "--settle", "30ms"])
        .args(more)
        .args(["--format", "json", "--", "sh", "-c", script])
        .run()
        .assert_code(0);
    (report(&ended), ended)
}

/// The advice whose text contains `text`.
#[track_caller]
fn advice(report: &Value, text: &str) -> Value {
    let all = report["advice"].as_array().expect("there is advice");
    let mut found = all
        .iter()
        .filter(|a| a["text"].as_str().is_some_and(|t| t.contains(text)));
    match found.next() {
        Some(advice) => advice.clone(),
        None => panic!("no advice contains {text:?}: {all:#?}"),
    }
}

#[test]
fn a_program_without_a_handler_runs_on_as_pid_1_and_ends_under_an_init() {
    require_namespaces!();
    require_tidy_init!();
    let ended = probe(&["--ready-after", "100ms", "--stop-timeout", "500ms"])
        .args(["--expect-exit", "0,143", "--expect-stop-within", "400ms"])
        .args(["--format", "json", "--", "sleep", "1000"])
        .run()
        .assert_code(0);
    let report = report(&ended);
    let [bare, under] = [&report["runs"][0], &report["runs"][1]];
    assert_eq!(bare["end"]["outcome"], "still_running", "{ended}");
    assert_eq!(under["end"]["outcome"], "stopped", "{ended}");
    assert_eq!(under["end"]["status"], 143, "{ended}");
    assert_eq!(under["end"]["killed_by"], 15, "{ended}");
    let advice = advice(&report, "it has no handler");
    assert!(advice["line"].as_str().unwrap().starts_with("ENTRYPOINT"));
    assert!(advice["tried"].as_str().unwrap().contains("143"));
}

#[test]
fn a_gate_that_is_not_met_is_told_and_is_status_1() {
    require_namespaces!();
    let ended = probe(&["--bare", "--ready-after", "50ms", "--stop-timeout", "300ms"])
        .args(["--expect-stop-within", "200ms", "--", "sleep", "1000"])
        .run()
        .assert_code(1);
    let text = ended.stdout_text();
    assert!(
        text.contains("not as expected: PID 1 itself: it did not stop"),
        "{ended}"
    );
    assert!(text.contains("kills after 10 s: 137"), "{ended}");
}

#[test]
fn a_program_that_ignores_term_and_handles_quit_wants_a_rewrite_which_is_tried() {
    require_namespaces!();
    require_tidy_init!();
    let script = "trap '' TERM; trap 'exit 0' QUIT; echo ready; while :; do sleep 0.02; done";
    let (report, ended) = probe_script(script);
    for run in 0..2 {
        let run = &report["runs"][run];
        assert_eq!(run["end"]["outcome"], "still_running", "{ended}");
        let ignores = run["program"]["ignores"].as_array().unwrap();
        assert!(ignores.contains(&"TERM".into()), "{ended}");
    }
    let advice = advice(&report, "SIGQUIT ends it");
    assert!(
        advice["text"]
            .as_str()
            .unwrap()
            .contains("which it ignores")
    );
    let line = advice["line"].as_str().unwrap();
    assert!(line.contains("tidy-init -r TERM:QUIT -- sh"), "{line}");
    assert_eq!(report["tried"][0]["helped"], true, "{ended}");
    assert_eq!(report["tried"][0]["run"]["end"]["status"], 0, "{ended}");
}

#[test]
fn what_nothing_ends_is_to_be_bounded() {
    require_namespaces!();
    require_tidy_init!();
    let (report, _) = probe_script("trap '' TERM INT; echo ready; while :; do sleep 0.02; done");
    let advice = advice(&report, "No signal that it handles ends it");
    assert!(advice["line"].as_str().unwrap().contains("-k 5s"));
}

#[test]
fn what_is_left_behind_is_seen_and_wants_grace() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("setsid");
    // Ready when the child has exec'd: until then it is another program.
    let script = "trap 'exit 0' TERM; setsid sleep 1000 & \
                  until read name < /proc/$!/comm && [ $name = sleep ]; do :; done; echo ready; \
                  while :; do sleep 0.02; done";
    let (report, ended) = probe_stopping_script(script);
    for run in 0..2 {
        let end = &report["runs"][run]["end"];
        assert_eq!(end["status"], 0, "{ended}");
        let left = end["left_behind"].as_array().unwrap();
        let is_sleep = |seen: &&Value| seen["arguments"] == serde_json::json!(["sleep", "1000"]);
        assert_eq!(left.iter().filter(is_sleep).count(), 1, "{ended}");
    }
    let advice = advice(&report, "It leaves behind");
    assert!(advice["line"].as_str().unwrap().contains("--grace 5s"));
    assert_eq!(report["tried"][0]["helped"], true, "{ended}");
}

#[test]
fn a_program_that_a_command_stops_better_wants_pre_stop() {
    require_namespaces!();
    require_tidy_init!();
    let directory = TempDir::new();
    let program = directory.join("rabbitmq-server");
    let script = "#!/bin/sh\ntrap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done\n";
    write_executable(&program, script, 0o755).expect("the directory is ours");
    let ended = probe(&["--ready-line", "^ready$", "--settle", "30ms"])
        .args(["--stop-timeout", "20s", "--format", "json", "--"])
        .arg(&program)
        .run()
        .assert_code(0);
    let advice = advice(&report(&ended), "`rabbitmq-upgrade drain`");
    let line = advice["line"].as_str().unwrap();
    assert!(
        line.starts_with("tidy-init --pre-stop /drain -- "),
        "{ended}"
    );
}

#[test]
fn nobody_is_left_behind_by_a_program_that_waits_for_its_children() {
    require_namespaces!();
    require_tidy_init!();
    let script = "sleep 1000 & trap 'kill $!; wait $!; exit 0' TERM; echo ready; wait $!";
    let (report, ended) = probe_stopping_script(script);
    for run in 0..2 {
        let end = &report["runs"][run]["end"];
        assert_eq!(end["left_behind"], serde_json::json!([]), "{ended}");
        assert_eq!(end["status"], 0, "{ended}");
    }
    advice(&report, "Nothing needs to be changed");
}

#[test]
fn who_dies_of_the_same_signal_is_not_left_behind() {
    require_namespaces!();
    require_tidy_init!();
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & sleep 1000 & done; \
                  echo ready; wait";
    let (report, ended) = probe_script_for(script, &["--no-bare", "--stop-timeout", "20s"]);
    let end = &report["runs"][0]["end"];
    assert_eq!(end["killed_by"], 15, "{ended}");
    assert_eq!(end["left_behind"], serde_json::json!([]), "{ended}");
}

#[test]
fn a_shell_script_without_exec_is_found_out() {
    require_namespaces!();
    require_tidy_init!();
    let directory = TempDir::new();
    let script = directory.join("run");
    write_executable(&script, "#!/bin/sh\necho ready\nsleep 1000\n", 0o755).unwrap();
    let ended = probe(&["--stop-timeout", "300ms", "--ready-line", "ready"])
        .args(["--settle", "50ms", "--format", "json", "--"])
        .arg(&script)
        .run()
        .assert_code(0);
    let report = report(&ended);
    let waits_for = &report["runs"][0]["program"]["shell_waits_for"];
    assert_eq!(waits_for["name"], "sleep", "{ended}");
    let exec = advice(&report, "`exec` is missing");
    assert_eq!(exec["line"], "exec sleep 1000", "{ended}");
    assert_eq!(exec["id"], "exec", "{ended}");
}

#[test]
fn exec_is_not_advised_where_the_shell_has_something_to_do() {
    require_namespaces!();
    require_tidy_init!();
    for (script, id, line) in [
        (
            "echo ready; sleep 1000; echo upload",
            "shell-goes-on",
            "trap : TERM",
        ),
        (
            "sleep 1000 & sleep 1001 & echo ready; wait",
            "shell-jobs",
            "--grace 5s",
        ),
        ("echo ready; sleep 1000 | cat", "shell-jobs", "--grace 5s"),
    ] {
        let (report, ended) = probe_script(script);
        assert!(ids(&report).contains(&id.to_owned()), "{script}: {ended}");
        assert!(
            !ended.stdout_text().contains("exec sleep"),
            "{script}: {ended}"
        );
        let all = report["advice"].as_array().unwrap();
        let advice = all.iter().find(|advice| advice["id"] == id).unwrap();
        assert!(
            advice["line"].as_str().unwrap().contains(line),
            "{script}: {ended}"
        );
    }
}

/// The identifiers of the advice.
fn ids(report: &Value) -> Vec<String> {
    let all = report["advice"].as_array().expect("there is advice");
    let id = |advice: &Value| advice["id"].as_str().unwrap_or_default().to_owned();
    all.iter().map(id).collect()
}

#[test]
fn a_program_that_sees_to_its_children_itself_wants_its_signals_alone() {
    require_namespaces!();
    require_tidy_init!();
    // 5 is the status of a program whose worker was killed by somebody else.
    let script = "sleep 1000 & trap 'sleep 0.1; kill $! || exit 5; exit 0' TERM; echo ready; \
                  while :; do sleep 0.02; done";
    let (report, ended) = probe_stopping_script(script);
    assert_eq!(report["runs"][0]["end"]["status"], 0, "{ended}");
    assert_eq!(report["runs"][1]["end"]["status"], 5, "{ended}");
    let advice = advice(&report, "Send the signal to it alone");
    assert!(advice["line"].as_str().unwrap().contains("-c --"));
    assert_eq!(report["tried"][0]["run"]["end"]["status"], 0, "{ended}");
}

#[test]
fn zombies_that_pid_1_does_not_reap_are_counted_and_an_init_reaps_them() {
    require_namespaces!();
    require_tidy_init!();
    let orphans = [
        "fixture",
        "children-then-exec",
        "0",
        "--zombies",
        "2",
        "--",
        "sleep",
    ];
    let ended = probe(&["--ready-after", "100ms", "--stop-timeout", "300ms"])
        .args(["--no-tries", "--format", "json", "--"])
        .arg(fixture())
        .args(orphans)
        .arg("1000")
        .run()
        .assert_code(0);
    let report = report(&ended);
    for run in 0..2 {
        let zombies = report["runs"][run]["zombies"].as_array().unwrap();
        assert_eq!(zombies.len(), 2, "{ended}");
    }
    advice(&report, "It does not reap its own children");
}

#[test]
fn a_server_is_ready_when_it_listens() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("python3");
    let port = free_port();
    let ended = probe(&[
        "--ready-port",
        &port,
        "--stop-timeout",
        "500ms",
        "--format",
        "json",
    ])
    .args(["--", "python3", "-m", "http.server", &port])
    .run()
    .assert_code(0);
    let report = report(&ended);
    for run in 0..2 {
        let handles = report["runs"][run]["program"]["handles"].as_array();
        assert!(handles.unwrap().contains(&"INT".into()), "{ended}");
    }
    assert_eq!(report["runs"][1]["end"]["killed_by"], 15, "{ended}");
}

/// A port on which nothing listens now.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn a_port_that_is_taken_is_told_in_a_line() {
    require_namespaces!();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    probe(&["--ready-port", &port.to_string(), "--", "sleep", "1000"])
        .run()
        .assert_code(125)
        .assert_stdout("")
        .assert_stderr(format!(
            "initlab: port {port} is in use: it would not tell when the program is ready\n"
        ));
}

#[test]
fn the_gate_sees_the_status_that_the_init_maps() {
    require_namespaces!();
    require_tidy_init!();
    let arguments = ["--ready-after", "50ms", "--no-bare", "--expect-exit", "0"];
    let gate = || probe(&arguments).args(["--", "sleep", "1000"]);
    gate().run().assert_code(1);
    gate().env("TIDY_INIT_OPTS", "-e 143").run().assert_code(0);
}

#[test]
fn another_stop_signal_is_sent() {
    require_namespaces!();
    let ended = probe(&[
        "--bare",
        "--stop-signal",
        "RTMIN+3",
        "--ready-line",
        "ready",
    ])
    .args(["--format", "json", "--"])
    .arg(fixture())
    .args(["fixture", "signals", "--until", "RTMIN+3", "--exit", "7"])
    .run()
    .assert_code(0);
    let report = report(&ended);
    assert_eq!(report["runs"][0]["end"]["status"], 7, "{ended}");
}

#[test]
fn a_program_that_ends_before_it_is_ready_has_said_why() {
    require_namespaces!();
    let ended = probe(&["--bare", "--ready-line", "never", "--expect-exit", "3"])
        .args(["--", "sh", "-c", "echo no configuration >&2; exit 3"])
        .run()
        .assert_code(1);
    let text = ended.stdout_text();
    assert!(
        text.contains("PID 1 itself said: no configuration"),
        "{ended}"
    );
    assert!(
        text.contains("it ended before it was told to stop, with 3"),
        "{ended}"
    );
}

#[test]
fn a_program_that_never_becomes_ready_is_not_waited_for_longer() {
    require_namespaces!();
    let ended = probe(&[
        "--bare",
        "--ready-line",
        "never",
        "--ready-timeout",
        "200ms",
    ])
    .args(["--", "sleep", "1000"])
    .run()
    .assert_code(0);
    let text = ended.stdout_text();
    assert!(text.contains("it was not ready in time"), "{ended}");
    assert!(ended.elapsed < Duration::from_secs(10), "{ended}");
}

#[test]
fn a_flood_of_output_changes_nothing() {
    require_namespaces!();
    let ended = probe(&["--bare", "--ready-after", "50ms", "--stop-timeout", "200ms"])
        .args(["--", "yes", "to be or not to be"])
        .run()
        .assert_code(0);
    assert!(ended.stdout_text().contains("runs on"), "{ended}");
}

/// Collects the keys of all objects in a JSON value.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_documented() {
    require_namespaces!();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/probe.md");
    let page = fs::read_to_string(page).unwrap();
    let ended = probe(&["--bare", "--ready-after", "50ms", "--format", "json"])
        .args(["--expect-exit", "0", "--", "sh", "-c"])
        .arg("trap 'exit 1' TERM; while :; do sleep 0.02; done")
        .run()
        .assert_code(1);
    let mut found = BTreeSet::new();
    keys(&report(&ended), &mut found);
    // `end`, or `runs[].end`.
    let said = |key: &str| ["`", "."].map(|before| page.contains(&format!("{before}{key}`")));
    found.retain(|key| !said(key).contains(&true));
    assert_eq!(found, BTreeSet::new(), "not in docs/probe.md");
}

#[test]
fn every_piece_of_advice_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/probe.md");
    let page = fs::read_to_string(page).unwrap();
    let ended = probe(&["--fail-on", "nonsense", "--", "true"])
        .run()
        .assert_code(2);
    let text = ended.stderr_text();
    // `[possible values: a, b, c]`
    let (_, list) = text
        .split_once("possible values: ")
        .expect("there is a list");
    let list = list.split(']').next().unwrap();
    let missing: Vec<_> = list
        .split(", ")
        .filter(|id| !page.contains(&format!("| `{id}` |")))
        .collect();
    assert!(
        list.contains("leftovers") && missing.is_empty(),
        "{missing:?}: {ended}"
    );
}

#[test]
fn bad_input_is_told_in_a_line() {
    require_namespaces!();
    let told = |arguments: &[&str], status, line: &str| {
        assert_says(probe(arguments), status, line);
    };
    let missing = "initlab: cannot execute /no/such/program: No such file or directory";
    told(&["--", "/no/such/program"], 125, missing);
    let init = "initlab: cannot use the init /etc/passwd: not executable";
    told(&["--init", "/etc/passwd", "--", "true"], 125, init);
    let engine = "initlab: no-such-engine is not installed";
    told(
        &["--bare", "--image", "x", "--engine", "no-such-engine"],
        125,
        engine,
    );
    let time = "error: invalid value '5 days' for '--stop-timeout <TIME>': \
                not a time: 500ms, 10s, 2m, 1h, or seconds";
    told(&["--stop-timeout", "5 days", "--", "true"], 2, time);
    let signal = "error: invalid value 'TREM' for '--stop-signal <SIGNAL>': \
                  not a signal";
    told(&["--stop-signal", "TREM", "--", "true"], 2, signal);
    assert!(missing_program("no-such-engine").is_some());
}

#[test]
fn an_interrupt_leaves_no_process() {
    require_namespaces!();
    let seconds = format!("1000.{}", std::process::id());
    let running = || {
        let is_it = |p: &Process| {
            p.arguments()
                .is_some_and(|a| a.iter().any(|w| **w == *seconds))
        };
        let all = Process::all().into_iter().filter(is_it);
        all.filter(|p| p.stat().is_some_and(|stat| stat.comm == "sleep"))
            .count()
    };
    let mut initlab = probe(&["--bare", "--", "sleep", &seconds]).start();
    initlab.poll_until("the program runs", || running() == 1);
    initlab.kill(libc::SIGINT);
    initlab.wait().assert_code(130);
    poll_until("the program is gone", || running() == 0);
}

#[test]
fn no_run_is_no_pass() {
    require_namespaces!();
    let gate = ["--no-bare", "--expect-exit", "0", "--", "sleep", "1000"];
    // Where nothing is beside it or in PATH.
    let directory = TempDir::new();
    let alone = directory.join("initlab");
    initlab::copy_executable(&fixture(), &alone, 0o755).unwrap();
    let without = |variable: &str| {
        Sandbox::plain(&alone)
            .env("TIDY_INIT", variable)
            .env("PATH", "/usr/bin:/bin")
            .args(["-q", "probe"])
            .args(gate)
            .run()
            .assert_code(125)
            .assert_stdout("")
            .stderr_text()
    };
    assert_eq!(
        without(""),
        "initlab: there is no run: tidy-init is not found, and no other init is named\n"
    );
    assert_eq!(
        without("/no/such/init"),
        "initlab: cannot use the init /no/such/init: No such file or directory\n"
    );
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    require_namespaces!();
    for format in ["table", "json"] {
        let quick = ["probe", "--bare", "--ready-after", "20ms", "--settle", "0"];
        let rest = ["--stop-timeout", "50ms", "--format", format, "--", "sleep"];
        assert_needs_stdout(&[&quick[..], &rest, &["1000"]].concat());
    }
}

#[test]
fn advice_can_be_a_gate() {
    require_namespaces!();
    require_tidy_init!();
    let gate = |id: &str| {
        probe(&[
            "--ready-after",
            "50ms",
            "--settle",
            "50ms",
            "--stop-timeout",
            "200ms",
        ])
        .args(["--fail-on", id, "--", "sleep", "1000"])
        .run()
    };
    let ended = gate("leftovers,needs-init").assert_code(1);
    let unmet = "not as expected: advice: needs-init is given\n";
    assert!(ended.stdout_text().ends_with(unmet), "{ended}");
    gate("leftovers").assert_code(0);
}

#[test]
fn what_is_to_be_pasted_is_complete() {
    require_namespaces!();
    require_tidy_init!();
    let script = "trap '' TERM; trap 'exit 0' QUIT; echo ready; while :; do sleep 0.02; done";
    let (report, ended) = probe_script(script);
    let paste = |key: &str| report["paste"][key].as_str().unwrap().to_owned();
    let words = format!("{script:?}");
    assert_eq!(
        paste("dockerfile"),
        format!(
            "ENTRYPOINT [\"/bin/tidy-init\",\"-r\",\"TERM:QUIT\",\"--\"]\nCMD [\"sh\",\"-c\",{words}]"
        ),
        "{ended}"
    );
    let run = "docker run --init -e 'TIDY_INIT_OPTS=-r TERM:QUIT' IMAGE sh -c ";
    assert!(paste("docker_run").starts_with(run), "{ended}");
    let command = "command: [\"/bin/tidy-init\",\"-r\",\"TERM:QUIT\",\"--\",\"sh\",";
    assert!(paste("kubernetes").starts_with(command), "{ended}");
}

#[test]
fn a_signal_that_cannot_be_caught_is_said_to_be_one() {
    require_namespaces!();
    let ended = probe(&["--bare", "--ready-after", "50ms", "--settle", "0"])
        .args(["--stop-signal", "KILL", "--", "sleep", "1000"])
        .run()
        .assert_code(0);
    let text = ended.stdout_text();
    assert!(text.contains("SIGKILL cannot be handled"), "{ended}");
    assert!(!text.contains("no handler"), "{ended}");
}

#[test]
fn a_program_that_starts_late_is_waited_for() {
    require_namespaces!();
    require_program!("python3");
    // It listens long before it installs its handler, and works in between.
    let server = "import signal, socket, sys, time
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while time.process_time() < 0.2: pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
while True: signal.pause()";
    let port = free_port();
    let ended = probe(&["--bare", "--ready-port", &port, "--settle", "1s"])
        .args(["--stop-timeout", "20s", "--format", "json", "--"])
        .args(["python3", "-c", server, &port])
        .run()
        .assert_code(0);
    let report = report(&ended);
    assert_eq!(report["runs"][0]["program"]["quiet"], true, "{ended}");
    assert_eq!(report["runs"][0]["end"]["status"], 7, "{ended}");
}
