//! Results that are compared: baselines, `initlab compare`.

use initlab::{TempDir, require_namespaces};

use crate::{
    initlab,
    probe::{probe, require_tidy_init},
};

#[test]
fn a_failure_that_the_baseline_has_is_none() {
    require_namespaces!();
    let directory = TempDir::new();
    let [old, new] = ["old", "new"].map(|name| directory.join(name));
    let words = ["conform", "--toy", "always-zero", "--format", "json"];
    let run = |more: &[&str]| initlab(&words).args(more).run();
    let all = ["codes-pass", "/signal-is-128", "command-runs"];
    let ended = run(&all[..1]).assert_code(1);
    std::fs::write(&old, &ended.stdout).unwrap();
    let baseline = ["--baseline", old.to_str().unwrap()];
    let known = run(&[&baseline[..], &all[..1]].concat()).assert_code(0);
    assert!(known.stderr_text().contains("no difference"), "{known}");
    let more = run(&[&baseline[..], &all].concat()).assert_code(1);
    let line = "new: toy-always-zero exit-status/signal-is-128-and-the-number: ";
    assert!(more.stderr_text().contains(line), "{more}");
    std::fs::write(&new, &more.stdout).unwrap();

    let compare = |files: [&std::path::Path; 2]| initlab(&["compare"]).args(files).run();
    let ended = compare([&old, &new]).assert_code(1);
    assert!(ended.stdout_text().starts_with(line), "{ended}");
    let gone = "gone: toy-always-zero exit-status/signal-is-128-and-the-number\n";
    compare([&new, &old]).assert_code(0).assert_stdout(gone);
    let missing = directory.join("missing");
    let ended = compare([&old, &missing]).assert_code(125);
    assert!(
        ended.stderr_text().starts_with("initlab: cannot read "),
        "{ended}"
    );
}

#[test]
fn advice_that_is_new_fails_a_probe() {
    require_namespaces!();
    require_tidy_init!();
    let directory = TempDir::new();
    let old = directory.join("old");
    let quick = [
        "--ready-line",
        "ready",
        "--settle",
        "20ms",
        "--stop-timeout",
        "300ms",
    ];
    let run = |more: &[&str], script: &str| {
        let words = ["--no-tries", "--", "sh", "-c", script];
        probe(&quick).args(more).args(words).run()
    };
    let fine = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done";
    let ended = run(&["--format", "json"], fine).assert_code(0);
    std::fs::write(&old, &ended.stdout).unwrap();
    let baseline = ["--baseline", old.to_str().unwrap()];
    run(&baseline, fine).assert_code(0);
    let worse = fine.replace("exit 0", "exit 3");
    let ended = run(&baseline, &worse).assert_code(1);
    let line = "not as expected: baseline: exit-status is new\n";
    assert!(ended.stdout_text().ends_with(line), "{ended}");

    // For CI servers and pull requests.
    let junit = run(&["--format", "junit", "--expect-exit", "0"], &worse).assert_code(1);
    let text = junit.stdout_text();
    assert!(text.contains("<testcase name=\"tidy-init\""), "{junit}");
    assert!(
        text.contains("it ended with 3 (the program&apos;s own), 0 expected"),
        "{junit}"
    );
    let markdown = run(&["--format", "markdown"], &worse).assert_code(0);
    let text = markdown.stdout_text();
    assert!(text.contains("| tidy-init "), "{markdown}");
    assert!(text.contains("(`exit-status`)"), "{markdown}");
}
