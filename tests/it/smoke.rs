//! What an architecture can get wrong: the numbers of system calls and signals, the layout of what
//! the kernel fills in, the order of bytes, the width of a C long.
//!
//! `cargo xtask smoke` runs these tests under user-mode emulation. They use only what such an
//! emulator supports: signals 1 to 31, sent one at a time while the init sleeps (at other times a
//! signal stays in the emulator's own queue), and orphans for PID 1 only, since the emulator does
//! not know `PR_SET_CHILD_SUBREAPER`. Commands under the init always run natively.

use std::{env, fs, time::Duration};

use initlab::{Place, Running, TempDir, require_namespaces, signal_name, write_executable};

use crate::{
    json_log,
    report::{number, signals},
    support::{PLACES, native, native_fixture},
};

/// Signals that the init only forwards.
const FORWARDED: [i32; 22] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGFPE,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGPIPE,
    libc::SIGALRM,
    libc::SIGSTKFLT,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGWINCH,
    libc::SIGIO,
    libc::SIGPWR,
    libc::SIGSYS,
];

/// Sends a signal once the init sleeps in its one wait.
#[track_caller]
fn kill_asleep(init: &Running, signal: i32) {
    let process = init.process();
    init.poll_until("the init to sleep", || process.waits_for_signals());
    init.kill(signal);
}

/// The processor time that the init has used (`/proc/PID/schedstat`).
#[track_caller]
fn cpu_time(init: &Running) -> Duration {
    let text = fs::read_to_string(format!("/proc/{}/schedstat", init.pid()));
    let text = text.expect("the init is there");
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first field is a number"))
}

#[test]
fn exit_statuses_come_through() {
    require_namespaces!();
    for place in PLACES {
        for code in [0, 1, 77, 128, 255] {
            native_fixture(place, &[], &["exit", &code.to_string()])
                .run()
                .assert_code(code)
                .assert_stderr("");
        }
    }
}

#[test]
fn deaths_by_signals_are_128_and_their_numbers() {
    require_namespaces!();
    for place in PLACES {
        for signal in [
            libc::SIGHUP,
            libc::SIGABRT,
            libc::SIGBUS,
            libc::SIGKILL,
            libc::SIGSEGV,
            libc::SIGTERM,
            libc::SIGSYS,
        ] {
            native_fixture(place, &[], &["die", &signal.to_string()])
                .run()
                .assert_code(128 + signal);
        }
    }
}

#[test]
fn statuses_are_mapped() {
    require_namespaces!();
    native_fixture(Place::Pid1, &["-e", "143"], &["die", "TERM"])
        .run()
        .assert_code(0);
    native_fixture(Place::Pid1, &["-e", "7:9"], &["exit", "7"])
        .run()
        .assert_code(9);
}

/// Newer releases of QEMU (10.0, not 7.2) keep SIGABRT for abort(3): no emulated program gets it from
/// another process.
fn forwarded() -> Vec<i32> {
    let emulated = env::var_os("TIDY_INIT_EMULATOR").is_some();
    let kept = |signal: &i32| emulated && *signal == libc::SIGABRT;
    FORWARDED
        .into_iter()
        .filter(|signal| !kept(signal))
        .collect()
}

#[test]
fn signals_arrive_as_what_they_are() {
    require_namespaces!();
    for place in PLACES {
        let mut init = native_fixture(place, &[], &["signals", "--until", "TERM"]).start_ready();
        let mut all = forwarded();
        for signal in &all {
            kill_asleep(&init, *signal);
            init.expect(&format!("signal {signal} "));
        }
        kill_asleep(&init, libc::SIGTERM);
        all.push(libc::SIGTERM);
        let ended = init.wait().assert_code(0);
        assert_eq!(signals(&ended.stdout), all, "{ended}");
    }
}

#[test]
fn signals_are_rewritten_and_dropped() {
    require_namespaces!();
    for place in PLACES {
        let options = ["-r", "TERM:QUIT", "-r", "10:0", "-r", "hup:SIGUSR2"];
        let mut init =
            native_fixture(place, &options, &["signals", "--until", "QUIT"]).start_ready();
        kill_asleep(&init, libc::SIGUSR1);
        kill_asleep(&init, libc::SIGHUP);
        init.expect(&format!("signal {} ", libc::SIGUSR2));
        kill_asleep(&init, libc::SIGTERM);
        let ended = init.wait().assert_code(0);
        let expected = [libc::SIGUSR2, libc::SIGQUIT];
        assert_eq!(signals(&ended.stdout), expected, "{ended}");
    }
}

#[test]
fn the_signals_have_this_machines_numbers() {
    let ended = native(Place::Child).arg("-l").run().assert_code(0);
    let lines = ended.stdout_lines();
    for signal in 1..32 {
        let line = format!("{signal} {}", signal_name(signal));
        assert!(lines.contains(&line), "no {line:?} in {ended}");
    }
    assert_eq!(lines.len(), 64, "{ended}");
}

#[test]
fn orphans_are_reaped() {
    require_namespaces!();
    let orphans = ["orphans", "20", "--exit-after-ms", "100"];
    let mut init = native_fixture(Place::Pid1, &[], &orphans).start();
    init.expect("ready orphans=20");
    init.poll_until("one child", || init.children().len() == 1);
    kill_asleep(&init, libc::SIGTERM);
    init.wait().assert_code(0);
}

#[test]
fn a_command_that_cannot_be_executed_is_named() {
    require_namespaces!();
    for place in PLACES {
        native(place)
            .args(["--", "/nowhere/to/be/found"])
            .run()
            .assert_code(127)
            .assert_stderr(
                "[tidy-init] cannot execute /nowhere/to/be/found: No such file or directory\n",
            );
        native(place)
            .args(["--", "/"])
            .run()
            .assert_code(126)
            .assert_stderr("[tidy-init] cannot execute /: Permission denied\n");
    }
}

#[test]
fn a_script_without_an_interpreter_line_is_run_by_the_shell() {
    require_namespaces!();
    let directory = TempDir::new();
    let script = directory.join("script");
    write_executable(&script, "exit 7\n", 0o755).expect("the directory is ours");
    for place in PLACES {
        native(place).arg("--").arg(&script).run().assert_code(7);
    }
}

#[test]
fn bad_options_and_requests_for_a_text_start_nothing() {
    native(Place::Child)
        .arg("--nonsense")
        .run()
        .assert_code(125)
        .assert_stdout("");
    native(Place::Child)
        .arg("--version")
        .run()
        .assert_code(0)
        .assert_stdout(concat!("tidy-init ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// With a timespec of the wrong width the wait would end at once, again and again, or never.
#[test]
fn deadlines_are_kept_asleep() {
    require_namespaces!();
    let held = Duration::from_millis(700);
    for place in PLACES {
        let options = ["-d", "TERM:700ms"];
        let mut init =
            native_fixture(place, &options, &["signals", "--until", "USR1"]).start_ready();
        let sent = init.elapsed();
        kill_asleep(&init, libc::SIGTERM);
        let used = cpu_time(&init);
        init.expect(&format!("signal {} ", libc::SIGTERM));
        let (took, used) = (init.elapsed() - sent, cpu_time(&init) - used);
        assert!(took >= held, "the signal was passed on after {took:?}");
        assert!(used < held / 4, "{used:?} of processor time for waiting");
        kill_asleep(&init, libc::SIGUSR1);
        init.wait().assert_code(0);
    }
    for place in PLACES {
        let mut init = native_fixture(place, &["-k", "300ms"], &["ignore", "TERM"]).start_ready();
        kill_asleep(&init, libc::SIGTERM);
        init.wait().assert_code(128 + libc::SIGKILL);
    }
}

/// The kernel's `siginfo_t` and `timespec` differ in layout and width.
#[test]
fn senders_and_times_are_told_right() {
    require_namespaces!();
    let options = ["-v", "--log-format", "json"];
    let mut init =
        native_fixture(Place::Child, &options, &["signals", "--count", "1"]).start_ready();
    kill_asleep(&init, libc::SIGTERM);
    let ended = init.wait().assert_code(0);
    let told = json_log::lines(&ended.stderr)
        .into_iter()
        .find(|line| line["event"] == "signal_received" && line["signal"] == "TERM")
        .unwrap_or_else(|| panic!("no TERM in {ended}"));
    assert_eq!(told["number"], libc::SIGTERM);
    assert_eq!(told["sender_pid"], std::process::id());
}

#[test]
fn the_command_leads_a_session_of_its_own() {
    require_namespaces!();
    for place in PLACES {
        let mut init = native_fixture(place, &[], &["signals", "--until", "TERM"]).start();
        let line = init.expect("ready");
        let pid = number(&line, "pid");
        assert_eq!(pid, number(&line, "sid"), "{line}");
        assert_eq!(pid, number(&line, "pgid"), "{line}");
        kill_asleep(&init, libc::SIGTERM);
        init.wait().assert_code(0);
    }
}
