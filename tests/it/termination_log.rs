//! `--termination-log`: the line that says why the command failed.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use initlab::{
    Ended, Place, Sandbox, TempDir, fixture, require_namespaces, require_program, require_root,
};

use crate::{
    report::number,
    support::{PLACES, init, native, native_fixture},
};

/// An empty file, as a container runtime mounts it.
struct Log {
    directory: TempDir,
    path: PathBuf,
}

impl Log {
    fn new() -> Self {
        let directory = TempDir::new();
        let path = directory.join("termination-log");
        fs::write(
            &path,
            "what was there before, longer than what comes\n".repeat(100),
        )
        .unwrap();
        Self { directory, path }
    }

    fn option(&self) -> String {
        format!("--termination-log={}", self.path.display())
    }

    fn text(&self) -> String {
        String::from_utf8(fs::read(&self.path).unwrap()).unwrap()
    }

    #[track_caller]
    fn assert_ends_with(&self, end: &str) {
        let text = self.text();
        assert!(text.ends_with(end), "{text}");
    }

    fn is_untouched(&self) -> bool {
        self.text().starts_with("what was there before") && self.text().lines().count() == 100
    }
}

/// What the init says of a failure at `-v`: the last line.
#[track_caller]
fn said(ended: &Ended) -> String {
    let text = ended.stderr_text();
    let last = text
        .lines()
        .last()
        .and_then(|line| line.strip_prefix("[tidy-init] "));
    format!("{}\n", last.unwrap_or_else(|| panic!("no line: {ended}")))
}

#[test]
fn the_end_of_the_command_is_written_and_logged() {
    require_namespaces!();
    const HERE: &str = "; no OOM kill in this cgroup: the KILL was sent";
    for place in PLACES {
        for (end, status, expected) in [
            ("exit 1", 1, "exited with status 1"),
            ("exit 255", 255, "exited with status 255"),
            ("exit 137", 137, "exited with status 137"),
            ("kill -TERM $$", 143, "was killed by SIGTERM"),
            ("kill -KILL $$", 137, "was killed by SIGKILL"),
            ("kill -64 $$", 192, "was killed by SIGRTMAX"),
            ("ulimit -c 0; kill -SEGV $$", 139, "was killed by SIGSEGV"),
        ] {
            for options in [
                &["-v"][..],
                &["-v", "-c"],
                &["-v", "--grace", "1h"],
                &["-v", "-k1h"],
            ] {
                let log = Log::new();
                let ended = native(place)
                    .arg(log.option())
                    .args(options)
                    .args(["--", "sh", "-c", &format!("echo pid=$$; {end}")])
                    .run()
                    .assert_code(status);
                let pid = number(&ended.stdout_text(), "pid").unwrap();
                // Whether the kernel counts kills depends on the machine, and the count on its
                // load.
                let text = log.text().replace(HERE, "");
                assert_eq!(text, format!("sh (pid {pid}) {expected}\n"), "{ended}");
                assert_eq!(said(&ended), log.text(), "{ended}");
            }
        }
    }
}

#[test]
fn a_command_that_did_not_end_in_time_is_reported_as_such() {
    require_namespaces!();
    for place in PLACES {
        let log = Log::new();
        let mut init =
            native_fixture(place, &["-vk", "200ms", &log.option()], &["ignore", "TERM"]).start();
        let pid = number(&init.expect("ready"), "pid").unwrap();
        init.kill(libc::SIGTERM);
        let ended = init.wait().assert_code(137);
        assert_eq!(
            log.text(),
            format!(
                "{} (pid {pid}) was killed by SIGKILL; it did not end in time after a stop signal \
                 (--kill-after)\n",
                fixture().display()
            )
        );
        assert_eq!(said(&ended), log.text());
    }
}

#[test]
fn a_command_that_was_not_started_is_reported_as_on_stderr() {
    require_namespaces!();
    let directory = TempDir::new();
    let script = directory.join("script");
    fs::write(&script, "#!/nonexistent/interpreter\n").unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    for place in PLACES {
        for (command, status, reason) in [
            ("/nonexistent/command", 127, "No such file or directory"),
            ("no-such-command-anywhere", 127, "No such file or directory"),
            ("/", 126, "Permission denied"),
            (script, 127, "No such file or directory"),
        ] {
            let log = Log::new();
            let ended = native(place).arg(log.option()).args(["--", command]).run();
            let line = format!("cannot execute {command}: {reason}\n");
            assert_eq!(log.text(), line, "{ended}");
            ended
                .assert_code(status)
                .assert_stderr(format!("[tidy-init] {line}"));
        }
    }
}

#[test]
fn nothing_is_written_where_nothing_failed() {
    require_namespaces!();
    for place in PLACES {
        for (options, end) in [
            (&[][..], "exit 0"),
            (&["-e", "3"], "exit 3"),
            (&["-e", "143:0"], "kill -TERM $$"),
            (&["--grace", "1h"], "exit 0"),
        ] {
            let log = Log::new();
            native(place)
                .arg(log.option())
                .args(options)
                .args(["--", "sh", "-c", end])
                .run()
                .assert_code(0)
                .assert_stderr("");
            assert!(log.is_untouched(), "{options:?} {end}: {}", log.text());
        }
        // A usage error is not a command's failure.
        let log = Log::new();
        native(place)
            .args([&log.option(), "-k", "5x", "true"])
            .run()
            .assert_code(125);
        assert!(log.is_untouched());
    }
}

#[test]
fn a_status_of_0_that_is_mapped_to_another_is_a_failure() {
    require_namespaces!();
    for place in PLACES {
        let log = Log::new();
        native(place)
            .args([&log.option(), "-e0:9", "true"])
            .run()
            .assert_code(9);
        assert!(
            log.text().starts_with("true (pid ")
                && log.text().ends_with(") exited with status 0\n")
        );
    }
}

#[test]
fn the_last_path_wins_and_the_others_stay_as_they_are() {
    for spelling in [&["--termination-log"][..], &["--termination-l"]] {
        let (first, last) = (Log::new(), Log::new());
        let mut sandbox = native(Place::Child);
        for log in [&first, &last] {
            sandbox = sandbox.args(spelling.iter().copied()).arg(&log.path);
        }
        sandbox
            .args(["--", "sh", "-c", "exit 1"])
            .run()
            .assert_code(1);
        assert!(first.is_untouched());
        assert_eq!(last.text().lines().count(), 1);
    }
}

/// A path that cannot be written to, and the error.
fn unwritable(directory: &TempDir) -> Vec<(PathBuf, &'static str)> {
    let make = |name: &str, kind: &str| {
        let path = directory.join(name);
        let made = std::process::Command::new(kind)
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        path
    };
    let target = directory.join("link-to-nothing");
    std::os::unix::fs::symlink(directory.join("nothing"), &target).unwrap();
    vec![
        (directory.join("absent"), "No such file or directory"),
        (directory.join("absent/absent"), "No such file or directory"),
        (target, "No such file or directory"),
        (make("directory", "mkdir"), "Is a directory"),
        (make("fifo", "mkfifo"), "No such device or address"),
        (PathBuf::from("/dev/full"), "No space left on device"),
        (PathBuf::from("/dev/null/x"), "Not a directory"),
        (
            PathBuf::from(format!("/{}", "x".repeat(300))),
            "File name too long",
        ),
        (
            PathBuf::from(format!("/{}", "x/".repeat(3000))),
            "File name too long",
        ),
    ]
}

#[test]
fn a_path_that_cannot_be_written_to_is_a_warning_and_changes_nothing() {
    require_namespaces!();
    for place in PLACES {
        let directory = TempDir::new();
        for (path, reason) in unwritable(&directory) {
            for (command, status) in [("exit 7", 7), ("kill -KILL $$", 137)] {
                native(place)
                    .arg("--termination-log")
                    .arg(&path)
                    .args(["--", "sh", "-c", command])
                    .run()
                    .assert_code(status)
                    .assert_stderr(format!(
                        "[tidy-init] cannot write the termination log: {reason}\n"
                    ));
            }
            // Without a reason to write, the init does not open the file.
            native(place)
                .arg("--termination-log")
                .arg(&path)
                .args(["--", "true"])
                .run()
                .assert_code(0)
                .assert_stderr("");
        }
        let mut names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["directory", "fifo", "link-to-nothing"],
            "something was made"
        );
    }
}

#[test]
fn a_read_only_mount_is_a_warning() {
    require_namespaces!();
    require_root!();
    let log = Log::new();
    let script = "mount --bind $0 $0 && mount -o remount,bind,ro $0 && exec \"$@\"";
    Sandbox::new("sh")
        .args(["-c", script])
        .arg(log.directory.path())
        .arg(init())
        .args([&log.option(), "--", "sh", "-c", "exit 7"])
        .run()
        .assert_code(7)
        .assert_stderr("[tidy-init] cannot write the termination log: Read-only file system\n");
    assert!(log.is_untouched());
}

#[test]
fn a_file_of_another_user_is_a_warning() {
    require_root!();
    let log = Log::new();
    fs::set_permissions(&log.path, Permissions::from_mode(0o600)).unwrap();
    native(Place::Child)
        .user(65534, 65534)
        .args([&log.option(), "--", "sh", "-c", "exit 7"])
        .run()
        .assert_code(7)
        .assert_stderr("[tidy-init] cannot write the termination log: Permission denied\n");
    assert!(log.is_untouched());
}

#[test]
fn a_fifo_with_a_reader_gets_the_line_and_a_full_one_blocks_nothing() {
    let directory = TempDir::new();
    let path = directory.join("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let mut reader = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path)
        .unwrap();
    let run = || {
        native(Place::Child)
            .arg("--termination-log")
            .arg(&path)
            .args(["--", "sh", "-c", "exit 7"])
            .run()
            .assert_code(7)
    };
    run().assert_stderr("");
    let mut text = [0; 4096];
    let length = reader.read(&mut text).unwrap();
    assert!(text[..length].ends_with(b") exited with status 7\n"));
    let mut writer = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path)
        .unwrap();
    while std::io::Write::write(&mut writer, &[b'-'; 4096]).is_ok() {}
    run().assert_stderr(
        "[tidy-init] cannot write the termination log: Resource temporarily unavailable\n",
    );
}

#[test]
fn the_file_keeps_its_identity_and_mode() {
    use std::os::unix::fs::MetadataExt;
    let log = Log::new();
    fs::set_permissions(&log.path, Permissions::from_mode(0o604)).unwrap();
    let identity = |path: &Path| {
        let of = fs::metadata(path).unwrap();
        (of.ino(), of.mode(), of.nlink())
    };
    let before = identity(&log.path);
    native(Place::Child)
        .args([&log.option(), "--", "sh", "-c", "exit 7"])
        .run()
        .assert_code(7);
    assert_eq!(identity(&log.path), before);
    assert_eq!(fs::read_dir(log.directory.path()).unwrap().count(), 1);
}

#[test]
fn the_line_is_one_line_of_at_most_4096_bytes_whatever_the_command_is_called() {
    let directory = TempDir::new();
    let long = |unit: &[u8]| {
        let mut name = directory.path().as_os_str().as_bytes().to_vec();
        while name.len() < 3900 {
            name.extend(b"/./");
            name.extend(unit.repeat(200 / unit.len()));
        }
        name
    };
    for name in [
        &b"line\nfeed"[..],
        b"quote\"",
        b"back\\slash",
        b"\xff\xfe",
        "\u{e9}\u{1f600}".as_bytes(),
        b"\x1b[31m",
        &long(b"x"),
        &long(b"\n"),
        &long(b"\xff"),
        &long("\u{e9}".as_bytes()),
    ] {
        let log = Log::new();
        let command = std::ffi::OsStr::from_bytes(name);
        let ended = native(Place::Child)
            .arg(log.option())
            .arg("--")
            .arg(command)
            .run();
        let bytes = fs::read(&log.path).unwrap();
        assert!(bytes.len() <= 4096, "{}: {ended}", bytes.len());
        assert!(bytes.ends_with(b"\n"), "{ended}");
        let text = log.text();
        assert_eq!(text.lines().count(), 1, "{ended}");
        assert!(!text.trim_end().contains(char::is_control), "{ended}");
        assert!(text.starts_with("cannot execute "), "{ended}");
    }
}

#[test]
fn the_name_of_the_command_is_shown_alike_in_the_file_and_at_v() {
    let directory = TempDir::new();
    for name in [
        &b"a b"[..],
        b"quote\"s",
        b"back\\slash",
        b"line\nfeed",
        b"\xff",
        "\u{e9}".as_bytes(),
    ] {
        let path = directory.join(std::ffi::OsStr::from_bytes(name));
        initlab::write_executable(&path, "#!/bin/sh\nexit 7\n", 0o755).unwrap();
        let log = Log::new();
        let ended = native(Place::Child)
            .arg("-v")
            .arg(log.option())
            .arg("--")
            .arg(&path)
            .run();
        assert_eq!(said(&ended), log.text(), "{ended}");
        assert_eq!(log.text().lines().count(), 1, "{ended}");
        ended.assert_code(7);
    }
}

#[test]
fn the_end_is_reported_however_long_the_name_is() {
    let directory = TempDir::new();
    let mut parent = directory.path().to_owned();
    for _ in 0..4 {
        parent.push("d".repeat(250));
    }
    fs::create_dir_all(&parent).unwrap();
    let path = parent.join("command");
    initlab::write_executable(&path, "#!/bin/sh\nexit 7\n", 0o755).unwrap();
    for format in ["text", "json"] {
        let log = Log::new();
        let ended = native(Place::Child)
            .args(["-v", "--log-format", format, &log.option(), "--"])
            .arg(&path)
            .run();
        log.assert_ends_with(") exited with status 7\n");
        let line = ended
            .stderr_text()
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned();
        assert!(line.contains("exited with status 7"), "at -v: {line}");
        ended.assert_code(7);
    }
}

/// The counters of a control group as the kernel shows them, version 2 and 1: the file's name below
/// /sys/fs/cgroup, and its text with a number of kills.
const COUNTERS: [(&str, &str); 2] = [
    (
        "memory.events",
        "low 0\\nhigh 0\\nmax 12\\noom 5\\noom_kill N\\noom_group_kill 3\\n",
    ),
    (
        "memory/memory.oom_control",
        "oom_kill_disable 0\\nunder_oom 0\\noom_kill N\\n",
    ),
];

/// The init as PID 1, with control groups of the test's own: files that the command can change.
fn with_counter(before: &str, log: &Log, command: &str) -> Ended {
    let script = format!(
        "mkdir -p /sys/fs/cgroup/memory; {before}
        exec \"$0\" -v {} -- sh -c '{command}'",
        log.option()
    );
    Sandbox::new("sh")
        .args(["-c", &script])
        .arg(init())
        .tmpfs("/sys/fs/cgroup")
        .run()
}

#[test]
fn kills_for_want_of_memory_are_counted_from_the_start_of_the_command() {
    require_namespaces!();
    for (file, text) in COUNTERS {
        let write = |kills: u64| {
            format!(
                "printf \"{}\" > /sys/fs/cgroup/{file}",
                text.replace('N', &kills.to_string())
            )
        };
        for (before, after, expected) in [
            (0, 0, "; no OOM kill in this cgroup: the KILL was sent"),
            (41, 41, "; no OOM kill in this cgroup: the KILL was sent"),
            (0, 1, "; 1 OOM kill in this cgroup"),
            (41, 42, "; 1 OOM kill in this cgroup"),
            (41, 83, "; 42 OOM kills in this cgroup"),
            // A counter that went down does not count as a kill.
            (41, 0, "; no OOM kill in this cgroup: the KILL was sent"),
        ] {
            let log = Log::new();
            let command = format!("{}; kill -KILL $$", write(after));
            let ended = with_counter(&write(before), &log, &command).assert_code(137);
            let text = log.text();
            assert!(
                text.starts_with("sh (pid ")
                    && text.ends_with(&format!(") was killed by SIGKILL{expected}\n")),
                "{file} {before} {after}: {text}{ended}"
            );
            assert_eq!(said(&ended), text);
        }
        // The kernel may have killed a child of the command instead.
        let log = Log::new();
        let command = format!("{}; exit 3", write(1));
        with_counter(&write(0), &log, &command).assert_code(3);
        log.assert_ends_with(") exited with status 3; 1 OOM kill in this cgroup\n");
        let log = Log::new();
        with_counter(&write(0), &log, "exit 3").assert_code(3);
        log.assert_ends_with(") exited with status 3\n");
    }
}

#[test]
fn the_newer_counter_is_the_one_that_counts_where_there_are_both() {
    require_namespaces!();
    let log = Log::new();
    let before = "printf 'oom_kill 0\\n' | tee /sys/fs/cgroup/memory.events \
        > /sys/fs/cgroup/memory/memory.oom_control";
    let command = "printf \"oom_kill 1\\n\" > /sys/fs/cgroup/memory.events; kill -KILL $$";
    with_counter(before, &log, command).assert_code(137);
    log.assert_ends_with("; 1 OOM kill in this cgroup\n");
}

#[test]
fn without_a_counter_memory_is_not_mentioned() {
    require_namespaces!();
    let write = |text: &str| format!("printf '{text}' > /sys/fs/cgroup/memory.events");
    for before in [
        String::new(),
        write(""),
        write("oom 5\\n"),
        write("oom_kill x\\n"),
        write("oom_kill -1\\n"),
        write("oom_kill\\n"),
        "mkdir /sys/fs/cgroup/memory.events".to_owned(),
    ] {
        let log = Log::new();
        let ended = with_counter(&before, &log, "kill -KILL $$").assert_code(137);
        assert!(
            log.text().ends_with(") was killed by SIGKILL\n"),
            "{before}: {ended}"
        );
    }
}

/// A control group of version 1 with a memory limit. It is removed with the value.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        let path = PathBuf::from(format!(
            "/sys/fs/cgroup/memory/tidy-init-test-{}",
            std::process::id()
        ));
        fs::create_dir(&path).ok()?;
        let group = Self(path);
        fs::write(group.0.join("memory.limit_in_bytes"), "16M").ok()?;
        let control = fs::read_to_string(group.0.join("memory.oom_control")).ok()?;
        control.contains("oom_kill ").then_some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It is busy until the last process in it has been reaped.
        initlab::try_poll_until(initlab::timeout(), || {
            fs::remove_dir(&self.0).is_ok() || !self.0.exists()
        });
    }
}

#[test]
fn a_real_kill_for_want_of_memory_is_named() {
    require_namespaces!();
    require_root!();
    require_program!("tail");
    if !Path::new("/sys/fs/cgroup/memory/memory.oom_control").exists() {
        initlab::skip!("needs the memory controller of control groups, version 1");
    }
    let Some(group) = Group::new() else {
        initlab::skip!("needs a control group of its own with a limit of memory");
    };
    let log = Log::new();
    // The group is the root of what the container sees; `tail` keeps a line that has no end.
    let script = "echo 0 > $0/cgroup.procs && mount --bind $0 /sys/fs/cgroup/memory && exec \"$@\"";
    let ended = Sandbox::new("sh")
        .args(["-c", script])
        .arg(&group.0)
        .arg(init())
        .args(["-v", &log.option(), "--", "tail", "/dev/zero"])
        .run();
    drop(group);
    let text = log.text();
    assert!(
        text.starts_with("tail (pid ")
            && text.ends_with(") was killed by SIGKILL; 1 OOM kill in this cgroup\n"),
        "{text}{ended}"
    );
    assert_eq!(said(&ended), text);
    ended.assert_code(137);
}

#[test]
fn the_termination_log_is_opened_for_one_write_alone() {
    require_program!("strace");
    let log = Log::new();
    let trace = log.directory.join("strace");
    native(Place::Child)
        .args([&log.option(), "--", "sh", "-c", "exit 7"])
        .strace(&trace, &[])
        .run()
        .assert_code(7);
    let calls = crate::watch::calls(&trace);
    let path = log.path.to_str().unwrap();
    let at = calls
        .iter()
        .position(|call| call.contains(path) && !call.starts_with("execve"));
    let at = at.unwrap_or_else(|| panic!("it is not opened: {calls:#?}"));
    assert!(
        calls[at].contains("O_WRONLY") && calls[at].contains("O_APPEND"),
        "{}",
        calls[at]
    );
    assert!(
        calls[at].contains("O_NONBLOCK") && !calls[at].contains("O_CREAT"),
        "{}",
        calls[at]
    );
    // In between it is truncated, unless one of our streams leads there.
    let write = calls[at..]
        .iter()
        .position(|call| call.starts_with("write("));
    let between = &calls[at + 1..at + write.expect("a line")];
    let expected = |call: &String| call.starts_with("statx(") || call.starts_with("ftruncate(");
    assert!(between.iter().all(expected), "{between:#?}");
    assert!(File::open(&log.path).is_ok());
}

#[test]
fn a_log_that_is_a_standard_stream_is_appended_to() {
    let directory = TempDir::new();
    let log = directory.join("log");
    std::fs::write(&log, "before\n").unwrap();
    let script =
        "exec \"$0\" --termination-log /dev/stderr -- sh -c 'echo during >&2; exit 3' 2>>\"$1\"";
    native(Place::Child)
        .args(["--", "sh", "-c", script])
        .arg(crate::support::init())
        .arg(&log)
        .run()
        .assert_code(3);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("before\nduring\nsh (pid "), "{text:?}");
}
