//! What the tests share: which init is under test, how it is started, and what is asked of it in more
//! than one file.

use std::{env, path::PathBuf, time::Duration};

use initlab::{Place, Process, Running, Sandbox, Stdio, poll_until};

use crate::report::number;

/// The two places where an init has to work.
pub const PLACES: [Place; 2] = [Place::Pid1, Place::Child];

/// The init under test: the one that `TIDY_INIT` names by an absolute path, else the one that cargo
/// has built.
///
/// # Panics
/// When `TIDY_INIT` is not an absolute path of a file.
#[track_caller]
pub fn init() -> PathBuf {
    let path = match env::var_os("TIDY_INIT") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_BIN_EXE_tidy-init")),
    };
    assert!(
        path.is_absolute() && path.is_file(),
        "TIDY_INIT={}: no absolute path of a file",
        path.display()
    );
    initlab::reachable(&path).expect("the init can be copied to where every user can reach it")
}

/// The init in this place, by the name `tidy-init`. Add its options, `--`, and the command.
///
/// Where `TIDY_INIT_EMULATOR` names a user-mode emulator (`qemu-s390x-static`), that emulator runs
/// it, for the tests in `smoke`.
pub fn native(place: Place) -> Sandbox {
    let sandbox = match env::var_os("TIDY_INIT_EMULATOR") {
        Some(emulator) => Sandbox::new(emulator).args(["-0", "tidy-init"]).arg(init()),
        None => Sandbox::new(init()).arg0("tidy-init"),
    };
    sandbox.place(place)
}

/// The init in this place with these options, running this fixture.
pub fn native_fixture(place: Place, options: &[&str], fixture: &[&str]) -> Sandbox {
    native(place)
        .args(options)
        .arg("--")
        .args(fixture_command(fixture))
}

/// The words that run a fixture: `fixture_command(&["exit", "7"])`.
pub fn fixture_command(words: &[&str]) -> Vec<std::ffi::OsString> {
    let mut command = vec![initlab::fixture().into_os_string(), "fixture".into()];
    command.extend(words.iter().map(|word| word.into()));
    command
}

/// The init with these options and a shell script as its command. In the script `$0` is the program
/// with the fixtures; standard input is a pipe.
pub fn script(place: Place, options: &[&str], script: &str) -> Sandbox {
    native(place)
        .args(options)
        .args(["--", "sh", "-c", script])
        .arg(initlab::fixture())
        .stdin(Stdio::Piped)
}

/// A fixture that becomes the init, without a command: `fixture WORDS -- INIT`.
pub fn behind(place: Place, words: &[&str]) -> Sandbox {
    Sandbox::new(initlab::fixture())
        .place(place)
        .arg("fixture")
        .args(words)
        .arg("--")
        .arg(init())
}

/// The process that a line names by `pid=`.
#[track_caller]
pub fn named(init: &Running, line: &str) -> Process {
    init.inside(number(line, "pid").expect("a pid"))
}

/// Waits for this many lines with `text`, and returns the processes that they name.
#[track_caller]
pub fn all_named(init: &mut Running, count: usize, text: &str) -> Vec<Process> {
    (0..count)
        .map(|_| {
            let line = init.expect(text);
            named(init, &line)
        })
        .collect()
}

/// Waits until the members of the fixture `group` are ready, and returns them in their order.
#[track_caller]
pub fn members(init: &mut Running, count: usize) -> Vec<Process> {
    let mut found = vec![None; count];
    for _ in 0..count {
        let line = init.expect(" ready ");
        let member: usize = line
            .split(' ')
            .nth(1)
            .and_then(|n| n.parse().ok())
            .expect("a number");
        found[member] = Some(named(init, &line));
    }
    found
        .into_iter()
        .map(|member| member.expect("each is ready once"))
        .collect()
}

/// Waits until the process is in one of these states, each a letter of `proc_pid_stat(5)`.
#[track_caller]
pub fn wait_for_state(process: Process, states: &str) {
    poll_until(
        &format!("{process:?} in one of the states {states}"),
        || process.state().is_some_and(|state| states.contains(state)),
    );
}

/// How much longer than it should a wait may take on a loaded machine.
pub const SLACK: Duration = Duration::from_secs(10);

/// Panics unless `elapsed` is at least `expected`, and not much more.
#[track_caller]
pub fn assert_about(elapsed: Duration, expected: Duration, init: &Running) {
    assert!(
        elapsed >= expected && elapsed < expected + SLACK,
        "{}",
        init.failure(&format!("it took {elapsed:?}, not about {expected:?}"))
    );
}

/// Runs the init and panics unless it ends with a usage error: exactly this line, status 125, and
/// no command started.
#[track_caller]
pub fn assert_refused(sandbox: Sandbox, line: &str) {
    sandbox
        .run()
        .assert_code(125)
        .assert_stdout("")
        .assert_stderr(format!(
            "[tidy-init] {line} (tidy-init --help shows the usage)\n"
        ));
}

/// The signals that do not end a process by default: some stop it, the others do nothing.
pub const HARMLESS: [i32; 4] = [libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH];
const STOPS: [i32; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// Every signal whose default action is to kill.
pub fn deadly() -> impl Iterator<Item = i32> {
    (1..=64).filter(|signal| !HARMLESS.contains(signal) && !STOPS.contains(signal))
}
