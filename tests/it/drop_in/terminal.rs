//! The terminal, compared with the originals: who has it, and what its keys do, also with nested
//! inits.

use std::path::Path;

use initlab::{Place, Pty, Running, Sandbox, Stdio, find_program, require_namespaces};

use super::originals::{ORIGINALS, Original, require_originals};
use crate::{
    report::{number, signals},
    support::{PLACES, fixture_command},
};

/// Is taken after all that the keys have sent, and ends the command.
const LAST: i32 = 40;

fn on(pty: &Pty, sandbox: Sandbox, options: &[&str]) -> Running {
    sandbox
        .args(options.iter().copied())
        .arg("--")
        .args(fixture_command(&["echo-tty", "--until", "40"]))
        .terminal(pty)
        .stdout(Stdio::Piped)
        .stderr(Stdio::Piped)
        .start()
}

/// The session, group and terminal that the command reports, relative to itself and to the init,
/// and the signals that it got from the keys.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    leads_its_session: bool,
    leads_its_group: bool,
    in_the_foreground: bool,
    signals: Vec<i32>,
}

#[track_caller]
fn seen(sandbox: Sandbox, options: &[&str]) -> Seen {
    let pty = Pty::open();
    let mut init = on(&pty, sandbox, options);
    let ready = init.expect("ready");
    let value = |key| number(&ready, key).unwrap_or_else(|| panic!("no {key} in {ready:?}"));
    pty.send_ctrl('c');
    init.expect("signal 2 ");
    pty.set_window_size(40, 100);
    init.expect("signal 28 ");
    pty.send_ctrl('\\');
    init.expect("signal 3 ");
    // Everything that the init has to forward is pending before this.
    init.kill(libc::SIGUSR1);
    init.expect("signal 10 ");
    init.kill(LAST);
    let mut signals = signals(&init.wait().assert_code(0).stdout);
    // With -c a key's signal comes twice, from the terminal and from the init, and counts once where
    // the second comes before the first is taken.
    signals.sort_unstable();
    signals.dedup();
    Seen {
        leads_its_session: value("sid") == value("pid"),
        leads_its_group: value("pgid") == value("pid"),
        in_the_foreground: value("tpgid") == value("pgid"),
        signals,
    }
}

#[test]
fn is_given_and_its_keys_arrive_as_with_the_original() {
    require_namespaces!();
    require_originals!();
    for (original, option_lists) in [
        (Original::DumbInit, &[&[][..], &["-c"]][..]),
        (Original::Tini, &[&["-s"], &["-sg"]]),
        (Original::Catatonit, &[&[], &["-g"]]),
    ] {
        for options in option_lists {
            for place in PLACES {
                let [theirs, ours] = original.both(place).map(|sandbox| seen(sandbox, options));
                assert_eq!(ours, theirs, "{original:?} {options:?} {place:?}");
            }
        }
    }
}

#[test]
fn that_hangs_up_ends_the_command_as_with_the_original() {
    require_namespaces!();
    require_originals!();
    for original in ORIGINALS {
        for place in PLACES {
            let [theirs, ours] = original.both(place).map(|sandbox| {
                let mut pty = Pty::open();
                let mut init = sandbox
                    .env("TINI_SUBREAPER", "")
                    .args(["--", "sh", "-c", "echo ready; while :; do sleep 0.05; done"])
                    .terminal(&pty)
                    .stdout(Stdio::Piped)
                    .stderr(Stdio::Piped)
                    .start_ready();
                pty.hang_up();
                init.wait_exit().shell()
            });
            assert_eq!(ours, theirs, "{original:?} {place:?}");
        }
    }
}

#[test]
fn is_passed_on_by_an_init_under_an_init_each_pair() {
    require_namespaces!();
    require_originals!();
    let ours = crate::support::init();
    for outer in ORIGINALS {
        for inner in ORIGINALS {
            let [theirs, ours] = [None, Some(&ours)].map(|program| {
                let sandbox = match program {
                    None => outer.itself(Place::Pid1),
                    Some(_) => outer.ours(Place::Pid1),
                };
                let inner_program = match program {
                    None => find_program(inner.name()).expect("it is installed"),
                    Some(program) => program.clone(),
                };
                nested(sandbox, inner, &inner_program)
            });
            assert_eq!(ours, theirs, "{inner:?} under {outer:?}");
        }
    }
}

/// Whether the command of the inner init has the terminal, and what it gets of a Ctrl-C, where it
/// has, and of a HUP.
#[track_caller]
fn nested(outer: Sandbox, inner: Original, program: &Path) -> (bool, Vec<i32>) {
    let pty = Pty::open();
    // The inner init is called by its own name, too.
    let mut init = outer
        .args(["--", "bash", "-c", "exec -a \"$0\" \"$@\"", inner.name()])
        .arg(program)
        .env("TINI_SUBREAPER", "")
        .arg("--")
        .args(fixture_command(&["echo-tty", "--until", "40"]))
        .terminal(&pty)
        .stdout(Stdio::Piped)
        .stderr(Stdio::Piped)
        .start();
    let ready = init.expect("ready");
    let in_the_foreground = number(&ready, "tpgid") == number(&ready, "pgid");
    if in_the_foreground {
        pty.send_ctrl('c');
        init.expect("signal 2 ");
    }
    init.kill(libc::SIGHUP);
    init.expect("signal 1 ");
    init.kill(LAST);
    let signals = signals(&init.wait().assert_code(0).stdout);
    (in_the_foreground, signals)
}

#[test]
fn as_catatonit_and_pid_1_ctrl_z_is_undone_since_nobody_else_would() {
    require_namespaces!();
    let pty = Pty::open();
    let script = "trap 'echo continued' CONT; echo ready; while :; do read line; done";
    let mut init = super::originals::called("catatonit", Place::Pid1)
        .args(["--", "sh", "-c", script])
        .terminal(&pty)
        .stdout(Stdio::Piped)
        .stderr(Stdio::Piped)
        .start_ready();
    for _ in 0..3 {
        pty.send_ctrl('z');
        init.expect("continued");
    }
    init.kill(libc::SIGTERM);
    init.wait().assert_code(143);
}
