//! Unusual surroundings.

use crate::{conform::prelude::*, sandbox::Stdio, signals::SignalSet};

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
        nothing_blocked,
    ),
    case(
        "nothing-is-ignored",
        "The command starts with no signal ignored where none was.",
        "Rust's runtime ignores SIGPIPE: `yes | head` in the container does not end.",
        nothing_ignored,
    ),
    case(
        "ignored-chld-is-survived",
        "Started with SIGCHLD ignored, the init sees the command's end and its status.",
        "tini and catatonit wait forever, because the kernel discards the status.",
        ignored_chld,
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
        without_proc,
    ),
    case(
        "deleted-directory",
        "It works in a directory that has been deleted.",
        "Deployments replace the directory while a container restarts.",
        deleted,
    ),
    case(
        "empty-environment",
        "It works without an environment.",
        "`env -i`, and runtimes that pass nothing.",
        empty_environment,
    ),
    case(
        "as-an-ordinary-user",
        "It works as a user without any privilege.",
        "USER in a Dockerfile, and Kubernetes' runAsNonRoot.",
        ordinary_user,
    )
    .needs_root(),
    case(
        "no-new-privileges",
        "It works with no_new_privs.",
        "Kubernetes' allowPrivilegeEscalation: false.",
        no_new_privileges,
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
        not_pid1,
    ),
    case(
        "below-itself",
        "An init as the command of the same init passes TERM through, once.",
        "An image with an init, run with --init.",
        below_itself,
    ),
];

fn mask(cx: &Context<'_>) -> Verdict {
    let set = SignalSet::of(&[libc::SIGUSR1, libc::SIGTSTP, 40]);
    let sandbox = cx.sandbox(Context::fixture(&["info"])).blocked(set);
    let end = cx.start(sandbox)?.end()?.code(0)?;
    end.has("SigBlk", &format!("{:016x}", set.bits())).map(drop)
}

fn ignored(cx: &Context<'_>) -> Verdict {
    let set = SignalSet::of(&[libc::SIGHUP, libc::SIGPIPE, 40]);
    let sandbox = cx.sandbox(Context::fixture(&["info"])).ignored(set);
    let end = cx.start(sandbox)?.end()?.code(0)?;
    end.has("SigIgn", &format!("{:016x}", set.bits())).map(drop)
}

fn nothing_blocked(cx: &Context<'_>) -> Verdict {
    let end = cx.pid1(&["info"])?.end()?.code(0)?;
    end.has("SigBlk", "0000000000000000").map(drop)
}

fn nothing_ignored(cx: &Context<'_>) -> Verdict {
    let end = cx.pid1(&["info"])?.end()?.code(0)?;
    end.has("SigIgn", "0000000000000000").map(drop)
}

fn ignored_chld(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["exit", "7"]));
    let sandbox = sandbox.ignored([libc::SIGCHLD]);
    cx.start(sandbox)?.end()?.code(7).map(drop)
}

fn closed(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["info"]));
    let sandbox = sandbox.stdin(Stdio::Closed).stderr(Stdio::Closed);
    cx.start(sandbox)?.end()?.code(0)?.has("fds", "1").map(drop)
}

fn all_closed(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["exit", "7"]));
    let sandbox = sandbox
        .stdin(Stdio::Closed)
        .stdout(Stdio::Closed)
        .stderr(Stdio::Closed);
    cx.start(sandbox)?.end()?.code(7).map(drop)
}

fn without_proc(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["exit", "7"])).no_proc();
    cx.start(sandbox)?.end()?.code(7).map(drop)
}

fn deleted(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["exit", "7"])).deleted_cwd();
    cx.start(sandbox)?.end()?.code(7).map(drop)
}

fn empty_environment(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["info"])).env_clear();
    cx.start(sandbox)?
        .end()?
        .code(0)?
        .has("env_count", "0")
        .map(drop)
}

fn ordinary_user(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["info"])).user(65532, 65532);
    cx.start(sandbox)?
        .end()?
        .code(0)?
        .has("uid", "65532")
        .map(drop)
}

fn no_new_privileges(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["info"])).no_new_privileges();
    cx.start(sandbox)?
        .end()?
        .code(0)?
        .has("no_new_privs", "1")
        .map(drop)
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

fn not_pid1(cx: &Context<'_>) -> Verdict {
    cx.nested(&["exit", "7"])?.end()?.code(7).map(drop)
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
