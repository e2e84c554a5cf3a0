//! Who has the terminal.

use std::time::Duration;

use crate::{
    conform::prelude::*,
    pty::Pty,
    report::number,
    sandbox::{Sandbox, Stdio},
    signals::signal_name,
};

pub(super) const CASES: &[Behaviour] = &[
    case(
        "interrupt-key-arrives-once",
        "Ctrl-C reaches the command, once.",
        "npm, docker compose and others take a second INT for \"quit without cleaning up\".",
        interrupt_key,
    ),
    case(
        "interrupt-key-arrives-once-at-a-single-child",
        "The same if the command shares the init's group, to which the terminal also sends the signal.",
        "dumb-init -c forwards what the terminal sent, so that Ctrl-C comes twice.",
        interrupt_key,
    )
    .needs(&[Feature::SingleChild]),
    case(
        "quit-key-arrives-once",
        "Ctrl-\\ reaches the command, once.",
        "It makes Go and the JVM dump their threads.",
        |cx| key(cx, '\\', libc::SIGQUIT),
    ),
    case(
        "suspend-key-arrives",
        "Ctrl-Z reaches the command.",
        "Editors restore the screen on TSTP before they stop.",
        |cx| key(cx, 'z', libc::SIGTSTP),
    ),
    case(
        "window-size-arrives",
        "A new window size raises WINCH, and the command can read it.",
        "`docker run -it` with an editor or a pager: lines wrap at the wrong column.",
        window_size,
    ),
    case(
        "hang-up-arrives-once",
        "When the terminal goes away, HUP reaches the command, once.",
        "A lost ssh connection must end the programs that ran in it.",
        hang_up,
    ),
    case(
        "nothing-arrives-at-the-start",
        "The start with a terminal sends the command no signal.",
        "Giving a terminal up sends HUP and CONT to the init: one that forwards them ends the shell that it has just started.",
        nothing_at_start,
    ),
    case(
        "command-is-in-the-foreground",
        "The command's group is the terminal's foreground group.",
        "Elsewhere Ctrl-C goes to the init, and reading stops the command.",
        foreground,
    ),
    case(
        "command-reads-its-terminal",
        "The command reads a line that was typed.",
        "In the background, TTIN stops it: `docker run -it` shows nothing, and waits.",
        reads,
    ),
    case(
        "command-has-a-controlling-terminal",
        "The command can open /dev/tty.",
        "ssh, sudo and gpg ask for passwords there; without it shells say \"no job control in this shell\".",
        controlling,
    ),
    case(
        "foreign-terminal-is-not-taken",
        "A terminal that belongs to another session stays with it.",
        "Taking it would hang up the session that uses it.",
        foreign,
    ),
    case(
        "no-terminal-no-complaint",
        "Without a terminal, the init says nothing about terminals.",
        "Every line on stderr at every start ends up in a log, and may raise an alert.",
        no_complaint,
    ),
];

/// The init with a command that reports signals, on this terminal, ready.
fn reporter<'a>(cx: &'a Context<'a>, pty: &Pty) -> Result<(Subject<'a>, String), Fact> {
    let command = Context::fixture(&["echo-tty", "--until", UNTIL_LAST]);
    let sandbox = on(cx.sandbox(command), pty);
    let mut subject = cx.start(sandbox)?;
    let ready = subject.ready()?;
    Ok((subject, ready))
}

/// On this terminal; output is piped, so that it can be told from the terminal's echo.
fn on(sandbox: Sandbox, pty: &Pty) -> Sandbox {
    sandbox
        .terminal(pty)
        .stdout(Stdio::Piped)
        .stderr(Stdio::Piped)
}

fn key(cx: &Context<'_>, letter: char, signal: i32) -> Verdict {
    let pty = Pty::try_open()?;
    let (mut subject, _) = reporter(cx, &pty)?;
    // While the init is stopped it cannot forward the signal that the terminal sent to it, so that
    // the command takes its own first: two that are pending at the same time would become one.
    subject.send(libc::SIGSTOP);
    subject.until("the init did not stop", |s| s.init().state() == Some('T'))?;
    pty.send_ctrl(letter);
    subject.stays(Duration::from_millis(200), |s| {
        !s.signals_so_far().contains(&signal)
    });
    subject.send(libc::SIGCONT);
    subject.until(
        &format!("{} did not reach the command", signal_name(signal)),
        |s| s.signals_so_far().contains(&signal),
    )?;
    let end = subject.end_by(LAST)?.code(0)?;
    let count = end.signals().iter().filter(|s| **s == signal).count();
    ensure(count == 1, || {
        format!("{} arrived {count} times", signal_name(signal))
    })
}

fn interrupt_key(cx: &Context<'_>) -> Verdict {
    key(cx, 'c', libc::SIGINT)
}

fn window_size(cx: &Context<'_>) -> Verdict {
    let pty = Pty::try_open()?;
    let (mut subject, _) = reporter(cx, &pty)?;
    pty.set_window_size(50, 132);
    let line = subject.gets(libc::SIGWINCH)?;
    ensure(line.ends_with("rows=50 columns=132"), || {
        format!("the command reads another size: {line}")
    })
}

fn hang_up(cx: &Context<'_>) -> Verdict {
    let mut pty = Pty::try_open()?;
    let (mut subject, _) = reporter(cx, &pty)?;
    pty.hang_up();
    subject.gets(libc::SIGHUP)?;
    let end = subject.end_by(LAST)?.code(0)?;
    let count = end.signals().iter().filter(|s| **s == libc::SIGHUP).count();
    ensure(count == 1, || format!("HUP arrived {count} times"))
}

fn nothing_at_start(cx: &Context<'_>) -> Verdict {
    let pty = Pty::try_open()?;
    let (mut subject, _) = reporter(cx, &pty)?;
    subject.end_by(LAST)?.code(0)?.took(&[], LAST)
}

fn foreground(cx: &Context<'_>) -> Verdict {
    let pty = Pty::try_open()?;
    let (_subject, ready) = reporter(cx, &pty)?;
    let (group, foreground) = (number(&ready, "pgid"), number(&ready, "tpgid"));
    ensure(
        group.is_some() && group == foreground,
        || match foreground {
            Some(1..) => "another group is in the foreground".to_owned(),
            _ => "the command has no terminal that it could be in the foreground of".to_owned(),
        },
    )
}

fn reads(cx: &Context<'_>) -> Verdict {
    let pty = Pty::try_open()?;
    let script = "echo ready; read line && test \"$line\" = hello && exit 7; exit 8";
    let mut subject = cx.start(on(cx.sandbox(Context::script(script)), &pty))?;
    subject.ready()?;
    pty.send_line("hello");
    let end = subject.end().map_err(|fact| Fact {
        seen: "the command did not read the line that was typed".to_owned(),
        ..fact
    })?;
    end.code(7).map(drop)
}

fn controlling(cx: &Context<'_>) -> Verdict {
    let pty = Pty::try_open()?;
    let script = "exec 3</dev/tty && exit 7; exit 8";
    let mut subject = cx.start(on(cx.sandbox(Context::script(script)), &pty))?;
    let end = subject.end()?;
    ensure(end.status.code() == Some(7), || {
        format!("/dev/tty cannot be opened: the init {}", end.status)
    })
}

fn foreign(cx: &Context<'_>) -> Verdict {
    let pty = Pty::try_open()?;
    let owner = Sandbox::new(crate::fixture())
        .args(["fixture", "echo-tty", "--until", UNTIL_LAST])
        .terminal(&pty)
        .stdout(Stdio::Piped);
    let mut owner = owner.timeout_exactly(cx.limit()).try_start()?;
    owner.try_expect_line("the owner of the terminal", |line| line.contains("ready"))?;
    let command = Context::fixture(&["echo-tty", "--until", UNTIL_LAST]);
    let mut subject = cx.start(cx.sandbox(command).stdin(pty.open_slave()?))?;
    subject.ready()?;
    ensure(pty.foreground_group() == Some(owner.pid()), || {
        "the terminal was taken from its owner".to_owned()
    })?;
    owner.kill(LAST);
    let ended = owner.try_wait()?;
    let others = crate::report::signals(&ended.stdout);
    ensure(others == [LAST], || {
        "the owner of the terminal was sent a signal".to_owned()
    })?;
    subject.end_by(LAST)?.code(0).map(drop)
}

fn no_complaint(cx: &Context<'_>) -> Verdict {
    for stdin in [Stdio::Null, Stdio::Piped] {
        let what = format!("{stdin:?}");
        let sandbox = cx.sandbox(Context::fixture(&["exit", "0"])).stdin(stdin);
        let end = cx.start(sandbox)?.end()?.code(0)?;
        ensure(end.stderr.is_empty(), || {
            let line = end.stderr.lines().next().unwrap_or_default();
            format!("with standard input {what} the init says: {line}")
        })?;
    }
    Ok(())
}
