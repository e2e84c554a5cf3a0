//! `-p`: the signal when the init's own parent dies.
//!
//! For the kernel the parent is a thread: the signal comes when the thread that made the init ends
//! (prctl(2), `PR_SET_PDEATHSIG`).

use std::{fs, thread};

use initlab::{
    Place, Process, Running, Sandbox, SignalSet, TempDir, require_namespaces, require_program,
};

use crate::{
    report::{self, signals},
    support::{PLACES, fixture_command, init, native_fixture},
};

/// Starts the init from a thread that ends after the command is ready and before this returns.
fn orphaned(place: Place, options: &[&str]) -> Running {
    let fixture = ["signals", "--until", "TERM,INT,40", "--exit", "7"];
    let sandbox = native_fixture(place, options, &fixture).parent_death(None);
    thread::scope(|scope| {
        let starter = scope.spawn(|| sandbox.start_ready());
        starter.join().expect("the init starts")
    })
}

#[test]
fn the_signal_comes_when_the_thread_that_started_the_init_ends() {
    require_namespaces!();
    let spellings: [(&[&str], i32); 8] = [
        (&["-p", "TERM"], libc::SIGTERM),
        (&["-pTERM"], libc::SIGTERM),
        (&["--parent-death", "int"], libc::SIGINT),
        (&["--parent-death=SIGINT"], libc::SIGINT),
        (&["--parent=15"], libc::SIGTERM),
        (&["-vp", "RTMIN+6"], 40),
        (&["-cp40"], 40),
        // The last one wins.
        (&["-p", "INT", "-p", "TERM"], libc::SIGTERM),
    ];
    for place in PLACES {
        for (options, signal) in spellings {
            let mut init = orphaned(place, options);
            let ended = init.wait().assert_code(7);
            assert_eq!(signals(&ended.stdout), [signal], "{ended}");
        }
    }
}

#[test]
fn the_signal_is_rewritten_like_any_other() {
    require_namespaces!();
    for place in PLACES {
        let mut init = orphaned(place, &["-p", "HUP", "-r", "HUP:INT"]);
        let ended = init.wait().assert_code(7);
        assert_eq!(signals(&ended.stdout), [libc::SIGINT], "{ended}");
    }
}

#[test]
fn kill_ends_the_init_itself() {
    require_namespaces!();
    for place in PLACES {
        orphaned(place, &["-p", "KILL"])
            .wait()
            .assert_signal(libc::SIGKILL);
    }
}

#[test]
fn without_the_option_the_parents_death_sends_no_signal() {
    require_namespaces!();
    for place in PLACES {
        let mut init = orphaned(place, &[]);
        init.kill(40);
        let ended = init.wait().assert_code(7);
        assert_eq!(signals(&ended.stdout), [40], "{ended}");
    }
}

/// The init as a grandchild, and its parent, which USR1 ends.
fn below_a_parent(options: &[&str]) -> Sandbox {
    let mut command = fixture_command(&["parent", "--"]);
    command.extend(fixture_command(&["parent", "--"]));
    command.push(init().into_os_string());
    command.extend(options.iter().map(Into::into));
    command.push("--".into());
    command.extend(fixture_command(&[
        "signals", "--until", "TERM", "--exit", "7",
    ]));
    Sandbox::new(&command[0])
        .args(&command[1..])
        .blocked(SignalSet::ALL)
}

/// The inner parent and the init, once the parents have reported them, in any order.
fn parent_and_init(top: &Running) -> [Process; 2] {
    let mut pids = Vec::new();
    top.poll_until("both parents have a child", || {
        let text = String::from_utf8_lossy(&top.stdout_so_far()).into_owned();
        let lines = text.lines().filter(|line| line.starts_with("child "));
        pids = lines
            .filter_map(|line| report::number(line, "pid"))
            .collect();
        pids.len() == 2
    });
    pids.sort_unstable();
    [top.inside(pids[0]), top.inside(pids[1])]
}

#[test]
fn the_signal_comes_when_the_parent_process_ends() {
    require_namespaces!();
    let mut top = below_a_parent(&["-p", "TERM"]).start();
    let [parent, init] = parent_and_init(&top);
    top.poll_until("the command is there", || !init.children().is_empty());
    initlab::sys::kill(parent.pid, libc::SIGUSR1).unwrap();
    // By then the outer parent has adopted the init.
    top.expect("signal 15 ");
    top.expect_line(|line| line.starts_with("reaped ") && line.ends_with(" code=7 signal=none"));
    top.wait().assert_code(0);
}

#[test]
fn a_parent_that_dies_before_the_kernel_was_asked_is_noticed() {
    require_namespaces!();
    require_program!("strace");
    let directory = TempDir::new();
    // The init has read its parent's pid. Delay the call that asks for the signal while the parent
    // ends. On a slower machine the kernel sends the signal instead.
    let held_up = [
        "-f",
        "-e",
        "trace=prctl",
        "-e",
        "inject=prctl:delay_enter=400000",
    ];
    let mut top = below_a_parent(&["-p", "TERM"])
        .strace(directory.join("log"), &held_up)
        .start();
    let [parent, init] = parent_and_init(&top);
    let asking = format!("{} 0x{:x} ", libc::SYS_prctl, libc::PR_SET_PDEATHSIG);
    top.poll_until("the init asks for the signal, or has asked", || {
        let call = fs::read_to_string(format!("/proc/{}/syscall", init.pid));
        call.is_ok_and(|call| call.starts_with(&asking)) || !init.children().is_empty()
    });
    initlab::sys::kill(parent.pid, libc::SIGUSR1).unwrap();
    top.expect("signal 15 ");
    top.expect_line(|line| line.starts_with("reaped ") && line.ends_with(" code=7 signal=none"));
    top.wait().assert_code(0);
}
