//! The examples of the help texts work when they are pasted.

use std::{env, thread, time::Duration};

use initlab::{Sandbox, Stdio, TempDir, fixture, require_namespaces, require_program};

use crate::probe::{require_tidy_init, tidy_init};

/// Runs all examples of `initlab COMMAND --help` at the same time: they mostly wait.
#[track_caller]
fn paste(command: &str) {
    let help = Sandbox::plain(fixture()).args([command, "--help"]);
    let help = help.run().assert_code(0).stdout_text();
    let examples: Vec<_> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  initlab "))
        .map(|example| format!("exec initlab {example}"))
        .collect();
    assert!(!examples.is_empty(), "{help}");
    thread::scope(|scope| {
        for example in &examples {
            scope.spawn(move || run(example));
        }
    });
}

fn run(example: &str) {
    let directory = TempDir::new();
    // A copy of this test's own: cargo may build the program anew meanwhile.
    let own = TempDir::new();
    initlab::copy_executable(&fixture(), &own.join("initlab"), 0o755).unwrap();
    let path = format!("{}:{}", own.path().display(), env::var("PATH").unwrap());
    Sandbox::plain("sh")
        .args(["-c", example])
        .env("PATH", path)
        .env("TIDY_INIT", tidy_init().unwrap_or_default())
        .current_dir(directory.path())
        .stdin(Stdio::Null)
        .timeout(Duration::from_secs(90))
        .run()
        .assert_code(0);
}

#[test]
fn those_of_probe_work_as_pasted() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("dumb-init");
    paste("probe");
}

#[test]
fn those_of_bench_work_as_pasted() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("dumb-init", "tini", "strace");
    paste("bench");
}
