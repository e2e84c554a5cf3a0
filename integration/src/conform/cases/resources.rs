//! What the init takes for itself.

use std::{
    os::fd::{AsFd, AsRawFd},
    time::Duration,
};

use crate::{conform::prelude::*, deadline::try_poll_until, sys, temp::TempDir};

pub(super) const CASES: &[Behaviour] = &[
    case(
        "no-wake-ups",
        "While nothing happens, the init sleeps: no wake-up in 1.3 s.",
        "tini wakes every second: a thousand idle containers keep a processor from sleeping.",
        wake_ups,
    ),
    case(
        "one-thread",
        "It has one thread.",
        "Runtimes with a thread pool use a stack and a part of the pids limit for each thread.",
        one_thread,
    ),
    case(
        "little-memory",
        "It holds less than 4 MB of memory of its own.",
        "It is counted against the memory limit of every container.",
        memory,
    ),
    case(
        "descriptors-are-let-go",
        "A descriptor that the command closes is closed: the init does not hold it too.",
        "The reader of a pipe would wait for an end of file that never comes.",
        descriptors,
    ),
    case(
        "directory-is-let-go",
        "The init does not stay in the command's directory.",
        "The volume cannot be unmounted: \"target is busy\".",
        directory,
    ),
    case(
        "command-gets-no-descriptors",
        "The command has the descriptors that the init was given, and no other.",
        "Security scanners report descriptors that leak into every child.",
        no_descriptors,
    ),
    case(
        "limits-are-handed-on",
        "The command's resource limits are those that the init was given.",
        "A server with a lowered limit of open files fails at its busiest hour.",
        limits,
    ),
    case(
        "standard-output-is-the-commands",
        "Standard output holds what the command wrote, and nothing else.",
        "It is data: `docker run IMAGE dump | restore`.",
        standard_output,
    ),
    case(
        "standard-output-is-the-commands-when-verbose",
        "The same holds if the init logs what it does.",
        "tini -v writes its log to standard output.",
        standard_output,
    )
    .needs(&[Feature::Verbose]),
    case(
        "quiet-when-all-is-well",
        "Nothing is on standard error when all is well.",
        "Each line of each start ends up in a log.",
        quiet,
    ),
    case(
        "full-stderr-blocks-nothing",
        "With standard error full, an init that logs what it does still forwards TERM.",
        "A log driver that hangs must not keep a container from being stopped.",
        full_stderr,
    )
    .needs(&[Feature::Verbose]),
    case(
        "closed-stderr-does-no-harm",
        "With the reader of standard error gone, the command gets no SIGPIPE for the init's lines.",
        "dumb-init -v forwards its own SIGPIPE, and causes another one when it logs that: 180,000 in three seconds.",
        closed_stderr,
    )
    .needs(&[Feature::Verbose]),
];

/// The init with a command that does nothing, when it has nothing left to do.
fn resting<'a>(cx: &'a Context<'a>) -> Result<Subject<'a>, Fact> {
    let mut subject = cx.pid1(&["sleep-forever"])?;
    subject.ready()?;
    subject.rests()?;
    Ok(subject)
}

fn wake_ups(cx: &Context<'_>) -> Verdict {
    let subject = resting(cx)?;
    let init = subject.init();
    let count = || init.context_switches().unwrap_or(0);
    let before = count();
    subject.stays(Duration::from_millis(1300), |s| s.init().exists());
    let woken = count() - before;
    ensure(woken == 0, || {
        "it woke up while nothing happened".to_owned()
    })
}

fn one_thread(cx: &Context<'_>) -> Verdict {
    let subject = resting(cx)?;
    let threads = subject.init().status_field("Threads");
    ensure(threads.as_deref() == Some("1"), || {
        format!("it has {} threads", threads.unwrap_or_default())
    })
}

fn memory(cx: &Context<'_>) -> Verdict {
    let subject = resting(cx)?;
    let field = subject.init().status_field("RssAnon").unwrap_or_default();
    let kilobytes = field.split(' ').next().and_then(|n| n.parse::<u64>().ok());
    let kilobytes = kilobytes.ok_or_else(|| Fact::new("the harness failed: no RssAnon"))?;
    ensure(kilobytes < 4096, || {
        format!("it holds {} MB", kilobytes / 1024)
    })
}

fn descriptors(cx: &Context<'_>) -> Verdict {
    let (read, write) = sys::pipe()?;
    let command = Context::fixture(&["close-fds", "3", "--"]);
    let command = [command, Context::fixture(&["sleep-forever"])].concat();
    let mut subject = cx.start(cx.sandbox(command).fd(3, write))?;
    subject.ready()?;
    let ended = || sys::poll_readable([read.as_fd()], Some(Duration::ZERO)).is_ok_and(|r| r[0]);
    if try_poll_until(cx.limit(), ended) {
        return Ok(());
    }
    Err(subject.fact("the init still holds descriptor 3"))
}

fn directory(cx: &Context<'_>) -> Verdict {
    let directory = TempDir::try_new()?;
    let command = Context::fixture(&["sleep-forever"]);
    let mut subject = cx.start(cx.sandbox(command).current_dir(directory.path()))?;
    subject.ready()?;
    let busy = |s: &Subject<'_>| s.init().link("cwd").as_deref() == Some(directory.path());
    subject.until("the init stays in the directory", |s| !busy(s))
}

fn no_descriptors(cx: &Context<'_>) -> Verdict {
    let (read, _write) = sys::pipe()?;
    let sandbox = cx.sandbox(Context::fixture(&["info"])).fd(5, read);
    cx.start(sandbox)?
        .end()?
        .code(0)?
        .has("fds", "0,1,2,5")
        .map(drop)
}

fn limits(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["info"]));
    let sandbox = sandbox
        .limit(libc::RLIMIT_NOFILE, 300)
        .limit(libc::RLIMIT_CORE, 4096);
    let end = cx.start(sandbox)?.end()?.code(0)?;
    end.has("limit_nofile", "300:300")?
        .has("limit_core", "4096:4096")
        .map(drop)
}

fn standard_output(cx: &Context<'_>) -> Verdict {
    let end = cx.start(cx.sandbox(["printf", "data"]))?.end()?.code(0)?;
    ensure(end.stdout == b"data", || {
        let text = String::from_utf8_lossy(&end.stdout).into_owned();
        let line = text.lines().find(|line| !line.starts_with("data"));
        format!(
            "standard output has a line of the init's: {}",
            without_pids(line.unwrap_or(""))
        )
    })
}

/// A line without numbers, which differ from run to run.
fn without_pids(line: &str) -> String {
    line.chars()
        .map(|c| if c.is_ascii_digit() { 'N' } else { c })
        .collect()
}

fn quiet(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["signals", "--until", UNTIL_LAST])?;
    subject.ready()?;
    let end = subject.end_by(LAST)?.code(0)?;
    ensure(end.stderr.is_empty(), || {
        let line = end.stderr.lines().next().unwrap_or_default();
        format!("it says: {}", without_pids(line))
    })
}

fn full_stderr(cx: &Context<'_>) -> Verdict {
    let (read, write) = sys::pipe()?;
    let room = sys::set_pipe_size(write.as_fd(), 4096)?;
    sys::write_all(write.as_raw_fd(), &vec![b'x'; room])?;
    let command = Context::fixture(&["signals", "--until", UNTIL_LAST]);
    let mut subject = cx.start(cx.sandbox(command).stderr(write))?;
    subject.ready()?;
    for signal in [libc::SIGUSR1, libc::SIGTERM] {
        subject.send(signal);
        subject.gets(signal)?;
    }
    subject.end_by(LAST)?.code(0)?;
    drop(read);
    Ok(())
}

fn closed_stderr(cx: &Context<'_>) -> Verdict {
    let (read, write) = sys::pipe()?;
    drop(read);
    let command = Context::fixture(&["signals", "--until", UNTIL_LAST]);
    let mut subject = cx.start(cx.sandbox(command).stderr(write))?;
    let lost = "USR1 did not reach the command";
    subject.expect("ready", lost)?;
    subject.send(libc::SIGUSR1);
    subject.gets(libc::SIGUSR1)?;
    let end = subject.end_by(LAST)?.code(0)?;
    let pipes = end
        .signals()
        .iter()
        .filter(|s| **s == libc::SIGPIPE)
        .count();
    ensure(pipes == 0, || {
        "the init's own SIGPIPE was forwarded".to_owned()
    })
}
