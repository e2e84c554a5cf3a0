//! The command line from outside: the effect of each spelling, and the message for each mistake.

use std::{
    ffi::{OsStr, OsString},
    fs::OpenOptions,
    os::unix::ffi::OsStringExt,
};

use initlab::{Ended, Place, Sandbox, SignalSet, Stdio, require_namespaces};

use crate::{
    report::signals,
    support::{PLACES, assert_refused, behind, fixture_command, native, native_fixture},
};

/// The options as words.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').filter(|word| !word.is_empty()).collect()
}

/// A usage error in both places, and no command is started.
#[track_caller]
fn refused<W: AsRef<OsStr>>(options: &[W], line: &str) {
    for place in PLACES {
        let options = options.iter().map(AsRef::as_ref);
        let init = native(place).args(options);
        assert_refused(init.args(["--", "echo", "started"]), line);
    }
}

/// As [`refused`], where these are all the arguments.
#[track_caller]
fn refused_alone(arguments: &[&str], line: &str) {
    for place in PLACES {
        assert_refused(native(place).args(arguments), line);
    }
}

#[test]
fn rewrite_can_be_spelled_in_each_way() {
    require_namespaces!();
    for options in [
        "-r15:40",
        "-r 15:40",
        "-r TERM:RTMIN+6",
        "--rewrite=15:40",
        "--rewrite 15:40",
        "--rew=15:40",
        "--rewri 15:40",
        "-vr15:40",
        "-vr 15:40",
        "-cvr15:40",
        "-v -c -r 15:40",
        "-r15:2 --rewrite=15:40",
        "-r HUP:INT -r 15:40 -r USR1:0",
    ] {
        let ended = native_fixture(Place::Pid1, &words(options), &["signals", "--count", "1"])
            .pending(&[libc::SIGTERM])
            .blocked(SignalSet::ALL)
            .run()
            .assert_code(0);
        assert_eq!(signals(&ended.stdout), [40], "{options}: {ended}");
    }
}

/// What `-v` says of a TERM that is forwarded.
#[track_caller]
fn sent(options: &str) -> String {
    let mut options = words(options);
    options.push("-v");
    let ended = native_fixture(Place::Pid1, &options, &["signals", "--until", "TERM"])
        .pending(&[libc::SIGTERM])
        .run()
        .assert_code(0);
    let text = ended.stderr_text();
    let line = text.lines().find(|line| line.contains("sent SIGTERM"));
    let words = line.unwrap_or_else(|| panic!("nothing was sent: {ended}"));
    // The number is the command's pid.
    words
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .to_owned()
}

#[test]
fn target_can_be_spelled_in_each_way() {
    require_namespaces!();
    for options in [
        "-tchild",
        "-t child",
        "--target=child",
        "--target child",
        "--targ=child",
        "--tar child",
        "-vtchild",
        "-vt child",
        "-tgroup -tchild",
        // Without a session the command has no group of its own, and the message names no target.
        "-c",
        "-c -t child",
        "-ct child",
        "-tchild --single-child",
    ] {
        assert_eq!(
            sent(options),
            "[tidy-init] sent SIGTERM to process ",
            "{options}"
        );
    }
    for options in ["", "-tgroup", "--target=group", "-t child -t group"] {
        assert_eq!(
            sent(options),
            "[tidy-init] sent SIGTERM to process group ",
            "{options}"
        );
    }
    for options in ["-tall", "--target all", "-t group -t all", "-c -t all"] {
        assert_eq!(
            sent(options),
            "[tidy-init] sent SIGTERM to everybody",
            "{options}"
        );
    }
}

#[test]
fn single_child_can_be_spelled_in_each_way() {
    require_namespaces!();
    for (options, own) in [
        ("", true),
        ("-v", true),
        ("-c", false),
        ("-cc", false),
        ("-vc", false),
        ("-cv", false),
        ("--single-child", false),
        ("--single", false),
        ("--single-c -v", false),
    ] {
        let ended = native_fixture(Place::Pid1, &words(options), &["info"]).run();
        assert_eq!(
            ended.value("sid") == ended.value("pid"),
            own,
            "{options}: {ended}"
        );
    }
}

#[test]
fn verbose_can_be_spelled_in_each_way() {
    require_namespaces!();
    for (options, level) in [
        ("", 0),
        ("-c", 0),
        ("-v", 1),
        ("-cv", 1),
        ("--verbose", 1),
        ("--verb", 1),
        ("-vv", 2),
        ("-v -v", 2),
        ("-vcv", 2),
        ("--verbose --verbose", 2),
        ("--verb -v", 2),
        ("-vvvvvvvv", 2),
    ] {
        // The init has a zombie from its start, which it mentions only at -vv.
        let ended = behind(Place::Pid1, &["children-then-exec", "0", "--zombies", "1"])
            .args(words(options))
            .arg("--")
            .args(fixture_command(&["signals", "--until", "TERM"]))
            .pending(&[libc::SIGTERM])
            .run()
            .assert_code(0);
        let text = ended.stderr_text();
        for (said, from) in [
            ("] started ", 1),
            ("] received SIGTERM ", 1),
            ("] sent SIGTERM ", 1),
            ("] the command ", 1),
            ("] reaped ", 2),
        ] {
            assert_eq!(text.contains(said), level >= from, "{said}: {ended}");
        }
        assert_eq!(text.is_empty(), level == 0, "{options}: {ended}");
        let ours = |line: &str| line.starts_with("[tidy-init] ");
        assert!(text.lines().all(ours), "{ended}");
    }
}

#[test]
fn help_version_and_the_list_can_be_spelled_in_each_way() {
    require_namespaces!();
    let version = format!("tidy-init {}\n", env!("CARGO_PKG_VERSION"));
    let run = |place, options: &str| -> Ended {
        let ended = native(place).args(words(options)).run();
        ended.assert_code(0).assert_stderr("")
    };
    for place in PLACES {
        for options in [
            "-V",
            "--version",
            "--vers",
            "-vV",
            "-Vq",
            "-V --nonsense",
            "-V -- echo started",
            "-cV -t nobody",
        ] {
            run(place, options).assert_stdout(&version);
        }
        let list = run(place, "-l");
        for options in ["--list-signals", "--list", "-vl", "-lV"] {
            run(place, options).assert_stdout(&list.stdout);
        }
        let lines = list.stdout_lines();
        assert_eq!(lines.len(), 64, "{list}");
        for line in [
            "1 HUP",
            "9 KILL",
            "15 TERM",
            "32 32",
            "34 RTMIN",
            "37 RTMIN+3",
            "64 RTMAX",
        ] {
            assert!(lines.iter().any(|known| known == line), "no {line}: {list}");
        }
        for (number, line) in (1..).zip(&lines) {
            let (shown, name) = line.split_once(' ').expect("a number and a name");
            assert_eq!(shown, number.to_string(), "{list}");
            assert_eq!(initlab::signal_number(name), Some(number), "{line}");
        }
        let help = run(place, "-h");
        for options in ["--help", "--hel", "-vh", "-hV", "-h echo started"] {
            run(place, options).assert_stdout(&help.stdout);
        }
        let text = help.stdout_text();
        assert!(
            text.starts_with("Usage: tidy-init [OPTIONS] [--] COMMAND"),
            "{help}"
        );
    }
}

#[test]
fn the_help_names_each_option_in_both_spellings() {
    require_namespaces!();
    let text = native(Place::Pid1).arg("-h").run().stdout_text();
    for option in [
        "-r, --rewrite FROM:TO",
        "-t, --target WHO",
        "-c, --single-child",
        "-p, --parent-death SIG",
        "-v, --verbose",
        "-l, --list-signals",
        "-h, --help",
        "-V, --version",
    ] {
        assert!(
            text.contains(&format!("  {option} ")),
            "no {option}:\n{text}"
        );
    }
}

#[test]
fn every_option_of_the_help_is_one() {
    require_namespaces!();
    let text = native(Place::Pid1).arg("-h").run().stdout_text();
    let mut seen = 0;
    for word in text.split_whitespace() {
        let option = word.trim_end_matches([',', '.', ';', ')']);
        if option.starts_with('-') {
            // The next word is its value, or ends the run.
            let ended = native(Place::Pid1).args([option, "-V"]).run();
            assert!(!ended.stderr_text().contains("unknown"), "{ended}");
            seen += 1;
        }
    }
    assert!(seen >= 16, "{text}");
}

#[test]
fn an_unknown_option_is_named() {
    require_namespaces!();
    for (option, shown) in [
        ("-q", "-q"),
        ("-vq", "-q"),
        ("-q=1", "-q"),
        ("-1", "-1"),
        ("-?", "-?"),
        ("- x", "- "),
        ("--nonsense", "--nonsense"),
        ("--nonsense=1", "--nonsense"),
        ("--verbosely", "--verbosely"),
        ("--Verbose", "--Verbose"),
        ("---", "---"),
        ("--rewrite15:2", "--rewrite15:2"),
        ("-v-", "--"),
    ] {
        refused(&[option], &format!("unknown option {shown}"));
    }
    // The message is about the first mistake.
    refused(&["-q", "-V"], "unknown option -q");
    refused(&["-v", "-q", "--nonsense"], "unknown option -q");
}

#[test]
fn a_prefix_that_fits_two_options_is_ambiguous() {
    require_namespaces!();
    for option in ["--ver", "--v", "--p", "--l", "--t", "--exit", "--exit-"] {
        refused(&[option], &format!("option {option} is ambiguous"));
    }
    refused(&["--ver=1"], "option --ver is ambiguous");
}

#[test]
fn a_missing_value_is_reported() {
    require_namespaces!();
    for option in [
        "-r",
        "-t",
        "-p",
        "--rewrite",
        "--target",
        "--parent-death",
        "--targ",
        "-d",
        "-k",
        "-e",
        "--delay",
        "--kill-after",
        "--grace",
        "--exit-map",
        "--termination-log",
        "--log-format",
        "--linger",
        "--pre-stop",
    ] {
        refused_alone(&[option], &format!("option {option} needs a value"));
        refused_alone(&["-v", option], &format!("option {option} needs a value"));
    }
    refused_alone(&["-vcr"], "option -r needs a value");
    // The next word is the value, whatever it looks like.
    refused_alone(&["-t", "--"], "option -t: --: not child, group or all");
    refused_alone(&["-t", "-v"], "option -t: -v: not child, group or all");
}

#[test]
fn a_value_for_an_option_without_one_is_reported() {
    require_namespaces!();
    for (option, shown) in [
        ("--verbose=1", "--verbose"),
        ("--verbose=", "--verbose"),
        ("--verb=2", "--verb"),
        ("--single-child=yes", "--single-child"),
        ("--help=x", "--help"),
        ("--version=", "--version"),
        ("--list-signals=1", "--list-signals"),
        ("--exit-by-signal=9", "--exit-by-signal"),
        ("--pause=", "--pause"),
        ("--pause=1", "--pause"),
    ] {
        refused(&[option], &format!("option {shown} takes no value"));
    }
}

#[test]
fn a_bad_value_is_reported_with_its_option() {
    require_namespaces!();
    const FORM: &str = "not of the form FROM:TO";
    const SIGNAL: &str = "no such signal (--list-signals shows them)";
    const CAUGHT: &str = "KILL and STOP cannot be caught";
    const CHLD: &str = "SIGCHLD is never forwarded";
    const WHO: &str = "not child, group or all";
    for (value, why) in [
        ("TERM", FORM),
        ("15", FORM),
        ("15=2", FORM),
        (":", SIGNAL),
        ("TERM:", SIGNAL),
        (":TERM", SIGNAL),
        ("0:TERM", SIGNAL),
        ("65:TERM", SIGNAL),
        ("TERM:65", SIGNAL),
        ("256:15", SIGNAL),
        ("271:15", SIGNAL),
        ("TERM:18446744073709551617", SIGNAL),
        ("-1:15", SIGNAL),
        ("15:-1", SIGNAL),
        ("+15:2", SIGNAL),
        ("15:2:1", SIGNAL),
        (" TERM:INT", SIGNAL),
        ("TERM:INT ", SIGNAL),
        ("TERMX:INT", SIGNAL),
        ("SIG:INT", SIGNAL),
        ("RTMIN-1:INT", SIGNAL),
        ("RTMAX+1:INT", SIGNAL),
        ("TERM:RTMIN+31", SIGNAL),
        ("KILL:TERM", CAUGHT),
        ("9:TERM", CAUGHT),
        ("STOP:0", CAUGHT),
        ("CHLD:TERM", CHLD),
        ("17:0", CHLD),
        ("cld:TERM", CHLD),
    ] {
        refused(&["-r", value], &format!("option -r: {value}: {why}"));
    }
    for value in [
        "nobody",
        "everybody",
        "Child",
        "GROUP",
        "childs",
        "0",
        " child",
    ] {
        refused(&["-t", value], &format!("option -t: {value}: {WHO}"));
    }
    for value in ["nothing", "0", "65", "-1", "TERM:INT", "15 "] {
        refused(&["-p", value], &format!("option -p: {value}: {SIGNAL}"));
    }
    // The message shows each spelling as it was written.
    refused(&["-rTERM"], &format!("option -r: TERM: {FORM}"));
    refused(&["-vrTERM"], &format!("option -r: TERM: {FORM}"));
    refused(
        &["--rewrite", "TERM"],
        &format!("option --rewrite: TERM: {FORM}"),
    );
    refused(
        &["--rewrite=TERM"],
        &format!("option --rewrite: TERM: {FORM}"),
    );
    refused(&["--rew=TERM"], &format!("option --rew: TERM: {FORM}"));
    refused(&["-t=child"], &format!("option -t: =child: {WHO}"));
    refused(&["--target=who"], &format!("option --target: who: {WHO}"));
    refused(
        &["--parent-death=x"],
        &format!("option --parent-death: x: {SIGNAL}"),
    );
    // An empty one too.
    refused(&["-r", ""], &format!("option -r: \"\": {FORM}"));
    refused(&["--rewrite="], &format!("option --rewrite: \"\": {FORM}"));
    refused(&["-t", ""], &format!("option -t: \"\": {WHO}"));
    refused(
        &["--parent-death="],
        &format!("option --parent-death: \"\": {SIGNAL}"),
    );
    // A valid one after it does not help.
    refused(
        &["-t", "nobody", "-t", "child"],
        &format!("option -t: nobody: {WHO}"),
    );
}

#[test]
fn bytes_that_are_not_text_are_escaped() {
    require_namespaces!();
    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    for (option, line) in [
        (
            bytes(b"-t\xff"),
            "option -t: \\xff: not child, group or all",
        ),
        (
            bytes(b"--target=gr\xfcn\n\x1b\"\\"),
            "option --target: gr\\xfcn\\x0a\\x1b\\x22\\x5c: not child, group or all",
        ),
        (
            bytes(b"-r\xc3\xa4"),
            "option -r: \u{e4}: not of the form FROM:TO",
        ),
        (bytes(b"--\xff\xfe"), "unknown option --\\xff\\xfe"),
        (bytes(b"--\n"), "unknown option --\\x0a"),
        (bytes(b"-\xff"), "unknown option -\\xff"),
        (bytes(b"-\n"), "unknown option -\\x0a"),
    ] {
        refused(&[option], line);
    }
}

#[test]
fn a_value_of_any_length_stays_one_short_line() {
    require_namespaces!();
    let value = "x".repeat(100_000);
    let line = format!("option -t: {}...: not child, group or all", &value[..600]);
    refused(&["-t", &value], &line);
}

#[test]
fn options_that_exclude_each_other_are_reported() {
    require_namespaces!();
    let line = "-c and -t group exclude each other: with -c the command has no group of its own";
    for options in [
        "-c -t group",
        "-t group -c",
        "-ctgroup",
        "--single-child --target=group",
        "-t child -c -t group",
    ] {
        refused(&words(options), line);
    }
}

#[test]
fn a_missing_command_is_reported() {
    require_namespaces!();
    for arguments in ["", "--", "-v", "-v --", "-r TERM:INT", "-c -t child --"] {
        refused_alone(&words(arguments), "no command given");
    }
}

/// Runs `echo` under the init with these words before and after it.
fn echo(before: &[&str], after: &[&str]) -> Ended {
    native(Place::Pid1)
        .args(before)
        .arg("echo")
        .args(after)
        .run()
        .assert_code(0)
        .assert_stderr("")
}

#[test]
fn options_end_at_the_first_operand_and_at_two_dashes() {
    require_namespaces!();
    echo(&[], &["-v"]).assert_stdout("-v\n");
    echo(&[], &["--help", "-q", "--", "x"]).assert_stdout("--help -q -- x\n");
    echo(&["-c"], &["-c", "--version"]).assert_stdout("-c --version\n");
    echo(&["--"], &["--", "-v"]).assert_stdout("-- -v\n");
    echo(&["-r", "TERM:INT", "--"], &["-l"]).assert_stdout("-l\n");
    // After `--` an option is a command, and so is a lone dash.
    for (arguments, command) in [
        (&["--", "-v"][..], "-v"),
        (&["--", "--help"], "--help"),
        (&["--", "--"], "--"),
        (&["-c", "--", "--version", "x"], "--version"),
        (&["-"], "-"),
        (&["-c", "-", "-v"], "-"),
    ] {
        for place in PLACES {
            native(place)
                .args(arguments)
                .env("PATH", "/usr/bin:/bin")
                .run()
                .assert_code(127)
                .assert_stdout("")
                .assert_stderr(format!(
                    "[tidy-init] cannot execute {command}: No such file or directory\n"
                ));
        }
    }
}

#[test]
fn a_text_that_cannot_be_printed_is_a_failure() {
    require_namespaces!();
    for place in PLACES {
        for option in ["-h", "-V", "-l"] {
            let init = |stdout| -> Sandbox { native(place).arg(option).stdout(stdout) };
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            let (read, broken) = initlab::pipe().unwrap();
            drop(read);
            for (stdout, reason) in [
                (Stdio::Fd(full.into()), "No space left on device"),
                (Stdio::Closed, "Bad file descriptor"),
                (Stdio::Fd(broken), "Broken pipe"),
            ] {
                init(stdout)
                    .run()
                    .assert_code(125)
                    .assert_stderr(format!("[tidy-init] cannot write to stdout: {reason}\n"));
            }
        }
    }
}

#[test]
fn a_usage_error_shows_in_the_status_where_stderr_is_closed() {
    require_namespaces!();
    for place in PLACES {
        native(place)
            .args(["-q", "echo", "started"])
            .stderr(Stdio::Closed)
            .run()
            .assert_code(125)
            .assert_stdout("");
    }
}
