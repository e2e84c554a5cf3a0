//! Which signals reach the command, and how often.

use std::time::Duration;

use super::common::FAULTS;
use crate::{
    TempDir,
    conform::prelude::*,
    copy_executable,
    locate::fixture,
    process::Process,
    report::{self, Taken},
    signals::SignalSet,
    sys,
};

pub(super) const CASES: &[Behaviour] = &[
    case(
        "term-arrives-once",
        "TERM reaches the command, once.",
        "It is what `docker stop` and Kubernetes send; some programs take a second one for \"quit at once\".",
        |cx| each_once(reporter(cx)?, &[libc::SIGTERM]),
    ),
    case(
        "int-arrives-once",
        "INT, sent by kill(2), reaches the command, once.",
        "Python, Node and most command-line tools end at INT; at a second INT they skip the clean-up.",
        |cx| each_once(reporter(cx)?, &[libc::SIGINT]),
    ),
    case(
        "ordinary-signals-arrive",
        "Every signal that programs use among 1 to 30 arrives, each once.",
        "HUP reloads, USR1 reopens logs, WINCH stops Apache gracefully.",
        |cx| each_once(reporter(cx)?, &useful()),
    ),
    case(
        "fault-signals-arrive",
        "ILL, TRAP, ABRT, BUS, FPE, SEGV and SYS, sent by kill(2), arrive.",
        "QUIT and ABRT make Go and the JVM dump their threads; watchdogs send ABRT to get a core dump of a program that hangs.",
        |cx| each_once(reporter(cx)?, &FAULTS),
    )
    .not_for(&[Personality::Tini, Personality::Catatonit]),
    case(
        "abrt-does-not-end-the-init",
        "ABRT, sent to an init that is not PID 1, does not kill it.",
        "A watchdog that signals the wrong process must not take the supervisor away from the program.",
        |cx| each_once(nested_reporter(cx)?, &[libc::SIGABRT]),
    )
    .not_for(&[Personality::Tini, Personality::Catatonit]),
    case(
        "real-time-signals-arrive",
        "The real-time signals 35 to 64 arrive, each once.",
        "They control systemd. nix's Signal does not know them, so inits in Rust that use it fail at the first one.",
        |cx| each_once(reporter(cx)?, &Vec::from_iter(35..=64)),
    ),
    case(
        "signal-34-arrives",
        "Signal 34, the first real-time signal, arrives.",
        "It is RTMIN to glibc, Docker and `kill -l`, and hidden by musl: `docker kill -s RTMIN` kills an init that trusts sigfillset(3) there.",
        |cx| each_once(reporter(cx)?, &[34]),
    ),
    case(
        "signals-32-and-33-arrive",
        "Signals 32 and 33, which C libraries keep for themselves, arrive.",
        "glibc's sigfillset(3) leaves them out: sent to an init that trusts it, they kill it where it is not PID 1, and are lost where it is.",
        |cx| each_once(reporter(cx)?, &[32, 33]),
    ),
    case(
        "queued-signals-all-arrive",
        "Ten queued real-time signals of one kind arrive as ten.",
        "Real-time signals exist for this: each one counts.",
        queued,
    ),
    case(
        "burst-is-not-lost",
        "Six signals that arrive while the init does not run all reach the command.",
        "On a busy machine an init has to wait for the processor.",
        burst,
    ),
    case(
        "second-term-arrives",
        "TERM is forwarded each time it comes.",
        "The second TERM is how people and supervisors say that they mean it.",
        |cx| each_once(reporter(cx)?, &[libc::SIGTERM, libc::SIGTERM]),
    ),
    case(
        "chld-is-not-forwarded",
        "SIGCHLD, sent to the init, is not forwarded.",
        "Programs that count SIGCHLD would look for children that they do not have.",
        chld,
    ),
    case(
        "group-gets-signals",
        "The command's children in its process group get the signal too, once each.",
        "A shell script as entrypoint waits for its child before it acts on TERM: the child must get it as well.",
        group,
    )
    .needs(&[Feature::ToGroup]),
    case(
        "child-alone-gets-signals",
        "On request, the command alone gets the signal, not its children.",
        "PostgreSQL and PHP-FPM tell their workers themselves, in their own order.",
        child_alone,
    )
    .needs(&[Feature::ToChild]),
    case(
        "single-child-alone-gets-signals",
        "With a single child that shares the group, the signal reaches it alone.",
        "The same, with dumb-init's option for it.",
        child_alone,
    )
    .needs(&[Feature::SingleChild]),
    case(
        "all-get-signals",
        "On request, a descendant in a session of its own gets the signal too.",
        "Signals to the group do not reach daemons that detach themselves.",
        all,
    )
    .needs(&[Feature::ToAll]),
    case(
        "rewrite",
        "A signal is delivered as another one.",
        "nginx and Apache stop gracefully on QUIT and WINCH, not on the TERM that container runtimes send.",
        rewrite,
    )
    .needs(&[Feature::Rewrite(libc::SIGTERM, libc::SIGQUIT)]),
    case(
        "rewrite-is-no-chain",
        "A rewritten signal is not rewritten again.",
        "Two rules that swap signals would cancel each other.",
        rewrite,
    )
    .needs(&[
        Feature::Rewrite(libc::SIGTERM, libc::SIGQUIT),
        Feature::Rewrite(libc::SIGQUIT, libc::SIGINT),
    ]),
    case(
        "drop",
        "A signal that is rewritten to 0 is dropped.",
        "Some programs die of a WINCH or HUP that they do not know.",
        drop_signal,
    )
    .needs(&[Feature::Rewrite(libc::SIGTERM, 0)]),
    case(
        "delay",
        "A signal is held back for as long as was asked.",
        "Load balancers continue to send requests for some seconds after a pod is told to end.",
        delay,
    )
    .needs(&[Feature::Delay(libc::SIGTERM, 400)]),
    case(
        "delay-ends-at-the-second",
        "The same signal again ends its delay, and is sent once.",
        "A person who presses Ctrl-C twice does not want to wait.",
        second_ends_delay,
    )
    .needs(&[Feature::Delay(libc::SIGTERM, 600_000)]),
    case(
        "stop-and-continue",
        "TSTP stops the command, though its process group is orphaned, and CONT continues it.",
        "The kernel ignores TSTP for an orphaned process group: `docker kill -s TSTP` would do nothing.",
        stop_and_continue,
    )
    .not_for(&[Personality::Tini, Personality::Catatonit, Personality::Plain]),
    case(
        "stopped-command-is-not-forgotten",
        "A signal that is sent while the command is stopped reaches it after a CONT through the init.",
        "Debuggers and batch schedulers stop programs for a while.",
        stopped,
    ),
    case(
        "refusal-does-not-end-the-init",
        "An init that may not signal its command continues, and ends with the command's status.",
        "A setuid program as the command ends tini: `kill: Operation not permitted`.",
        refusal,
    )
    .needs_root(),
    case(
        "not-pid-1-survives-signals",
        "If it is not PID 1, the init forwards signals that would kill an ordinary process, and survives.",
        "Docker's --init puts a second init below the first; CI runners start them by hand.",
        |cx| each_once(nested_reporter(cx)?, &useful()),
    ),
];

/// HUP to IO, without those that cannot be caught, stop, tell of children or of faults.
fn useful() -> Vec<i32> {
    let special = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGCHLD,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
    ];
    let not = SignalSet::of(&[&FAULTS[..], &special].concat());
    (1..LAST).filter(|signal| !not.contains(*signal)).collect()
}

/// The init with a command that reports signals, ready.
fn reporter<'a>(cx: &'a Context<'a>) -> Result<Subject<'a>, Fact> {
    let mut subject = cx.pid1(&["signals", "--until", UNTIL_LAST])?;
    subject.ready()?;
    Ok(subject)
}

/// The same below another PID 1.
fn nested_reporter<'a>(cx: &'a Context<'a>) -> Result<Subject<'a>, Fact> {
    let mut subject = cx.nested(&["signals", "--until", UNTIL_LAST])?;
    subject.ready()?;
    Ok(subject)
}

/// Each of the signals, sent one by one, arrives once.
fn each_once(mut subject: Subject<'_>, signals: &[i32]) -> Verdict {
    for signal in signals {
        subject.send(*signal);
        subject.gets(*signal)?;
    }
    subject.end_by(LAST)?.code(0)?.took(signals, LAST)
}

fn queued(cx: &Context<'_>) -> Verdict {
    let mut subject = reporter(cx)?;
    for value in 0..10 {
        subject.running().sigqueue(40, value);
    }
    let count = |subject: &mut Subject<'_>| {
        let taken = report::signals(subject.running().stdout_so_far());
        taken.iter().filter(|signal| **signal == 40).count()
    };
    for arrived in 0..10 {
        if subject.gets(40).is_err() {
            let count = count(&mut subject);
            return Err(subject.fact(format!(
                "of 10 queued real-time signals {count} arrived, {arrived} in order"
            )));
        }
    }
    subject.end_by(LAST)?.code(0)?.took(&[40; 10], LAST)
}

fn burst(cx: &Context<'_>) -> Verdict {
    let mut subject = reporter(cx)?;
    let signals = [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGTERM,
        libc::SIGWINCH,
    ];
    subject.send(libc::SIGSTOP);
    subject.until("the init did not stop", |s| s.init().state() == Some('T'))?;
    for signal in signals {
        subject.send(signal);
    }
    subject.send(libc::SIGCONT);
    // They come in any order.
    subject.until_with(
        |s| {
            let taken = s.signals_so_far();
            signals.iter().all(|signal| taken.contains(signal))
        },
        |s| {
            let taken = s.signals_so_far();
            let lost = signals.iter().filter(|signal| !taken.contains(signal));
            format!("of 6 signals {} did not reach the command", lost.count())
        },
    )?;
    let end = subject.end_by(LAST)?.code(0)?;
    let mut taken = end.signals();
    taken.retain(|signal| signals.contains(signal));
    ensure(taken.len() == signals.len(), || {
        format!("of 6 signals {} arrived", taken.len())
    })
}

fn chld(cx: &Context<'_>) -> Verdict {
    let mut subject = reporter(cx)?;
    subject.send(libc::SIGCHLD);
    subject.send(libc::SIGUSR1);
    subject.gets(libc::SIGUSR1)?;
    subject.end_by(LAST)?.code(0)?.took(&[libc::SIGUSR1], LAST)
}

/// The fixture `group` with two children, all ready: the three in their order.
fn members(subject: &mut Subject<'_>) -> Result<Vec<Process>, Fact> {
    let mut found = Vec::new();
    for _ in 0..3 {
        let line = subject.ready()?;
        let member = line.split(' ').nth(1).and_then(|n| n.parse::<usize>().ok());
        found.push((member, subject.named(&line)?));
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, process)| process).collect())
}

/// How often each of the three members took this signal.
fn counts(taken: &[Taken], signal: i32) -> [usize; 3] {
    [0, 1, 2].map(|member| {
        let same = |t: &&Taken| t.member == member && t.signal == signal;
        taken.iter().filter(same).count()
    })
}

fn group(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["group", "2", "--until", UNTIL_LAST])?;
    members(&mut subject)?;
    subject.send(libc::SIGUSR1);
    subject.until_with(
        |s| counts(&s.taken_so_far(), libc::SIGUSR1) == [1; 3],
        |s| {
            let counts = counts(&s.taken_so_far(), libc::SIGUSR1);
            format!(
                "the command got USR1 {} times, its children {} and {} times",
                counts[0], counts[1], counts[2]
            )
        },
    )?;
    subject.send(LAST);
    let end = subject.end()?.code(0)?;
    let counts = counts(&report::taken(&end.stdout), libc::SIGUSR1);
    ensure(counts == [1; 3], || {
        format!("USR1 arrived {counts:?} times")
    })
}

fn child_alone(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["group", "2", "--until", UNTIL_LAST])?;
    let members = members(&mut subject)?;
    subject.send(libc::SIGUSR1);
    subject.expect("member 0 signal 10 ", "USR1 did not reach the command")?;
    subject.send(LAST);
    subject.expect("member 0 signal 30 ", "PWR did not reach the command")?;
    // If the children have got USR1, they take it before this.
    for member in &members[1..] {
        let _ = sys::kill(member.pid, LAST);
    }
    let end = subject.end()?.code(0)?;
    let counts = counts(&report::taken(&end.stdout), libc::SIGUSR1);
    ensure(counts == [1, 0, 0], || {
        format!(
            "the command got USR1 {} times, its children {} and {} times",
            counts[0], counts[1], counts[2]
        )
    })
}

fn all(cx: &Context<'_>) -> Verdict {
    let script = "\"$0\" fixture new-session -- \"$0\" fixture signals --until PWR &
        exec \"$0\" fixture signals --until PWR";
    let mut subject = cx.start(cx.sandbox(Context::script(script)))?;
    subject.ready()?;
    subject.ready()?;
    subject.send(libc::SIGUSR1);
    subject.until_with(
        |s| {
            s.signals_so_far()
                .iter()
                .filter(|n| **n == libc::SIGUSR1)
                .count()
                == 2
        },
        |s| format!("of two sessions {} got USR1", s.signals_so_far().len()),
    )
}

fn rewrite(cx: &Context<'_>) -> Verdict {
    let mut subject = reporter(cx)?;
    subject.send(libc::SIGTERM);
    subject.gets(libc::SIGQUIT)?;
    subject.end_by(LAST)?.code(0)?.took(&[libc::SIGQUIT], LAST)
}

fn drop_signal(cx: &Context<'_>) -> Verdict {
    let mut subject = reporter(cx)?;
    subject.send(libc::SIGTERM);
    subject.send(libc::SIGUSR1);
    subject.gets(libc::SIGUSR1)?;
    subject.end_by(LAST)?.code(0)?.took(&[libc::SIGUSR1], LAST)
}

fn delay(cx: &Context<'_>) -> Verdict {
    let mut subject = reporter(cx)?;
    let start = std::time::Instant::now();
    subject.send(libc::SIGTERM);
    subject.gets(libc::SIGTERM)?;
    let took = start.elapsed();
    ensure(took >= Duration::from_millis(390), || {
        "TERM arrived before the 400 ms were over".to_owned()
    })
}

fn second_ends_delay(cx: &Context<'_>) -> Verdict {
    let mut subject = reporter(cx)?;
    subject.send(libc::SIGTERM);
    // Only a signal that has been taken is held; two that wait for the init would count as one.
    subject.until("the init does not take TERM", |s| {
        !s.waits_for(libc::SIGTERM)
    })?;
    let held = subject.stays(Duration::from_millis(200), |s| {
        s.signals_so_far().is_empty()
    });
    ensure(held, || "TERM was not held back".to_owned())?;
    subject.send(libc::SIGTERM);
    subject.gets(libc::SIGTERM)?;
    subject.end_by(LAST)?.code(0)?.took(&[libc::SIGTERM], LAST)
}

fn stop_and_continue(cx: &Context<'_>) -> Verdict {
    let mut subject = cx.pid1(&["sleep-forever"])?;
    subject.ready()?;
    let command = subject.command()?;
    subject.send(libc::SIGTSTP);
    subject.until("TSTP did not stop the command", |_| {
        command.state() == Some('T')
    })?;
    // An init that stops itself along with the command throws away a CONT that comes before it does.
    let init = subject.init();
    if init.state() != Some('T') {
        subject.rests()?;
    }
    subject.send(libc::SIGCONT);
    subject.until("CONT did not continue the command", |_| {
        command.state() != Some('T')
    })
}

fn stopped(cx: &Context<'_>) -> Verdict {
    let mut subject = reporter(cx)?;
    let command = subject.command()?;
    let _ = sys::kill(command.pid, libc::SIGSTOP);
    subject.until("the command did not stop", |_| command.state() == Some('T'))?;
    subject.send(libc::SIGTERM);
    subject.until("the init does not take TERM", |s| {
        !s.waits_for(libc::SIGTERM)
    })?;
    subject.send(libc::SIGCONT);
    subject.gets(libc::SIGTERM)?;
    subject.end_by(LAST)?.code(0).map(drop)
}

/// An ordinary user, who needs no entry in /etc/passwd.
const USER: u32 = 65532;

fn refusal(cx: &Context<'_>) -> Verdict {
    let directory = TempDir::try_new()?;
    let program = directory.join("setuid-root");
    copy_executable(&fixture(), &program, 0o4755)?;
    let mut command = vec![program.into_os_string()];
    let words = [
        "fixture",
        "setuid-root-block",
        "--when",
        "USR2",
        "--until",
        UNTIL_LAST,
        "--exit",
        "7",
    ];
    command.extend(words.map(Into::into));
    let mut subject = cx.start(cx.sandbox(command).user(USER, USER))?;
    subject.expect("waiting", "the command did not start")?;
    // catatonit looks for its child once more when it has started it, and ends if it may not.
    subject.rests()?;
    let command = subject.command()?;
    let _ = sys::kill(command.pid, libc::SIGUSR2);
    let line = subject.expect("uid=", "the command did not become root")?;
    if !line.contains("uid=0 euid=0") {
        return Err(Fact::new(
            "the harness failed: setuid programs are not honoured here",
        ));
    }
    subject.ready()?;
    for signal in [libc::SIGUSR1, libc::SIGTERM] {
        subject.send(signal);
        subject.until("the init does not take the signal", |s| {
            !s.waits_for(signal)
        })?;
    }
    let _ = sys::kill(command.pid, LAST);
    subject.end()?.code(7).map(drop)
}
