//! What the command inherits, and what the init releases.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io::Read,
    os::{
        fd::OwnedFd,
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
    sync::mpsc,
    thread,
};

use initlab::{
    Ended, Place, Running, Sandbox, SignalSet, Stdio, TempDir, fingerprint, require_namespaces,
    require_root,
};

use crate::support::{PLACES, fixture_command, init, native, native_fixture};

/// The lines `key=value` of the fixture `info`, those of one key in their order.
fn values(ended: &Ended) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in ended.stdout_lines() {
        if let Some((key, value)) = line.split_once('=') {
            found
                .entry(key.to_owned())
                .or_default()
                .push(value.to_owned());
        }
    }
    found
}

/// A file of the directory, open for reading and writing.
fn open(directory: &TempDir, name: &str) -> OwnedFd {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(directory.join(name)).unwrap().into()
}

#[test]
fn the_command_gets_what_the_init_was_given() {
    require_namespaces!();
    let directory = TempDir::new();
    let ignored = SignalSet::of(&[1, 13, 15, 32, 33, 34, 64]);
    let blocked = SignalSet::of(&[2, 10, 17, 32, 33, 40, 63]);
    let given = |sandbox: Sandbox| {
        sandbox
            .current_dir(directory.path())
            .blocked(blocked)
            .ignored(ignored)
            .fd(3, open(&directory, "three"))
            .fd(7, open(&directory, "seven"))
            .fd(500, open(&directory, "five hundred"))
            .stderr(Stdio::Fd(open(&directory, "errors")))
            .env_clear()
            .env_raw("B=2")
            .env_raw("A=1")
            .env_raw("A=again")
            .env_raw("")
            .env_raw("no equals")
            .env_raw(OsString::from_vec(b"\xff=\xfe\n".to_vec()))
            .unmarked()
            .limit(libc::RLIMIT_CORE, 4096)
            .limit(libc::RLIMIT_NOFILE, 1000)
    };
    for place in PLACES {
        let [program, words @ ..] = &fixture_command(&["info", "--", "-x", "--"])[..] else {
            panic!("no fixture");
        };
        let alone = given(Sandbox::new(program).place(place).args(words));
        let alone = values(&alone.run().assert_code(0));
        for options in [&[][..], &["-c"], &["-v"], &["-t", "child"]] {
            let init = native(place).args(options).arg("--").arg(program);
            let ended = given(init.args(words)).run().assert_code(0);
            let under_init = values(&ended);
            assert_eq!(alone["SigBlk"], [format!("{:016x}", blocked.bits())]);
            for key in [
                "SigBlk",
                "SigIgn",
                "SigCgt",
                "SigPnd",
                "uid",
                "euid",
                "gid",
                "egid",
                "groups",
                "no_new_privs",
                "dumpable",
                "limit_nofile",
                "limit_core",
                "cwd",
                "fds",
                "arg_count",
                "arg_fingerprint",
                "arg",
                "env_count",
                "env_fingerprint",
                "env",
            ] {
                assert_eq!(under_init.get(key), alone.get(key), "{key}: {ended}");
            }
            // Descriptor 1 is a new pipe each time; all others are the same file.
            let files = |values: &BTreeMap<String, Vec<String>>| -> Vec<String> {
                let known = values["fd"].iter();
                known.filter(|fd| !fd.starts_with("1 ")).cloned().collect()
            };
            assert_eq!(files(&under_init), files(&alone), "{ended}");
            // The command does not inherit the init's own settings.
            assert_eq!(under_init["pdeathsig"], ["0"], "{ended}");
            assert_eq!(under_init["subreaper"], ["0"], "{ended}");
        }
    }
}

#[test]
fn every_mask_and_every_set_of_ignored_signals_is_handed_down() {
    require_namespaces!();
    let catchable = SignalSet::all_but(&[libc::SIGKILL, libc::SIGSTOP]);
    let shown = |set: SignalSet| Some(format!("{:016x}", set.bits()));
    for place in PLACES {
        for bits in [
            0,
            u64::MAX,
            0x5555_5555_5555_5555,
            0xaaaa_aaaa_aaaa_aaaa,
            0x3_8000_0000,
        ] {
            for options in [&[][..], &["-c"]] {
                let set = SignalSet::from_bits(bits & catchable.bits());
                let ended = native_fixture(place, options, &["info"])
                    .blocked(SignalSet::from_bits(bits))
                    .ignored(SignalSet::from_bits(!bits))
                    .run()
                    .assert_code(0);
                assert_eq!(ended.value("SigBlk"), shown(set), "{ended}");
                // Only SIGCHLD is reset: otherwise there would be no status.
                let ignored = !bits & catchable.bits() & !SignalSet::from([libc::SIGCHLD]).bits();
                assert_eq!(
                    ended.value("SigIgn"),
                    shown(SignalSet::from_bits(ignored)),
                    "{ended}"
                );
            }
        }
    }
}

#[test]
fn ten_thousand_arguments_and_a_megabyte_of_environment_are_handed_down() {
    require_namespaces!();
    let arguments: Vec<OsString> = (0..10_000u32)
        .map(|number| {
            let odd = (number % 255 + 1) as u8;
            OsString::from_vec([number.to_string().as_bytes(), &[b'=', odd, 0xff]].concat())
        })
        .collect();
    let environment: Vec<OsString> = (0..1024u32)
        .map(|number| {
            let odd = (number % 255 + 1) as u8;
            let mut entry = format!("V{number}=").into_bytes();
            entry.resize(1024, odd);
            OsString::from_vec(entry)
        })
        .collect();
    let mut command = fixture_command(&["info", "--brief"]);
    command.extend(arguments);
    let shown =
        |list: &[OsString]| format!("{:016x}", fingerprint(list.iter().map(|s| s.as_bytes())));
    for place in PLACES {
        for options in [&[][..], &["-vvc"]] {
            let mut init = native(place).args(options).arg("--").args(&command);
            init = init.env_clear().unmarked();
            for entry in &environment {
                init = init.env_raw(entry);
            }
            let ended = init.run().assert_code(0);
            for (key, expected) in [
                ("arg_count", command.len().to_string()),
                ("arg_fingerprint", shown(&command)),
                ("env_count", environment.len().to_string()),
                ("env_fingerprint", shown(&environment)),
            ] {
                assert_eq!(ended.value(key), Some(expected), "{key}: {ended}");
            }
        }
    }
}

#[test]
fn the_command_can_have_no_environment() {
    require_namespaces!();
    for place in PLACES {
        let init = native_fixture(place, &[], &["info"]).env_clear().unmarked();
        let ended = init.run().assert_code(0);
        assert_eq!(ended.value("env_count").as_deref(), Some("0"), "{ended}");
    }
}

/// Runs the init by a shell that sets `LISTEN_PID=$$`, which becomes the init's own process ID.
fn listening(place: Place, assignment: &str, options: &str) -> Ended {
    let script = format!("export {assignment}; exec \"$0\" {options} -- \"$@\"");
    Sandbox::new("sh")
        .place(place)
        .args(["-c", &script])
        .arg(init())
        .args(fixture_command(&["info"]))
        .env("LISTEN_FDS", "2")
        .run()
        .assert_code(0)
}

#[test]
fn listen_pid_names_the_command_where_it_named_the_init() {
    require_namespaces!();
    for place in PLACES {
        for options in ["", "-c", "-v"] {
            let ended = listening(place, "LISTEN_PID=$$", options);
            let pid = ended.value("pid").expect("a pid");
            let environment = &values(&ended)["env"];
            let expected = format!("LISTEN_PID={pid}");
            assert!(environment.contains(&expected), "no {expected}: {ended}");
            assert!(environment.contains(&"LISTEN_FDS=2".to_owned()), "{ended}");
        }
    }
}

#[test]
fn listen_pid_stays_where_it_names_somebody_else() {
    require_namespaces!();
    for place in PLACES {
        for value in ["$(($$ + 1))", "${$}0", "4000000000", "-$$", "", "x", "$$x"] {
            let ended = listening(place, &format!("LISTEN_PID=\"{value}\" ME=$$"), "");
            let environment = &values(&ended)["env"];
            let me = environment
                .iter()
                .find_map(|entry| entry.strip_prefix("ME="))
                .expect("ME");
            let expected = match value {
                "$(($$ + 1))" => (me.parse::<i32>().unwrap() + 1).to_string(),
                other => other.replace("${$}", me).replace("$$", me),
            };
            let expected = format!("LISTEN_PID={expected}");
            assert!(environment.contains(&expected), "no {expected}: {ended}");
        }
        let ended = native_fixture(place, &[], &["info"])
            .env_remove("LISTEN_PID")
            .run();
        assert!(!ended.stdout_text().contains("env=LISTEN_PID"), "{ended}");
    }
}

/// Waits until the init has closed all but its standard streams and moved to the root directory.
#[track_caller]
fn let_go(init: &Running, streams: &[i32]) {
    init.poll_until("the init's directory is the root", || {
        init.process().link("cwd").as_deref() == Some(Path::new("/"))
    });
    init.poll_until("the init has its standard streams alone", || {
        let open = init.process().descriptors();
        open.is_some_and(|open| open.keys().eq(streams))
    });
}

/// How close_range(2) may fail: not at all, by a filter, on an old kernel.
const REFUSED: [Option<i32>; 3] = [None, Some(libc::EPERM), Some(libc::ENOSYS)];

fn refusing(sandbox: Sandbox, errno: Option<i32>) -> Sandbox {
    match errno {
        Some(errno) => sandbox.failing_call(libc::SYS_close_range, errno),
        None => sandbox,
    }
}

#[test]
fn the_init_keeps_no_directory_and_no_descriptor() {
    require_namespaces!();
    let directory = TempDir::new();
    for place in PLACES {
        for refused in REFUSED {
            let mut init = refusing(native(place), refused)
                .args(["-c", "--"])
                .args(fixture_command(&["signals", "--until", "TERM"]))
                .current_dir(directory.path());
            // With gaps, and more than one getdents(2) can list.
            let numbers: Vec<_> = (3..200).filter(|n| n % 7 != 0).chain([500]).collect();
            for number in &numbers {
                init = init.fd(*number, File::open("/dev/null").unwrap());
            }
            let mut init = init.start_ready();
            let_go(&init, &[0, 1, 2]);
            // The command still has them.
            let command = init
                .wait_child()
                .descriptors()
                .expect("the command is there");
            assert!(
                command.keys().eq([0, 1, 2].iter().chain(&numbers)),
                "{}",
                init.failure("the command lacks descriptors")
            );
            assert_eq!(init.stderr_so_far(), b"", "{}", init.failure("not silent"));
            init.kill(libc::SIGTERM);
            init.wait().assert_code(0);
        }
    }
}

/// Reads a pipe to its end, and panics if the end does not come.
#[track_caller]
fn content(pipe: OwnedFd) -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = File::from(pipe).read_to_string(&mut text);
        let _ = sender.send(read.map(|_| text));
    });
    let text = receiver.recv_timeout(initlab::timeout());
    text.expect("the pipe ends").expect("text")
}

#[test]
fn a_pipe_ends_when_the_command_lets_go_of_it() {
    require_namespaces!();
    for place in PLACES {
        let (read, write) = initlab::pipe().unwrap();
        let script = "echo word >&9; exec 9>&-; echo closed; read line";
        let mut init = native(place)
            .args(["--", "sh", "-c", script])
            .fd(9, write)
            .stdin(Stdio::Piped)
            .start();
        init.expect("closed");
        // The pipe would not end if the init held it, too.
        assert_eq!(content(read), "word\n");
        init.write_stdin("\n");
        init.wait().assert_code(0);
    }
}

#[test]
fn descriptors_that_cannot_be_closed_are_a_warning() {
    require_namespaces!();
    for place in PLACES {
        for errno in [libc::EPERM, libc::ENOSYS] {
            let init = native_fixture(place, &[], &["exit", "7"])
                .failing_call(libc::SYS_close_range, errno)
                .fd(5, File::open("/dev/null").unwrap())
                .no_proc();
            init.run().assert_code(7).assert_stderr(
                "[tidy-init] cannot close inherited descriptors: No such file or directory\n",
            );
        }
    }
}

#[test]
fn standard_streams_that_are_closed_stay_closed() {
    require_namespaces!();
    // The shell looks before it opens anything, and reports to a file that nobody else writes to.
    let script = "open=; for n in 0 1 2; do [ -e /proc/$$/fd/$n ] && open=$open$n; done; \
                  echo \"open:$open\" >&9; exit 7";
    for place in PLACES {
        for combination in 0..8u32 {
            for refused in REFUSED {
                let (read, write) = initlab::pipe().unwrap();
                let mut init = refusing(native(place), refused)
                    .args(["-vv", "--", "sh", "-c", script])
                    .fd(9, write);
                let is_open = |number: u32| combination & (1 << number) != 0;
                if !is_open(0) {
                    init = init.stdin(Stdio::Closed);
                }
                if !is_open(1) {
                    init = init.stdout(Stdio::Closed);
                }
                if !is_open(2) {
                    init = init.stderr(Stdio::Closed);
                }
                let ended = init.run().assert_code(7).assert_stdout("");
                let open: String = (0..3)
                    .filter(|n| is_open(*n))
                    .map(|n| n.to_string())
                    .collect();
                assert_eq!(content(read), format!("open:{open}\n"), "{ended}");
                assert_eq!(is_open(2), !ended.stderr.is_empty(), "{ended}");
            }
        }
    }
}

#[test]
fn no_line_of_the_init_lands_in_a_file_of_the_command() {
    require_namespaces!();
    // The lowest free numbers are those of the standard streams.
    let script = "exec <in >out 2>err; echo out; echo err >&2; sleep 1000 & exit 7";
    for place in PLACES {
        for combination in 0..8u32 {
            for refused in REFUSED {
                let directory = TempDir::new();
                fs::write(directory.join("in"), "in").unwrap();
                let mut init = refusing(native(place), refused)
                    .args(["-vv", "--", "sh", "-c", script])
                    .current_dir(directory.path());
                if combination & 1 == 0 {
                    init = init.stdin(Stdio::Closed);
                }
                if combination & 2 == 0 {
                    init = init.stdout(Stdio::Closed);
                }
                if combination & 4 == 0 {
                    init = init.stderr(Stdio::Closed);
                }
                let ended = init.run().assert_code(7).assert_stdout("");
                for (name, content) in [("in", "in"), ("out", "out\n"), ("err", "err\n")] {
                    let found = fs::read_to_string(directory.join(name)).unwrap();
                    assert_eq!(found, content, "{name}: {ended}");
                }
            }
        }
    }
}

#[test]
fn the_init_opens_no_standard_stream_for_itself() {
    require_namespaces!();
    for place in PLACES {
        for refused in REFUSED {
            let mut init = refusing(native(place), refused)
                .args(["-vv", "--"])
                .args(fixture_command(&["signals", "--until", "TERM"]))
                .stdin(Stdio::Closed)
                .stderr(Stdio::Closed)
                .start_ready();
            let_go(&init, &[1]);
            init.kill(libc::SIGTERM);
            init.wait().assert_code(0);
        }
    }
}

#[test]
fn another_users_identity_is_handed_down() {
    require_root!();
    for place in PLACES {
        let ended = native_fixture(place, &[], &["info"])
            .user(65_534, 65_533)
            .groups(&[7, 8])
            .no_new_privileges()
            .run()
            .assert_code(0);
        for (key, expected) in [
            ("uid", "65534"),
            ("euid", "65534"),
            ("gid", "65533"),
            ("egid", "65533"),
            ("groups", "7,8"),
            ("no_new_privs", "1"),
        ] {
            assert_eq!(
                ended.value(key).as_deref(),
                Some(expected),
                "{key}: {ended}"
            );
        }
    }
}

#[test]
fn the_session_is_the_commands_own_unless_told_otherwise() {
    require_namespaces!();
    for place in PLACES {
        let of = |options: &[&str]| {
            let ended = native_fixture(place, options, &["info"])
                .run()
                .assert_code(0);
            ["pid", "pgid", "sid", "ppid"].map(|key| ended.value(key).expect(key))
        };
        for options in [&[][..], &["-t", "child"], &["-t", "group"]] {
            let [pid, pgid, sid, ppid] = of(options);
            assert_eq!([&pgid, &sid], [&pid, &pid]);
            // PID 1 stays the init.
            assert!(place == Place::Child || ppid == "1", "{ppid}");
        }
        for options in [&["-c"][..], &["-c", "-t", "child"]] {
            let [pid, pgid, sid, ppid] = of(options);
            assert_eq!([&pgid, &sid], [&ppid, &ppid]);
            assert_ne!(pid, pgid);
        }
    }
}

#[test]
fn a_watchdog_hears_from_the_command_and_the_pidfd_of_the_init_is_taken_out() {
    let names = r#"LISTEN_PID=$$ WATCHDOG_PID=$$ LISTEN_PIDFDID=7 exec "$0" "$@""#;
    let shows = "echo $((LISTEN_PID == $$)) $((WATCHDOG_PID == $$)) ${LISTEN_PIDFDID-none}";
    Sandbox::new("/bin/sh")
        .args(["-c", names])
        .arg(crate::support::init())
        .args(["--", "sh", "-c", shows])
        .run()
        .assert_code(0)
        .assert_stdout("1 1 none\n");
}
