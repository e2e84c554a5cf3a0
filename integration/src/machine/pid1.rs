//! Cases for the machine's real PID 1: nobody above it, no namespace around it, and a kernel that
//! panics when it ends. This process is its command.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
    process::Command,
    time::Duration,
};

use super::case::{INIT, MachineCase};
use crate::{
    conform::{Fact, Outcome},
    deadline::{scaled, try_poll_until},
    locate::fixture,
    process::{Process, Stat},
    sandbox::Sandbox,
    signals::signal_name,
    sys::{self, Fork},
};

type Seen = Result<Outcome, Fact>;

pub(super) const CASES: &[MachineCase] = &[
    MachineCase::new("no-parent", no_parent),
    MachineCase::new("command-leads-a-session-at-the-console", session),
    MachineCase::new("all-64-signals-are-blocked", all_blocked),
    MachineCase::new("descriptors-and-directory-are-let-go", lets_go),
    MachineCase::new("no-page-is-writable-and-executable", pages),
    MachineCase::new("every-signal-is-forwarded", every_signal),
    MachineCase::new("kill-and-stop-do-nothing", kill_and_stop),
    MachineCase::new("stop-and-continue-reach-the-command", stop_and_continue),
    MachineCase::new("orphans-are-adopted-and-reaped", orphans),
    MachineCase::new("storm-leaves-no-zombie", storm),
    MachineCase::new("no-wake-ups", no_wake_ups),
    MachineCase::new("little-memory", little_memory),
];

const PID1: Process = Process::new(1);

/// How long anything may take here.
fn limit() -> Duration {
    scaled(Duration::from_secs(5))
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Seen {
    match holds {
        true => Ok(Outcome::Passed),
        false => Err(Fact::new(otherwise())),
    }
}

fn stat(process: Process) -> Result<Stat, Fact> {
    let gone = || Fact::new(format!("there is no process {}", process.pid));
    process.stat().ok_or_else(gone)
}

fn no_parent() -> Seen {
    let stat = stat(PID1)?;
    let exe = PID1.link("exe");
    ensure(
        stat.ppid == 0 && stat.tty == 0 && exe.as_deref() == Some(Path::new(INIT)),
        || format!("PID 1 is {exe:?}: {stat:?}"),
    )
}

fn session() -> Seen {
    let me = Process::current();
    let stat = stat(me)?;
    let leads = [stat.pgid, stat.sid, stat.tpgid] == [me.pid; 3];
    ensure(leads && stat.ppid == 1 && stat.tty != 0, || {
        format!("the command {}: {stat:?}", me.pid)
    })
}

fn all_blocked() -> Seen {
    let caught = PID1.status_field("SigCgt").unwrap_or_default();
    ensure(
        PID1.blocks_all() && caught.bytes().all(|digit| digit == b'0'),
        || {
            let blocked = PID1.status_field("SigBlk").unwrap_or_default();
            format!("PID 1 blocks {blocked} and catches {caught}")
        },
    )
}

fn lets_go() -> Seen {
    let descriptors = PID1.descriptors().unwrap_or_default();
    let directory = PID1.link("cwd");
    ensure(
        descriptors.keys().all(|fd| *fd <= 2) && directory.as_deref() == Some(Path::new("/")),
        || format!("PID 1 is in {directory:?} and holds {descriptors:?}"),
    )
}

fn pages() -> Seen {
    let maps = fs::read_to_string("/proc/1/maps")?;
    let both = maps
        .lines()
        .find(|line| line.split(' ').nth(1).is_some_and(|p| p.starts_with("rwx")));
    ensure(both.is_none() && !maps.is_empty(), || {
        format!("PID 1 has {}", both.unwrap_or("no memory"))
    })
}

/// Runs `act` with all signals blocked.
fn blocked(act: impl FnOnce() -> Seen) -> Seen {
    let before = sys::set_mask(u64::MAX)?;
    let seen = act();
    sys::set_mask(before)?;
    seen
}

/// Sends a signal to PID 1 and takes what PID 1 makes of it.
fn forwarded(signal: i32) -> Seen {
    sys::kill(1, signal)?;
    let taken = sys::take_signal(1 << (signal - 1), Some(limit()))?;
    let name = signal_name(signal);
    let Some(taken) = taken else {
        return Err(Fact::new(format!("{name} did not reach the command")));
    };
    ensure(taken.pid == 1, || {
        format!("{name} came from {}, not from PID 1", taken.pid)
    })
}

fn every_signal() -> Seen {
    // Not those that cannot be caught, that are PID 1's own, or that stop this process.
    let not = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGCHLD,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
    ];
    blocked(|| {
        for signal in (1..=64).filter(|signal| !not.contains(signal)) {
            forwarded(signal)?;
        }
        Ok(Outcome::Passed)
    })
}

fn kill_and_stop() -> Seen {
    blocked(|| {
        sys::kill(1, libc::SIGKILL)?;
        sys::kill(1, libc::SIGSTOP)?;
        forwarded(libc::SIGUSR1)?;
        let stat = stat(PID1)?;
        ensure(stat.state != 'T', || "PID 1 is stopped".to_owned())
    })
}

/// Another process sends PID 1 what a terminal would, since this one is stopped by it.
fn stop_and_continue() -> Seen {
    let me = Process::current();
    let stopped = || me.state() == Some('T');
    let helper = match sys::fork()? {
        Fork::Parent(helper) => helper,
        Fork::Child => {
            let ask = || {
                sys::setsid()?;
                sys::kill(1, libc::SIGTSTP)?;
                if !try_poll_until(limit(), stopped) {
                    return Ok(1);
                }
                sys::kill(1, libc::SIGCONT)?;
                if !try_poll_until(limit(), || !stopped()) {
                    sys::kill(me.pid, libc::SIGCONT)?;
                    return Ok(2);
                }
                Ok::<i32, std::io::Error>(0)
            };
            sys::exit_now(ask().unwrap_or(3));
        }
    };
    match sys::reap(helper)? >> 8 {
        0 => Ok(Outcome::Passed),
        1 => Err(Fact::new("TSTP to PID 1 did not stop the command")),
        2 => Err(Fact::new("CONT to PID 1 did not reach the command")),
        _ => Err(Fact::new("the harness failed: its helper did")),
    }
}

/// Whose parent PID 1 is, and who waits to be reaped by it.
fn zombies() -> BTreeSet<i32> {
    let all = Process::all().into_iter();
    all.filter(|p| p.stat().is_some_and(|s| s.ppid == 1 && s.state == 'Z'))
        .map(|p| p.pid)
        .collect()
}

fn no_zombies() -> Seen {
    if try_poll_until(limit(), || zombies().is_empty()) {
        return Ok(Outcome::Passed);
    }
    Err(Fact::new(format!("PID 1 leaves zombies: {:?}", zombies())))
}

fn orphans() -> Seen {
    const COUNT: usize = 30;
    let (read, write) = sys::pipe()?;
    let Fork::Parent(child) = sys::fork()? else {
        for _ in 0..COUNT {
            if let Ok(Fork::Child) = sys::fork() {
                sys::exit_now(i32::from(orphan(&write).is_err()));
            }
        }
        sys::exit_now(0);
    };
    drop(write);
    sys::reap(child)?;
    let mut adopted = 0;
    let mut bytes = [0; COUNT];
    loop {
        match sys::read(read.as_fd(), &mut bytes)? {
            0 => break,
            count => adopted += count,
        }
    }
    if adopted != COUNT {
        let fact = format!("PID 1 has become the parent of {adopted} of {COUNT} orphans");
        return Err(Fact::new(fact));
    }
    no_zombies()
}

fn orphan(report: &OwnedFd) -> std::io::Result<()> {
    if try_poll_until(limit(), || sys::identity_of_self().ppid == 1) {
        sys::write_all(report.as_raw_fd(), b"x")?;
    }
    Ok(())
}

fn storm() -> Seen {
    let status = Command::new(fixture())
        .args(["fixture", "orphan-storm", "1000", "--exit", "0"])
        .output()?
        .status;
    if !status.success() {
        return Err(Fact::new(format!("the harness failed: {status}")));
    }
    no_zombies()
}

fn no_wake_ups() -> Seen {
    let count = || PID1.context_switches();
    let same_for = |time| {
        let before = count();
        !try_poll_until(time, || count() != before)
    };
    // It may have to reap what the case before has left.
    let rests = try_poll_until(limit(), || same_for(Duration::from_millis(100)));
    ensure(rests && same_for(Duration::from_millis(1300)), || {
        "PID 1 wakes up while nothing happens".to_owned()
    })
}

fn little_memory() -> Seen {
    let kilobytes = PID1.private_memory().unwrap_or(u64::MAX);
    ensure(kilobytes <= 1024, || format!("PID 1 holds {kilobytes} kB"))
}

/// 2040-01-01T00:00:00Z: a signed 32-bit number of seconds ends in 2038.
const IN_2040: i64 = 2_208_988_800;

/// Sets the machine's clock, and leaves it so.
pub(super) fn after_2038() -> Seen {
    sys::set_clock(IN_2040)?;
    let ended = Sandbox::new(INIT)
        .args(["-v", "--log-format", "json", "--grace", "1s", "--", "true"])
        .try_start()?
        .try_wait()?;
    let text = ended.stderr_text();
    let dated = |line: &str| line.contains("\"time\":\"2040-01-01T00:");
    ensure(
        ended.status.code() == Some(0) && !text.is_empty() && text.lines().all(dated),
        || format!("the init {} and said {text}", ended.status),
    )
}
