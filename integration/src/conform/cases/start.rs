//! What the command is given.

use std::{ffi::OsString, os::unix::ffi::OsStrExt, os::unix::ffi::OsStringExt};

use crate::{conform::prelude::*, fingerprint, temp::TempDir, write_executable};

pub(super) const CASES: &[Behaviour] = &[
    case(
        "command-runs",
        "The command runs, and its output arrives.",
        "Everything else depends on it.",
        |cx| cx.pid1(&["info"])?.end()?.code(0)?.value("pid").map(drop),
    ),
    case(
        "arguments-byte-for-byte",
        "Arguments arrive byte for byte: empty ones, options after the command, bytes that are not UTF-8.",
        "pid1-rs reads its arguments as UTF-8: a file name in Latin-1 ends it before the command starts.",
        arguments,
    ),
    case(
        "command-options-are-its-own",
        "Options after the command's name belong to the command.",
        "getopt_long(3) reorders arguments unless it is told not to: `INIT -- sh -c ...` would lose its -c.",
        command_options,
    ),
    case(
        "environment-byte-for-byte",
        "The environment arrives byte for byte, including duplicates and entries without `=`.",
        "A variable that an init adds or drops shows up days later, in the configuration of an application.",
        environment,
    ),
    case(
        "directory-is-kept",
        "The command starts in the directory that the init was started in.",
        "An image's WORKDIR and `docker run -w` rely on it.",
        directory,
    ),
    case(
        "path-is-searched",
        "A command without a slash is searched for in PATH, and files that are not executable are skipped.",
        "ENTRYPOINT [\"INIT\", \"--\"] with CMD [\"server\"] is the usual form.",
        path_search,
    ),
    case(
        "script-without-interpreter-line",
        "An executable script without #! is run by /bin/sh, as execvp(3) does.",
        "Entrypoint scripts that begin with a blank line or a byte-order mark work from a shell, but fail with \"Exec format error\" elsewhere.",
        script,
    ),
    case(
        "own-process-group",
        "The command leads a process group of its own.",
        "Signals for the group must not hit the init itself.",
        |cx| leads(cx, "pgid"),
    ),
    case(
        "own-session",
        "The command leads a session of its own.",
        "Job control of a shell in the container needs one.",
        |cx| leads(cx, "sid"),
    )
    .not_for(&[Personality::Tini, Personality::Catatonit, Personality::Plain]),
    case(
        "single-child-shares-the-group",
        "On request, the command stays in the init's session and group.",
        "Programs that start in the foreground group of a terminal have to stay there.",
        single_child,
    )
    .needs(&[Feature::SingleChild]),
    case(
        "pending-term-reaches-the-command",
        "A TERM that is pending when the init starts reaches the command once, 10 times out of 10.",
        "An orchestrator that changes its mind sends TERM while the container starts. If the init loses it, the stop takes the whole timeout.",
        pending_term,
    ),
    case(
        "pending-term-reaches-the-group",
        "The same if the command's process group gets the signals, 10 times out of 10.",
        "dumb-init, `tini -g` and `catatonit -g` signal a group that does not exist yet, and lose nearly every signal.",
        pending_term,
    )
    .needs(&[Feature::ToGroup]),
    case(
        "pending-real-time-reaches-the-command",
        "A real-time signal that is pending when the init starts reaches the command.",
        "RTMIN+4 tells systemd in a container to power off.",
        pending_real_time,
    ),
];

fn arguments(cx: &Context<'_>) -> Verdict {
    let mut words = Context::fixture(&["info", "--brief"]);
    words.extend(["", " a  b ", "-x", "--help", "é"].map(OsString::from));
    words.push(OsString::from_vec(b"\xff\xfe=\x01".to_vec()));
    let expected = fingerprint(words.iter().map(|word| word.as_bytes()));
    let end = cx.start(cx.sandbox(words))?.end()?.code(0)?;
    end.has("arg_fingerprint", &format!("{expected:016x}"))
        .map(drop)
}

fn command_options(cx: &Context<'_>) -> Verdict {
    let end = cx.start(cx.sandbox(["sh", "-c", "exit 9"]))?.end()?;
    end.code(9).map(drop)
}

fn environment(cx: &Context<'_>) -> Verdict {
    let entries: [&[u8]; 5] = [
        b"PATH=/usr/bin:/bin",
        b"A=1",
        b"A=2",
        b"NO_EQUALS",
        b"B=\xff",
    ];
    let expected = fingerprint(entries);
    let mut sandbox = cx.sandbox(Context::fixture(&["info"])).env_clear();
    for entry in entries {
        sandbox = sandbox.env_raw(OsString::from_vec(entry.to_vec()));
    }
    let end = cx.start(sandbox)?.end()?.code(0)?;
    end.has("env_fingerprint", &format!("{expected:016x}"))
        .map(drop)
}

fn directory(cx: &Context<'_>) -> Verdict {
    let sandbox = cx.sandbox(Context::fixture(&["info"])).current_dir("/usr");
    cx.start(sandbox)?
        .end()?
        .code(0)?
        .has("cwd", "/usr")
        .map(drop)
}

fn path_search(cx: &Context<'_>) -> Verdict {
    let (first, second) = (TempDir::try_new()?, TempDir::try_new()?);
    write_executable(&first.join("initlab-case"), "#!/bin/sh\nexit 8\n", 0o644)?;
    write_executable(&second.join("initlab-case"), "#!/bin/sh\nexit 7\n", 0o755)?;
    let path = format!("{}:{}", first.path().display(), second.path().display());
    let sandbox = cx.sandbox(["initlab-case"]).env("PATH", path);
    cx.start(sandbox)?.end()?.code(7).map(drop)
}

fn script(cx: &Context<'_>) -> Verdict {
    let directory = TempDir::try_new()?;
    let script = directory.join("script");
    write_executable(&script, "\nexit $1\n", 0o755)?;
    let command = [script.into_os_string(), "7".into()];
    cx.start(cx.sandbox(command))?.end()?.code(7).map(drop)
}

/// The command's pid is that of its group (`pgid`) or session (`sid`) as well.
fn leads(cx: &Context<'_>, what: &str) -> Verdict {
    let end = cx.pid1(&["info"])?.end()?.code(0)?;
    let pid = end.value("pid")?;
    end.has(what, &pid).map(drop)
}

fn single_child(cx: &Context<'_>) -> Verdict {
    let end = cx.pid1(&["info"])?.end()?.code(0)?;
    end.has("pgid", "1")?.has("sid", "1").map(drop)
}

fn pending_term(cx: &Context<'_>) -> Verdict {
    // An init that loses it only now and then is not to pass by chance.
    for _ in 0..10 {
        let command = Context::fixture(&["signals", "--until", UNTIL_LAST]);
        let sandbox = cx.sandbox(command).pending(&[libc::SIGTERM]);
        let mut subject = cx.start(sandbox)?;
        subject.ready()?;
        subject.gets(libc::SIGTERM)?;
        subject
            .end_by(LAST)?
            .code(0)?
            .took(&[libc::SIGTERM], LAST)?;
    }
    Ok(())
}

fn pending_real_time(cx: &Context<'_>) -> Verdict {
    let command = Context::fixture(&["signals", "--until", UNTIL_LAST]);
    let mut subject = cx.start(cx.sandbox(command).pending(&[38]))?;
    subject.ready()?;
    subject.gets(38)?;
    subject.end_by(LAST)?.code(0)?.took(&[38], LAST)
}
