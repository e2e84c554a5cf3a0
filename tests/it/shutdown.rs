//! What the rest of the group is told when the command has ended.

use initlab::{Place, Process, Running, TempDir, require_namespaces, require_program, sys};

use crate::{
    report::{number, signals, taken},
    support::{PLACES, native, native_fixture},
    watch::{calls, name},
};

/// Whether the group is told, by the options.
const MODES: [(&[&str], bool); 3] = [(&[], true), (&["-t", "child"], true), (&["-c"], false)];

/// The command and the other member of its group.
fn members(init: &mut Running) -> [Process; 2] {
    let mut pids = [0, 0];
    for _ in 0..2 {
        let line = init.expect("ready");
        let member = usize::from(line.starts_with("member 1 "));
        pids[member] = number(&line, "pid").expect("a pid");
    }
    pids.map(|pid| init.inside(pid))
}

#[test]
fn the_group_gets_term_before_the_command_is_reaped_and_never_with_c() {
    require_namespaces!();
    require_program!("strace");
    for (options, told) in MODES {
        let directory = TempDir::new();
        let log = directory.join("strace");
        let mut init = native_fixture(Place::Pid1, options, &["group", "1"])
            .strace(&log, &[])
            .start();
        let [command, _] = members(&mut init);
        let pid = command.inner_pid().unwrap();
        sys::kill(command.pid, libc::SIGKILL).unwrap();
        init.wait().assert_code(137);
        let calls = calls(&log);
        let position = |start: String| calls.iter().position(|call| call.starts_with(&start));
        let reaped = position(format!("wait4({pid}, "));
        if told {
            let sent = position(format!("kill(-{pid}, SIGTERM)"));
            assert!(sent.is_some() && sent < reaped, "{calls:#?}");
        }
        let kills = calls.iter().filter(|call| name(call) == "kill").count();
        assert_eq!(kills, usize::from(told), "{calls:#?}");
        assert!(reaped.is_some(), "{calls:#?}");
    }
}

#[test]
fn a_leftover_in_the_group_gets_term_once_and_none_with_c() {
    for (options, told) in MODES {
        let fixture = ["group", "1", "--until", "40"];
        let mut init = native_fixture(Place::Child, options, &fixture).start();
        let [command, leftover] = members(&mut init);
        sys::kill(command.pid, libc::SIGKILL).unwrap();
        assert_eq!(init.wait_exit().code(), Some(137));
        // The higher number comes last: a TERM that were there would be shown before.
        sys::kill(leftover.pid, 40).unwrap();
        init.expect("signal 40 ");
        let taken = taken(init.stdout_so_far());
        let signals: Vec<_> = taken.iter().map(|taken| taken.signal).collect();
        let expected: &[i32] = if told { &[libc::SIGTERM, 40] } else { &[40] };
        assert_eq!(signals, expected, "{options:?}");
        if told {
            assert_eq!(taken[0].pid, init.pid());
        }
    }
}

#[test]
fn the_end_of_an_orphan_is_no_reason_to_tell_the_group() {
    require_namespaces!();
    for place in PLACES {
        let script = "$0 fixture orphans 3 --exit 0; exec $0 fixture signals --until 40 --exit 7";
        let mut init = native(place)
            .args(["--", "sh", "-c", script])
            .arg(initlab::fixture())
            .start();
        init.expect("ready orphans=3");
        init.expect("ready pid");
        init.poll_until("the orphans reaped", || init.children().len() == 1);
        init.kill(40);
        let ended = init.wait().assert_code(7);
        assert_eq!(signals(&ended.stdout), [40], "{ended}");
    }
}
