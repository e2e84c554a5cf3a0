//! `--log-format json`: each line is an object of the documented form, and agrees with the text.
//! Also, what `-vv` says of zombies that are not our children.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::OpenOptionsExt,
    },
    time::SystemTime,
};

use initlab::{
    Ended, Place, Running, Sandbox, Stdio, TempDir, fixture, pipe, require_namespaces,
    require_root, sys,
};
use serde_json::Value;
use tidy_init::log::Event;

use crate::{
    permissions::{above_a_command_of_root, setuid_root},
    report::number,
    support::{PLACES, init, native, native_fixture},
    watch::wait_asleep,
};

const DOCUMENT: &str = include_str!("../../docs/log-format.md");

/// What the document says of an event.
struct Documented {
    /// The level, or several, with commas.
    level: &'static str,
    /// The fields, and whether each is always there.
    fields: BTreeMap<&'static str, bool>,
}

fn documented() -> BTreeMap<&'static str, Documented> {
    let table = DOCUMENT
        .split("\n## Events\n")
        .nth(1)
        .expect("the table of events");
    let rows = table.lines().take_while(|line| !line.starts_with("## "));
    rows.filter_map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, event, level, _, fields, _] = cells[..] else {
            return None;
        };
        let event = event.strip_prefix('`')?.strip_suffix('`')?;
        let fields = fields.split(", ").filter_map(|field| {
            let always = !field.ends_with('?');
            Some((
                field
                    .trim_end_matches('?')
                    .strip_prefix('`')?
                    .strip_suffix('`')?,
                always,
            ))
        });
        Some((
            event,
            Documented {
                level,
                fields: fields.collect(),
            },
        ))
    })
    .collect()
}

/// The table of events as the source has it: events with the same name share a row.
fn table_in_the_source() -> String {
    let mut rows: Vec<(&str, String, String, String)> = Vec::new();
    for entry in Event::CATALOGUE {
        let level = match entry.level {
            log::Level::Warn => "warning".to_owned(),
            level => level.as_str().to_lowercase(),
        };
        match rows.iter_mut().find(|(name, ..)| *name == entry.name) {
            // Only other programs speak of it.
            _ if entry.name.is_empty() => {}
            Some((_, levels, description, _)) => {
                if !levels.split(", ").any(|known| known == level) {
                    *levels += &format!(", {level}");
                }
                *description += &format!(" {}", entry.description);
            }
            None => rows.push((
                entry.name,
                level,
                entry.description.to_owned(),
                entry.keys.join(", "),
            )),
        }
    }
    let row = |(name, level, description, keys): &(&str, String, String, String)| {
        format!("| `{name}` | {level} | {description} | {keys} |\n")
    };
    rows.iter().map(row).collect()
}

#[test]
fn the_document_has_the_table_of_events_from_the_source() {
    let table = table_in_the_source();
    assert!(DOCUMENT.contains(&table), "it should have:\n{table}");
}

#[test]
fn each_field_of_an_event_is_explained() {
    let explained: BTreeSet<_> = DOCUMENT
        .split("\n## Fields\n")
        .nth(1)
        .expect("the table of fields")
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next())
        .collect();
    let used: BTreeSet<_> = documented()
        .into_values()
        .flat_map(|event| event.fields.into_keys())
        .collect();
    assert_eq!(explained, used);
}

/// Checks a line against the document, and returns it.
#[track_caller]
fn checked(line: &[u8]) -> Value {
    let shown = String::from_utf8_lossy(line);
    assert!(line.len() < 4096, "{} bytes: {shown}", line.len() + 1);
    let value: Value =
        serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error}: {shown}"));
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("no object: {shown}"));
    let text = |key: &str| {
        object
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{key}: {shown}"))
    };
    let age = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
        - seconds(text("time"));
    assert!((-1.0..60.0).contains(&age), "not the present time: {shown}");
    let mut documents = documented();
    let event = documents
        .remove(text("event"))
        .unwrap_or_else(|| panic!("not documented: {shown}"));
    let level = text("level");
    let levels = event.level.split(", ");
    assert!(levels.into_iter().any(|known| known == level), "{shown}");
    for key in object
        .keys()
        .filter(|key| !["time", "level", "event"].contains(&key.as_str()))
    {
        assert!(
            event.fields.contains_key(key.as_str()),
            "{key} is not documented: {shown}"
        );
    }
    for (key, always) in event.fields {
        assert!(
            !always || object.contains_key(key),
            "{key} is missing: {shown}"
        );
    }
    let repeated = shown.matches(",\"number\":").count() + shown.matches(",\"pid\":").count();
    assert!(repeated <= 2, "a field twice: {shown}");
    value
}

/// The seconds since 1970 of a time in RFC 3339's form, by an independent implementation of the
/// calendar.
#[track_caller]
fn seconds(time: &str) -> f64 {
    let form = |byte: u8| if byte.is_ascii_digit() { b'9' } else { byte };
    let shape: Vec<u8> = time.bytes().map(form).collect();
    assert_eq!(shape, b"9999-99-99T99:99:99.999Z", "{time}");
    let part = |range: std::ops::Range<usize>| time[range].parse::<u64>().unwrap();
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    assert!(
        (1..=12).contains(&month) && (1..=months[month as usize - 1]).contains(&day),
        "{time}"
    );
    let days = (1970..year)
        .map(|year| if leap(year) { 366 } else { 365 })
        .sum::<u64>()
        + months[..month as usize - 1].iter().sum::<u64>()
        + day
        - 1;
    let of_day = part(11..13) * 3600 + part(14..16) * 60 + part(17..19);
    (days * 86_400 + of_day) as f64 + part(20..23) as f64 / 1000.0
}

/// All lines of an init, each checked.
#[track_caller]
pub fn lines(stderr: &[u8]) -> Vec<Value> {
    let stderr = stderr.strip_suffix(b"\n").unwrap_or(stderr);
    if stderr.is_empty() {
        return Vec::new();
    }
    stderr.split(|byte| *byte == b'\n').map(checked).collect()
}

#[track_caller]
fn events(ended: &Ended) -> Vec<String> {
    lines(&ended.stderr)
        .iter()
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect()
}

/// The line of text for the same event.
fn in_words(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or("MISSING").to_owned();
    let number = |key: &str| {
        line[key]
            .as_u64()
            .map_or("MISSING".to_owned(), |n| n.to_string())
    };
    let signal = format!("SIG{}", text("signal"));
    let to = match text("target").as_str() {
        "all" => "everybody".to_owned(),
        "group" => format!("process group {}", number("pid")),
        _ => format!("process {}", number("pid")),
    };
    let how = if line.get("signal").is_some() {
        let core = if line["core_dumped"] == true {
            " (core dumped)"
        } else {
            ""
        };
        format!("was killed by {signal}{core}")
    } else {
        format!("exited with status {}", number("status"))
    };
    let from = match line.get("sender_pid") {
        Some(pid) => format!("pid {pid} (uid {})", number("sender_uid")),
        None => "the kernel".to_owned(),
    };
    match text("event").as_str() {
        "started" => format!("started {} (pid {})", text("command"), number("pid")),
        "cannot_execute" => format!("cannot execute {}: {}", text("command"), text("reason")),
        "cannot_start" => format!(
            "cannot make a process for {}: {}",
            text("command"),
            text("reason")
        ),
        "step_failed" => format!("cannot {}: {}", text("step"), text("reason")),
        "signal_received" => format!("received {signal} from {from}"),
        "signal_held" => format!("holding {signal} back for {} ms", number("milliseconds")),
        "signal_sent" => format!("sent {signal} to {to}"),
        "signal_not_sent" => format!("cannot send {signal} to {to}: {}", text("reason")),
        "stopping" => "stopping until SIGCONT".to_owned(),
        "command_ended" => format!("the command (pid {}) {how}", number("pid")),
        "pre_stop_started" => format!(
            "started {} (pid {}) before the stop",
            text("command"),
            number("pid")
        ),
        "pre_stop_not_started" => format!(
            "cannot execute {} before the stop: {}",
            text("command"),
            text("reason")
        ),
        "pre_stop_ended" => format!("the pre-stop program (pid {}) {how}", number("pid")),
        "linger_begins" => format!(
            "waiting up to {} ms for sent TCP data to arrive",
            number("milliseconds")
        ),
        "linger_over" => "sent TCP data has not arrived".to_owned(),
        "grace_begins" => format!("what is left has {} ms to end", number("milliseconds")),
        "reaped" => format!("reaped pid {}, which {how}", number("pid")),
        "not_reaped" => format!(
            "pid {} is a zombie that its parent, pid {}, does not reap",
            number("pid"),
            number("parent_pid")
        ),
        "command_failed" => text("reason"),
        "status_lost" => "the command is gone without a status".to_owned(),
        "cannot_die_by_signal" => {
            format!("PID 1 cannot die by {signal}: exiting with 128 + its number")
        }
        "lines_dropped" => format!(
            "{} lines dropped: stderr did not take them",
            number("count")
        ),
        other => panic!("no words for {other}"),
    }
}

/// A run that causes most kinds of events, always in the same order.
fn eventful(format: &str) -> Ended {
    const SCRIPT: &str = "$0 fixture children-then-exec 0 --zombies 1 -- \
            $0 fixture signals --until CONT &
        exec $0 fixture signals --until 40 --exit 3";
    let mut init = native(Place::Pid1)
        .args([
            "-vv",
            "--log-format",
            format,
            "-d",
            "USR1:1h",
            "-k",
            "1h",
            "--grace",
            "1h",
        ])
        .args([
            "-r",
            "USR2:0",
            "-r",
            "HUP:RTMIN+1",
            "-t",
            "child",
            "--termination-log",
            "/dev/null/x",
            "--pre-stop",
            "false",
        ])
        .args(["--", "sh", "-c", SCRIPT])
        .arg(fixture())
        .start();
    for _ in 0..2 {
        init.expect("ready");
    }
    let log = |init: &Running| String::from_utf8_lossy(&init.stderr_so_far()).into_owned();
    for (signal, said) in [
        (libc::SIGUSR1, ["holding SIGUSR1", "signal_held"]),
        (libc::SIGUSR2, ["received SIGUSR2", "\"USR2\""]),
        (
            libc::SIGHUP,
            ["sent SIGRTMIN+1", "\"RTMIN+1\",\"number\":35,\"target\""],
        ),
        (
            libc::SIGTERM,
            ["sent SIGCONT", "\"CONT\",\"number\":18,\"target\""],
        ),
        (32, ["sent SIG32", "\"32\",\"number\":32,\"target\""]),
        (
            40,
            ["sent SIGRTMIN+6", "\"RTMIN+6\",\"number\":40,\"target\""],
        ),
    ] {
        init.kill(signal);
        init.poll_until(said[0], || {
            said.iter().any(|said| log(&init).contains(said))
        });
    }
    init.wait().assert_code(3)
}

#[test]
fn text_and_json_carry_the_same_events_in_the_same_order() {
    require_namespaces!();
    let (text, json) = (eventful("text"), eventful("json"));
    let words: Vec<_> = lines(&json.stderr).iter().map(in_words).collect();
    let text_lines: Vec<_> = text
        .stderr_text()
        .lines()
        .map(|line| line.strip_prefix("[tidy-init] ").expect(line).to_owned())
        .collect();
    assert_eq!(words, text_lines);
    for event in [
        "started",
        "signal_received",
        "signal_held",
        "signal_sent",
        "command_ended",
        "pre_stop_started",
        "pre_stop_ended",
        "grace_begins",
        "reaped",
        "not_reaped",
        "command_failed",
        "step_failed",
    ] {
        assert!(
            events(&json).iter().any(|seen| seen == event),
            "no {event}: {json}"
        );
    }
}

#[test]
fn the_levels_are_those_of_the_options() {
    require_namespaces!();
    for place in PLACES {
        for (options, levels) in [
            (&[][..], &["warning", "error"][..]),
            (&["-v"], &["warning", "error", "info"]),
            (&["-vv"], &["warning", "error", "info", "debug"]),
        ] {
            let ended = native(place)
                .args(options)
                .args([
                    "--log-format=json",
                    "--termination-log=/dev/null/x",
                    "--",
                    "sh",
                    "-c",
                ])
                .args(["(sh -c 'exit 1' &); exit 3"])
                .run()
                .assert_code(3);
            for line in lines(&ended.stderr) {
                assert!(levels.contains(&line["level"].as_str().unwrap()), "{line}");
            }
            assert_eq!(
                events(&ended)
                    .iter()
                    .filter(|event| *event == "step_failed")
                    .count(),
                1
            );
            let infos = events(&ended)
                .iter()
                .filter(|event| *event == "started")
                .count();
            assert_eq!(infos, usize::from(!options.is_empty()));
        }
    }
}

#[test]
fn a_command_that_cannot_be_executed_is_reported_in_json() {
    require_namespaces!();
    for place in PLACES {
        for (command, status, errno, reason) in [
            (
                "/nonexistent/x",
                127,
                libc::ENOENT,
                "No such file or directory",
            ),
            ("/", 126, libc::EACCES, "Permission denied"),
            ("", 127, libc::ENOENT, "No such file or directory"),
        ] {
            let ended = native(place)
                .args(["--log-format", "json", "--", command])
                .run()
                .assert_code(status);
            let [line] = &lines(&ended.stderr)[..] else {
                panic!("{ended}")
            };
            assert_eq!(line["event"], "cannot_execute", "{ended}");
            assert_eq!(line["command"], command, "{ended}");
            assert_eq!(line["errno"], errno, "{ended}");
            assert_eq!(line["reason"], reason, "{ended}");
        }
    }
}

#[test]
fn a_process_that_cannot_be_made_is_reported_in_json() {
    require_root!();
    let ended = native(Place::Child)
        // A user with no other process: the limit allows the init alone.
        .user(64_123, 64_123)
        .limit(libc::RLIMIT_NPROC, 1)
        .args(["--log-format", "json", "--", "true"])
        .run()
        .assert_code(125);
    let [line] = &lines(&ended.stderr)[..] else {
        panic!("{ended}")
    };
    assert_eq!(line["event"], "cannot_start", "{ended}");
    assert_eq!(line["errno"], libc::EAGAIN, "{ended}");
}

#[test]
fn messages_of_pid_1_alone_and_of_other_places_alone_are_json_too() {
    require_namespaces!();
    let ended = native_fixture(
        Place::Pid1,
        &["-x", "--log-format", "json"],
        &["die", "TERM"],
    )
    .run()
    .assert_code(143);
    let [line] = &lines(&ended.stderr)[..] else {
        panic!("{ended}")
    };
    assert_eq!(line["event"], "cannot_die_by_signal", "{ended}");
    // The init stops along with the command.
    let mut init = native_fixture(
        Place::Child,
        &["-v", "--log-format=json"],
        &["signals", "--until", "TERM"],
    )
    .start_ready();
    init.kill(libc::SIGTSTP);
    init.poll_until("a stopped init", || init.process().state() == Some('T'));
    init.kill(libc::SIGCONT);
    init.kill(libc::SIGTERM);
    let ended = init.wait().assert_code(0);
    assert!(
        events(&ended).iter().any(|event| event == "stopping"),
        "{ended}"
    );
}

#[test]
fn a_signal_that_cannot_be_sent_is_reported_in_json() {
    require_root!();
    let directory = TempDir::new();
    let program = setuid_root(&directory);
    let options = ["--log-format", "json"];
    let mut init = above_a_command_of_root(&program, Place::Child, &options);
    init.kill(libc::SIGHUP);
    init.expect_stderr("signal_not_sent");
    sys::kill(init.wait_child().pid, libc::SIGTERM).unwrap();
    let ended = init.wait();
    let line = &lines(&ended.stderr)[0];
    assert_eq!(line["event"], "signal_not_sent", "{ended}");
    assert_eq!(line["errno"], libc::EPERM, "{ended}");
    assert_eq!(line["signal"], "HUP", "{ended}");
}

#[test]
fn dropped_lines_are_reported_in_json() {
    use std::io::{Read, Write};
    let (read, write) = pipe().unwrap();
    let mut filler = fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(&write)
        ))
        .unwrap();
    while filler.write(&[b'-'; 4096]).is_ok() {}
    drop(filler);
    let mut init = native_fixture(
        Place::Child,
        &["-v", "--log-format", "json"],
        &["signals", "--until", "TERM"],
    )
    .stderr(write)
    .start_ready();
    // The command may be faster than the line about its start.
    wait_asleep(&init);
    let mut reader = fs::File::from(read);
    let mut full = vec![0; 65536];
    reader.read_exact(&mut full).unwrap();
    init.kill(libc::SIGTERM);
    init.wait().assert_code(0);
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    let found = lines(&text);
    assert_eq!(found[0]["event"], "lines_dropped", "{found:?}");
    assert_eq!(found[0]["count"], 1, "{found:?}");
}

/// The init in this place, as a user where one is given, with a script that sends it a signal.
#[track_caller]
fn signalled_by(script: &str, place: Place, user: Option<u32>) -> Ended {
    let mut sandbox = native(place)
        .args(["-v", "--log-format", "json", "-r", "USR1:0"])
        .args(["--", "sh", "-c", script])
        .stdin(Stdio::Piped);
    if let Some(user) = user {
        sandbox = sandbox.user(user, user);
    }
    let mut init = sandbox.start();
    init.expect_stderr("signal_received");
    init.close_stdin();
    init.wait().assert_code(3)
}

#[test]
fn the_sender_of_a_signal_is_named() {
    require_namespaces!();
    for place in PLACES {
        let script = "echo pid=$$; kill -USR1 $PPID; read line; exit 3";
        let ended = signalled_by(script, place, None);
        let pid = number(&ended.stdout_text(), "pid").unwrap();
        let (sender_pid, sender_uid) = sender(&ended);
        assert_eq!(
            (sender_pid, sender_uid),
            (pid.into(), current_uid(place).into()),
            "{ended}"
        );
    }
}

/// The sender of the signal that was received.
#[track_caller]
fn sender(ended: &Ended) -> (Value, Value) {
    let found = lines(&ended.stderr);
    let line = found.iter().find(|line| line["event"] == "signal_received");
    let line = line.unwrap_or_else(|| panic!("{ended}"));
    (line["sender_pid"].clone(), line["sender_uid"].clone())
}

fn current_uid(place: Place) -> u32 {
    let uid = sys::identity_of_self().uid;
    // In a user namespace the sandbox makes us root.
    if place == Place::Pid1 { 0 } else { uid }
}

#[test]
fn the_senders_user_is_its_own_and_a_sender_outside_the_namespace_is_0() {
    require_namespaces!();
    require_root!();
    let mut init = native_fixture(
        Place::Pid1,
        &["-v", "--log-format", "json"],
        &["signals", "--until", "TERM"],
    )
    .user(65534, 65534)
    .start_ready();
    init.kill(libc::SIGTERM);
    let ended = init.wait();
    assert_eq!(sender(&ended), (0.into(), 0.into()), "{ended}");
    let ended = signalled_by("kill -USR1 1; read line; exit 3", Place::Pid1, Some(65534));
    assert_eq!(sender(&ended), (2.into(), 65534.into()), "{ended}");
}

/// A command's name as the JSON form shows it: a byte that is not UTF-8 becomes the character with
/// its number, and a long name is cut.
fn shown(name: &[u8]) -> String {
    let cut = &name[..name.len().min(600)];
    let mut text = String::new();
    for chunk in cut.utf8_chunks() {
        text += chunk.valid();
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    text + if cut.len() < name.len() { "..." } else { "" }
}

#[test]
fn any_command_name_gives_a_valid_line() {
    let directory = TempDir::new();
    let all: Vec<u8> = (1..=255).filter(|byte| *byte != b'/').collect();
    let utf8 = "\u{e9}\u{1f600}\u{fffd}";
    let controls = "\u{80}\u{9b}31m\u{9f}\u{a0}";
    let cases: [&[u8]; 13] = [
        b"plain",
        b"a b",
        b"quote\"d",
        b"back\\slash",
        b"line\nfeed",
        b"\\u0041",
        b"\r\t\x01\x7f",
        b"\xff\xfe",
        b"\xc3",
        b"\xed\xa0\x80",
        utf8.as_bytes(),
        controls.as_bytes(),
        &all,
    ];
    for name in cases {
        let path = directory.join(OsStr::from_bytes(name));
        initlab::write_executable(&path, "#!/bin/sh\nexit 7\n", 0o755).unwrap();
        let ended = native(Place::Child)
            .args(["-vv", "--log-format", "json", "--"])
            .arg(&path)
            .run()
            .assert_code(7);
        let found = lines(&ended.stderr);
        assert_eq!(
            found[0]["command"],
            shown(path.as_os_str().as_bytes()),
            "{ended}"
        );
        assert_eq!(found.last().unwrap()["event"], "command_failed");
    }
    // Names as long as a path may be, of the characters that need the most room, cut in the middle
    // of one.
    for unit in [
        &b"x"[..],
        b"\n",
        b"\"",
        b"\xff",
        "\u{e9}".as_bytes(),
        "\u{1f600}".as_bytes(),
    ] {
        for length in [598, 599, 600, 601, 602, 603, 4000, 100_000] {
            let name = OsString::from_vec(unit.repeat(length / unit.len() + 1)[..length].to_vec());
            let ended = native(Place::Child)
                .args(["--log-format", "json", "--"])
                .arg(&name)
                .run();
            let [line] = &lines(&ended.stderr)[..] else {
                panic!("{ended}")
            };
            assert_eq!(line["command"], shown(name.as_bytes()), "{ended}");
        }
    }
}

#[test]
fn control_characters_are_always_escaped() {
    let name = "\u{1b}[2J\u{9b}2J\u{85}\u{7f}";
    for (format, said) in [
        ("text", r"\x1b[2J\x9b2J\x85\x7f"),
        ("json", r"\u001b[2J\u009b2J\u0085\u007f"),
    ] {
        let ended = native(Place::Child)
            .args(["--log-format", format, "--", name])
            .run();
        let text = ended.stderr_text();
        assert!(text.contains(said), "{ended}");
        let acted_upon = text.trim_end().chars().any(char::is_control);
        assert!(!acted_upon, "{ended}");
    }
}

#[test]
fn the_log_format_can_be_spelled_in_each_way_and_the_last_one_wins() {
    for (options, json) in [
        (&["--log-format", "json"][..], true),
        (&["--log-format=json"], true),
        (&["--log=json"], true),
        (&["--log-format=json", "--log-format=text"], false),
        (&["--log-format=text", "--log-format=json"], true),
        (&["--log-format", "text"], false),
        (&[], false),
    ] {
        let ended = native(Place::Child)
            .args(options)
            .args(["-v", "true"])
            .run()
            .assert_code(0);
        assert_eq!(ended.stderr.starts_with(b"{"), json, "{ended}");
        assert_eq!(ended.stderr.starts_with(b"[tidy-init] "), !json, "{ended}");
    }
}

#[test]
fn a_usage_error_is_text_in_either_format() {
    native(Place::Child)
        .args(["--log-format", "json", "-k", "5x", "true"])
        .run()
        .assert_code(125)
        .assert_stderr(
            "[tidy-init] option -k: 5x: not a time like 500ms, 10s, 2m or 1h \
             (tidy-init --help shows the usage)\n",
        );
}

const NOT_REAPED: &str = " is a zombie that its parent, ";

#[test]
fn zombies_of_a_parent_that_lives_are_named_when_a_signal_arrives() {
    require_namespaces!();
    for place in PLACES {
        for (verbose, told) in [("-vv", true), ("-vvv", true), ("-v", false)] {
            let command = ["children-then-exec", "1", "--zombies", "2", "--"];
            let mut init = native_fixture(place, &[verbose, "-tchild"], &command)
                .arg(fixture())
                .args(["fixture", "signals", "--until", "TERM"])
                .start();
            // The child and the command write at any time.
            let both = [(); 2].map(|()| init.expect_line(|_| true));
            let ready = both.iter().find(|line| line.starts_with("ready"));
            let parent = number(ready.expect("the command"), "pid").unwrap();
            let zombies: Vec<i32> = init
                .inside(parent)
                .children()
                .iter()
                .filter(|child| child.state() == Some('Z'))
                .map(|child| child.inner_pid().unwrap())
                .collect();
            assert_eq!(zombies.len(), 2);
            init.kill(libc::SIGHUP);
            init.expect_stderr("sent SIGHUP ");
            let text = String::from_utf8_lossy(&init.stderr_so_far()).into_owned();
            assert_eq!(
                text.matches(NOT_REAPED).count(),
                if told { 2 } else { 0 },
                "{text}"
            );
            for zombie in zombies.iter().filter(|_| told) {
                let line =
                    format!("[tidy-init] pid {zombie}{NOT_REAPED}pid {parent}, does not reap\n");
                assert!(text.contains(&line), "{text}");
            }
            init.kill(libc::SIGTERM);
            init.wait().assert_code(0);
        }
    }
}

#[test]
fn zombies_of_a_leftover_are_named_at_the_end_and_those_that_we_reap_are_not() {
    require_namespaces!();
    const SCRIPT: &str = "$0 fixture children-then-exec 0 --zombies 1 -- \
            $0 fixture signals --until CONT &
        $0 fixture orphan-storm 20 --exit 0
        read line; exit 7";
    for place in PLACES {
        let mut init = native(place)
            .args(["-vv", "--grace", "1h", "--", "sh", "-c", SCRIPT])
            .arg(fixture())
            .stdin(Stdio::Piped)
            .start();
        let mut pid = None;
        let mut done = false;
        while pid.is_none() || !done {
            let line = init.expect("");
            pid = pid.or_else(|| number(&line, "pid"));
            done |= line.starts_with("done");
        }
        init.close_stdin();
        let ended = init.wait().assert_code(7);
        let text = ended.stderr_text();
        let named: Vec<_> = text
            .lines()
            .filter(|line| line.contains(NOT_REAPED))
            .collect();
        let [line] = named[..] else { panic!("{ended}") };
        assert!(
            line.ends_with(&format!("its parent, pid {}, does not reap", pid.unwrap())),
            "{ended}"
        );
        let at = |what: &str| text.find(what).unwrap();
        assert!(
            at("[tidy-init] the command (pid ") < at(NOT_REAPED),
            "{ended}"
        );
        // A child of the leftover becomes ours once the leftover is gone.
        let zombie = line.split(' ').nth(2).unwrap();
        assert!(
            text.contains(&format!(
                "reaped pid {zombie}, which exited with status 0\n"
            )),
            "{ended}"
        );
    }
}

#[test]
fn zombies_are_not_looked_for_where_proc_is_missing() {
    require_namespaces!();
    for place in PLACES {
        let command = ["children-then-exec", "0", "--zombies", "2", "--"];
        let mut init = native_fixture(place, &["-vv", "-tchild"], &command)
            .arg(fixture())
            .args(["fixture", "signals", "--until", "TERM"])
            .no_proc()
            .start_ready();
        init.kill(libc::SIGTERM);
        let ended = init.wait().assert_code(0);
        assert!(!ended.stderr_text().contains(NOT_REAPED), "{ended}");
    }
}

#[test]
fn zombies_of_processes_that_are_not_ours_are_not_named() {
    require_namespaces!();
    // A sibling of the init has a zombie.
    let script = "$0 fixture children-then-exec 0 --zombies 1 -- $0 fixture sleep-forever &
        \"$1\" -vv -r USR1:0 -- sh -c 'read line; kill -USR1 $PPID; read line; exit 3'";
    let mut outer = Sandbox::new("sh")
        .args(["-c", script])
        .arg(fixture())
        .arg(init())
        .stdin(Stdio::Piped)
        .start_ready();
    outer.write_stdin("go\n");
    outer.expect_stderr("received SIGUSR1 ");
    outer.close_stdin();
    let ended = outer.wait();
    assert!(!ended.stderr_text().contains(NOT_REAPED), "{ended}");
    assert_eq!(ended.status.code(), Some(3), "{ended}");
}
