//! How it all ends.

use std::time::{Duration, Instant};

use super::{
    Case, Context, Fact, Feature, Group, LAST, Personality, Subject, UNTIL_LAST, Verdict, ensure,
};
use crate::{sandbox::Stdio, sys};

const fn case(
    name: &'static str,
    shows: &'static str,
    matters: &'static str,
    run: fn(&Context<'_>) -> Verdict,
) -> Case {
    Case::new(Group::Shutdown, name, shows, matters, run)
}

pub(super) const CASES: &[Case] = &[
    case(
        "ends-with-the-command",
        "The init ends when the command does, though another process goes on.",
        "A forgotten helper must not keep a finished job's container, and its bill, running.",
        ends_with_command,
    ),
    case(
        "term-ends-an-ordinary-program",
        "A program without a handler for TERM is ended by it.",
        "As PID 1 it would not be: the kernel drops the signal, and `docker stop` takes ten seconds.",
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
        "The end can come before the init waits for it.",
        short_commands,
    ),
    case(
        "group-is-told-of-the-end",
        "Not PID 1, the init sends TERM to what is left of the command's group.",
        "A worker whose master crashed would go on, and hold its port.",
        group_is_told,
    )
    .not_for(&[Personality::Tini, Personality::Catatonit, Personality::Plain]),
    case(
        "grace-lets-leftovers-finish",
        "Asked for, what the command leaves behind gets TERM and time to finish.",
        "As PID 1 the end of the init kills everything at once: PostgreSQL recovers for minutes at the next start.",
        grace_lets_finish,
    )
    .needs(&[Feature::Grace(60_000)]),
    case(
        "grace-reaches-other-sessions",
        "That holds for a leftover in a session of its own.",
        "Daemons detach by setsid(2).",
        grace_sessions,
    )
    .needs(&[Feature::Grace(60_000)]),
    case(
        "grace-has-an-end",
        "What ignores TERM is killed when the time is over, not before.",
        "The orchestrator's own patience ends in KILL for all, without a word.",
        grace_ends,
    )
    .needs(&[Feature::Grace(400)]),
    case(
        "kill-after",
        "A command that ignores TERM is killed after the time that was asked for; the status is 137.",
        "Without an orchestrator nobody else would.",
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
        "parent-death",
        "When the init's own parent dies, the command gets the signal that was asked for.",
        "Jobs survive the agent that started them, and hold its locks.",
        parent_death,
    )
    .needs(&[Feature::ParentDeath(libc::SIGTERM)]),
    case(
        "pause-holds-and-ends",
        "Without a command it stays, and TERM ends it with 0.",
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

/// Ends the command of [`leaving`], once the leftover is ready.
fn leave(subject: &mut Subject<'_>) -> Result<Instant, Fact> {
    subject.ready()?;
    subject.running().close_stdin();
    Ok(Instant::now())
}

fn group_is_told(cx: &Context<'_>) -> Verdict {
    let command = leaving("$0 fixture signals --until TERM");
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

fn grace_lets_finish(cx: &Context<'_>) -> Verdict {
    finish(cx, CAREFUL)
}

fn grace_sessions(cx: &Context<'_>) -> Verdict {
    finish(cx, &format!("$0 fixture new-session -- {CAREFUL}"))
}

fn grace_ends(cx: &Context<'_>) -> Verdict {
    let sandbox = cx
        .sandbox(leaving("$0 fixture ignore TERM"))
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
