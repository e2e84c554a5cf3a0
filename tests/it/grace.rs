//! `--grace` and `-t all`: what the command leaves behind.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio as Pipe},
    time::{Duration, Instant},
};

use initlab::{
    Place, Process, Running, Sandbox, Stat, Stdio, TempDir, fixture, poll_until,
    require_namespaces, require_program, require_root, sys,
};

use crate::{
    report::{number, signals},
    support::{PLACES, SLACK, all_named, assert_about, init, named, native, script},
    watch::{calls, name},
};

/// Longer than any test may take: an init that ends has not waited for this time.
const LONG: &str = "600s";

/// Waits until these processes have ended, reaped or not.
#[track_caller]
fn wait_dead(processes: &[Process]) {
    let dead = |process: &Process| process.state().is_none_or(|state| state == 'Z');
    poll_until("the leftovers dead", || processes.iter().all(dead));
}

/// Ends the command, waits for the init, and returns the time since just before the command's
/// end.
#[track_caller]
fn end(init: &mut Running) -> Duration {
    let start = Instant::now();
    init.close_stdin();
    init.wait_exit();
    start.elapsed()
}

#[test]
fn leftovers_in_any_session_and_group_get_term_and_cont_and_the_init_leaves_with_the_last() {
    require_namespaces!();
    require_program!("bash");
    const SCRIPT: &str = "$0 fixture signals --until CONT &
        $0 fixture new-session -- $0 fixture signals --until CONT &
        bash -c 'set -m; $0 fixture signals --until CONT & exit' $0
        read line; exit 7";
    for place in PLACES {
        for option in ["-v", "-c", "-tall", "-tchild"] {
            let mut init = script(place, &["--grace", LONG, option], SCRIPT).start();
            let leftovers = all_named(&mut init, 3, "ready");
            let ids = |of: fn(&Stat) -> i32| {
                let stats = leftovers.iter().filter_map(|leftover| leftover.stat());
                stats.map(|stat| of(&stat)).collect::<BTreeSet<_>>().len()
            };
            assert_eq!(
                (ids(|stat| stat.sid), ids(|stat| stat.pgid)),
                (2, 3),
                "they do not have the sessions and groups that the test needs"
            );
            let inner = if place == Place::Pid1 { 1 } else { init.pid() };
            init.close_stdin();
            for signal in ["signal 15 ", "signal 18 "] {
                init.poll_until(signal, || {
                    String::from_utf8_lossy(&init.stdout_so_far())
                        .matches(signal)
                        .count()
                        == 3
                });
            }
            let ended = init.wait().assert_code(7);
            assert_eq!(signals(&ended.stdout).len(), 6, "{ended}");
            assert_eq!(
                ended
                    .stdout_text()
                    .matches(&format!(" pid={inner} "))
                    .count(),
                6,
                "{ended}"
            );
        }
    }
}

#[test]
fn the_init_waits_for_a_leftover_that_takes_its_time() {
    require_namespaces!();
    for place in PLACES {
        let text = "$0 fixture signals --until USR1 & read line; exit 7";
        let mut init = script(place, &["--grace", LONG], text).start();
        let [leftover] = all_named(&mut init, 1, "ready")[..] else {
            unreachable!()
        };
        init.close_stdin();
        init.expect("signal 18 ");
        init.poll_until("the command reaped", || init.children() == [leftover]);
        assert_eq!(init.try_status(), None);
        sys::kill(leftover.pid, libc::SIGUSR1).unwrap();
        init.expect("signal 10 ");
        init.wait().assert_code(7);
    }
}

#[test]
fn without_leftovers_the_init_leaves_at_once() {
    require_namespaces!();
    for place in PLACES {
        let options = ["--grace", LONG];
        native(place)
            .args(options)
            .args(["--", "sh", "-c", "exit 3"])
            .run()
            .assert_code(3);
        let killed = ["--", "sh", "-c", "kill -KILL $$"];
        native(place)
            .args(options)
            .args(killed)
            .run()
            .assert_code(137);
    }
}

#[test]
fn leftovers_that_ignore_term_are_killed_at_the_deadline_and_not_before() {
    require_namespaces!();
    const SCRIPT: &str =
        "$0 fixture ignore TERM & $0 fixture new-session -- $0 fixture ignore all &
        read line; exit 5";
    for place in PLACES {
        let mut init = script(place, &["--grace", "300ms", "-v"], SCRIPT).start();
        let leftovers = all_named(&mut init, 2, "ready");
        let took = end(&mut init);
        assert_about(took, Duration::from_millis(300), &init);
        wait_dead(&leftovers);
        let ended = init.wait().assert_code(5);
        assert!(
            ended.stderr_text().contains("sent SIGKILL to everybody\n"),
            "{ended}"
        );
    }
}

#[test]
fn no_time_at_all_is_a_kill_at_once() {
    require_namespaces!();
    for place in PLACES {
        let text = "$0 fixture ignore TERM & read line; exit 5";
        let mut init = script(place, &["--grace", "0"], text).start();
        let leftovers = all_named(&mut init, 1, "ready");
        init.close_stdin();
        init.wait().assert_code(5);
        wait_dead(&leftovers);
    }
}

#[test]
fn a_stopped_leftover_is_woken_to_act_on_term() {
    require_namespaces!();
    for place in PLACES {
        let text = "$0 fixture new-session -- $0 fixture sleep-forever & read line; exit 7";
        let mut init = script(place, &["--grace", LONG], text).start();
        let [leftover] = all_named(&mut init, 1, "ready")[..] else {
            unreachable!()
        };
        sys::kill(leftover.pid, libc::SIGSTOP).unwrap();
        init.poll_until("a stopped leftover", || leftover.state() == Some('T'));
        init.close_stdin();
        init.wait().assert_code(7);
    }
}

#[test]
fn what_is_forked_on_term_does_not_outlive_the_deadline() {
    require_namespaces!();
    const SCRIPT: &str = "sh -c 'trap \"setsid $0 fixture ignore TERM & exit\" TERM
            echo trapped; while :; do sleep 1000 & wait; done' $0 &
        read line; exit 5";
    for place in PLACES {
        let mut init = script(place, &["--grace", "500ms"], SCRIPT).start();
        init.expect("trapped");
        let start = Instant::now();
        init.close_stdin();
        // TERM may reach it before it can report anything.
        let forked = init.try_expect_line("the process forked", |line| line.contains("ready"));
        init.wait().assert_code(5);
        assert!(start.elapsed() < Duration::from_millis(500) + SLACK);
        if let (Ok(line), Place::Child) = (forked, place) {
            wait_dead(&[Process::new(number(&line, "pid").unwrap())]);
        }
    }
}

#[test]
fn processes_that_fork_without_end_do_not_hold_the_init_beyond_the_deadline() {
    require_namespaces!();
    // Each forks the next one and ends. It is over when the directory is gone, or after some
    // seconds, whatever happens to the test.
    const SCRIPT: &str =
        "chain() { [ -e $1/on ] && [ $2 -lt 20000 ] && chain $1 $(($2 + 1)) & exit; }
        (trap '' TERM; chain $1 0) &
        echo forking; read line; exit 5";
    for place in PLACES {
        for option in ["-v", "-c"] {
            let directory = TempDir::new();
            let on = directory.join("on");
            fs::write(&on, "").unwrap();
            let mut init = script(place, &["--grace", "300ms", option], SCRIPT)
                .arg(directory.path())
                .start();
            init.expect("forking");
            let took = end(&mut init);
            let over = fs::remove_file(on);
            assert_eq!(init.try_status().and_then(|status| status.code()), Some(5));
            assert!(took < Duration::from_millis(300) + SLACK, "{took:?}");
            over.unwrap();
            drop(init);
        }
    }
}

/// A reason why the walk over all descendants is impossible: its name, and the warning.
const IMPOSSIBLE: [(&str, &str); 4] = [
    ("", ""),
    ("ENOSYS", "Function not implemented"),
    ("EPERM", "Operation not permitted"),
    ("/proc", "No such file or directory"),
];

fn impossible(sandbox: Sandbox, how: &str) -> Sandbox {
    match how {
        "ENOSYS" => sandbox.failing_call(libc::SYS_pidfd_open, libc::ENOSYS),
        "EPERM" => sandbox.failing_call(libc::SYS_pidfd_open, libc::EPERM),
        "/proc" => sandbox.no_proc(),
        _ => sandbox,
    }
}

const WARNING: &str = "[tidy-init] cannot reach more than the command's group and our children: ";

#[test]
fn where_the_walk_is_impossible_the_group_and_the_children_get_the_signal_with_one_warning() {
    require_namespaces!();
    // One in the command's group, one in a session of its own, which becomes a child of the init.
    const SCRIPT: &str = "$0 fixture signals --until CONT &
        $0 fixture new-session -- $0 fixture signals --until CONT &
        read line; exit 7";
    for (how, reason) in IMPOSSIBLE {
        let sandbox = script(Place::Child, &["--grace", "1500ms"], SCRIPT);
        let mut init = impossible(sandbox, how).start();
        for _ in 0..2 {
            init.expect("ready");
        }
        let took = end(&mut init);
        let ended = init.wait().assert_code(7);
        let reached = signals(&ended.stdout)
            .iter()
            .filter(|signal| **signal == 15)
            .count();
        let warning = format!("{WARNING}{reason}\n");
        match how {
            "" => ended.assert_stderr(""),
            _ => ended.assert_stderr(warning),
        };
        if how == "/proc" {
            // The other one's pid is unknown.
            assert_eq!(reached, 1);
            assert_about(took, Duration::from_millis(1500), &init);
        } else {
            assert_eq!(
                reached,
                2,
                "{how}: {}",
                init.failure("not all were reached")
            );
        }
    }
}

#[test]
fn where_the_walk_is_impossible_pid_1_does_without_it() {
    require_namespaces!();
    for (how, _) in IMPOSSIBLE {
        let text = "$0 fixture new-session -- $0 fixture signals --until CONT & read line; exit 7";
        let sandbox = script(Place::Pid1, &["--grace", LONG], text);
        let mut init = impossible(sandbox, how).start_ready();
        init.close_stdin();
        let ended = init.wait().assert_code(7).assert_stderr("");
        assert_eq!(signals(&ended.stdout), [15, 18], "{ended}");
    }
}

#[test]
fn processes_that_are_not_our_descendants_never_get_a_signal() {
    require_namespaces!();
    // In a PID namespace of the test: a reaper, its child that any signal kills, and the init as
    // another child of the same group, session and user.
    const LEFTOVERS: &str =
        "$0 fixture ignore all & $0 fixture new-session -- $0 fixture ignore all & ";
    const ENDS: &str = "exit 5";
    const IS_KILLED: &str = "trap '' USR1; kill -USR1 $PPID; exec $0 fixture ignore all";
    for (how, _) in IMPOSSIBLE {
        for (options, end, expected) in [
            (&["--grace", "100ms"][..], ENDS, "code=5 signal=none"),
            (&["--grace", "100ms", "-c"], ENDS, "code=5 signal=none"),
            (
                &["-k", "USR1:100ms", "-t", "all"],
                IS_KILLED,
                "code=137 signal=none",
            ),
            (
                &["-k", "USR1:100ms", "-c"],
                IS_KILLED,
                "code=137 signal=none",
            ),
        ] {
            if how == "/proc" && expected.starts_with("code=137") {
                // Another test shows that the command is reached there.
                continue;
            }
            let mut reaper = impossible(Sandbox::new(fixture()), how)
                .args(["fixture", "children-then-exec", "1", "--"])
                .arg(fixture())
                .args(["fixture", "parent", "--"])
                .arg(init())
                .args(options)
                .args(["--", "sh", "-c", &format!("{LEFTOVERS}{end}")])
                .arg(fixture())
                .start();
            // The bystander may begin to wait when the init has ended.
            let mut said = [(); 2].map(|()| {
                reaper.expect_line(|line| line.starts_with("ended ") || line.starts_with("waiting"))
            });
            said.sort();
            let [ended, waiting] = said;
            assert!(ended.ends_with(expected), "{how} {options:?}: {ended}");
            let bystander = named(&reaper, &waiting);
            assert_eq!(
                bystander.state(),
                Some('S'),
                "{how} {options:?}: {}",
                reaper.failure("the bystander is gone")
            );
            assert_eq!(reaper.try_status(), None);
        }
    }
}

#[test]
fn where_the_walk_is_impossible_the_command_is_reached_in_any_case() {
    require_namespaces!();
    for (how, _) in IMPOSSIBLE {
        for option in ["-v", "-c", "-tall", "-tchild"] {
            let sandbox = native(Place::Child)
                .args(["-k", "100ms", option, "--"])
                .arg(fixture())
                .args(["fixture", "ignore", "all"])
                .timeout(Duration::from_secs(10));
            let mut init = impossible(sandbox, how).start_ready();
            init.kill(libc::SIGTERM);
            init.wait().assert_code(137);
        }
    }
}

#[test]
fn a_stop_signal_during_grace_goes_to_all_as_rewritten_and_no_other_signal_does() {
    require_namespaces!();
    const SCRIPT: &str = "$0 fixture signals --until 40 &
        $0 fixture new-session -- $0 fixture signals --until 40 & read line; exit 7";
    for place in PLACES {
        let options = [
            "--grace",
            LONG,
            "-v",
            "-r",
            "TERM:USR2",
            "-r",
            "QUIT:0",
            "-k",
            "HUP:1h",
        ];
        let mut init = script(place, &options, SCRIPT).start();
        let leftovers = all_named(&mut init, 2, "ready");
        init.close_stdin();
        for _ in 0..2 {
            init.expect("signal 18 ");
        }
        // The init forwards none of these, but a stop signal, and one that -k names.
        for (signal, name) in [
            (libc::SIGUSR1, "USR1"),
            (libc::SIGQUIT, "QUIT"),
            (36, "RTMIN+2"),
        ] {
            init.kill(signal);
            init.expect_stderr(&format!("received SIG{name} "));
        }
        for (signal, delivered) in [(libc::SIGTERM, 12), (libc::SIGINT, 2), (libc::SIGHUP, 1)] {
            init.kill(signal);
            for _ in 0..2 {
                init.expect(&format!("signal {delivered} "));
            }
        }
        init.poll_until("CONT behind the last one", || {
            signals(init.stdout_so_far())
                .iter()
                .filter(|signal| **signal == 18)
                .count()
                >= 4
        });
        for leftover in leftovers {
            sys::kill(leftover.pid, 40).unwrap();
        }
        let ended = init.wait().assert_code(7);
        let mut taken = signals(&ended.stdout);
        // CONT is not queued: how often it is seen depends on timing.
        taken.retain(|signal| *signal != libc::SIGCONT);
        taken.sort_unstable();
        assert_eq!(taken, [1, 1, 2, 2, 12, 12, 15, 15, 40, 40], "{ended}");
    }
}

#[test]
fn the_target_all_means_every_descendant_in_any_session_and_nobody_else() {
    require_namespaces!();
    const SCRIPT: &str = "$0 fixture new-session -- $0 fixture signals --until 40 &
        exec $0 fixture signals --until 40";
    for place in PLACES {
        for options in [&["-t", "all"][..], &["-t", "all", "-c"]] {
            let mut init = script(place, options, SCRIPT).start();
            let processes = all_named(&mut init, 2, "ready");
            for signal in [libc::SIGUSR1, libc::SIGHUP, 34, 64] {
                init.kill(signal);
                for _ in 0..2 {
                    init.expect(&format!("signal {signal} "));
                }
            }
            init.kill(40);
            wait_dead(&processes);
            let ended = init.wait().assert_code(0);
            // As PID 1 the init may end before they can report the last one.
            let mut taken = signals(&ended.stdout);
            taken.retain(|signal| *signal != 40);
            assert_eq!(taken, [10, 10, 1, 1, 34, 34, 64, 64], "{ended}");
        }
    }
}

#[test]
fn the_walk_costs_no_memory() {
    require_namespaces!();
    require_program!("strace");
    const SCRIPT: &str = "for i in 1 2 3 4 5 6 7 8; do $0 fixture ignore TERM & done
        read line; exit 7";
    for place in PLACES {
        let directory = TempDir::new();
        let log = directory.join("strace");
        let mut init = script(place, &["--grace", "300ms", "-k", LONG, "-vv"], SCRIPT)
            .strace(&log, &[])
            .start();
        for _ in 0..8 {
            init.expect("ready");
        }
        init.close_stdin();
        init.wait().assert_code(7);
        let calls = calls(&log);
        let close = |call: &String| name(call) == "close_range";
        let started = calls.iter().position(close).expect("the end of the start") + 1;
        let allowed = [
            "rt_sigtimedwait",
            "kill",
            "waitid",
            "clock_gettime",
            "openat",
            "readlinkat",
            "readlink",
            "getdents64",
            "read",
            "close",
            "pidfd_open",
            "pidfd_send_signal",
            "pwritev2",
            "exit_group",
        ];
        let others: Vec<_> = calls[started..]
            .iter()
            .filter(|call| !allowed.contains(&name(call)))
            .collect();
        assert!(others.is_empty(), "{others:#?}");
        let walked = calls.iter().any(|call| name(call) == "pidfd_send_signal");
        assert_eq!(walked, place == Place::Child);
    }
}

#[test]
fn a_process_put_into_the_namespace_is_signalled_and_not_waited_for() {
    require_namespaces!();
    require_root!();
    require_program!("nsenter");
    let text = "$0 fixture signals --until USR1 & read line; exit 7";
    let mut init = script(Place::Pid1, &["--grace", LONG], text).start();
    let [leftover] = all_named(&mut init, 1, "ready")[..] else {
        unreachable!()
    };
    let mut guest = Sandbox::plain("nsenter")
        .args(["-t", &init.pid().to_string(), "-p", "--"])
        .arg(fixture())
        .args(["fixture", "signals", "--until", "USR1"])
        .start_ready();
    init.close_stdin();
    // It gets the same signals as the leftovers, and outlives the last of them.
    guest.expect("signal 15 ");
    assert_eq!(init.try_status(), None);
    sys::kill(leftover.pid, libc::SIGUSR1).unwrap();
    init.wait().assert_code(7);
    // The kernel has ended it along with the namespace.
    assert_eq!(guest.wait().status.shell(), 128 + libc::SIGKILL);
}

/// A frozen file system in a mount namespace of its own. A shell holds it, and thaws and unmounts it
/// when its standard input ends: when this is dropped, and also when the test is killed.
struct Frozen {
    holder: Child,
    _directory: TempDir,
}

impl Frozen {
    fn new() -> Result<(Self, String), String> {
        const SCRIPT: &str = "truncate -s 16M $1/image && mkfs.ext4 -q $1/image && mkdir $1/m &&
            mount -o loop $1/image $1/m && touch $1/m/file && fsfreeze -f $1/m && echo frozen
            cat > /dev/null
            fsfreeze -u $1/m; umount $1/m";
        let directory = TempDir::new();
        let mut holder = Command::new("unshare")
            .args(["-m", "sh", "-c", SCRIPT, "sh"])
            .arg(directory.path())
            .stdin(Pipe::piped())
            .stdout(Pipe::piped())
            .stderr(Pipe::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut line);
        let file = directory
            .join("m/file")
            .to_str()
            .expect("a plain path")
            .to_owned();
        let frozen = Self {
            holder,
            _directory: directory,
        };
        match read {
            Ok(_) if line == "frozen\n" => Ok((frozen, file)),
            _ => Err("needs a loop device and a file system that can be frozen".to_owned()),
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

#[test]
fn a_leftover_in_an_uninterruptible_sleep_does_not_hold_the_init_beyond_the_deadline() {
    require_root!();
    require_program!("fsfreeze", "mkfs.ext4", "unshare", "nsenter");
    let (frozen, file) = match Frozen::new() {
        Ok(made) => made,
        Err(reason) => initlab::skip!("{reason}"),
    };
    let mut running = Sandbox::plain("nsenter")
        .arg(format!("--mount=/proc/{}/ns/mnt", frozen.holder.id()))
        .arg(init())
        .args(["--grace", "300ms", "--", "sh", "-c"])
        .arg("sh -c 'echo writing pid=$$; echo > $0' $0 & read line; exit 7")
        .arg(file)
        .stdin(Stdio::Piped)
        .start();
    let [writer] = all_named(&mut running, 1, "writing")[..] else {
        unreachable!()
    };
    running.poll_until("a writer that hangs", || writer.state() == Some('D'));
    let took = end(&mut running);
    let state = writer.state();
    assert_eq!(
        running.try_status().and_then(|status| status.code()),
        Some(7)
    );
    assert_about(took, Duration::from_millis(300), &running);
    assert_eq!(state, Some('D'), "it was no such sleep");
    drop(frozen);
    // It was killed all the same, and dies as soon as it can.
    wait_dead(&[writer]);
}

#[test]
fn nothing_is_announced_where_nothing_is_left() {
    require_namespaces!();
    for place in PLACES {
        let ended = native(place)
            .args(["-v", "--grace", "60s", "--", "true"])
            .run()
            .assert_code(0);
        let text = ended.stderr_text();
        assert!(
            !text.contains("what is left") && !text.contains("sent "),
            "{ended}"
        );
    }
}
