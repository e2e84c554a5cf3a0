//! Orphans: whether they are reaped, and do no harm.

use crate::{conform::prelude::*, sandbox::Stdio, sys};

pub(super) const CASES: &[Behaviour] = &[
    case(
        "orphan-is-reaped",
        "A process whose parent has died is reaped when it ends.",
        "Headless browsers, build agents and every shell script with & leave some: they fill the process table.",
        |cx| alone_to_the_end(orphans(cx, 1, &[])?),
    ),
    case(
        "thirty-at-once-are-reaped",
        "Thirty that have died while the init did not run are all reaped.",
        "SIGCHLD coalesces: one signal for any number of children.",
        at_once,
    ),
    case(
        "storm-leaves-no-zombie",
        "None of 1,000 orphans that die in large groups is left.",
        "Build systems and test runners make such storms.",
        storm,
    ),
    case(
        "other-sessions-are-reaped",
        "Orphans in sessions of their own are reaped.",
        "Daemons detach by setsid(2).",
        |cx| leaders(cx, "--session"),
    ),
    case(
        "other-groups-are-reaped",
        "Orphans in process groups of their own are reaped.",
        "Shells with job control give every pipeline its own group.",
        |cx| leaders(cx, "--group"),
    ),
    case(
        "stopped-child-holds-up-nobody",
        "A stopped orphan does not keep the others from being reaped.",
        "waitpid(2) with WUNTRACED, or a blocking one, gets stuck at the stopped child.",
        stopped_child,
    ),
    case(
        "stopped-command-holds-up-nobody",
        "A stopped command does not keep orphans from being reaped.",
        "A debugger that stops the main process must not fill the process table.",
        stopped_command,
    ),
    case(
        "inherited-zombies-are-reaped",
        "Children that were dead when the init was exec'd are reaped.",
        "An entrypoint script that starts helpers and then execs the init leaves them to it. No signal announces helpers that ended before.",
        inherited_zombies,
    ),
    case(
        "inherited-child-is-not-the-command",
        "The end of a child that the init was exec'd with is not taken for the command's.",
        "With the same scripts, the container would end when the helper does.",
        inherited_child,
    ),
    case(
        "orphan-status-is-not-the-commands",
        "Orphans that end with other statuses do not change the one that is reported.",
        "A crashed helper would make a good job fail.",
        |cx| beside(cx, "sh -c 'exit 3' & sh -c 'kill -9 $$' &"),
    ),
    case(
        "status-survives-a-crowd",
        "The command's status is right though many orphans die with it.",
        "SIGCHLD coalesces: the command is then one of many children to reap, and not the last.",
        crowd,
    ),
    case(
        "orphan-killed-by-real-time-signal",
        "An orphan that a real-time signal killed is reaped, and does no harm.",
        "nix's waitpid reaps it and then fails: inits in Rust end there, or lose the status.",
        |cx| beside(cx, "\"$0\" fixture die 37 &"),
    ),
    case(
        "subreaper",
        "Where it is not PID 1, the init becomes the parent of the command's orphans.",
        "Under Docker's own init or in a CI runner, another process would get them.",
        subreaper,
    )
    .needs(&[Feature::Subreaper]),
    case(
        "subreaper-reaps",
        "Where it is not PID 1, the init reaps them.",
        "The same.",
        subreaper_reaps,
    )
    .needs(&[Feature::Subreaper]),
];

fn orphans<'a>(cx: &'a Context<'a>, count: usize, more: &[&str]) -> Result<Subject<'a>, Fact> {
    let number = count.to_string();
    let words = [&["orphans", &number], more].concat();
    let mut subject = cx.pid1(&words)?;
    subject.expect("ready orphans=", "the command did not start")?;
    Ok(subject)
}

fn at_once(cx: &Context<'_>) -> Verdict {
    let script = "echo waiting; read line; exec \"$0\" fixture orphans 30";
    let sandbox = cx.sandbox(Context::script(script)).stdin(Stdio::Piped);
    let mut subject = cx.start(sandbox)?;
    subject.expect("waiting", "the command did not start")?;
    subject.send(libc::SIGSTOP);
    subject.until("the init did not stop", |s| s.init().state() == Some('T'))?;
    subject.running().close_stdin();
    subject.until("the harness failed: they did not die", |s| {
        s.zombies() == 30
    })?;
    subject.send(libc::SIGCONT);
    alone_to_the_end(subject)
}

fn storm(cx: &Context<'_>) -> Verdict {
    let command = Context::fixture(&["orphan-storm", "1000", "--alive", "50"]);
    let mut subject = cx.start(cx.sandbox(command).most_processes(2000))?;
    subject.expect(
        "done orphans=",
        "the storm did not end: no more processes could be made",
    )?;
    alone_to_the_end(subject)
}

/// Twenty orphans that lead a session or a group each are reaped.
fn leaders(cx: &Context<'_>, option: &str) -> Verdict {
    alone_to_the_end(orphans(cx, 20, &["--exit-after-ms", "10", option])?)
}

/// Waits until the command is the init's only child.
fn alone(subject: &mut Subject<'_>) -> Verdict {
    children(subject, 1)
}

/// As [`alone`], and ends the command by TERM. The status shows that the init has gone on: an init
/// that is about to end has few children, too.
fn alone_to_the_end(mut subject: Subject<'_>) -> Verdict {
    alone(&mut subject)?;
    subject.send(libc::SIGTERM);
    subject.end()?.code(0).map(drop)
}

/// Waits until the init has this many children, dead ones too.
fn children(subject: &mut Subject<'_>, count: usize) -> Verdict {
    subject.until_with(
        |s| s.init().children().len() == count,
        |s| match s.zombies() {
            0 => format!(
                "the init has {} children, instead of {count}",
                s.init().children().len()
            ),
            1 => "1 zombie is left".to_owned(),
            n => format!("{n} zombies are left"),
        },
    )
}

/// Starts the init with a fixture as PID 1, and again elsewhere if it is a subreaper without being
/// asked.
fn everywhere(cx: &Context<'_>, words: &[&str], check: fn(&mut Subject<'_>) -> Verdict) -> Verdict {
    check(&mut cx.pid1(words)?)?;
    match cx.init.options(Feature::Subreaper) {
        Some(options) if options.is_empty() => check(&mut cx.nested(words)?),
        _ => Ok(()),
    }
}

fn stopped_child(cx: &Context<'_>) -> Verdict {
    everywhere(cx, &["stopped-child", "--orphans", "20"], |subject| {
        let lines = ["stopped-orphan pid=", "ready"];
        let [line, _] = subject.expect_all(lines, "the command did not start")?;
        let orphan = subject.named(&line)?;
        subject.until("the orphan did not stop", |_| orphan.state() == Some('T'))?;
        // The command, and the orphan that has stopped itself.
        children(subject, 2)?;
        subject.send(libc::SIGTERM);
        subject.end()?.code(0).map(drop)
    })
}

fn stopped_command(cx: &Context<'_>) -> Verdict {
    everywhere(
        cx,
        &["orphans", "20", "--exit-after-ms", "60000"],
        |subject| {
            subject.expect("ready orphans=", "the command did not start")?;
            let command = subject.command()?;
            children(subject, 21)?;
            let _ = sys::kill(command.pid, libc::SIGSTOP);
            subject.until("the command did not stop", |_| command.state() == Some('T'))?;
            // Only now, so that an init that trips over a stopped child meets that one first.
            for orphan in subject.init().children() {
                if orphan != command {
                    let _ = sys::kill(orphan.pid, libc::SIGKILL);
                }
            }
            alone(subject)?;
            // An init that is about to end has few children, too.
            let _ = sys::kill(command.pid, libc::SIGKILL);
            subject.end()?.code(137).map(drop)
        },
    )
}

fn inherited_zombies(cx: &Context<'_>) -> Verdict {
    let before = ["children-then-exec", "0", "--zombies", "5"];
    let command = Context::fixture(&["signals", "--until", UNTIL_LAST]);
    let mut subject = cx.start(cx.sandbox_behind(&before, command))?;
    subject.ready()?;
    alone(&mut subject)?;
    subject.end_by(LAST)?.code(0).map(drop)
}

fn inherited_child(cx: &Context<'_>) -> Verdict {
    let command = Context::fixture(&["signals", "--until", UNTIL_LAST, "--exit", "7"]);
    let mut subject = cx.start(cx.sandbox_behind(&["children-then-exec", "1"], command))?;
    let [line, _] = subject.expect_all(["waiting pid=", "ready "], "the command did not start")?;
    let child = subject.named(&line)?;
    let _ = sys::kill(child.pid, libc::SIGKILL);
    subject.until("the child was not reaped", |_| !child.exists())?;
    subject.end_by(LAST)?.code(7).map(drop)
}

/// The orphans that this shell command makes are reaped, and the status is the command's.
fn beside(cx: &Context<'_>, orphans: &str) -> Verdict {
    let script = format!("({orphans}) ; exec \"$0\" fixture signals --until PWR --exit 7");
    let mut subject = cx.start(cx.sandbox(Context::script(&script)))?;
    subject.ready()?;
    alone(&mut subject)?;
    subject.end_by(LAST)?.code(7).map(drop)
}

fn crowd(cx: &Context<'_>) -> Verdict {
    for _ in 0..5 {
        let words = ["orphan-storm", "100", "--alive", "50", "--exit", "9"];
        cx.pid1(&words)?.end()?.code(9)?;
    }
    Ok(())
}

fn subreaper(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.nested(&["orphans", "1", "--exit-after-ms", "600000"])?;
    let line = subject.expect("orphan pid=", "the command did not start")?;
    let orphan = subject.named(&line)?;
    subject.expect("ready orphans=", "the command did not start")?;
    let init = subject.init().pid;
    ensure(orphan.stat().is_some_and(|stat| stat.ppid == init), || {
        "the orphan went to the namespace's PID 1, not to the init".to_owned()
    })
}

fn subreaper_reaps(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.nested(&["orphans", "10", "--exit-after-ms", "50"])?;
    subject.expect("ready orphans=", "the command did not start")?;
    alone(&mut subject)?;
    let text = subject.running().stdout_so_far();
    let missed = String::from_utf8_lossy(&text)
        .matches("reaped pid=")
        .count();
    ensure(missed == 0, || {
        format!("{missed} orphans were reaped by another process")
    })
}
