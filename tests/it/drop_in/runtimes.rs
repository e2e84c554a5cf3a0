//! As the init of Podman, and as process 1 of a bundle that runc runs by itself.

use std::{ffi::OsString, fs, os::unix::fs::symlink};

use initlab::{
    Ended, Sandbox, TempDir, copy_executable, find_program, require_program, require_root,
};
use serde_json::json;

use crate::{container::image::is_static, support};

/// Skips the running test unless the init needs no libc, and these are installed.
macro_rules! require_runtime {
    ($($program:expr),+) => {
        require_root!();
        require_program!("busybox", $($program),+);
        if !is_static(&support::init()) {
            initlab::skip!("needs a static init in TIDY_INIT: run `cargo xtask test`");
        }
    };
}

/// A root directory with nothing but busybox, called `root`, and our init beside it under this
/// name.
#[track_caller]
fn root(name: &str) -> TempDir {
    let directory = TempDir::new();
    let bin = directory.join("root/bin");
    fs::create_dir_all(&bin).expect("the directory is ours");
    let busybox = find_program("busybox").expect("it has been looked for");
    copy_executable(&busybox, &bin.join("busybox"), 0o755).expect("a copy");
    symlink("busybox", bin.join("sh")).expect("a link");
    copy_executable(&support::init(), &directory.join(name), 0o755).expect("a copy");
    directory
}

#[test]
fn podman_by_init_path() {
    require_runtime!("podman", "runc");
    let directory = root("catatonit");
    // Nothing of this machine: a storage of its own, and no other services.
    let podman = |arguments: &[&str]| {
        let path = |name: &str| OsString::from(directory.join(name));
        Sandbox::plain("podman")
            .arg("--root")
            .arg(path("storage"))
            .arg("--runroot")
            .arg(path("run"))
            .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"])
            .args(["--events-backend", "file", "--runtime", "runc"])
            .args(arguments.iter().copied())
    };
    let import = "tar -C \"$0/root\" -c . > \"$0/root.tar\"";
    Sandbox::plain("sh")
        .args(["-c", import])
        .arg(directory.path())
        .run()
        .assert_code(0);
    podman(&["import"])
        .arg(directory.join("root.tar"))
        .arg("drop-in:1")
        .run()
        .assert_code(0);
    let run = |options: &[&str], command: &[&str]| -> Ended {
        // The limits that Podman would set may be higher than this process is allowed to set.
        let limits = [
            "--ulimit",
            "nofile=1000:1000",
            "--ulimit",
            "nproc=1000:1000",
        ];
        podman(&["run", "--rm", "--network", "none", "--init", "--init-path"])
            .arg(directory.join("catatonit"))
            .args(limits)
            .args(options.iter().copied())
            .arg("drop-in:1")
            .args(command.iter().copied())
            .run()
    };
    let script = "busybox tr '\\0' ' ' < /proc/1/cmdline; exit 7";
    let ended = run(&[], &["/bin/sh", "-c", script]).assert_code(7);
    let line = ended.stdout_text();
    assert!(
        line.starts_with("/run/podman-init -- /bin/sh -c "),
        "{ended}"
    );
    let ended = run(&[], &["/nowhere"]).assert_code(1);
    let text = ended.stderr_text();
    let reason = "): failed to exec pid1: No such file or directory\n";
    assert!(
        text.starts_with("ERROR (catatonit:") && text.contains(reason),
        "{ended}"
    );
    run(
        &["-e", "TIDY_INIT_OPTS=-e 3:4"],
        &["/bin/sh", "-c", "exit 3"],
    )
    .assert_code(4);
    podman(&["rmi", "--force", "drop-in:1"])
        .run()
        .assert_code(0);
}

/// Runs as an ordinary user, in a mount namespace in which Podman finds our init in catatonit's
/// place. Podman starts it as the process that holds the user's namespaces, and writes its process
/// ID to a file.
const WITHOUT_ROOT: &str = r#"
set -e
export HOME=$1/home XDG_RUNTIME_DIR=$1/run
cd "$HOME"
podman() {
    command podman --storage-driver vfs --runtime runc --cgroup-manager cgroupfs \
        --events-backend file "$@"
}
podman import "$1/root.tar" drop-in:1
pause=$(cat "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid")
trap 'kill -KILL $pause 2> /dev/null || true' EXIT
cmp "/proc/$pause/exe" "$1/catatonit"
echo "pause: $(tr '\0' ' ' < "/proc/$pause/cmdline")"
podman run --rm --network none --init --init-path "$1/catatonit" drop-in:1 \
    /bin/sh -c 'echo "init: $(busybox tr "\0" " " < /proc/1/cmdline)"; exit 7' || echo "status: $?"
podman rmi --force drop-in:1
podman system migrate
# Nobody may be there to reap it.
timeout 10 sh -c 'while grep -q "^State:.[^Z]" "/proc/$0/status"; do :; done' "$pause" 2> /dev/null
echo gone
"#;

#[test]
fn podman_without_root_and_as_its_pause_process() {
    require_runtime!("podman", "runc", "unshare", "setpriv");
    const CATATONIT: &str = "/usr/libexec/podman/catatonit";
    let Ok(catatonit) = fs::canonicalize(CATATONIT) else {
        initlab::skip!("there is no {CATATONIT}");
    };
    let directory = root("catatonit");
    const PREPARE: &str = "set -e
        tar -C \"$1/root\" -c . > \"$1/root.tar\"
        mkdir \"$1/home\" \"$1/run\"
        chown -R 65534:65534 \"$1\"
        mount --bind \"$1/catatonit\" \"$2\"
        exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \"$3\" sh \"$1\"";
    let ended = Sandbox::plain("unshare")
        .args(["--mount", "sh", "-c", PREPARE, "sh"])
        .arg(directory.path())
        .arg(catatonit)
        .arg(WITHOUT_ROOT)
        .run()
        .assert_code(0);
    let said = ended.stdout_text();
    for line in [
        "pause: catatonit -P ",
        "init: /run/podman-init -- /bin/sh -c ",
        "status: 7",
        "gone",
    ] {
        assert!(said.lines().any(|said| said.starts_with(line)), "{ended}");
    }
}

#[test]
fn runc_with_a_bundle() {
    require_runtime!("runc");
    let directory = root("tini");
    let root = directory.join("root");
    for name in ["proc", "sbin"] {
        fs::create_dir(root.join(name)).expect("the directory is ours");
    }
    copy_executable(&directory.join("tini"), &root.join("sbin/tini"), 0o755).expect("a copy");
    let run = |arguments: &[&str], variables: &[&str]| -> Ended {
        let namespaces = ["pid", "mount", "ipc", "uts", "network"];
        let configuration = json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": false,
                "user": { "uid": 0, "gid": 0 },
                "args": arguments,
                "env": variables,
                "cwd": "/",
                "noNewPrivileges": true,
            },
            "root": { "path": root, "readonly": true },
            "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
            "linux": { "namespaces": namespaces.map(|kind| json!({ "type": kind })) },
        });
        let file = directory.join("config.json");
        fs::write(file, configuration.to_string()).expect("the directory is ours");
        Sandbox::plain("runc")
            .arg("--root")
            .arg(directory.join("state"))
            .args(["run", "--bundle"])
            .arg(directory.path())
            .arg(directory.path().file_name().expect("it has a name"))
            .run()
    };
    run(
        &[
            "/sbin/tini",
            "-g",
            "-e",
            "3",
            "--",
            "/bin/sh",
            "-c",
            "echo $PPID; exit 3",
        ],
        &[],
    )
    .assert_code(0)
    .assert_stdout("1\n")
    .assert_stderr("");
    run(&["/sbin/tini", "--", "/bin/sh", "-c", "kill -15 $$"], &[]).assert_code(143);
    let ended = run(&["/sbin/tini", "--", "/nowhere"], &["TINI_VERBOSITY=2"]).assert_code(127);
    assert!(
        ended
            .stderr_text()
            .contains("[INFO  tini (1)] Main child exited"),
        "{ended}"
    );
}
