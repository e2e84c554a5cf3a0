//! When the init ends, and what becomes of other processes.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use crate::{
    conform::prelude::*, init::PRE_STOP, locate::write_executable, network::Network,
    sandbox::Stdio, sys, temp::TempDir,
};

pub(super) const CASES: &[Behaviour] = &[
    case(
        "ends-with-the-command",
        "The init ends when the command does, although another process continues.",
        "A forgotten helper must not keep a finished job's container, and its bill, running.",
        ends_with_command,
    ),
    case(
        "term-ends-an-ordinary-program",
        "A program without a handler for TERM is ended by it.",
        "As PID 1 the program would not end: the kernel drops the signal, and `docker stop` takes ten seconds.",
        term_ends,
    ),
    case(
        "waits-for-the-command",
        "After TERM the init waits for the command, for as long as that takes.",
        "An init that ends at once kills its command in the middle of its last transaction.",
        waits,
    ),
    case(
        "ends-soon",
        "Less than half a second passes between the command's end and the init's.",
        "Inits that poll add a second to each of a thousand short jobs.",
        soon,
    ),
    case(
        "short-commands-are-seen",
        "A command that ends at once is always seen: 30 times of 30.",
        "The command can end before the init waits for it.",
        short_commands,
    ),
    case(
        "group-is-told-of-the-end",
        "Where it is not PID 1, the init sends TERM to what is left of the command's group.",
        "A worker whose master crashed would continue, and keep its port.",
        group_is_told,
    )
    .not_for(&[Personality::Tini, Personality::Catatonit, Personality::Plain]),
    case(
        "grace-lets-leftovers-finish",
        "On request, the processes that the command leaves behind get TERM and time to finish.",
        "When PID 1 ends, the kernel kills everything at once: at its next start, PostgreSQL needs minutes to recover.",
        |cx| finish(cx, CAREFUL),
    )
    .needs(&[Feature::Grace(60_000)]),
    case(
        "grace-reaches-other-sessions",
        "The same holds for a leftover in its own session.",
        "Daemons detach by setsid(2).",
        |cx| finish(cx, &format!("\"$0\" fixture new-session -- {CAREFUL}")),
    )
    .needs(&[Feature::Grace(60_000)]),
    case(
        "grace-has-an-end",
        "A leftover that ignores TERM is killed when the time is over, not before.",
        "Otherwise the orchestrator kills everything, without a message.",
        grace_ends,
    )
    .needs(&[Feature::Grace(400)]),
    case(
        "kill-after",
        "A command that ignores TERM is killed after the time that was asked for; the status is 137.",
        "Without an orchestrator, nobody else would kill it.",
        kill_after,
    )
    .needs(&[Feature::KillAfter(300)]),
    case(
        "kill-after-waits-for-a-stop-signal",
        "Another signal does not start that time.",
        "A reload by HUP must not kill the server.",
        kill_after_unarmed,
    )
    .needs(&[Feature::KillAfter(200)]),
    case(
        "pre-stop-comes-first",
        "On request, TERM starts a program, and is forwarded when that has ended; HUP does not wait.",
        "Docker has no preStop hook, so a service cannot leave its registry while it still answers.",
        pre_stop_first,
    )
    .needs(&[Feature::PreStop]),
    case(
        "pre-stop-ends-at-the-second",
        "A second TERM ends the wait for that program.",
        "Whoever sends it does not want to wait any longer.",
        pre_stop_second,
    )
    .needs(&[Feature::PreStop]),
    case(
        "pre-stop-may-fail",
        "If that program fails, the init still forwards TERM, and the status is the command's.",
        "A registry that is down must not keep the service from stopping.",
        pre_stop_fails,
    )
    .needs(&[Feature::PreStop]),
    case(
        "linger-waits-for-the-network",
        "On request, the init ends when what was sent over TCP has arrived, not before.",
        "The engine removes the network when the init ends, and with it the data in send buffers.",
        linger_waits,
    )
    .needs(&[Feature::Linger(60_000)])
    .needs_root(),
    case(
        "linger-has-an-end",
        "It waits no longer than it was told to for a client that does not read.",
        "One client that has vanished must not hold up every stop.",
        linger_ends,
    )
    .needs(&[Feature::Linger(400)])
    .needs_root(),
    case(
        "linger-does-not-wait-in-vain",
        "Where nothing is on its way, it ends as soon as without the request.",
        "Otherwise the option would delay every stop.",
        linger_in_vain,
    )
    .needs(&[Feature::Linger(60_000)])
    .needs_root(),
    case(
        "parent-death",
        "When the init's own parent dies, the command gets the signal that was asked for.",
        "Otherwise jobs outlive the agent that started them, and keep its locks.",
        parent_death,
    )
    .needs(&[Feature::ParentDeath(libc::SIGTERM)]),
    case(
        "pause-holds-and-ends",
        "Without a command the init keeps running, and TERM ends it with status 0.",
        "A pod's namespaces live as long as its pause process.",
        pause,
    )
    .not_for(&[Personality::DumbInit, Personality::Tini, Personality::Plain]),
];

fn ends_with_command(cx: &Context<'_>) -> Verdict {
    let words = ["orphans", "1", "--exit-after-ms", "600000", "--exit", "7"];
    cx.pid1(&words)?.end()?.code(7).map(drop)
}

fn term_ends(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["sleep-forever"])?;
    subject.ready()?;
    subject.send(libc::SIGTERM);
    subject.end()?.code(143).map(drop)
}

fn waits(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["signals", "--until", UNTIL_LAST, "--exit", "9"])?;
    subject.ready()?;
    subject.send(libc::SIGTERM);
    subject.gets(libc::SIGTERM)?;
    subject.end_by(LAST)?.code(9).map(drop)
}

fn soon(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["signals", "--until", UNTIL_LAST])?;
    subject.ready()?;
    let command = subject.command()?;
    let start = Instant::now();
    let _ = sys::kill(command.pid, LAST);
    subject.end()?.code(0)?;
    let took = start.elapsed();
    ensure(took < Duration::from_millis(500), || {
        format!("{:.1} s passed", took.as_secs_f64())
    })
}

fn short_commands(cx: &Context<'_>) -> Verdict {
    for round in 1..=30 {
        let end = cx.pid1(&["exit", "7"])?.end();
        let end = end.map_err(|fact| Fact {
            seen: format!("in round {round} {}", fact.seen),
            ..fact
        })?;
        end.code(7)?;
    }
    Ok(())
}

/// A shell command for something that says `ready`, and takes a third of a second to finish after
/// TERM. Nothing that it starts lives long: what it starts while TERM comes gets none.
const CAREFUL: &str = "sh -c 'trap \"sleep 0.3; echo finished; exit 0\" TERM; echo ready; \
    while :; do sleep 0.1; done'";

/// A command that leaves behind what this shell command starts, and ends with 7 when its standard
/// input does.
fn leaving(leftover: &str) -> Vec<std::ffi::OsString> {
    Context::script(&format!("{leftover} & read line; exit 7"))
}

/// Ends the command of [`leaving`], once the leftover is ready. Gives the time just before, so that
/// the init never waits longer than what is measured from then on.
fn leave(subject: &mut Subject<'_>) -> Result<Instant, Fact> {
    subject.ready()?;
    let before = Instant::now();
    subject.running().close_stdin();
    Ok(before)
}

fn group_is_told(cx: &Context<'_>) -> Verdict {
    let command = leaving("\"$0\" fixture signals --until TERM");
    let sandbox = cx.nested_sandbox(1, command).stdin(Stdio::Piped);
    let mut subject = cx.start_nested(sandbox, 1)?;
    leave(&mut subject)?;
    subject.expect("signal 15 ", "what was left of the group got no TERM")?;
    subject.end()?.code(7).map(drop)
}

fn finish(cx: &Context<'_>, leftover: &str) -> Verdict {
    let sandbox = cx.sandbox(leaving(leftover)).stdin(Stdio::Piped);
    let mut subject = cx.start(sandbox)?;
    leave(&mut subject)?;
    let end = subject.end()?.code(7)?;
    let text = String::from_utf8_lossy(&end.stdout).into_owned();
    ensure(text.contains("finished\n"), || {
        "the leftover was killed before it had finished".to_owned()
    })
}

fn grace_ends(cx: &Context<'_>) -> Verdict {
    let sandbox = cx
        .sandbox(leaving("\"$0\" fixture ignore TERM"))
        .stdin(Stdio::Piped);
    let mut subject = cx.start(sandbox)?;
    let start = leave(&mut subject)?;
    subject.end()?.code(7)?;
    let took = start.elapsed();
    ensure(took >= Duration::from_millis(390), || {
        "the init did not wait for the 400 ms".to_owned()
    })
}

fn kill_after(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["ignore", "TERM"])?;
    subject.ready()?;
    let start = Instant::now();
    subject.send(libc::SIGTERM);
    subject.end()?.code(137)?;
    ensure(start.elapsed() >= Duration::from_millis(290), || {
        "it was killed before the 300 ms were over".to_owned()
    })
}

fn kill_after_unarmed(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["signals", "--until", UNTIL_LAST])?;
    subject.ready()?;
    subject.send(libc::SIGHUP);
    subject.gets(libc::SIGHUP)?;
    let command = subject.command()?;
    let lives = subject.stays(Duration::from_millis(600), |_| command.exists());
    ensure(lives, || "HUP killed the command".to_owned())?;
    subject.end_by(LAST)?.code(0).map(drop)
}

/// The init in a directory with this script as the program that runs before the stop.
fn with_pre_stop<'a>(cx: &'a Context<'_>, script: &str) -> Result<(TempDir, Subject<'a>), Fact> {
    let directory = TempDir::try_new()?;
    let text = format!("#!/bin/sh\n{script}\n");
    write_executable(&directory.join(PRE_STOP), text, 0o755)?;
    let command = Context::fixture(&["signals", "--until", UNTIL_LAST, "--exit", "9"]);
    let sandbox = cx.sandbox(command).current_dir(directory.path());
    let mut subject = cx.start(sandbox)?;
    subject.ready()?;
    Ok((directory, subject))
}

/// Says `begun`, and goes on when there is a file `go`.
const WAITS: &str = "echo begun; until [ -e go ]; do sleep 0.05; done; echo over";
const NOT_BEGUN: &str = "the program was not started";

fn pre_stop_first(cx: &Context<'_>) -> Verdict {
    let (directory, mut subject) = with_pre_stop(cx, WAITS)?;
    subject.send(libc::SIGTERM);
    subject.expect("begun", NOT_BEGUN)?;
    subject.send(libc::SIGHUP);
    subject.gets(libc::SIGHUP)?;
    ensure(subject.signals_so_far() == [libc::SIGHUP], || {
        "TERM was forwarded before the program had ended".to_owned()
    })?;
    let _ = fs::write(directory.join("go"), "");
    subject.gets(libc::SIGTERM)?;
    let end = subject.end_by(LAST)?.code(9)?;
    end.took(&[libc::SIGHUP, libc::SIGTERM], LAST)
}

fn pre_stop_second(cx: &Context<'_>) -> Verdict {
    let (directory, mut subject) = with_pre_stop(cx, WAITS)?;
    subject.send(libc::SIGTERM);
    subject.expect("begun", NOT_BEGUN)?;
    subject.send(libc::SIGTERM);
    subject.gets(libc::SIGTERM)?;
    let end = subject.end_by(LAST)?.code(9)?;
    drop(directory);
    end.took(&[libc::SIGTERM], LAST)
}

fn pre_stop_fails(cx: &Context<'_>) -> Verdict {
    let (_directory, mut subject) = with_pre_stop(cx, "exit 3")?;
    subject.send(libc::SIGTERM);
    subject.gets(libc::SIGTERM)?;
    let end = subject.end_by(LAST)?.code(9)?;
    end.took(&[libc::SIGTERM], LAST)
}

/// The init in a network of its own. Its command ends with 7 when its standard input does.
fn in_network<'a>(cx: &'a Context<'_>) -> Result<(Network, Subject<'a>), Fact> {
    let command = Context::script("echo ready; read line; exit 7");
    let sandbox = cx.sandbox(command).stdin(Stdio::Piped).own_network();
    let mut subject = cx.start(sandbox)?;
    subject.ready()?;
    Ok((Network::of(subject.init())?, subject))
}

/// A connection, with more sent than there is room for at its other end: the sender, and that end.
fn unread(network: &Network) -> Result<[TcpStream; 2], Fact> {
    let connect = || {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let mut sender = TcpStream::connect(listener.local_addr()?)?;
        sender.set_nonblocking(true)?;
        while sender.write(&[0; 1 << 16]).is_ok() {}
        Ok([sender, listener.accept()?.0])
    };
    Ok(network.enter(connect)?)
}

fn linger_waits(cx: &Context<'_>) -> Verdict {
    let (network, mut subject) = in_network(cx)?;
    let [sender, mut receiver] = unread(&network)?;
    subject.running().close_stdin();
    let init = subject.init();
    subject.until("the command has not ended", |_| init.children().is_empty())?;
    let waits = subject.stays(Duration::from_millis(300), |_| {
        !matches!(init.state(), None | Some('Z'))
    });
    ensure(waits, || "the init did not wait".to_owned())?;
    drop(sender);
    let _ = receiver.read_to_end(&mut Vec::new());
    subject.end()?.code(7).map(drop)
}

fn linger_ends(cx: &Context<'_>) -> Verdict {
    let (network, mut subject) = in_network(cx)?;
    let _sockets = unread(&network)?;
    let start = Instant::now();
    subject.running().close_stdin();
    subject.end()?.code(7)?;
    ensure(start.elapsed() >= Duration::from_millis(390), || {
        "the init did not wait for the 400 ms".to_owned()
    })
}

fn linger_in_vain(cx: &Context<'_>) -> Verdict {
    let (_network, mut subject) = in_network(cx)?;
    let start = Instant::now();
    subject.running().close_stdin();
    subject.end()?.code(7)?;
    let took = start.elapsed();
    ensure(took < Duration::from_millis(500), || {
        format!("{:.1} s passed", took.as_secs_f64())
    })
}

fn parent_death(cx: &Context<'_>) -> Verdict {
    let command = Context::fixture(&["signals", "--until", UNTIL_LAST]);
    let mut subject = cx.start_nested(cx.nested_sandbox(2, command), 2)?;
    subject.ready()?;
    let parent = subject.init().stat().map(|stat| stat.ppid);
    let parent = parent.ok_or_else(|| subject.fact("the init has ended"))?;
    let _ = sys::kill(parent, libc::SIGKILL);
    subject.gets(libc::SIGTERM).map(drop)
}

fn pause(cx: &Context<'_>) -> Verdict {
    let words = cx.init.personality().pause().unwrap_or_default();
    let arguments = cx.init.bare(words);
    let mut subject = cx.start(cx.sandbox_with(arguments))?;
    let stays = subject.stays(Duration::from_millis(300), |s| {
        !matches!(s.init().state(), None | Some('Z'))
    });
    if !stays {
        return Err(subject.fact("it did not stay"));
    }
    subject.send(libc::SIGTERM);
    subject.end()?.code(0).map(drop)
}
