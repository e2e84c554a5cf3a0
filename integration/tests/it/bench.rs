//! `initlab bench`: the tests check order and bounds, since machines differ.

use std::fs;

use initlab::{
    Ended, Pty, Sandbox, TempDir, fixture, require_namespaces, require_program, write_executable,
};
use serde_json::Value;

use crate::{assert_needs_stdout, assert_says, document, initlab};

/// `initlab bench` with these arguments, and few rounds.
fn bench(arguments: &[&str]) -> Sandbox {
    initlab(&["bench", "--rounds", "30", "--window", "600ms"])
        .args(["--storms", "1", "--orphans", "300"])
        .args(arguments)
}

#[track_caller]
fn figures(ended: &Ended) -> Value {
    document(ended, "initlab-bench")
}

#[track_caller]
fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn all_is_measured_and_in_a_plausible_order() {
    require_namespaces!();
    require_program!("tini-static", "dumb-init", "strace");
    let directory = TempDir::new();
    let plots = directory.join("plots");
    let ended = bench(&["--init", "tini-static", "--init", "dumb-init"])
        .args(["--format", "json", "--plots"])
        .arg(&plots)
        .run()
        .assert_code(0);
    let report = figures(&ended);
    let inits = report["inits"].as_array().unwrap();
    let names: Vec<_> = inits.iter().map(|init| init["name"].as_str()).collect();
    assert_eq!(names, [Some("tini-static"), Some("dumb-init")]);
    let (bare, twice) = (&report["bare_exec_us"], &report["two_bare_execs_us"]);
    // On a busy machine, small times mean nothing.
    let ratio = &inits[0]["startup"]["to_two_execs"];
    let quiet = number(&ratio["high"]) < 1.3 * number(&ratio["low"]);
    assert!(!quiet || number(bare) < number(twice), "{ended}");
    for init in inits {
        let path = init["path"].as_str().unwrap();
        assert_eq!(init["bytes"], fs::metadata(path).unwrap().len(), "{ended}");
        // An init starts two programs.
        let startup = number(&init["startup"]["median_us"]);
        assert!(!quiet || startup > number(bare), "{ended}");
        assert!(number(&init["syscalls"]) > 10.0, "{ended}");
        let latency = &init["latency"];
        let of = |part: &str| number(&latency[part]);
        assert!(
            of("p50_us") > number(&report["bare_latency"]["p50_us"]),
            "{ended}"
        );
        assert!(of("p50_us") <= of("p99_us") && of("p99_us") <= of("p999_us"));
        for estimate in [
            &init["startup"]["to_first"],
            &init["startup"]["to_two_execs"],
            &latency["to_first"],
            &init["storm"]["to_first"],
        ] {
            let [low, value, high] = ["low", "value", "high"].map(|key| number(&estimate[key]));
            assert!(low <= value && value <= high, "{estimate}: {ended}");
        }
        let storm = &init["storm"];
        assert!(number(&storm["backlog"]) <= 300.0, "{ended}");
        assert!(number(&storm["reaped_per_second"]) > 1.0, "{ended}");
        assert!(number(&storm["cpu_ms_per_1000"]) > 0.0, "{ended}");
        let memory = |kind: &str| number(&init["idle"][kind]);
        assert!(0.0 < memory("private_kb") && memory("private_kb") <= memory("pss_kb"));
    }
    assert_eq!(inits[0]["startup"]["to_first"]["value"], 1.0, "{ended}");
    assert_eq!(inits[0]["dynamic"], false, "{ended}");
    assert_eq!(inits[1]["dynamic"], true, "{ended}");
    // A dynamic linker makes many system calls; a static C library makes a binary large.
    assert!(number(&inits[0]["syscalls"]) < number(&inits[1]["syscalls"]));
    assert!(number(&inits[0]["bytes"]) > number(&inits[1]["bytes"]));
    assert_eq!(inits[1]["idle"]["wake_ups"], 0, "{ended}");
    for name in ["bench-startup.svg", "bench-latency.svg", "bench-storm.svg"] {
        let plot = fs::read_to_string(plots.join(name)).unwrap();
        assert!(
            plot.starts_with("<svg ") && plot.contains("dumb-init"),
            "{name}"
        );
    }
}

#[test]
fn only_what_is_asked_for_is_measured() {
    require_namespaces!();
    require_program!("tini-static");
    let only = ["--init", "tini-static", "--only", "startup,size"];
    let ended = bench(&only).args(["--format", "json"]).run().assert_code(0);
    let init = &figures(&ended)["inits"][0];
    assert!(
        init["startup"].is_object() && init["bytes"].is_u64(),
        "{ended}"
    );
    assert!(
        init["latency"].is_null() && init["idle"].is_null(),
        "{ended}"
    );
    let ended = bench(&only)
        .args(["--format", "markdown"])
        .run()
        .assert_code(0);
    let text = ended.stdout_text();
    assert!(
        text.contains("## Start to end of an empty command"),
        "{ended}"
    );
    assert!(text.contains("| tini-static"), "{ended}");
    assert!(!text.contains("## Storm"), "{ended}");
}

#[test]
fn an_init_that_wakes_up_is_seen_to() {
    require_namespaces!();
    let directory = TempDir::new();
    let init = directory.join("restless");
    let script = "#!/bin/sh\n\"$@\" & while kill -0 $!; do sleep 0.4; done; wait $!\n";
    write_executable(&init, script, 0o755).unwrap();
    let ended = bench(&["--only", "idle", "--format", "json", "--init"])
        .arg(&init)
        .run()
        .assert_code(0);
    let idle = &figures(&ended)["inits"][0]["idle"];
    assert!(number(&idle["wake_ups"]) > 0.0, "{ended}");
}

#[test]
fn bad_input_is_told_in_a_line() {
    require_namespaces!();
    let told = |arguments: &[&str], status, line: &str| {
        assert_says(initlab(&["bench"]).args(arguments), status, line);
    };
    let missing = "initlab: cannot use the init /no/such/init: No such file or directory";
    told(&["--init", "/no/such/init"], 125, missing);
    let failing =
        "initlab: cannot measure false: given a command that does nothing, it exited with 1";
    told(&["--init", "false"], 125, failing);
    let rounds = "error: invalid value '0' for '--storms <N>': not a number from 1 to 1000000";
    told(&["--storms", "0"], 2, rounds);
    let what = "error: invalid value 'beauty' for '--only <WHAT,...>'";
    told(&["--only", "beauty"], 2, what);
}

#[test]
fn a_reference_has_a_column_of_its_own() {
    require_namespaces!();
    require_program!("tini-static");
    // A reference is run as `PATH COMMAND...`.
    let directory = TempDir::new();
    let reference = directory.join("reference");
    let script = "#!/bin/sh\nexec tini-static -- \"$@\"\n";
    write_executable(&reference, script, 0o755).unwrap();
    let only = ["--init", "tini-static", "--only", "startup,latency,storm"];
    let bench = || bench(&only).arg("--reference").arg(&reference);
    let ended = bench().args(["--format", "json"]).run().assert_code(0);
    let report = figures(&ended);
    assert_eq!(report["inits"].as_array().unwrap().len(), 1, "{ended}");
    assert_eq!(report["reference"]["name"], "C reference", "{ended}");
    for (measure, ratio) in [
        ("startup", "to_reference"),
        ("latency", "to_reference"),
        ("storm", "cpu_to_reference"),
    ] {
        let own = &report["reference"][measure][ratio]["value"];
        assert_eq!(*own, 1.0, "{measure}: {ended}");
        let ratio = number(&report["inits"][0][measure][ratio]["value"]);
        assert!((0.1..10.0).contains(&ratio), "{measure}: {ended}");
    }
    let text = bench().run().assert_code(0).stdout_text();
    assert!(text.contains("C reference = 1"), "{text}");
}

#[test]
fn an_init_that_does_not_come_to_rest_is_left_out_and_spoils_nothing() {
    require_namespaces!();
    require_program!("tini-static");
    let directory = TempDir::new();
    let init = directory.join("busy");
    let script = "#!/bin/sh\n\"$@\" & while kill -0 $!; do sleep 0.05; done; wait $!\n";
    write_executable(&init, script, 0o755).unwrap();
    let ended = bench(&["--only", "latency", "--format", "json", "--init"])
        .arg(&init)
        .args(["--init", "tini-static"])
        .env("INITLAB_TIMEOUT_FACTOR", "0.5")
        .run()
        .assert_code(0);
    let report = figures(&ended);
    let left_out = report["left_out"].as_array().unwrap();
    let why = |name: &str| {
        left_out
            .iter()
            .find(|left| left["init"] == name)
            .map(|left| &left["why"])
    };
    let restless = Value::from("it does not come to rest");
    assert_eq!(why("busy"), Some(&restless), "{ended}");
    assert!(report["inits"][0]["latency"].is_null(), "{ended}");
    // On a machine that is too busy the other one does not come to rest either.
    let latency = &report["inits"][1]["latency"];
    assert!(
        latency.is_object() || why("tini-static") == Some(&restless),
        "{ended}"
    );
}

#[test]
fn the_interrupt_key_ends_it_whatever_an_init_does_with_the_terminal() {
    require_namespaces!();
    require_program!("tini", "catatonit");
    for init in ["tini", "catatonit"] {
        let mut pty = Pty::open();
        let mut running = Sandbox::plain(fixture())
            .args([
                "bench", "--only", "startup", "--rounds", "1000000", "--init", init,
            ])
            .terminal(&pty)
            .start();
        // Drawn as the measurement begins.
        pty.expect("startup");
        // Some rounds: the init has had its chance to take the terminal.
        let me = running.process();
        let mut seen = None;
        running.poll_until("a round", || {
            let child = me.children().first().map(|child| child.pid);
            let another = seen.is_some() && child.is_some() && child != seen;
            seen = child.or(seen);
            another
        });
        pty.send_ctrl('c');
        running.wait().assert_code(130);
    }
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    require_namespaces!();
    require_program!("tini-static");
    for format in ["table", "json", "markdown"] {
        assert_needs_stdout(&[
            "bench",
            "--only",
            "size",
            "--init",
            "tini-static",
            "--format",
            format,
        ]);
    }
}
