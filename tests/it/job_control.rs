//! An interactive shell below the init, above it, and both.

use initlab::{
    Place, Process, Pty, Running, Sandbox, TempDir, fixture, poll_until, require_namespaces,
    require_program,
};

use crate::{
    drop_in::originals::{ORIGINALS, Original, require_originals},
    support::{PLACES, init, native, native_fixture, wait_for_state},
    watch::wait_asleep,
};

/// An interactive bash without personal settings.
const BASH: [&str; 4] = ["bash", "--norc", "--noprofile", "-i"];
const PROMPT: &str = "ready> ";

/// Makes bash's output plain, and keeps it from writing a history.
fn plainly(sandbox: Sandbox) -> Sandbox {
    // Variables keep command lines short: long ones are not echoed as a whole.
    let sandbox = sandbox.env("INIT", init()).env("FIXTURE", fixture());
    let variables = [
        ("PS1", PROMPT),
        ("TERM", "dumb"),
        ("HISTFILE", ""),
        ("INPUTRC", "/dev/null"),
        ("LC_ALL", "C"),
    ];
    let set = |sandbox: Sandbox, (key, value)| sandbox.env(key, value);
    variables.into_iter().fold(sandbox, set)
}

/// Types a command at the prompt, and reads its echo.
#[track_caller]
fn enter(pty: &mut Pty, command: &str) {
    pty.send_line(command);
    pty.expect(command);
}

/// Types a command at the prompt, and waits for its output and for the next prompt.
#[track_caller]
fn ask(pty: &mut Pty, command: &str, answer: &str) {
    enter(pty, command);
    pty.expect(answer);
    pty.expect(PROMPT);
}

/// Waits until a job has the terminal, and returns its leader.
#[track_caller]
fn wait_foreground(pty: &Pty, program: &str) -> Process {
    let mut found = None;
    poll_until(&format!("{program} in the foreground"), || {
        found = pty.foreground_group().map(Process::new);
        let name = found
            .and_then(|process| process.stat())
            .map(|stat| stat.comm);
        name.is_some_and(|name| name == program)
    });
    found.expect("the condition held")
}

/// Everything that people do with jobs, starting at a prompt.
#[track_caller]
fn use_job_control(pty: &mut Pty) {
    enter(pty, "sleep 1000");
    wait_foreground(pty, "sleep");
    pty.send_ctrl('c');
    pty.expect(PROMPT);
    ask(pty, "echo status=$?", "status=130\r\n");

    enter(pty, "sleep 1001");
    let sleep = wait_foreground(pty, "sleep");
    pty.send_ctrl('z');
    pty.expect("Stopped");
    pty.expect(PROMPT);
    wait_for_state(sleep, "T");
    ask(pty, "jobs", "Stopped                 sleep 1001\r\n");
    ask(pty, "bg", "sleep 1001 &\r\n");
    wait_for_state(sleep, "S");
    ask(pty, "jobs", "Running                 sleep 1001 &\r\n");
    enter(pty, "fg");
    assert_eq!(wait_foreground(pty, "sleep"), sleep);
    pty.send_ctrl('c');
    pty.expect(PROMPT);
    ask(pty, "echo status=$?", "status=130\r\n");

    pty.set_window_size(51, 133);
    ask(pty, "stty size", "51 133\r\n");
    ask(pty, "echo $LINES-$COLUMNS", "51-133\r\n");
    pty.set_window_size(24, 80);
    ask(pty, "stty size", "24 80\r\n");
}

/// An interactive bash below the init with these options, at its prompt. It prints nothing before.
#[track_caller]
fn inner_shell(place: Place, options: &[&str]) -> (Pty, Running) {
    let mut pty = Pty::open();
    let sandbox = native(place).args(options).arg("--").args(BASH);
    let init = plainly(sandbox).terminal(&pty).start();
    assert_eq!(pty.expect(PROMPT), PROMPT);
    (pty, init)
}

#[test]
fn a_shell_below_the_init_has_job_control() {
    require_namespaces!();
    require_program!("bash");
    for place in PLACES {
        for options in [&[][..], &["-c"], &["-t", "child"]] {
            let (mut pty, mut init) = inner_shell(place, options);
            use_job_control(&mut pty);
            pty.send_line("exit 7");
            init.wait().assert_code(7);
        }
    }
}

#[test]
fn a_shell_below_each_original_and_below_ours_by_its_name_has_job_control() {
    require_namespaces!();
    require_program!("bash");
    require_originals!();
    for original in ORIGINALS {
        for (whose, sandbox) in ["theirs", "ours"]
            .into_iter()
            .zip(original.both(Place::Pid1))
        {
            // The original leaves TSTP blocked in the command: Ctrl-Z does nothing.
            if original == Original::Catatonit && whose == "theirs" {
                continue;
            }
            let mut pty = Pty::open();
            let mut init = plainly(sandbox.arg("--").args(BASH)).terminal(&pty).start();
            assert_eq!(pty.expect(PROMPT), PROMPT, "{whose} {original:?}");
            use_job_control(&mut pty);
            pty.send_line("exit 7");
            init.wait().assert_code(7);
        }
    }
}

/// An interactive bash that the init does not run.
fn outer_shell(pty: &mut Pty) -> Running {
    let sandbox = Sandbox::plain(BASH[0]).args(&BASH[1..]);
    let shell = plainly(sandbox).terminal(pty).start();
    pty.expect(PROMPT);
    shell
}

/// Leaves the inner shell, checks that the outer one has its terminal back, and leaves that one.
#[track_caller]
fn leave(mut pty: Pty, mut shell: Running) {
    ask(&mut pty, "exit 7", "exit\r\n");
    ask(&mut pty, "echo status=$?", "status=7\r\n");
    use_job_control(&mut pty);
    pty.send_line("exit 3");
    shell.wait().assert_code(3);
}

#[test]
fn a_shell_below_the_init_has_job_control_below_another_shell_with_c() {
    require_program!("bash");
    let mut pty = Pty::open();
    let shell = outer_shell(&mut pty);
    let inner = BASH.join(" ");
    enter(&mut pty, &format!("$INIT -c -- {inner}"));
    // Nothing in between: bash does not complain of missing job control.
    assert_eq!(pty.expect(PROMPT), format!("\r\n{PROMPT}"));
    use_job_control(&mut pty);
    leave(pty, shell);
}

#[test]
fn without_c_the_terminal_stays_with_the_shell_above() {
    require_program!("bash");
    let mut pty = Pty::open();
    let shell = outer_shell(&mut pty);
    let inner = BASH.join(" ");
    enter(&mut pty, &format!("$INIT -- {inner}"));
    // As below dumb-init, the shell has a session of its own and no controlling terminal.
    pty.expect("no job control in this shell\r\n");
    pty.expect(PROMPT);
    leave(pty, shell);
}

#[test]
fn the_shell_above_stops_init_and_command_and_lets_them_go_on() {
    require_program!("bash");
    for options in ["", "-c", "-t child"] {
        let mut pty = Pty::open();
        let mut shell = outer_shell(&mut pty);
        let command = format!("$INIT {options} -- $FIXTURE fixture sleep-forever");
        enter(&mut pty, &command);
        let line = pty.expect("ready pid=") + &pty.expect(" ");
        let pid = line
            .rsplit('=')
            .next()
            .and_then(|pid| pid.trim().parse().ok());
        let command = Process::new(pid.expect("a pid"));
        let init = Process::new(command.stat().unwrap().ppid);
        for round in 0..5 {
            pty.send_ctrl('z');
            pty.expect("Stopped");
            pty.expect(PROMPT);
            for process in [init, command] {
                wait_for_state(process, "T");
            }
            ask(&mut pty, "jobs", "[1]+  Stopped");
            if round % 2 == 0 {
                ask(&mut pty, "bg", "&\r\n");
                for process in [init, command] {
                    wait_for_state(process, "S");
                }
            }
            enter(&mut pty, "fg");
            for process in [init, command] {
                wait_for_state(process, "S");
            }
            poll_until("the init in the foreground", || {
                pty.foreground_group() == Some(init.pid)
            });
        }
        pty.send_ctrl('c');
        pty.expect(PROMPT);
        ask(&mut pty, "echo status=$?", "status=130\r\n");
        pty.send_line("exit 3");
        shell.wait().assert_code(3);
    }
}

#[test]
fn a_hang_up_ends_shell_jobs_and_init() {
    require_namespaces!();
    require_program!("bash");
    for place in PLACES {
        for options in [&[][..], &["-c"], &["-t", "child"]] {
            let (mut pty, mut init) = inner_shell(place, options);
            enter(&mut pty, "sleep 1000");
            wait_foreground(&pty, "sleep");
            pty.send_ctrl('z');
            pty.expect("Stopped");
            pty.expect(PROMPT);
            // With -c the kernel sends HUP to the init, and bash may see the end of its input
            // before it gets HUP: then it leaves background jobs alone.
            let told_first = options != ["-c"];
            if told_first {
                ask(&mut pty, "sleep 1001 &", "[2] ");
                // Until it has exec'd sleep, bash's own handlers may swallow the signal.
                let is_sleep = |p: &Process| p.stat().is_some_and(|stat| stat.comm == "sleep");
                init.poll_until("two jobs", || {
                    init.others().iter().filter(|p| is_sleep(p)).count() == 2
                });
            }
            pty.hang_up();
            let ended = init.wait();
            if told_first {
                ended.assert_code(129);
            }
            init.poll_until("nothing left", || init.others().is_empty());
        }
    }
}

const STOPS: [i32; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

#[test]
fn stops_and_conts_that_others_send_stop_both_or_the_command_of_pid_1_and_let_it_go_on() {
    require_namespaces!();
    for place in PLACES {
        for options in [&[][..], &["-t", "child"]] {
            let mut init = native_fixture(place, options, &["sleep-forever"]).start_ready();
            let command = init.wait_child();
            for round in 0..60 {
                init.kill(STOPS[round % STOPS.len()]);
                wait_for_state(command, "T");
                match place {
                    Place::Child => wait_for_state(init.process(), "T"),
                    Place::Pid1 => wait_asleep(&init),
                }
                init.kill(libc::SIGCONT);
                for process in [init.process(), command] {
                    wait_for_state(process, "S");
                }
            }
            init.kill(libc::SIGTERM);
            init.wait().assert_code(143);
        }
    }
}

#[test]
fn a_cont_that_comes_before_the_init_has_stopped_is_not_lost() {
    require_namespaces!();
    require_program!("strace");
    // What delays the init between the command's stop and its own: the call that stops the command,
    // the look for a pending CONT, its lines in the log. On a slower machine the CONT comes after
    // the stop, which must end just as well.
    for (slowly, options) in [
        ("inject=kill:delay_exit=300000:when=1", &[][..]),
        ("inject=rt_sigpending:delay_enter=300000", &[]),
        ("inject=pwritev2:delay_exit=300000", &["-v"]),
    ] {
        for stop in STOPS {
            let directory = TempDir::new();
            let signals = ["signals", "--until", "TERM"];
            let mut init = native_fixture(Place::Child, options, &signals)
                .strace(directory.join("strace"), &["-e", slowly])
                .start_ready();
            let command = init.wait_child();
            init.kill(stop);
            if options == ["-v"] {
                // The line is written before the delayed call returns.
                init.expect_stderr("stopping");
            }
            wait_for_state(command, "T");
            init.kill(libc::SIGCONT);
            init.expect("signal 18 ");
            init.kill(libc::SIGTERM);
            init.wait().assert_code(0);
        }
    }
}
