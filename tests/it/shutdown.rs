//! The TERM that the rest of the group gets when the command has ended.

use initlab::{Place, TempDir, require_namespaces, require_program, sys};

use crate::{
    report::{signals, taken},
    support::{PLACES, members, native_fixture, script},
    watch::{calls, name},
};

/// Options, and whether the group gets TERM with them.
const MODES: [(&[&str], bool); 3] = [(&[], true), (&["-t", "child"], true), (&["-c"], false)];

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
        let command = members(&mut init, 2)[0];
        let pid = command.inner_pid().unwrap();
        sys::kill(command.pid, libc::SIGKILL).unwrap();
        init.wait().assert_code(137);
        let calls = calls(&log);
        let position = |start: String| calls.iter().position(|call| call.starts_with(&start));
        let reaped = position(format!("waitid(P_PID, {pid}, "));
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
        let members = members(&mut init, 2);
        let (command, leftover) = (members[0], members[1]);
        sys::kill(command.pid, libc::SIGKILL).unwrap();
        assert_eq!(init.wait_exit().code(), Some(137));
        // The higher number is taken last, so that a pending TERM would be reported before it.
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
fn the_group_gets_nothing_when_an_orphan_ends() {
    require_namespaces!();
    for place in PLACES {
        let orphans = "$0 fixture orphans 3 --exit 0; exec $0 fixture signals --until 40 --exit 7";
        let mut init = script(place, &[], orphans).start();
        init.expect("ready orphans=3");
        init.expect("ready pid");
        init.poll_until("the orphans reaped", || init.children().len() == 1);
        init.kill(40);
        let ended = init.wait().assert_code(7);
        assert_eq!(signals(&ended.stdout), [40], "{ended}");
    }
}
