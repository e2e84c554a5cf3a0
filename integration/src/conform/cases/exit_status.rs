//! The exit status, and the message where no command could be started.

use std::ffi::OsString;

use crate::{conform::prelude::*, sys, temp::TempDir, write_executable};

pub(super) const CASES: &[Behaviour] = &[
    case(
        "codes-pass-through",
        "The command's exit status is the init's: 0, 1, 2, 42, 125 to 128, 255.",
        "Restart policies, CI jobs and `docker wait` act on it.",
        |cx| pass(cx, &[0, 1, 2, 42, 125, 126, 127, 128, 255]),
    ),
    case(
        "signal-is-128-and-the-number",
        "Where a signal killed the command, the status is 128 and its number.",
        "It distinguishes an out-of-memory kill, 137, from a crash, 139.",
        by_signal,
    ),
    case(
        "real-time-signal-is-128-and-the-number",
        "That holds for real-time signals: 128 + 37.",
        "Inits that use nix's WaitStatus never notice such a death, and wait forever.",
        |cx| kill(cx, &[34, 37, 64]),
    ),
    case(
        "stop-is-no-end",
        "A command that is stopped has not ended.",
        "waitpid(2) reports stops on request. An init that mistakes a stop for the end kills the job.",
        stop,
    ),
    case(
        "not-found",
        "A command that does not exist gives the status that is documented for it: 127 (dumb-init 2, catatonit 1).",
        "Schedulers use it to distinguish \"not installed\" from \"failed\".",
        not_found,
    ),
    case(
        "not-executable",
        "A command that may not be executed gives the status that is documented for it: 126 (dumb-init 2, catatonit 1).",
        "A lost x bit is the usual first error of an image.",
        |cx| fails(cx, "/etc/passwd", 1),
    ),
    case(
        "directory-as-command",
        "A directory as command gives the same.",
        "Somebody wrote ENTRYPOINT [\"/app\"] instead of /app/app.",
        |cx| fails(cx, "/usr", 1),
    ),
    case(
        "interpreter-not-found",
        "A script whose interpreter is missing counts as not found.",
        "Scripts with Windows line ends ask for \"/bin/sh\\r\".",
        interpreter,
    ),
    case(
        "failed-start-is-explained",
        "Where a command cannot be started, stderr names it and the reason; stdout stays empty.",
        "A container that ends without a message costs an hour of debugging.",
        explained,
    ),
    case(
        "no-command-is-an-error",
        "Without a command there is a message, and a status that is not 0.",
        "An empty CMD must not look like a finished job.",
        no_command,
    ),
    case(
        "unknown-option-starts-nothing",
        "With an option that it does not know, the init starts nothing and ends with a status that is not 0.",
        "An init that ignores a misspelt option surprises its users in production.",
        unknown_option,
    )
    .not_for(&[Personality::Plain]),
    case(
        "failed-fork-is-an-error",
        "Where no process can be made, the init ends with a message and a status that is not 0.",
        "At the pids limit, an init that retries forever prevents the restart of the container.",
        fork_fails,
    ),
    case(
        "exit-map",
        "A status that is declared a success becomes 0.",
        "A JVM ends with 143 after TERM, which is normal.",
        exit_map,
    )
    .needs(&[Feature::ExitMap(143)]),
    case(
        "exit-map-leaves-others",
        "Others stay as they are.",
        "A false success is worse than a failure.",
        |cx| pass(cx, &[0, 1, 142, 144]),
    )
    .needs(&[Feature::ExitMap(143)]),
    case(
        "exit-by-signal",
        "On request, an init that is not PID 1 dies by the signal that killed the command.",
        "Shells and make end a script when a command was interrupted, and go on when it exited with 130.",
        exit_by_signal,
    )
    .needs(&[Feature::ExitBySignal]),
];

/// Each of these exit statuses of the command is the init's.
fn pass(cx: &Context<'_>, codes: &[i32]) -> Verdict {
    for code in codes {
        cx.pid1(&["exit", &code.to_string()])?.end()?.code(*code)?;
    }
    Ok(())
}

/// Each of these signals, where it kills the command, gives 128 and its number.
fn kill(cx: &Context<'_>, signals: &[i32]) -> Verdict {
    for signal in signals {
        let words = ["die", &signal.to_string()];
        cx.pid1(&words)?.end()?.code(128 + signal)?;
    }
    Ok(())
}

fn by_signal(cx: &Context<'_>) -> Verdict {
    let signals = [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGKILL,
        libc::SIGSEGV,
        libc::SIGTERM,
    ];
    kill(cx, &signals)
}

fn stop(cx: &Context<'_>) -> Verdict {
    let script = "echo ready; kill -STOP $$; exit 7";
    let mut subject = cx.start(cx.sandbox(Context::script(script)))?;
    subject.ready()?;
    let command = subject.command()?;
    subject.until(
        "the command did not stop, or its stop was taken for its end",
        |_| command.state() == Some('T'),
    )?;
    // A CONT before the init has looked would take the report of the stop back (waitpid(2)).
    let init = subject.init();
    let is_told = |_: &Subject<'_>| {
        let news = init
            .signal_set("ShdPnd")
            .is_some_and(|set| set.contains(libc::SIGCHLD));
        !news && init.state() == Some('S')
    };
    subject.until("the init does not look at its children", is_told)?;
    // The command, not the init.
    let _ = sys::kill(command.pid, libc::SIGCONT);
    subject.end()?.code(7).map(drop)
}

/// What is documented for a command that does not exist (0) or cannot be executed (1).
fn documented(personality: Personality) -> Option<[i32; 2]> {
    match personality {
        Personality::Native | Personality::Tini => Some([127, 126]),
        Personality::DumbInit => Some([2, 2]),
        Personality::Catatonit => Some([1, 1]),
        Personality::Plain => None,
    }
}

fn fails<S: Into<OsString>>(cx: &Context<'_>, command: S, which: usize) -> Verdict {
    // A directory of PATH that may not be entered would make "not executable" of "not found".
    let sandbox = cx.sandbox([command]).env("PATH", "/usr/bin:/bin");
    let end = cx.start(sandbox)?.end()?;
    match documented(cx.init.personality()) {
        Some(codes) => end.code(codes[which]).map(drop),
        None => ensure(end.status.code() != Some(0), || {
            "the init exited with 0".to_owned()
        }),
    }
}

fn not_found(cx: &Context<'_>) -> Verdict {
    fails(cx, "/nonexistent/command", 0)?;
    fails(cx, "initlab-no-such-command", 0)
}

fn interpreter(cx: &Context<'_>) -> Verdict {
    let directory = TempDir::try_new()?;
    let script = directory.join("script");
    write_executable(&script, "#!/nonexistent/interpreter\r\nexit 7\n", 0o755)?;
    fails(cx, script, 0)
}

fn explained(cx: &Context<'_>) -> Verdict {
    let end = cx.start(cx.sandbox(["/nonexistent/command"]))?.end()?;
    ensure(!end.stderr.trim().is_empty(), || {
        "nothing is said on stderr".to_owned()
    })?;
    ensure(end.stdout.is_empty(), || {
        "something is said on stdout".to_owned()
    })?;
    ensure(end.stderr.contains("No such file"), || {
        let line = end.stderr.lines().next().unwrap_or_default();
        format!("the reason is not named: {line}")
    })
}

fn no_command(cx: &Context<'_>) -> Verdict {
    let end = cx.start(cx.sandbox_with(cx.init.bare(&[])))?.end()?;
    ensure(end.status.code().is_some_and(|code| code != 0), || {
        format!("the init {}", end.status)
    })?;
    ensure(!end.stderr.is_empty() || !end.stdout.is_empty(), || {
        "nothing is said".to_owned()
    })
}

fn unknown_option(cx: &Context<'_>) -> Verdict {
    let options = ["--no-such-option".to_owned()];
    let arguments = cx.init.arguments(&options, ["sh", "-c", "echo started"]);
    let end = cx.start(cx.sandbox_with(arguments))?.end()?;
    ensure(!end.stdout.starts_with(b"started"), || {
        "the command was started".to_owned()
    })?;
    ensure(end.status.code().is_some_and(|code| code != 0), || {
        format!("the init {}", end.status)
    })
}

fn fork_fails(cx: &Context<'_>) -> Verdict {
    let mut sandbox = cx.sandbox(Context::fixture(&["exit", "0"]));
    let calls = [
        libc::SYS_clone,
        libc::SYS_clone3,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_fork,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_vfork,
    ];
    for call in calls {
        sandbox = sandbox.failing_call(call, libc::EAGAIN);
    }
    let end = cx.start(sandbox)?.end()?;
    ensure(end.status.code().is_some_and(|code| code != 0), || {
        format!("the init {}", end.status)
    })?;
    ensure(!end.stderr.is_empty(), || {
        "nothing is said on stderr".to_owned()
    })
}

fn exit_map(cx: &Context<'_>) -> Verdict {
    cx.pid1(&["die", "TERM"])?.end()?.code(0)?;
    cx.pid1(&["exit", "143"])?.end()?.code(0).map(drop)
}

fn exit_by_signal(cx: &Context<'_>) -> Verdict {
    let end = cx.nested(&["die", "TERM"])?.end()?;
    ensure(end.status.signal() == Some(libc::SIGTERM), || {
        format!("the init {}, instead of dying of TERM", end.status)
    })
}
