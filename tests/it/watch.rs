//! What the init does, seen from outside: the system call that it sleeps in, and the log of strace.

use std::{fs, path::Path, time::Duration};

use initlab::{Process, Running, traced_calls, try_poll_until};

/// The system call in which a process sleeps, and its arguments; `None` while it runs or is gone
/// (`proc_pid_syscall(5)`).
pub fn sleeping_in(process: Process) -> Option<(i64, Vec<u64>)> {
    let text = fs::read_to_string(format!("/proc/{}/syscall", process.pid)).ok()?;
    let mut words = text.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let hexadecimal = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    Some((number, words.take(6).filter_map(hexadecimal).collect()))
}

/// Waits until the init has nothing left to do, and waits for a signal.
#[track_caller]
pub fn wait_asleep(init: &Running) {
    init.poll_until("the init asleep", || {
        let call = sleeping_in(init.process());
        call.is_some_and(|(number, _)| number == libc::SYS_rt_sigtimedwait)
    });
}

/// Panics when one of the inits wakes up within this time.
#[track_caller]
pub fn assert_never_wake(inits: &[Running], time: Duration) {
    let switches = || -> Vec<u64> { inits.iter().map(Running::context_switches).collect() };
    let before = switches();
    let woken = try_poll_until(time, || switches() != before);
    assert!(!woken, "context switches {before:?}, then {:?}", switches());
}

/// The system calls of a program that strace has followed from before its exec, `execve` first,
/// each as the line in the log: `kill(-2, SIGTERM) = 0`.
///
/// # Panics
/// Where the log cannot be read or holds no `execve`.
#[track_caller]
pub fn calls(log: &Path) -> Vec<String> {
    let text = fs::read(log).expect("strace has written its log");
    let text = String::from_utf8_lossy(&text).into_owned();
    let calls = traced_calls(&text);
    assert!(!calls.is_empty(), "no execve in the log:\n{text}");
    calls
}

/// The name of the system call in a line of [`calls`].
pub fn name(call: &str) -> &str {
    call.split_once('(').map_or(call, |(name, _)| name)
}
