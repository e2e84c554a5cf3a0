//! Terminals.

use initlab::{Place, Process, Pty, Sandbox, Stdio, require_namespaces};

use crate::{PLACES, run_fixture};

fn program(place: Place, pty: &Pty) -> Sandbox {
    run_fixture(place, &["echo-tty", "--until", "INT"]).terminal(pty)
}

#[test]
fn the_terminal_controls_the_program() {
    require_namespaces!();
    for place in PLACES {
        let mut pty = Pty::open();
        let mut running = program(place, &pty).start();
        pty.expect("ready pid=");
        pty.expect("rows=24 columns=80");
        let stat = running.stat();
        assert_eq!((stat.sid, stat.tpgid), (running.pid(), running.pid()));
        assert_eq!(pty.foreground_group(), Some(running.pid()));
        pty.set_window_size(50, 132);
        pty.expect("signal 28 ");
        pty.expect("rows=50 columns=132");
        pty.send_ctrl('z');
        pty.expect("signal 20 ");
        pty.send_ctrl('c');
        pty.expect("signal 2 ");
        running.wait().assert_code(0);
    }
}

#[test]
fn hanging_up_is_told_to_the_leader() {
    require_namespaces!();
    for place in PLACES {
        let mut pty = Pty::open();
        let mut running = program(place, &pty).stdout(Stdio::Piped).start_ready();
        pty.hang_up();
        running.expect("signal 1 ");
        running.expect("signal 18 ");
        assert!(Process::new(running.pid()).exists());
    }
}

#[test]
fn a_shell_has_job_control() {
    require_namespaces!();
    initlab::require_program!("bash");
    let mut pty = Pty::open();
    let mut shell = Sandbox::new("bash")
        .args(["--norc", "-i"])
        .env("PS1", "$ ")
        .env("TERM", "dumb")
        .terminal(&pty)
        .start();
    pty.expect("$ ");
    pty.send_line("cat");
    // Not earlier: the shell would read the input while the terminal is still in the shell's own
    // mode.
    shell.poll_until("cat is in the foreground", || {
        pty.foreground_group()
            .is_some_and(|group| group != shell.pid())
    });
    pty.send_line("typed");
    pty.expect("typed\r\ntyped");
    pty.send_ctrl('c');
    pty.expect("$ ");
    pty.send_line("echo status=$?");
    pty.expect("\nstatus=130");
    pty.send_line("exit 3");
    shell.wait().assert_code(3);
}
