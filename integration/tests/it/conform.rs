//! The command `initlab conform`.

use std::{fs, time::Duration};

use initlab::{
    Ended, Process, Pty, Sandbox, Stdio, TempDir, copy_executable, fixture, poll_until,
    require_namespaces, require_program, require_root, write_executable,
};
use serde_json::Value;

use crate::{assert_needs_stdout, document};

/// `initlab` with these arguments, and with colours where there is a terminal.
fn initlab(words: &[&str]) -> Sandbox {
    crate::initlab(words)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
}

/// The results that it prints as JSON.
#[track_caller]
fn json(ended: &Ended) -> Value {
    document(ended, "initlab-conform")
}

#[test]
fn what_holds_is_status_0_and_what_does_not_is_status_1() {
    require_namespaces!();
    let filter = "exit-status/codes-pass-through";
    let words = ["conform", "--toy", "sound", filter];
    let ended = initlab(&words).run().assert_code(0).assert_stderr("");
    assert!(
        ended
            .stdout_text()
            .contains("toy-sound: 1 passed, 0 failed\n"),
        "{ended}"
    );
    let words = ["conform", "--toy", "always-zero", filter];
    let ended = initlab(&words).run().assert_code(1).assert_stderr("");
    let seen = format!("failed {filter}: the init exited with 0, instead of with 1\n");
    assert!(ended.stdout_text().contains(&seen), "{ended}");
}

/// Fixtures are run by the path of the program itself, by shells, too.
#[test]
fn a_space_in_the_path_of_initlab_changes_nothing() {
    require_namespaces!();
    let directory = TempDir::new();
    let folder = directory.join("a folder");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("initlab");
    copy_executable(&fixture(), &program, 0o755).unwrap();
    Sandbox::plain(program)
        .args(["conform", "--quiet", "--toy", "sound", "reaping/"])
        .args(["shutdown/group-is-told"])
        .timeout(Duration::from_secs(60))
        .run()
        .assert_code(0);
}

#[test]
fn bad_usage_is_a_line_and_status_2() {
    for (words, line) in [
        (
            &["conform"][..],
            "initlab: name an init: --init PATH, or --peers for those installed\n",
        ),
        (
            &["conform", "--list", "nonsense"],
            "initlab: no case matches nonsense; `initlab conform --list` lists all cases\n",
        ),
    ] {
        initlab(words)
            .run()
            .assert_code(2)
            .assert_stderr(line)
            .assert_stdout("");
    }
    let ended = initlab(&["conform", "--init", "/x=upstart"])
        .run()
        .assert_code(2);
    assert!(
        ended.stderr_text().contains(
            "unknown personality \"upstart\"; known are native, dumb-init, tini, catatonit, plain"
        ),
        "{ended}"
    );
}

#[test]
fn the_list_says_of_each_case_what_it_shows_why_and_for_whom() {
    let ended = initlab(&["conform", "--list", "--format", "json"])
        .run()
        .assert_code(0);
    let document = document(&ended, "initlab-cases");
    let cases = document["cases"].as_array().unwrap();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut ids: Vec<_> = cases
        .iter()
        .map(|case| case["id"].as_str().unwrap())
        .collect();
    for case in cases {
        for key in ["shows", "matters"] {
            let text = case[key].as_str().unwrap();
            assert!(text.ends_with(['.', '?']), "{case}");
        }
        assert!(!case["holds_for"].as_array().unwrap().is_empty(), "{case}");
    }
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for group in [
        "start",
        "signals",
        "terminal",
        "reaping",
        "shutdown",
        "exit-status",
        "odd-starts",
        "resources",
    ] {
        assert!(
            ids.iter().any(|id| id.starts_with(&format!("{group}/"))),
            "{group}"
        );
    }
}

const TWO: [&str; 4] = ["--toy", "sound", "--toy", "always-zero"];

#[test]
fn machines_get_json_junit_and_tap() {
    require_namespaces!();
    let run = |format: &str| {
        let words = [&["conform", "--format", format, "codes-pass"][..], &TWO].concat();
        initlab(&words).run().assert_code(1).assert_stderr("")
    };
    let document = json(&run("json"));
    assert_eq!(document["inits"][1]["failed"], 1);
    let result = &document["cases"][0]["results"][1];
    assert_eq!(
        (&result["init"], &result["outcome"]),
        (&"toy-always-zero".into(), &"failed".into())
    );
    assert_eq!(result["seen"], "the init exited with 0, instead of with 1");

    let junit = run("junit").stdout_text();
    for part in [
        "<testsuite name=\"toy-sound\" tests=\"1\" disabled=\"0\" errors=\"0\" failures=\"0\">",
        "<failure message=\"the init exited with 0, instead of with 1\">",
        "</testsuites>",
    ] {
        assert!(junit.contains(part), "{junit}");
    }

    let tap = run("tap").stdout_text();
    let lines: Vec<_> = tap.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "TAP version 14",
            "1..2",
            "ok 1 - toy-sound exit-status/codes-pass-through",
            "not ok 2 - toy-always-zero exit-status/codes-pass-through",
        ]
    );
    assert!(
        tap.contains("  seen: \"the init exited with 0, instead of with 1\"\n"),
        "{tap}"
    );

    let markdown = run("markdown").stdout_text();
    assert!(
        markdown.contains("| yes       | **no**          |"),
        "{markdown}"
    );
}

#[test]
fn colour_and_progress_are_for_terminals_without_no_color() {
    require_namespaces!();
    let words = [&["conform", "codes-pass"][..], &TWO].concat();
    let piped = initlab(&words).run();
    assert!(
        !piped.stdout_text().contains('\x1b') && piped.stderr.is_empty(),
        "{piped}"
    );
    let on_terminal = |sandbox: Sandbox| {
        let mut pty = Pty::open();
        let mut running = sandbox.env("TERM", "xterm").terminal(&pty).start();
        running.wait().assert_code(1);
        pty.expect("in ");
        pty.transcript()
    };
    let colourful = on_terminal(initlab(&words));
    assert!(
        colourful.contains("\x1b[1m\x1b[31mFAIL") && colourful.contains("/2 "),
        "{colourful}"
    );
    let plain = on_terminal(initlab(&[&["-q"], &words[..]].concat()).env("NO_COLOR", "1"));
    assert!(
        !plain.contains("\x1b[31m") && !plain.contains("/2 "),
        "{plain}"
    );
}

#[test]
fn an_init_that_is_not_an_executable_file_is_a_line() {
    let directory = TempDir::new();
    let script = directory.join("not-executable");
    write_executable(&script, "#!/bin/sh\n", 0o644).unwrap();
    let script = script.to_str().unwrap();
    for (path, why) in [
        ("/nonexistent/init", "No such file or directory"),
        (script, "not executable"),
    ] {
        initlab(&["conform", "--init", "tini", "--init", path])
            .run()
            .assert_code(125)
            .assert_stdout("")
            .assert_stderr(format!("initlab: cannot use the init {path}: {why}\n"));
    }
}

#[test]
fn an_init_that_cannot_be_executed_fails_every_case_with_the_reason() {
    require_namespaces!();
    let directory = TempDir::new();
    let wrong = directory.join("wrong-format");
    write_executable(&wrong, b"\x7fELF nonsense", 0o755).unwrap();
    let path = wrong.to_str().unwrap();
    let words = [
        "conform",
        "--init",
        path,
        "--format",
        "json",
        "signals/term",
        "codes",
    ];
    let ended = initlab(&words).run().assert_code(1);
    for case in json(&ended)["cases"].as_array().unwrap() {
        let result = &case["results"][0];
        assert_eq!(result["outcome"], "failed", "{case}");
        let seen = result["seen"].as_str().unwrap();
        assert!(seen.contains("Exec format error"), "{case}");
    }
}

/// An init that reaps and reports the status, and forwards nothing.
const DEAF: &str = "#!/bin/sh
trap : TERM INT HUP QUIT USR1 USR2 PWR
\"$@\" &
child=$!
while kill -0 $child 2>/dev/null; do wait $child; done
wait $child
";

#[test]
fn what_relies_on_another_case_is_not_shown_when_that_one_fails() {
    require_namespaces!();
    let directory = TempDir::new();
    let init = directory.join("deaf");
    write_executable(&init, DEAF, 0o755).unwrap();
    let path = init.to_str().unwrap();
    let words = [
        "conform",
        "--init",
        path,
        "--timeout",
        "1",
        "--format",
        "json",
    ];
    let outcomes = |filters: &[&str]| -> Vec<(String, String)> {
        let ended = initlab(&[&words, filters].concat()).run().assert_code(1);
        let document = json(&ended);
        assert_eq!(document["inits"][0]["personality"], "plain", "{ended}");
        let cases = document["cases"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        cases
            .map(|case| &case["results"][0])
            .map(|result| (text(&result["outcome"]), text(&result["seen"])))
            .collect()
    };
    let forwards = "signals/term-arrives-once";
    let both = outcomes(&["reaping/other-sessions", forwards]);
    assert_eq!(both[0].0, "failed", "{both:?}");
    let why = format!("not shown, since the init did not end: see {forwards}");
    assert_eq!(both[1], ("skipped".to_owned(), why));
    // Nothing else fails here, so this has to.
    let alone = outcomes(&["reaping/other-sessions"]);
    assert_eq!(
        alone,
        [("failed".to_owned(), "the init did not end".to_owned())]
    );
}

#[test]
fn an_init_is_given_its_arguments_around_the_command() {
    require_namespaces!();
    require_program!("tini");
    let given = |init: &str| {
        let words = ["conform", "--init", init, "--format", "json", "codes-pass"];
        let ended = initlab(&words).run();
        let document = json(&ended);
        assert_eq!(document["inits"][0]["name"], init, "{ended}");
        ended.status.code()
    };
    assert_eq!(given("tini -g -- {}"), Some(0));
    // Status 42 is mapped: a case fails.
    assert_eq!(given("tini -e 42 -- {}"), Some(1));
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    require_namespaces!();
    for format in ["table", "json", "junit", "tap", "markdown"] {
        assert_needs_stdout(&[
            "conform",
            "--toy",
            "sound",
            "--format",
            format,
            "codes-pass",
        ]);
    }
}

#[test]
fn an_init_that_hangs_prints_forks_or_ends_early_is_seen_and_leaves_nothing() {
    require_namespaces!();
    for (toy, filter, seen) in [
        ("hangs", "codes-pass", "the init did not end"),
        ("prints", "codes-pass", "the init did not end"),
        ("forks", "codes-pass", "the init did not end"),
        (
            "ends-early",
            "term-arrives",
            "the command did not start: the init exited with 0",
        ),
    ] {
        let directory = TempDir::new();
        let words = ["conform", "--toy", toy, "--timeout", "1", filter];
        let mut running = initlab(&words).env("TMPDIR", directory.path()).start();
        let ended = running.wait().assert_code(1);
        assert!(ended.stdout_text().contains(seen), "{ended}");
        assert!(running.others().is_empty(), "{}", running.tree());
        assert_eq!(entries(&directory), [""; 0], "{toy}");
    }
}

fn entries(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    entries
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn an_interrupt_leaves_no_process_no_mount_and_no_directory() {
    require_namespaces!();
    for (signal, status) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let directory = TempDir::new();
        // Other tests mount directories of theirs at the same time.
        let mounts = || {
            let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
            let path = directory.path().to_str().unwrap();
            let ours = all.lines().filter(|line| line.contains(path));
            ours.map(str::to_owned).collect::<Vec<_>>()
        };
        // With a directory, with inherited children, and in the middle of an endless wait.
        let words = [
            "conform",
            "--toy",
            "hangs",
            "--timeout",
            "600",
            "path-is",
            "directory-is",
            "inherited",
        ];
        let mut running = initlab(&words).env("TMPDIR", directory.path()).start();
        running.poll_until("cases that wait", || {
            let inits = running.children();
            let hang = |p: &Process| {
                p.signal_set("SigBlk")
                    .is_some_and(|set| set.contains(libc::SIGTERM))
            };
            inits.len() >= 4 && inits.iter().all(hang) && !entries(&directory).is_empty()
        });
        running.kill(signal);
        let ended = running.wait().assert_code(status).assert_stdout("");
        assert!(ended.elapsed < Duration::from_secs(30), "{ended}");
        poll_until("nothing left", || running.others().is_empty());
        assert_eq!(entries(&directory), [""; 0]);
        assert_eq!(mounts(), [""; 0]);
    }
}

#[test]
fn where_the_kernel_allows_no_namespaces_a_line_says_so_and_what_to_do() {
    require_root!();
    require_program!("unshare");
    let script =
        "echo 0 > /proc/sys/user/max_pid_namespaces && exec \"$0\" conform --toy sound codes";
    let ended = Sandbox::plain("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", script])
        .arg(fixture())
        .run()
        .assert_code(125)
        .assert_stdout("");
    let line = ended.stderr_text();
    assert_eq!(line.lines().count(), 1, "{ended}");
    assert!(
        line.starts_with("initlab: cannot start a sandbox, step Clone: ")
            && line.contains("user.max_pid_namespaces"),
        "{ended}"
    );
}

#[test]
fn the_examples_of_the_help_work_as_pasted() {
    require_namespaces!();
    require_program!("tini", "dumb-init", "catatonit");
    // A copy of this test's own: cargo may build the program anew meanwhile.
    let directory = TempDir::new();
    initlab::copy_executable(&fixture(), &directory.join("initlab"), 0o755).unwrap();
    let directory = directory.path();
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
    for words in [&["--help"][..], &["conform", "--help"]] {
        let help = initlab(words).run().assert_code(0).stdout_text();
        for example in help
            .lines()
            .filter_map(|line| line.strip_prefix("  initlab "))
        {
            let ended = Sandbox::plain("sh")
                .args(["-c", &format!("initlab {example}")])
                .env("PATH", &path)
                .stdin(Stdio::Null)
                .timeout(Duration::from_secs(90))
                .run();
            // 1 means that a case failed, as some do for the peers.
            assert!(
                matches!(ended.status.code(), Some(0 | 1)),
                "{example}\n{ended}"
            );
            assert!(!ended.stdout.is_empty(), "{example}\n{ended}");
        }
    }
}
