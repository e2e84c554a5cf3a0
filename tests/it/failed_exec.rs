//! Commands that cannot be executed: one line on stderr, and the status that says why.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, OpenOptions},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{PermissionsExt, symlink},
    },
    path::Path,
};

use initlab::{Place, Sandbox, Stdio, TempDir, require_namespaces, require_root, write_executable};

use crate::support::{PLACES, behind, fixture_command, native};

const CANNOT_EXECUTE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Runs the command in both places, with and without `-vv`; `change` adapts the sandbox.
#[track_caller]
fn fails_in(
    change: impl Fn(Sandbox) -> Sandbox,
    command: impl AsRef<OsStr>,
    line: &str,
    status: i32,
) {
    for place in PLACES {
        for options in [&[][..], &["-c"], &["-vv"]] {
            let init = native(place).args(options).arg("--").arg(command.as_ref());
            change(init)
                .run()
                .assert_code(status)
                .assert_stdout("")
                .assert_stderr(format!("[tidy-init] {line}\n"));
        }
    }
}

/// A PATH that every user can search. The one of the tests may lead through somebody's home
/// directory.
const PATH: &str = "/usr/bin:/bin";

#[track_caller]
fn fails(command: impl AsRef<OsStr>, reason: &str, status: i32) {
    let shown = command.as_ref().to_str().expect("UTF-8").to_owned();
    let line = format!("cannot execute {shown}: {reason}");
    fails_in(|init| init.env("PATH", PATH), command, &line, status);
}

/// As [`fails`], with a PATH of these directories.
#[track_caller]
fn fails_along(path: &[&Path], command: &str, reason: &str, status: i32) {
    let line = format!("cannot execute {command}: {reason}");
    fails_in(
        |init| init.env("PATH", joined(path)),
        command,
        &line,
        status,
    );
}

/// The file with this name, by its path and by its name along a PATH of its directory.
#[track_caller]
fn fails_in_both_ways(directory: &TempDir, name: &str, reason: &str, status: i32) {
    fails(directory.join(name), reason, status);
    fails_along(&[directory.path()], name, reason, status);
}

fn joined(path: &[&Path]) -> OsString {
    std::env::join_paths(path).expect("no colons")
}

/// A file with this mode that is not a program.
fn file(directory: &TempDir, name: &str, mode: u32) {
    write_executable(&directory.join(name), "text\n", mode).unwrap();
}

/// A directory with a program `command` that exits with 7.
fn with_command() -> TempDir {
    let directory = TempDir::new();
    write_executable(&directory.join("command"), "#!/bin/sh\nexit 7\n", 0o755).unwrap();
    directory
}

#[test]
fn what_does_not_exist_is_not_found() {
    require_namespaces!();
    let reason = "No such file or directory";
    fails("no-such-command", reason, NOT_FOUND);
    fails("/no/such/command", reason, NOT_FOUND);
    fails("./no-such-command", reason, NOT_FOUND);
    let directory = TempDir::new();
    let link = directory.join("link");
    symlink("nowhere", &link).unwrap();
    fails(&link, reason, NOT_FOUND);
}

#[test]
fn an_empty_name_is_not_found() {
    require_namespaces!();
    let line = "cannot execute \"\": No such file or directory";
    fails_in(|init| init, "", line, NOT_FOUND);
}

#[test]
fn a_file_without_the_permission_cannot_be_executed() {
    require_namespaces!();
    let directory = TempDir::new();
    file(&directory, "file", 0o644);
    fails_in_both_ways(&directory, "file", "Permission denied", CANNOT_EXECUTE);
}

#[test]
fn a_directory_cannot_be_executed() {
    require_namespaces!();
    let directory = TempDir::new();
    fs::create_dir(directory.join("inner")).unwrap();
    fails_in_both_ways(&directory, "inner", "Permission denied", CANNOT_EXECUTE);
    fails("/", "Permission denied", CANNOT_EXECUTE);
}

#[test]
fn a_path_through_a_file_cannot_be_executed() {
    require_namespaces!();
    fails("/etc/passwd/x", "Not a directory", CANNOT_EXECUTE);
}

#[test]
fn a_missing_interpreter_is_not_found() {
    require_namespaces!();
    let directory = TempDir::new();
    write_executable(&directory.join("script"), "#!/no/such/interpreter\n", 0o755).unwrap();
    let reason = "No such file or directory";
    fails_in_both_ways(&directory, "script", reason, NOT_FOUND);
}

#[test]
fn a_missing_dynamic_loader_is_not_found() {
    require_namespaces!();
    // A program of another distribution: its dynamic loader is missing.
    let mut program = fs::read(initlab::find_program("true").expect("true")).unwrap();
    let Some(at) = program.windows(4).position(|bytes| bytes == b"/ld-") else {
        initlab::skip!("needs a program with a dynamic loader");
    };
    program[at + 1] = b'x';
    let directory = TempDir::new();
    let copy = directory.join("program");
    write_executable(&copy, program, 0o755).unwrap();
    fails(&copy, "No such file or directory", NOT_FOUND);
}

#[test]
fn a_name_that_is_too_long_cannot_be_executed() {
    require_namespaces!();
    let name = "n".repeat(256);
    fails(&name, "File name too long", CANNOT_EXECUTE);
    fails(format!("/tmp/{name}"), "File name too long", CANNOT_EXECUTE);
    // With one byte less it is a valid name, and not found.
    fails(&name[1..], "No such file or directory", NOT_FOUND);
    // A name that makes the line too long is cut.
    let path = "/longer".repeat(1000);
    let line = format!("cannot execute {}...: File name too long", &path[..600]);
    fails_in(|init| init, &path, &line, CANNOT_EXECUTE);
}

#[test]
fn a_loop_of_links_cannot_be_executed() {
    require_namespaces!();
    let directory = TempDir::new();
    let link = directory.join("link");
    symlink(&link, &link).unwrap();
    let reason = "Too many levels of symbolic links";
    fails(&link, reason, CANNOT_EXECUTE);
    fails_along(
        &[directory.path(), Path::new("/bin")],
        "link",
        reason,
        CANNOT_EXECUTE,
    );
}

#[test]
fn a_file_that_is_being_written_cannot_be_executed() {
    require_namespaces!();
    let directory = TempDir::new();
    let program = directory.join("program");
    initlab::copy_executable(&initlab::find_program("true").unwrap(), &program, 0o755).unwrap();
    let writer = OpenOptions::new().append(true).open(&program).unwrap();
    fails(&program, "Text file busy", CANNOT_EXECUTE);
    drop(writer);
}

#[test]
fn names_are_shown_so_that_they_stay_on_the_line() {
    require_namespaces!();
    let command = OsString::from_vec(b"/no/\xff\xfe/such\n\x1b[1m\x7f/\xc3\xa4".to_vec());
    let line =
        "cannot execute /no/\\xff\\xfe/such\\x0a\\x1b[1m\\x7f/\u{e4}: No such file or directory";
    fails_in(|init| init, command, line, NOT_FOUND);
}

#[test]
fn the_status_is_right_where_the_line_cannot_be_written() {
    require_namespaces!();
    for place in PLACES {
        let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (read, broken) = initlab::pipe().unwrap();
        drop(read);
        for stderr in [Stdio::Closed, Stdio::Fd(full().into()), Stdio::Fd(broken)] {
            native(place)
                .args(["--", "/no/such/command"])
                .stderr(stderr)
                .run()
                .assert_code(NOT_FOUND)
                .assert_stdout("");
        }
    }
}

/// A script that the kernel does not recognize, so that /bin/sh runs it. It prints its arguments.
const SCRIPT: &str = "printf '[%s]\\n' \"$0\" \"$#\" \"$@\"\nexit 7\n";

#[test]
fn a_script_that_names_no_interpreter_is_run_by_the_shell() {
    require_namespaces!();
    let directory = TempDir::new();
    let script = directory.join("script");
    write_executable(&script, SCRIPT, 0o755).unwrap();
    let odd = OsStr::from_bytes(b"\xff\n");
    let arguments: [&OsStr; 6] = ["one", "two words", "", "-x", "--", "'"].map(OsStr::new);
    let mut shown = format!("[{}]\n[7]\n", script.display()).into_bytes();
    for argument in arguments.iter().chain([&odd]) {
        shown.extend([b"[", argument.as_bytes(), b"]\n"].concat());
    }
    for place in PLACES {
        // Without an option, the free slot before the command is that of our own name.
        for options in [&[][..], &["--"], &["-v", "-c"], &["-r", "TERM:INT", "--"]] {
            for name in [script.as_os_str(), OsStr::new("script")] {
                native(place)
                    .args(options)
                    .arg(name)
                    .args(arguments)
                    .arg(odd)
                    .env("PATH", directory.path())
                    .run()
                    .assert_code(7)
                    .assert_stdout(&shown);
            }
        }
        // An empty file counts as a script that does nothing.
        let empty = directory.join("empty");
        write_executable(&empty, "", 0o755).unwrap();
        native(place)
            .arg(&empty)
            .run()
            .assert_code(0)
            .assert_stderr("");
    }
}

#[test]
fn without_a_shell_the_format_is_what_is_wrong() {
    require_namespaces!();
    let directory = TempDir::new();
    let script = directory.join("script");
    write_executable(&script, SCRIPT, 0o755).unwrap();
    let line = format!("cannot execute {}: Exec format error", script.display());
    // Where /bin is a link to /usr/bin, this empties both.
    fails_in(|init| init.tmpfs("/bin"), &script, &line, CANNOT_EXECUTE);
}

#[test]
fn the_search_goes_on_after_a_file_that_is_denied() {
    require_namespaces!();
    let (denied, empty, good) = (TempDir::new(), TempDir::new(), with_command());
    file(&denied, "command", 0o644);
    for place in PLACES {
        for path in [
            &[denied.path(), empty.path(), good.path()][..],
            &[empty.path(), good.path(), denied.path()],
            &[denied.path(), denied.path(), good.path()],
        ] {
            native(place)
                .arg("command")
                .env("PATH", joined(path))
                .run()
                .assert_code(7)
                .assert_stderr("");
        }
    }
    // The remembered error is reported when nothing else is found.
    for path in [
        &[denied.path(), empty.path()][..],
        &[empty.path(), denied.path(), empty.path()],
    ] {
        fails_along(path, "command", "Permission denied", CANNOT_EXECUTE);
    }
    fails_along(
        &[empty.path(), empty.path()],
        "command",
        "No such file or directory",
        NOT_FOUND,
    );
}

#[test]
fn a_directory_that_is_closed_to_the_user_is_denied() {
    require_root!();
    let (closed, good) = (with_command(), with_command());
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    for place in PLACES {
        let init = || native(place).arg("command").user(65_534, 65_534);
        init()
            .env("PATH", joined(&[closed.path(), good.path()]))
            .run()
            .assert_code(7);
        init()
            .env("PATH", closed.path())
            .run()
            .assert_code(CANNOT_EXECUTE)
            .assert_stderr("[tidy-init] cannot execute command: Permission denied\n");
    }
}

#[test]
fn an_empty_entry_of_path_is_the_current_directory() {
    require_namespaces!();
    let directory = with_command();
    for place in PLACES {
        for path in ["", ":", ":/nowhere", "/nowhere:", "/nowhere::/nowhere/else"] {
            native(place)
                .arg("command")
                .env("PATH", path)
                .current_dir(directory.path())
                .run()
                .assert_code(7);
        }
    }
    let elsewhere = |init: Sandbox| init.env("PATH", "/nowhere").current_dir(directory.path());
    let line = "cannot execute command: No such file or directory";
    fails_in(elsewhere, "command", line, NOT_FOUND);
}

#[test]
fn without_path_the_directories_of_the_system_are_searched() {
    require_namespaces!();
    let directory = with_command();
    for place in PLACES {
        native(place)
            .args(["sh", "-c", "exit 7"])
            .env_remove("PATH")
            .run()
            .assert_code(7);
    }
    // The current directory is not searched.
    let without = |init: Sandbox| init.env_remove("PATH").current_dir(directory.path());
    let line = "cannot execute command: No such file or directory";
    fails_in(without, "command", line, NOT_FOUND);
}

#[test]
fn entries_of_path_that_are_not_directories_are_skipped() {
    require_namespaces!();
    let good = with_command();
    let long = format!("/{}", "e".repeat(300));
    let longer = "/e".repeat(3000);
    for entry in ["/etc/passwd", "/etc/passwd/x", "relative", &long, &longer] {
        let entry = Path::new(entry);
        // A component that is too long is an error that ends the search, as in the C library.
        if entry.as_os_str().len() == 301 {
            let reason = "File name too long";
            fails_along(&[entry, good.path()], "command", reason, CANNOT_EXECUTE);
            continue;
        }
        for place in PLACES {
            native(place)
                .arg("command")
                .env("PATH", joined(&[entry, good.path()]))
                .run()
                .assert_code(7);
        }
        fails_along(&[entry], "command", "No such file or directory", NOT_FOUND);
    }
}

#[test]
fn no_room_for_another_process_is_a_failure_of_ours() {
    require_namespaces!();
    for (errno, reason) in [
        (libc::EAGAIN, "Resource temporarily unavailable"),
        (libc::ENOMEM, "Cannot allocate memory"),
        (libc::EPERM, "Operation not permitted"),
    ] {
        let refused = |init: Sandbox| {
            init.failing_call(libc::SYS_clone, errno)
                .failing_call(libc::SYS_clone3, errno)
        };
        let line = format!("cannot make a process for no-such-command: {reason}");
        fails_in(refused, "no-such-command", &line, 125);
    }
}

#[test]
fn a_limit_of_processes_is_a_failure_of_ours() {
    require_root!();
    for place in PLACES {
        native(place)
            .arg("--")
            .args(fixture_command(&["exit", "7"]))
            .user(65_533, 65_533)
            .limit(libc::RLIMIT_NPROC, 0)
            .run()
            .assert_code(125)
            .assert_stdout("")
            .assert_stderr(format!(
                "[tidy-init] cannot make a process for {}: Resource temporarily unavailable\n",
                initlab::fixture().display()
            ));
    }
}

#[test]
fn a_failed_exec_leaves_no_process_behind() {
    require_namespaces!();
    // As the child of a process that reports what it reaps, which must be the init alone.
    let ended = behind(Place::Pid1, &["parent"])
        .args(["--", "/no/such/command"])
        .run()
        .assert_code(0);
    let lines = ended.stdout_lines();
    assert_eq!(lines.len(), 2, "{ended}");
    assert!(
        lines[1].starts_with("ended ") && lines[1].ends_with(" code=127 signal=none"),
        "{ended}"
    );
}

#[test]
fn under_other_names_the_missing_shell_is_what_is_wrong_as_with_the_originals() {
    require_namespaces!();
    let directory = TempDir::new();
    let script = directory.join("script");
    write_executable(&script, SCRIPT, 0o755).unwrap();
    for (name, status) in [("tini", 127), ("dumb-init", 2), ("catatonit", 1)] {
        let ended = Sandbox::new(crate::support::init())
            .arg0(name)
            .place(Place::Pid1)
            .tmpfs("/bin")
            .arg("--")
            .arg(&script)
            .run()
            .assert_code(status);
        let reason = "No such file or directory\n";
        assert!(ended.stderr_text().ends_with(reason), "{ended}");
    }
}
