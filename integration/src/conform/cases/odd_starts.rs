//! Unusual surroundings.

use crate::{
    conform::prelude::*,
    sandbox::{Sandbox, Stdio},
    signals::SignalSet,
};

pub(super) const CASES: &[Behaviour] = &[
    case(
        "mask-is-handed-on",
        "The command gets the signal mask that the init was given.",
        "A caller that blocks signals before an exec does so on purpose. If an init leaves its own mask behind, the command does not get signals.",
        mask,
    ),
    case(
        "ignored-signals-are-handed-on",
        "Signals that were ignored stay ignored in the command.",
        "nohup(1) relies on it.",
        ignored,
    ),
    case(
        "nothing-is-blocked",
        "The command starts with no signal blocked where none was.",
        "catatonit leaves the terminal's signals blocked in the command; a shell then cannot be suspended.",
        |cx| shows(cx, |init| init, "SigBlk", "0000000000000000"),
    ),
    case(
        "nothing-is-ignored",
        "The command starts with no signal ignored where none was.",
        "Rust's runtime ignores SIGPIPE: `yes | head` in the container does not end.",
        |cx| shows(cx, |init| init, "SigIgn", "0000000000000000"),
    ),
    case(
        "ignored-chld-is-survived",
        "Started with SIGCHLD ignored, the init sees the command's end and its status.",
        "tini and catatonit wait forever, because the kernel discards the status.",
        |cx| works(cx, |init| init.ignored([libc::SIGCHLD])),
    ),
    case(
        "closed-descriptors-stay-closed",
        "Standard input and error that were closed are closed in the command.",
        "Rust's runtime opens /dev/null in their place, and other programs hand their numbers to the next files that they open.",
        closed,
    ),
    case(
        "all-descriptors-closed",
        "With standard input, output and error closed the command runs, and its status comes through.",
        "cron jobs and some CI runners start programs like this.",
        all_closed,
    ),
    case(
        "without-proc",
        "It works where /proc is empty.",
        "Hardened images do not mount it.",
        |cx| works(cx, Sandbox::no_proc),
    ),
    case(
        "deleted-directory",
        "It works in a directory that has been deleted.",
        "Deployments replace the directory while a container restarts.",
        |cx| works(cx, Sandbox::deleted_cwd),
    ),
    case(
        "empty-environment",
        "It works without an environment.",
        "`env -i`, and runtimes that pass nothing.",
        |cx| shows(cx, Sandbox::env_clear, "env_count", "0"),
    ),
    case(
        "as-an-ordinary-user",
        "It works as a user without any privilege.",
        "USER in a Dockerfile, and Kubernetes' runAsNonRoot.",
        |cx| shows(cx, |init| init.user(65532, 65532), "uid", "65532"),
    )
    .needs_root(),
    case(
        "no-new-privileges",
        "It works with no_new_privs.",
        "Kubernetes' allowPrivilegeEscalation: false.",
        |cx| shows(cx, Sandbox::no_new_privileges, "no_new_privs", "1"),
    ),
    case(
        "standard-input-is-the-commands",
        "Every byte of standard input is the command's.",
        "`docker run -i` feeds scripts and database dumps through it.",
        standard_input,
    ),
    case(
        "not-pid-1",
        "Where it is not PID 1, the command runs and its status comes through.",
        "Docker's --init, a shared PID namespace in Kubernetes, a CI runner.",
        |cx| cx.nested(&["exit", "7"])?.end()?.code(7).map(drop),
    ),
    case(
        "below-itself",
        "An init as the command of the same init passes TERM through, once.",
        "An image with an init, run with --init.",
        below_itself,
    ),
];

/// The fixture `info`, started in these surroundings, prints this value.
fn shows(
    cx: &Context<'_>,
    surroundings: impl FnOnce(Sandbox) -> Sandbox,
    key: &str,
    expected: &str,
) -> Verdict {
    let sandbox = surroundings(cx.sandbox(Context::fixture(&["info"])));
    cx.start(sandbox)?
        .end()?
        .code(0)?
        .has(key, expected)
        .map(drop)
}

/// A command, started in these surroundings, ends with 7, and so does the init.
fn works(cx: &Context<'_>, surroundings: impl FnOnce(Sandbox) -> Sandbox) -> Verdict {
    let sandbox = surroundings(cx.sandbox(Context::fixture(&["exit", "7"])));
    cx.start(sandbox)?.end()?.code(7).map(drop)
}

fn mask(cx: &Context<'_>) -> Verdict {
    let set = SignalSet::of(&[libc::SIGUSR1, libc::SIGTSTP, 40]);
    let shown = format!("{:016x}", set.bits());
    shows(cx, |init| init.blocked(set), "SigBlk", &shown)
}

fn ignored(cx: &Context<'_>) -> Verdict {
    let set = SignalSet::of(&[libc::SIGHUP, libc::SIGPIPE, 40]);
    let shown = format!("{:016x}", set.bits());
    shows(cx, |init| init.ignored(set), "SigIgn", &shown)
}

fn closed(cx: &Context<'_>) -> Verdict {
    let closed = |init: Sandbox| init.stdin(Stdio::Closed).stderr(Stdio::Closed);
    shows(cx, closed, "fds", "1")
}

fn all_closed(cx: &Context<'_>) -> Verdict {
    works(cx, |init| {
        init.stdin(Stdio::Closed)
            .stdout(Stdio::Closed)
            .stderr(Stdio::Closed)
    })
}

fn standard_input(cx: &Context<'_>) -> Verdict {
    let sandbox = cx
        .sandbox(Context::script("cat; exit 7"))
        .stdin(Stdio::Piped);
    let mut subject = cx.start(sandbox)?;
    let text = "a line\n".repeat(5000);
    // An init that has ended has closed the other end: that is seen below.
    let _ = subject.running().try_write_stdin(&text);
    subject.running().close_stdin();
    let end = subject.end()?.code(7)?;
    ensure(end.stdout == text.as_bytes(), || {
        format!("of {} bytes {} arrived", text.len(), end.stdout.len())
    })
}

fn below_itself(cx: &Context<'_>) -> Verdict {
    let mut command = vec![cx.init.path().as_os_str().to_owned()];
    let inner = Context::fixture(&["signals", "--until", UNTIL_LAST, "--exit", "7"]);
    command.extend(cx.init.arguments(&[], inner));
    let mut subject = cx.start(cx.sandbox(command))?;
    subject.ready()?;
    subject.send(libc::SIGTERM);
    subject.gets(libc::SIGTERM)?;
    let end = subject.end_by(LAST)?.code(7)?;
    end.took(&[libc::SIGTERM], LAST)
}
