//! Containers that are allowed little.

use std::time::UNIX_EPOCH;

use initlab::Process;

use super::{docker::Container, image::fixture_command, require_image};

/// A restriction: options for `docker run`, and what /proc shows of a process under it.
struct Restriction {
    options: Vec<String>,
    shown: Option<(&'static str, String)>,
}

fn restriction(options: &str, shown: Option<(&'static str, &str)>) -> Restriction {
    Restriction {
        options: options.split_whitespace().map(str::to_owned).collect(),
        shown: shown.map(|(field, value)| (field, value.to_owned())),
    }
}

fn user(uid: u32) -> Restriction {
    let shown = [uid; 4].map(|uid| uid.to_string()).join("\t");
    restriction(&format!("--user {uid}:{uid}"), Some(("Uid", &shown)))
}

/// All restrictions except for the user. The last is Docker's default.
fn restrictions() -> Vec<Restriction> {
    vec![
        restriction("--read-only", None),
        restriction("--cap-drop ALL", Some(("CapEff", "0000000000000000"))),
        restriction(
            "--security-opt no-new-privileges",
            Some(("NoNewPrivs", "1")),
        ),
        restriction("--pids-limit 3", None),
        restriction("--memory 6m --memory-swap 6m", None),
        restriction("", Some(("Seccomp", "2"))),
    ]
}

#[test]
fn works_as_a_user_without_a_name() {
    require_image!();
    let nanos = UNIX_EPOCH.elapsed().map_or(0, |time| time.subsec_nanos());
    let random = 100_000 + nanos % 1_000_000_000;
    for uid in [65532, random] {
        check(&[user(uid)]);
    }
}

#[test]
fn works_under_each_restriction() {
    require_image!();
    for restriction in restrictions() {
        check(&[restriction]);
    }
}

#[test]
fn works_under_all_restrictions_at_once() {
    require_image!();
    let mut all = restrictions();
    all.push(user(65532));
    check(&all);
}

/// The init, a command and its child: three processes. Both get a signal, and the stop signal, and
/// the container has their status.
#[track_caller]
fn check(restrictions: &[Restriction]) {
    let options: Vec<&str> = restrictions
        .iter()
        .flat_map(|restriction| restriction.options.iter().map(String::as_str))
        .collect();
    let command = fixture_command(&["group", "1", "--until", "TERM", "--exit", "5"]);
    let mut container = start(&options, &command);
    container.expect(" ready ");
    let init = container.init();
    let shown = restrictions.iter().filter_map(|r| r.shown.as_ref());
    for (field, value) in shown {
        for process in [init, init.children()[0]] {
            assert_shown(process, field, value);
        }
    }
    container.kill("USR1");
    for _ in 0..2 {
        container.expect(" signal 10 ");
    }
    container.stop_at_once();
    let ended = container.end(5);
    let stderr = ended.stderr_text();
    assert!(!stderr.contains("[tidy-init]"), "{options:?}: {ended}");
    assert_eq!(container.inspect("{{.State.OOMKilled}}"), "false");
}

/// Starts it, and waits until one of the two processes is ready.
///
/// runc has threads of its own until it executes the init, sometimes one too many for the limit.
/// That is not what this test is about, so it tries again.
#[track_caller]
fn start(options: &[&str], command: &[&str]) -> Container {
    const NO_THREAD: [&str; 2] = ["pthread_create failed", "failed to create new OS thread"];
    let mut tries = 0;
    loop {
        let mut container = Container::run(options, command);
        let is_ready = |line: &str| line.contains(" ready ");
        let Err(failure) = container.client.try_expect_line("a line", is_ready) else {
            return container;
        };
        tries += 1;
        let ended = container.client.wait();
        let stderr = ended.stderr_text();
        let runc_failed = NO_THREAD.iter().any(|text| stderr.contains(text));
        assert!(runc_failed && tries < 10, "{failure}\n{ended}");
    }
}

#[track_caller]
fn assert_shown(process: Process, field: &str, value: &str) {
    assert_eq!(
        process.status_field(field).as_deref(),
        Some(value),
        "{field}"
    );
}
