//! `--pre-stop`: a program that runs before the stop signal is sent.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use initlab::{
    Ended, Place, Process, Pty, Running, Sandbox, Stdio, TempDir, fixture, poll_until,
    require_namespaces, require_root, sys, write_executable,
};

use crate::{
    drop_in::originals::called,
    json_log,
    report::{number, signals},
    support::{PLACES, assert_about, fixture_command, named, native, wait_for_state},
    watch::wait_asleep,
};

/// A program that prints `begun pid=..` and then may wait for the test. It is `./hook` in the
/// directory that the init is started in.
struct Hook(TempDir);

/// It waits until the test makes the file `go`, and leaves no child behind.
const WAITS: &str = "echo begun pid=$$; until [ -e go ]; do sleep 0.02; done; echo over";

impl Hook {
    #[track_caller]
    fn new(script: &str) -> Self {
        let hook = Self(TempDir::new());
        hook.file("hook", &format!("#!/bin/sh\n{script}\n"), 0o755);
        hook
    }

    #[track_caller]
    fn file(&self, name: &str, text: &str, mode: u32) {
        write_executable(&self.0.join(name), text, mode).expect("the directory is ours");
    }

    /// The init with it, these other options, and this fixture as its command.
    fn sandbox(&self, place: Place, options: &[&str], command: &[&str]) -> Sandbox {
        let command = fixture_command(command);
        self.named("./hook", place, options).args(command)
    }

    /// The init with a program by this name, without a command.
    fn named(&self, program: &str, place: Place, options: &[&str]) -> Sandbox {
        native(place)
            .args(["--pre-stop", program])
            .args(options)
            .arg("--")
            .env("FIXTURE", fixture())
            .current_dir(self.0.path())
    }

    /// As [`sandbox`](Self::sandbox), from the moment that the command is ready.
    #[track_caller]
    fn start(&self, place: Place, options: &[&str], command: &[&str]) -> Running {
        let _ = fs::remove_file(self.0.join("go"));
        self.sandbox(place, options, command).start_ready()
    }

    /// As [`start`](Self::start), and then sends TERM.
    #[track_caller]
    fn start_stopping(&self, place: Place, options: &[&str], command: &[&str]) -> Running {
        let init = self.start(place, options, command);
        init.kill(libc::SIGTERM);
        init
    }

    /// Lets it go on.
    #[track_caller]
    fn go(&self) {
        fs::write(self.0.join("go"), "").expect("the directory is ours");
    }
}

/// What the command does in most tests: it ends with 4 at signal 40, the last that it gets.
const COMMAND: [&str; 5] = ["signals", "--until", "40", "--exit", "4"];
const LAST: i32 = 40;
/// A signal that is never held. When the command has it, the init has handled all before it.
const PROBE: i32 = 39;

/// Waits for the line that the program prints at its start. It may have ended since.
#[track_caller]
fn begun(init: &mut Running) -> String {
    init.expect("begun pid=")
}

/// Waits for a program that keeps running, and returns its process.
#[track_caller]
fn running(init: &mut Running) -> Process {
    let line = begun(init);
    named(init, &line)
}

/// Sends a signal that is never held, and waits until the command has it.
#[track_caller]
fn probe(init: &mut Running) {
    init.kill(PROBE);
    init.expect(&format!("signal {PROBE} "));
}

/// As [`probe`], where the program has not begun.
#[track_caller]
fn probe_before_it(init: &mut Running) {
    probe(init);
    assert!(
        !text(init).contains("begun"),
        "{}",
        init.failure("it has begun")
    );
}

/// All that the command and the program have said.
fn text(init: &Running) -> String {
    String::from_utf8_lossy(&init.stdout_so_far()).into_owned()
}

/// Ends the command, and returns the signals that it got, without [`LAST`] and [`PROBE`].
#[track_caller]
fn end(init: &mut Running) -> (Vec<i32>, Ended) {
    init.kill(LAST);
    let ended = init.wait().assert_code(4);
    let mut got = signals(&ended.stdout);
    got.retain(|signal| ![LAST, PROBE].contains(signal));
    (got, ended)
}

#[track_caller]
fn count(ended: &Ended, text: &str) -> usize {
    let both = ended.stdout_text() + &ended.stderr_text();
    both.matches(text).count()
}

fn is_dead(process: Process) -> bool {
    process.state().is_none_or(|state| state == 'Z')
}

#[test]
fn the_stop_signal_is_sent_when_the_program_has_ended_and_others_at_once() {
    require_namespaces!();
    for place in PLACES {
        for options in [&[][..], &["-c"], &["-t", "child"], &["-k", "1h"]] {
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
                let hook = Hook::new(WAITS);
                let mut init = hook.start(place, options, &COMMAND);
                init.kill(signal);
                begun(&mut init);
                // HUP is not held; that it comes first shows that the other one is.
                init.kill(libc::SIGHUP);
                init.expect("signal 1 ");
                hook.go();
                init.expect(&format!("signal {signal} "));
                let (mut got, ended) = end(&mut init);
                got.retain(|signal| *signal != libc::SIGCONT);
                assert_eq!(got, [libc::SIGHUP, signal], "{ended}");
                ended.assert_stderr("");
            }
        }
    }
}

#[test]
fn with_all_as_the_target_the_program_gets_other_signals_too_and_the_stop_waits() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new(
            "trap 'echo hook got HUP' HUP\necho begun pid=$$\nuntil [ -e go ]; do sleep 0.02; done",
        );
        let mut init = hook.start_stopping(place, &["-t", "all"], &COMMAND);
        begun(&mut init);
        init.kill(libc::SIGHUP);
        init.poll_until("both have got it", || {
            let said = text(&init);
            said.contains("signal 1 ") && said.contains("hook got HUP")
        });
        hook.go();
        init.expect("signal 15 ");
        let (got, ended) = end(&mut init);
        assert_eq!(got, [1, 15], "{ended}");
    }
}

#[test]
fn the_program_has_what_the_command_has_and_the_two_variables() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new("echo begun pid=$$ args=$#; exec \"$FIXTURE\" fixture info");
        let mut init = hook
            .sandbox(place, &["-r", "TERM:USR2"], &["sleep-forever"])
            .blocked([libc::SIGUSR1])
            .ignored([libc::SIGHUP])
            .env("KEPT", "as it is")
            .start();
        let ready = init.expect("ready");
        let command = named(&init, &ready);
        let status = |key: &str| command.status_field(key).expect("it lives");
        let masks = ["SigBlk", "SigIgn"].map(|key| format!("{key}={}", status(key)));
        let environment = fs::read(format!("/proc/{}/environ", command.pid)).expect("it lives");
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let cwd = command.link("cwd").expect("it lives");
        init.kill(libc::SIGTERM);
        let ended = init.wait().assert_code(128 + libc::SIGUSR2);
        let text = ended.stdout_text();
        let (_, program) = text.split_once("begun ").expect("it has begun");
        let lines: BTreeSet<&str> = program.lines().collect();
        let value = |key: &str| {
            let found = lines.iter().find_map(|line| line.strip_prefix(key));
            found.unwrap_or_else(|| panic!("no {key} in {ended}"))
        };
        assert!(
            program
                .lines()
                .next()
                .is_some_and(|line| line.ends_with(" args=0")),
            "{ended}"
        );
        assert!(
            masks.iter().all(|mask| lines.contains(&**mask)),
            "{masks:?} {ended}"
        );
        assert_eq!(
            (value("cwd="), value("fds=")),
            (&*cwd.display().to_string(), "0,1,2")
        );
        assert_eq!(value("pid="), value("pgid="), "{ended}");
        // A shell sets some variables by itself, and drops those whose names it cannot use.
        let kept = |entry: &&str| {
            let key = entry.split('=').next().unwrap_or_default();
            !["_", "PWD", "OLDPWD"].contains(&key) && !key.contains('-')
        };
        let inner = number(&ready, "pid").expect("a number");
        let own = [
            format!("TIDY_INIT_COMMAND_PID={inner}"),
            "TIDY_INIT_SIGNAL=TERM".to_owned(),
        ];
        let mut expected: BTreeSet<&str> =
            environment.split_terminator('\0').filter(kept).collect();
        expected.extend(own.iter().map(String::as_str));
        let got = lines.iter().filter_map(|line| line.strip_prefix("env="));
        assert_eq!(
            got.filter(kept).collect::<BTreeSet<_>>(),
            expected,
            "{ended}"
        );
    }
}

#[test]
fn the_options_of_the_variable_are_not_the_programs() {
    require_namespaces!();
    let hook = Hook::new("env");
    for place in PLACES {
        let ended = native(place)
            .arg("--")
            .args(fixture_command(&["signals", "--until", "TERM"]))
            .env("TIDY_INIT_OPTS", "--pre-stop ./hook -v")
            .current_dir(hook.0.path())
            .start_and_stop();
        let ended = ended.assert_code(0);
        assert!(!ended.stdout_text().contains("TIDY_INIT_OPTS"), "{ended}");
        assert!(
            ended.stdout_text().contains("\nTIDY_INIT_SIGNAL=TERM\n"),
            "{ended}"
        );
    }
}

/// Starts a command that says `ready`, sends TERM, and waits for the end.
trait StartAndStop {
    fn start_and_stop(self) -> Ended;
}

impl StartAndStop for Sandbox {
    #[track_caller]
    fn start_and_stop(self) -> Ended {
        let mut init = self.start_ready();
        init.kill(libc::SIGTERM);
        init.wait()
    }
}

#[test]
fn the_program_is_found_as_the_command_is() {
    require_namespaces!();
    let hook = Hook::new("echo the one in the directory");
    fs::create_dir(hook.0.join("bin")).expect("the directory is ours");
    hook.file("bin/stop-hook", "#!/bin/sh\necho the one in PATH\n", 0o755);
    hook.file("plain", "echo a script without a first line\n", 0o755);
    let path = format!("{}/bin:/usr/bin:/bin", hook.0.path().display());
    let absolute = hook.0.join("hook").display().to_string();
    for place in PLACES {
        for (program, says) in [
            ("./hook", "the one in the directory\n"),
            ("bin/stop-hook", "the one in PATH\n"),
            ("stop-hook", "the one in PATH\n"),
            ("./plain", "a script without a first line\n"),
            (&*absolute, "the one in the directory\n"),
        ] {
            let ended = hook
                .named(program, place, &[])
                .args(fixture_command(&["sleep-forever"]))
                .env("PATH", &path)
                .start_and_stop()
                .assert_code(143)
                .assert_stderr("");
            assert!(ended.stdout_text().ends_with(says), "{program}: {ended}");
        }
    }
}

#[test]
fn the_init_stays_in_its_directory_for_the_program_and_leaves_it_otherwise() {
    require_namespaces!();
    let hook = Hook::new(WAITS);
    let directory = fs::canonicalize(hook.0.path()).expect("it is there");
    let init = hook.start(Place::Child, &[], &["sleep-forever"]);
    wait_asleep(&init);
    assert_eq!(init.process().link("cwd"), Some(directory));
    let init = native(Place::Child)
        .arg("--")
        .args(fixture_command(&["sleep-forever"]))
        .current_dir(hook.0.path())
        .start_ready();
    wait_asleep(&init);
    assert_eq!(init.process().link("cwd").as_deref(), Some(Path::new("/")));
}

#[test]
fn a_program_that_cannot_be_started_is_a_warning_and_the_signal_is_sent() {
    require_namespaces!();
    let hook = Hook::new("");
    hook.file("not-executable", "#!/bin/sh\n", 0o644);
    hook.file("no-interpreter", "#!/nowhere/sh\n", 0o755);
    let long = "x".repeat(5000);
    let long_shown = format!("{}...", "x".repeat(600));
    for place in PLACES {
        for (program, shown, why) in [
            ("nowhere", "nowhere", "No such file or directory"),
            ("./nowhere", "./nowhere", "No such file or directory"),
            (
                "./no-interpreter",
                "./no-interpreter",
                "No such file or directory",
            ),
            ("./not-executable", "./not-executable", "Permission denied"),
            ("/", "/", "Permission denied"),
            (&*long, &*long_shown, "File name too long"),
        ] {
            let command = fixture_command(&["signals", "--until", "TERM", "--exit", "4"]);
            let init = hook.named(program, place, &[]).args(command);
            // An ordinary user may not look into all of the tests' own.
            let init = init.env("PATH", "/usr/bin:/bin");
            init.start_and_stop().assert_code(4).assert_stderr(format!(
                "[tidy-init] cannot execute {shown} before the stop: {why}\n"
            ));
        }
    }
}

#[test]
fn a_process_that_cannot_be_made_for_it_is_a_warning_too() {
    require_root!();
    let hook = Hook::new("echo never");
    // A user of this test alone: the init, the command, and no third process.
    let sandbox = hook
        .sandbox(Place::Child, &[], &["signals", "--until", "TERM"])
        .user(12_347, 12_347)
        .limit(libc::RLIMIT_NPROC, 2);
    sandbox.start_and_stop().assert_code(0).assert_stderr(
        "[tidy-init] cannot execute ./hook before the stop: Resource temporarily unavailable\n",
    );
}

#[test]
fn a_program_that_fails_is_a_warning_and_its_status_is_not_ours() {
    require_namespaces!();
    for place in PLACES {
        for (script, how) in [
            ("echo begun pid=$$; exit 9", "exited with status 9"),
            ("echo begun pid=$$; kill -KILL $$", "was killed by SIGKILL"),
        ] {
            for options in [
                &[][..],
                &["-e", "9:0"],
                &["-e", "137:0"],
                &["--grace", "1h"],
            ] {
                let hook = Hook::new(script);
                let mut init = hook.start_stopping(place, options, &COMMAND);
                let line = begun(&mut init);
                let pid = number(&line, "pid").expect("a number");
                init.expect("signal 15 ");
                let (got, ended) = end(&mut init);
                assert_eq!(got, [15], "{ended}");
                ended.assert_stderr(format!(
                    "[tidy-init] the pre-stop program (pid {pid}) {how}\n"
                ));
            }
        }
    }
}

#[test]
fn it_runs_once() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new("echo begun pid=$$");
        let mut init = hook.start(place, &[], &COMMAND);
        for (signal, said) in [(15, "signal 15 "), (2, "signal 2 "), (15, "signal 15 ")] {
            init.kill(signal);
            init.expect(said);
        }
        let (got, ended) = end(&mut init);
        assert_eq!(got, [15, 2, 15], "{ended}");
        assert_eq!(count(&ended, "begun"), 1, "{ended}");
    }
}

#[test]
fn the_same_signal_again_ends_the_wait_and_the_program_goes_on() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new(WAITS);
        let mut init = hook.start_stopping(place, &[], &COMMAND);
        let program = running(&mut init);
        // Another stop signal waits, too, and ends nothing.
        init.kill(libc::SIGINT);
        probe(&mut init);
        assert!(
            signals(init.stdout_so_far()) == [PROBE],
            "{}",
            init.failure("not held")
        );
        init.kill(libc::SIGTERM);
        // The wait is over for both.
        for said in ["signal 2 pid", "signal 15 pid"] {
            init.poll_until(said, || text(&init).contains(said));
        }
        assert!(!is_dead(program));
        hook.go();
        init.expect("over");
        let (mut got, ended) = end(&mut init);
        got.sort();
        assert_eq!(got, [2, 15], "{ended}");
    }
}

#[test]
fn a_signal_that_k_names_is_a_stop_signal_for_it_and_others_are_not() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new("echo $TIDY_INIT_SIGNAL");
        let mut init = hook.start(place, &["-k", "USR1:1h"], &COMMAND);
        init.kill(libc::SIGUSR2);
        init.expect("signal 12 ");
        init.kill(libc::SIGUSR1);
        init.expect("USR1");
        init.expect("signal 10 ");
        let (got, ended) = end(&mut init);
        assert!(got.starts_with(&[12, 10]), "{ended}");
        assert_eq!(count(&ended, "USR1\n"), 1, "{ended}");
    }
}

#[test]
fn a_signal_that_is_dropped_starts_nothing() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new("echo begun pid=$$");
        let mut init = hook.start_stopping(place, &["-r", "TERM:0", "-r", "QUIT:TERM"], &COMMAND);
        probe_before_it(&mut init);
        init.kill(libc::SIGQUIT);
        begun(&mut init);
        init.expect("signal 15 ");
        end(&mut init);
    }
}

#[test]
fn a_signal_that_was_ignored_at_the_start_starts_nothing() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new("echo begun pid=$$");
        let mut init = hook
            .sandbox(place, &[], &COMMAND)
            .ignored([libc::SIGINT])
            .start_ready();
        init.kill(libc::SIGINT);
        probe_before_it(&mut init);
        init.kill(libc::SIGTERM);
        begun(&mut init);
        init.expect("signal 15 ");
        end(&mut init);
    }
}

#[test]
fn what_the_terminal_sends_to_the_command_as_well_starts_nothing() {
    require_namespaces!();
    for place in PLACES {
        let pty = Pty::open();
        let hook = Hook::new("echo begun pid=$$");
        let mut init = hook
            .sandbox(
                place,
                &["-c"],
                &["echo-tty", "--until", "40", "--exit", "4"],
            )
            .terminal(&pty)
            .stdout(Stdio::Piped)
            .stderr(Stdio::Piped)
            .start_ready();
        pty.send_ctrl('c');
        init.expect("signal 2 ");
        probe_before_it(&mut init);
        // One from a process does.
        init.kill(libc::SIGINT);
        begun(&mut init);
        init.expect("signal 2 ");
        let (got, ended) = end(&mut init);
        assert_eq!(got, [2, 2], "{ended}");
    }
}

#[test]
fn the_delay_runs_beside_it() {
    require_namespaces!();
    let delay = Duration::from_millis(400);
    for place in PLACES {
        // The program is over first.
        let hook = Hook::new("echo begun pid=$$");
        let mut init = hook.start(place, &["-d", "TERM:400ms"], &COMMAND);
        let start = Instant::now();
        init.kill(libc::SIGTERM);
        begun(&mut init);
        init.expect("signal 15 ");
        assert_about(start.elapsed(), delay, &init);
        end(&mut init);

        // The delay is over first.
        let hook = Hook::new(WAITS);
        let mut init = hook.start(place, &["-d", "TERM:100ms"], &COMMAND);
        let start = Instant::now();
        init.kill(libc::SIGTERM);
        begun(&mut init);
        poll_until("the delay over", || start.elapsed() > delay);
        probe(&mut init);
        hook.go();
        init.expect("over");
        init.expect("signal 15 ");
        let (got, ended) = end(&mut init);
        assert_eq!(got, [15], "{ended}");
        let text = ended.stdout_text();
        let at = |what: &str| text.find(what).expect("it is there");
        assert!(at("signal 39 ") < at("signal 15 "), "{ended}");

        // The same signal again ends both.
        let hook = Hook::new(WAITS);
        let mut init = hook.start_stopping(place, &["-d", "TERM:1h"], &COMMAND);
        begun(&mut init);
        init.kill(libc::SIGTERM);
        init.expect("signal 15 ");
        hook.go();
        let (got, ended) = end(&mut init);
        assert_eq!(got, [15], "{ended}");
    }
}

/// Programs that never end by themselves, or by TERM.
const ENDLESS: [&str; 3] = [
    "echo begun pid=$$; exec \"$FIXTURE\" fixture ignore all",
    "echo begun pid=$$; kill -STOP $$",
    "echo begun pid=$$; \"$FIXTURE\" fixture ignore all",
];

#[test]
fn a_program_that_hangs_is_killed_with_everything_when_the_time_is_over() {
    require_namespaces!();
    for place in PLACES {
        for script in ENDLESS {
            for options in [&["-k", "300ms"][..], &["-k", "300ms", "-d", "TERM:1h"]] {
                let hook = Hook::new(script);
                let mut init = hook.start(place, options, &["ignore", "all"]);
                let start = Instant::now();
                init.kill(libc::SIGTERM);
                init.wait_exit();
                // From its start, not from the sending of the signal.
                assert_about(start.elapsed(), Duration::from_millis(300), &init);
                let ended = init.wait().assert_code(137);
                assert_eq!(count(&ended, "begun"), 1, "{ended}");
                poll_until("the program dead", || {
                    init.others().into_iter().all(is_dead)
                });
            }
        }
    }
}

#[test]
fn a_program_that_hangs_is_a_leftover_once_the_command_has_ended() {
    require_namespaces!();
    for place in PLACES {
        for script in ENDLESS {
            let hook = Hook::new(script);
            let mut init = hook.start_stopping(place, &["--grace", "300ms"], &COMMAND);
            let program = running(&mut init);
            let ignores = script.contains("ignore");
            match ignores {
                true => drop(init.expect("ready")),
                false => wait_for_state(program, "T"),
            }
            let start = Instant::now();
            let (got, ended) = end(&mut init);
            assert_eq!(got, [0i32; 0], "{ended}");
            // CONT lets the stopped one die of its TERM.
            let waited = start.elapsed() >= Duration::from_millis(300);
            assert!(waited || !ignores, "{ended}");
            poll_until("the program dead", || is_dead(program));
        }
    }
}

#[test]
fn a_leftover_program_gets_term_and_time_with_grace() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new(
            "trap 'sleep 0.2; echo hook finished; exit' TERM; echo begun pid=$$
            while :; do sleep 0.02; done",
        );
        let mut init = hook.start_stopping(place, &["--grace", "1h"], &COMMAND);
        begun(&mut init);
        let (_, ended) = end(&mut init);
        assert_eq!(count(&ended, "hook finished"), 1, "{ended}");
    }
}

#[test]
fn without_grace_the_init_does_not_wait_for_it() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new(WAITS);
        let mut init = hook.start_stopping(place, &[], &COMMAND);
        let program = running(&mut init);
        init.kill(LAST);
        assert_eq!(init.wait_exit().code(), Some(4));
        match place {
            Place::Pid1 => poll_until("the program dead", || is_dead(program)),
            Place::Child => assert!(!is_dead(program)),
        }
        hook.go();
    }
}

#[test]
fn what_the_program_leaves_is_reaped_and_nobody_waits_for_it() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new(
            "(\"$FIXTURE\" fixture signals --until USR1 >/dev/null &
            \"$FIXTURE\" fixture exit 7 &)
            echo begun pid=$$",
        );
        let mut init = hook.start_stopping(place, &["-vv"], &COMMAND);
        init.expect("signal 15 ");
        // The command, and what lives.
        init.poll_until("the dead one reaped", || {
            init.children().len() == 2 && init.zombies() == 0
        });
        let left = init.children();
        let (_, ended) = end(&mut init);
        assert!(count(&ended, "which exited with status 7") == 1, "{ended}");
        for process in left {
            let _ = sys::kill(process.pid, libc::SIGKILL);
        }
    }
}

#[test]
fn a_program_that_stops_is_waited_for_and_goes_on() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new("echo begun pid=$$; kill -STOP $$; echo over");
        let mut init = hook.start_stopping(place, &[], &COMMAND);
        let program = running(&mut init);
        wait_for_state(program, "T");
        probe(&mut init);
        assert_eq!(signals(init.stdout_so_far()), [PROBE]);
        sys::kill(program.pid, libc::SIGCONT).unwrap();
        init.expect("over");
        init.expect("signal 15 ");
        end(&mut init);
    }
}

#[test]
fn verbose_lines_and_json_say_what_happens() {
    require_namespaces!();
    for place in PLACES {
        let hook = Hook::new("echo begun pid=$$; exit 3");
        let run = |format: &str| {
            let mut init = hook
                .sandbox(place, &["-v", "--log-format", format], &COMMAND)
                .start_ready();
            init.kill(libc::SIGTERM);
            init.expect("signal 15 ");
            end(&mut init).1
        };
        let text = run("text").stderr_text();
        let lines: Vec<_> = text.lines().collect();
        let at = |what: &str| {
            let found = lines.iter().position(|line| line.contains(what));
            found.unwrap_or_else(|| panic!("no {what:?} in {text}"))
        };
        let order = [
            "received SIGTERM from",
            "started ./hook (pid ",
            "the pre-stop program (pid ",
            "sent SIGTERM to process group",
            "the command (pid",
        ];
        assert!(order.map(at).is_sorted(), "{text}");
        assert!(lines[at("started ./hook")].ends_with(") before the stop"));

        let json = json_log::lines(&run("json").stderr);
        let find = |event: &str| {
            let found = json.iter().find(|line| line["event"] == event);
            found.unwrap_or_else(|| panic!("no {event} in {json:?}"))
        };
        let (started, ended) = (find("pre_stop_started"), find("pre_stop_ended"));
        assert_eq!(started["command"], "./hook");
        assert_eq!(started["pid"], ended["pid"]);
        assert_eq!(
            (&ended["status"], &ended["level"]),
            (&3.into(), &"warning".into())
        );
        let missing = hook
            .named("./nowhere", place, &["--log-format", "json"])
            .args(fixture_command(&["signals", "--until", "TERM"]))
            .start_and_stop();
        let [line] = &json_log::lines(&missing.stderr)[..] else {
            panic!("{missing}")
        };
        assert_eq!(line["event"], "pre_stop_not_started");
        assert_eq!(line["errno"], libc::ENOENT);
    }
}

#[test]
fn every_personality_has_it_by_the_variable() {
    require_namespaces!();
    for (name, options) in [
        ("dumb-init", &[][..]),
        ("dumb-init", &["--single-child"]),
        ("tini", &["-g"]),
        ("tini", &[]),
        ("docker-init", &[]),
        ("catatonit", &[]),
        ("podman-init", &[]),
    ] {
        // catatonit refuses to be anything but PID 1.
        let hook = Hook::new(WAITS);
        let mut init = called(name, Place::Pid1)
            .args(options)
            .arg("--")
            .args(fixture_command(&COMMAND))
            .env("TIDY_INIT_OPTS", "--pre-stop ./hook")
            .current_dir(hook.0.path())
            .start_ready();
        init.kill(libc::SIGTERM);
        begun(&mut init);
        probe(&mut init);
        hook.go();
        init.expect("over");
        init.expect("signal 15 ");
        let (got, ended) = end(&mut init);
        assert_eq!(got, [15], "{name} {options:?}: {ended}");
    }
}

#[test]
fn the_last_program_wins() {
    require_namespaces!();
    let hook = Hook::new("echo begun pid=$$");
    let mut init = native(Place::Pid1)
        .args(["--pre-stop=nowhere", "--pre-stop=./hook", "--"])
        .args(fixture_command(&COMMAND))
        .current_dir(hook.0.path())
        .start_ready();
    init.kill(libc::SIGTERM);
    begun(&mut init);
    init.expect("signal 15 ");
    end(&mut init).1.assert_stderr("");
}
