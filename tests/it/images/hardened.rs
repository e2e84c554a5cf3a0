//! A server in a container that is allowed little, as in production.

use std::time::UNIX_EPOCH;

use super::app::{self, require_app};

/// Everything that a server can do without. The seccomp filter is Docker's own.
const HARDENED: &[&str] = &[
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory=32m",
    "--memory-swap=32m",
    "--pids-limit=16",
];

#[test]
fn a_server_works_as_the_user_of_the_image() {
    require_app!();
    check(&[], 65532, 65532);
}

/// As OpenShift runs it: some user, group 0.
#[test]
fn a_server_works_as_any_user_in_group_0() {
    require_app!();
    let nanos = UNIX_EPOCH.elapsed().map_or(0, |time| time.subsec_nanos());
    let uid = 100_000 + nanos % 1_000_000_000;
    check(&["--user", &format!("{uid}:0")], uid, 0);
}

/// Without --read-only the home can be written to, and nothing else but the two directories for
/// temporary files.
#[test]
fn the_home_is_the_users_and_the_temporary_directories_are_everybodys() {
    require_app!();
    let paths = ["home/nonroot/file", "tmp/file", "var/tmp/file"];
    for user in ["65532:65532", "123456:0"] {
        let mut app = app::run(&["--user", user]);
        for path in paths {
            assert_eq!(
                app.get(&format!("/write/{path}")),
                "written",
                "{user}: {path}"
            );
        }
        for path in ["file", "bin/tidy-init", "etc/passwd", "root/file"] {
            let answer = app.get(&format!("/write/{path}"));
            let denied = answer.contains("Permission denied") || answer.contains("Text file busy");
            assert!(denied, "{user}: {path}: {answer}");
        }
        app.container.stop_at_once();
        app.container.end(0);
    }
}

#[track_caller]
fn check(options: &[&str], uid: u32, gid: u32) {
    let mut app = app::run(&[HARDENED, options].concat());
    let status = app.get("/status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let line = line.and_then(|rest| rest.strip_prefix(":\t"));
        line.unwrap_or_else(|| panic!("no {name} in {status}"))
            .to_owned()
    };
    assert_eq!(field("Uid"), [uid; 4].map(|uid| uid.to_string()).join("\t"));
    assert_eq!(field("Gid"), [gid; 4].map(|gid| gid.to_string()).join("\t"));
    assert_eq!(field("CapEff"), "0000000000000000");
    assert_eq!(field("CapBnd"), "0000000000000000");
    assert_eq!(field("NoNewPrivs"), "1");
    assert_eq!(field("Seccomp"), "2", "a filter");
    assert_eq!(app.get("/write/tmp/file"), "written");
    for path in ["home/nonroot/file", "var/tmp/file", "file"] {
        let answer = app.get(&format!("/write/{path}"));
        assert!(answer.contains("Read-only file system"), "{path}: {answer}");
    }
    app.container.stop_at_once();
    let ended = app.container.end(0);
    assert_eq!(ended.stderr_text(), "stopping\n", "{ended}");
    assert_eq!(app.container.inspect("{{.State.OOMKilled}}"), "false");
}
