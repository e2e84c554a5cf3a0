//! `TIDY_INIT_OPTS`: options for places where nobody can add arguments.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt,
};

use initlab::{Place, Sandbox, require_namespaces};

use crate::support::{PLACES, assert_refused, init, native, native_fixture};

const VARIABLE: &str = "TIDY_INIT_OPTS";

#[test]
fn the_options_in_the_variable_count_and_those_of_the_command_line_win() {
    require_namespaces!();
    for place in PLACES {
        for (value, options, expected) in [
            ("-e 3:4", &[][..], 4),
            ("-e3:4", &[], 4),
            ("--exit-map 3:4", &[], 4),
            ("--exit-map=3:4", &[], 4),
            ("--exit-m=3:4", &[], 4),
            ("-e 3:4 -e 3:5", &[], 5),
            ("-e 3:4", &["-e", "3:6"], 6),
            ("-e 3:4", &["-e", "5:6"], 4),
            ("-ce 3:4", &[], 4),
            // Every kind of white space separates words, at the ends as well.
            (" \t\n\r\x0c -e \n\n 3:4 ", &[], 4),
            ("\t-c\n-e\t3:4\n", &[], 4),
            ("", &[], 3),
            (" \t\n", &[], 3),
        ] {
            native_fixture(place, options, &["exit", "3"])
                .env(VARIABLE, value)
                .run()
                .assert_code(expected)
                .assert_stderr("");
        }
    }
}

#[test]
fn what_is_set_there_is_the_beginning_of_what_the_command_line_goes_on_with() {
    // One -v in each place makes two. A general time in one place, a named one in the other.
    let ended = native(Place::Child)
        .env(VARIABLE, "-v")
        .args(["-v", "--", "sh", "-c", "(sh -c 'exit 9' &); exit 0"])
        .run()
        .assert_code(0);
    assert!(ended.stderr_text().contains("started sh "), "{ended}");
    let ended = native(Place::Child)
        .env(VARIABLE, "-k 1h -v")
        .args([
            "-k",
            "TERM:200ms",
            "--",
            "sh",
            "-c",
            "trap '' TERM; kill -TERM $PPID; sleep 1000 & wait; sleep 1000",
        ])
        .run()
        .assert_code(137);
    assert!(
        ended.stderr_text().contains("sent SIGKILL to everybody"),
        "{ended}"
    );
    // The target on the command line overrides the default of the placement in the variable.
    native_fixture(Place::Child, &["-t", "child"], &["exit", "0"])
        .env(VARIABLE, "-c")
        .run()
        .assert_code(0);
}

#[track_caller]
fn refused(value: impl AsRef<OsStr>, arguments: &[&str], line: &str) {
    for place in PLACES {
        let init = native(place).env(VARIABLE, value.as_ref());
        let init = init.args(arguments).args(["--", "echo", "started"]);
        assert_refused(init, line);
    }
}

#[test]
fn errors_in_the_variable_name_it_and_the_command_is_not_started() {
    require_namespaces!();
    for (value, problem) in [
        ("--bogus", "unknown option --bogus"),
        ("-vb", "unknown option -b"),
        ("--p=x", "option --p is ambiguous"),
        ("-r", "option -r needs a value"),
        ("-v --rewrite", "option --rewrite needs a value"),
        ("--verbose=1", "option --verbose takes no value"),
        (
            "-k 5x",
            "option -k: 5x: not a time like 500ms, 10s, 2m or 1h",
        ),
        ("-e 256", "option -e: 256: not a number from 0 to 255"),
        // There is no quoting: quotes are part of the word.
        (
            "-r \"15:2\"",
            "option -r: \\x2215:2\\x22: no such signal (--list-signals shows them)",
        ),
        (
            "--termination-log '/a b'",
            "option --termination-log: '/a: not an absolute path",
        ),
        ("true", "true is no option"),
        ("-v true", "true is no option"),
        ("-v -", "- is no option"),
        ("--", "-- is no option"),
        ("-v -- -c", "-- is no option"),
        ("-h", "option -h belongs on the command line"),
        ("--help", "option --help belongs on the command line"),
        ("--he", "option --he belongs on the command line"),
        ("-vh", "option -h belongs on the command line"),
        ("-V", "option -V belongs on the command line"),
        ("--version", "option --version belongs on the command line"),
        ("-l", "option -l belongs on the command line"),
        (
            "--list-signals",
            "option --list-signals belongs on the command line",
        ),
        ("--pause", "option --pause belongs on the command line"),
    ] {
        refused(value, &[], &format!("{VARIABLE}: {problem}"));
        // The variable is read first.
        refused(value, &["-k", "6x"], &format!("{VARIABLE}: {problem}"));
    }
    refused(
        OsString::from_vec(b"\xff\n--x\xfe".to_vec()),
        &[],
        &format!("{VARIABLE}: \\xff is no option"),
    );
    refused(
        "-v",
        &["-k", "6x"],
        "option -k: 6x: not a time like 500ms, 10s, 2m or 1h",
    );
}

#[test]
fn options_in_the_variable_that_exclude_each_other_name_it() {
    require_namespaces!();
    refused(
        "-c -t group",
        &[],
        &format!(
            "{VARIABLE}: -c and -t group exclude each other: with -c the command has no group of its own"
        ),
    );
}

/// The environment of the command.
fn environment(sandbox: initlab::Sandbox) -> Vec<String> {
    let ended = sandbox.args(["--", "env"]).run().assert_code(0);
    let mut lines = ended.stdout_lines();
    lines.sort();
    lines
}

#[test]
fn the_variable_is_taken_out_of_the_commands_environment_and_no_other_is() {
    require_namespaces!();
    for place in PLACES {
        for value in ["", " ", "-e 3:4", "-t child"] {
            let others = [
                "A=1",
                "TIDY_INIT_OPT=2",
                "TIDY_INIT_OPTS_X=3",
                "XTIDY_INIT_OPTS=4",
                "tidy_init_opts=5",
            ];
            for position in 0..=others.len() {
                let entry = format!("{VARIABLE}={value}");
                let mut sandbox = native(place)
                    .env_clear()
                    .unmarked()
                    .env_raw("PATH=/usr/bin:/bin");
                for (index, other) in others.iter().enumerate() {
                    if index == position {
                        sandbox = sandbox.env_raw(&entry);
                    }
                    sandbox = sandbox.env_raw(*other);
                }
                if position == others.len() {
                    sandbox = sandbox.env_raw(&entry);
                }
                let mut expected = others.map(str::to_owned).to_vec();
                expected.push("PATH=/usr/bin:/bin".to_owned());
                expected.sort();
                assert_eq!(environment(sandbox), expected);
            }
        }
    }
}

#[test]
fn a_variable_that_is_there_twice_is_gone_and_the_first_one_counts() {
    require_namespaces!();
    for place in PLACES {
        let sandbox = || {
            native(place)
                .env_clear()
                .unmarked()
                .env_raw("TIDY_INIT_OPTS=-e 3:4")
                .env_raw("PATH=/usr/bin:/bin")
                .env_raw("TIDY_INIT_OPTS=-e 3:5")
                .env_raw("A=1")
                .env_raw("TIDY_INIT_OPTS=")
        };
        assert_eq!(environment(sandbox()), ["A=1", "PATH=/usr/bin:/bin"]);
        sandbox()
            .args(["--", "sh", "-c", "exit 3"])
            .run()
            .assert_code(4);
    }
}

#[test]
fn it_is_alone_in_the_environment_and_is_gone() {
    for arguments in [&["--", "/usr/bin/env"][..], &["/usr/bin/env"]] {
        native(Place::Child)
            .env_clear()
            .unmarked()
            .env_raw("TIDY_INIT_OPTS=-v")
            .args(arguments.iter().copied())
            .run()
            .assert_code(0)
            .assert_stdout("");
    }
}

#[test]
fn an_entry_without_a_value_is_not_the_variable() {
    native_fixture(Place::Child, &[], &["exit", "3"])
        .env_raw(VARIABLE)
        .run()
        .assert_code(3)
        .assert_stderr("");
}

#[test]
fn an_init_that_is_the_command_does_not_take_them_for_its_own() {
    require_namespaces!();
    for place in PLACES {
        native(place)
            .env(VARIABLE, "-e 3:4 -e 4:5")
            .arg("--")
            .arg(init())
            .args(["--", "sh", "-c", "exit 3"])
            .run()
            .assert_code(4)
            .assert_stderr("");
    }
}

#[test]
fn a_requested_text_is_printed_with_any_valid_options() {
    for option in ["-h", "-V", "-l"] {
        let plain = native(Place::Child).arg(option).run().assert_code(0);
        native(Place::Child)
            .env(VARIABLE, "-vv -k 5s --log-format json")
            .arg(option)
            .run()
            .assert_code(0)
            .assert_stdout(&plain.stdout)
            .assert_stderr("");
    }
}

#[test]
fn a_general_time_on_the_command_line_beats_a_named_one_in_the_variable() {
    require_namespaces!();
    let script = "trap '' TERM; kill -TERM $PPID; sleep 1; exit 5";
    for place in PLACES {
        native(place)
            .env(VARIABLE, "-k TERM:100ms")
            .args(["-k", "60s", "--", "sh", "-c", script])
            .run()
            .assert_code(5);
    }
}

#[test]
fn a_conflict_that_involves_the_variable_names_it() {
    const EXCLUDE: &str = "-c and -t group exclude each other";
    const PAUSE: &str = "--pause takes no command";
    for (name, value, options, what) in [
        ("tidy-init", "-c", &["-tgroup"][..], EXCLUDE),
        ("tidy-init", "-t group", &["-c"], EXCLUDE),
        ("dumb-init", "-t group", &["-c"], EXCLUDE),
        // --pause allows only -v and --log-format, in either place.
        ("tidy-init", "-k 5s", &["--pause"], PAUSE),
        ("pause", "--grace 1s", &[], PAUSE),
    ] {
        let mut sandbox = Sandbox::new(init())
            .arg0(name)
            .env(VARIABLE, value)
            .args(options.iter().copied());
        if what == EXCLUDE {
            sandbox = sandbox.args(["--", "echo", "started"]);
        }
        let ended = sandbox.run().assert_code(125).assert_stdout("");
        let line = format!("TIDY_INIT_OPTS: {what}");
        assert!(ended.stderr_text().contains(&line), "{ended}");
    }
}

#[test]
fn catatonit_is_verbose_if_the_variable_says_so() {
    let ended = Sandbox::new(init())
        .arg0("catatonit")
        .env(VARIABLE, "-v")
        .args(["--", "true"])
        .run()
        .assert_code(0);
    assert!(ended.stderr_text().contains(" spawned: true"), "{ended}");
}
