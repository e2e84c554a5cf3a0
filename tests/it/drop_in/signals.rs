//! Each signal, sent to the original and to our init: the same signals arrive at the command.

use initlab::{Place, require_namespaces};

use super::originals::{Original, require_originals};
use crate::{report::signals, support::fixture_command};

/// The signals that arrive of these and of the last one, which ends the command. Each is sent when
/// the one before has arrived, or cannot arrive.
#[track_caller]
fn arriving(sandbox: initlab::Sandbox, options: &[&str], sent: &[i32], last: i32) -> Vec<i32> {
    let mut init = sandbox
        .args(options.iter().copied())
        .arg("--")
        .args(fixture_command(&["signals", "--until", "40"]))
        .start_ready();
    for signal in sent {
        init.kill(*signal);
        // A process takes pending signals in the order of their numbers, not in that of their
        // arrival: when the second of each pair has arrived, the first has been handled.
        init.kill(last);
        init.expect(&format!("signal {last} "));
    }
    init.kill(40);
    signals(&init.wait().assert_code(0).stdout)
}

/// The signals that all three originals forward. They leave the signals of faults alone, which kill
/// them, and stop signals stop dumb-init itself.
fn taken_by_all() -> Vec<i32> {
    use libc::*;
    let others = [
        SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV, SIGCHLD, SIGSTOP, SIGTSTP,
        SIGTTIN, SIGTTOU, SIGSYS,
    ];
    (1..=31)
        .filter(|signal| !others.contains(signal))
        .chain([34, 35, 50, 63])
        .collect()
}

#[test]
fn arrives_as_with_the_original() {
    require_namespaces!();
    require_originals!();
    let sent = taken_by_all();
    for (original, option_lists) in [
        (
            Original::DumbInit,
            &[
                &[][..],
                &["-c"],
                &["-r", "15:3", "-r", "1:0", "-r10:12", "-r12:10"],
                &["-c", "-r", "2:15"],
            ][..],
        ),
        (Original::Tini, &[&["-s"], &["-s", "-g"]]),
        (Original::Catatonit, &[&[], &["-g"]]),
    ] {
        for options in option_lists {
            for place in [Place::Pid1, Place::Child] {
                let [theirs, ours] = original
                    .both(place)
                    .map(|sandbox| arriving(sandbox, options, &sent, 64));
                assert_eq!(ours, theirs, "{original:?} {options:?} {place:?}");
            }
        }
    }
}

#[test]
fn stops_that_are_not_the_terminals_arrive_as_with_the_original() {
    require_namespaces!();
    require_originals!();
    let stops = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    // Not dumb-init, which stops the command; and not catatonit, whose child has them blocked.
    let [theirs, ours] = Original::Tini
        .both(Place::Pid1)
        .map(|sandbox| arriving(sandbox, &["-g"], &stops, 64));
    assert_eq!(ours, theirs);
}
