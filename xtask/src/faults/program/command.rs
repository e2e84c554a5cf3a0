//! The command that runs under the init while its system calls fail: a small static program, so that
//! a run takes a millisecond. `cargo xtask faults` compiles it by itself; it is no part of xtask.
//!
//! Its arguments are words, done in their order:
//!
//! - `member`, `leftover`, `stubborn`: makes a child that ends at TERM, in the own group or in a session of
//!   its own, or one that ignores TERM there
//! - `reporter`: makes a child in a session of its own that prints `reporter TERM` when that comes;
//!   `wait` waits for it, too
//! - `ignore`: ignores TERM from here on
//! - `wait`: prints what it was given, waits for TERM or for the end of descriptor 3, and exits with 7;
//!   for each byte that comes there it makes an orphan that ends at once
//! - `wait-for-end`: the same, but TERM does with it what it was told to do
//!
//! Standard output is a pipe that the harness reads at the end. Nothing here fails in a way that the
//! command could do something about: the harness sees what is missing.

#![no_main]

use std::ffi::{CStr, c_char, c_int, c_void};

const SIGTERM: c_int = 15;
const SIGCONT: c_int = 18;
const SIG_BLOCK: c_int = 0;
const SIG_IGN: usize = 1;
const POLLIN: i16 = 1;
const CONTROL: c_int = 3;

/// What signal(7) calls the signals whose dispositions are told: INT, PIPE, TERM, CHLD, TTOU.
const TOLD: [c_int; 5] = [2, 13, 15, 17, 22];

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

/// glibc's `struct sigaction`, of which the handler alone is looked at, and its `sigset_t`.
#[repr(C)]
struct SigAction([usize; 32]);
type SigSet = [u64; 16];

unsafe extern "C" {
    fn fork() -> c_int;
    fn setsid() -> c_int;
    fn pause() -> c_int;
    fn pipe(ends: *mut c_int) -> c_int;
    fn getpid() -> c_int;
    fn getsid(pid: c_int) -> c_int;
    fn getpgrp() -> c_int;
    fn tcgetpgrp(fd: c_int) -> c_int;
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn read(fd: c_int, bytes: *mut c_void, count: usize) -> isize;
    fn write(fd: c_int, bytes: *const c_void, count: usize) -> isize;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn sigaction(number: c_int, new: *const SigAction, old: *mut SigAction) -> c_int;
    fn sigprocmask(how: c_int, new: *const SigSet, old: *mut SigSet) -> c_int;
    fn sigwait(set: *const SigSet, number: *mut c_int) -> c_int;
    fn sigtimedwait(set: *const SigSet, info: *mut c_void, limit: *const i64) -> c_int;
    fn signalfd(fd: c_int, set: *const SigSet, flags: c_int) -> c_int;
    fn poll(fds: *mut PollFd, count: u64, limit: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

const TERM_ONLY: SigSet = {
    let mut set = [0; 16];
    set[0] = 1 << (SIGTERM - 1);
    set
};

const CONT_ONLY: SigSet = {
    let mut set = [0; 16];
    set[0] = 1 << (SIGCONT - 1);
    set
};

// SAFETY: the name that the C library calls, with the types that it passes.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    let mut reporter = -1;
    for index in 1..count as usize {
        // SAFETY: the kernel passes `count` C strings.
        let word = unsafe { CStr::from_ptr(*arguments.add(index)) };
        match word.to_bytes() {
            b"member" => child(false, end_at_term),
            b"leftover" => child(true, end_at_term),
            b"stubborn" => child(true, || {
                ignore_term();
                wait_for_ever()
            }),
            b"reporter" => reporter = with_pipe(),
            b"ignore" => ignore_term(),
            b"wait" => wait(true, reporter),
            b"wait-for-end" => wait(false, reporter),
            _ => return 99,
        }
    }
    0
}

fn say(line: &str) {
    // SAFETY: the bytes are live and their count is given.
    unsafe { write(1, line.as_ptr().cast(), line.len()) };
}

/// Makes an orphan if a byte has come that asks for one, and tells whether it has.
fn makes_orphan() -> bool {
    let mut byte = 0u8;
    // SAFETY: no other thread exists, one live byte is read, and the status is not asked for.
    unsafe {
        if read(CONTROL, (&raw mut byte).cast(), 1) != 1 {
            return false;
        }
        let middle = fork();
        if middle == 0 {
            fork();
            _exit(0)
        }
        waitpid(middle, std::ptr::null_mut(), 0);
    }
    true
}

fn child(session: bool, body: fn() -> c_int) {
    // SAFETY: no other thread exists.
    unsafe {
        if fork() == 0 {
            close(CONTROL);
            if session {
                setsid();
            }
            _exit(body())
        }
    }
}

/// Makes the reporter, and gives a descriptor that ends when that does.
fn with_pipe() -> c_int {
    let mut ends = [-1; 2];
    // SAFETY: the array has room for both.
    unsafe { pipe(ends.as_mut_ptr()) };
    child(true, report_term);
    // SAFETY: nobody uses it any more.
    unsafe { close(ends[1]) };
    ends[0]
}

fn wait_for_ever() -> c_int {
    loop {
        // SAFETY: takes nothing.
        unsafe { pause() };
    }
}

/// Ends at TERM, but takes the CONT that comes along with it, or waits for that for a while: whether it is
/// there still when CONT is sent must not be left to chance.
fn end_at_term() -> c_int {
    let mut both = TERM_ONLY;
    both[0] |= CONT_ONLY[0];
    let mut number = 0;
    let limit = [0i64, 100_000_000];
    // SAFETY: all memory is live; what came is not asked for.
    unsafe {
        sigprocmask(SIG_BLOCK, &both, std::ptr::null_mut());
        sigwait(&TERM_ONLY, &mut number);
        sigtimedwait(&CONT_ONLY, std::ptr::null_mut(), limit.as_ptr());
    }
    0
}

fn report_term() -> c_int {
    block_term();
    let mut number = 0;
    // SAFETY: both are live.
    unsafe { sigwait(&TERM_ONLY, &mut number) };
    say("reporter TERM\n");
    0
}

fn ignore_term() {
    // SAFETY: installs no handler.
    unsafe { signal(SIGTERM, SIG_IGN) };
}

fn block_term() {
    // SAFETY: the set is live, and the old one is not asked for.
    unsafe { sigprocmask(SIG_BLOCK, &TERM_ONLY, std::ptr::null_mut()) };
}

fn wait(handle: bool, reporter: c_int) {
    tell();
    // SAFETY: the descriptors are those that signalfd, pipe and the harness gave; all memory is live.
    unsafe {
        let signals = if handle {
            block_term();
            signalfd(-1, &TERM_ONLY, 0)
        } else {
            -1
        };
        // A negative number is never ready.
        let mut polled = [signals, CONTROL, reporter].map(|fd| PollFd {
            fd,
            events: POLLIN,
            revents: 0,
        });
        loop {
            poll(polled.as_mut_ptr(), 3, -1);
            let ready = polled.each_ref().map(|polled| polled.revents != 0);
            if ready[0] {
                say("TERM\n");
                polled[0].fd = -1;
            }
            if ready[2] {
                polled[2].fd = -1;
            }
            if polled[0].fd < 0 && polled[2].fd < 0 && handle {
                _exit(7)
            }
            if ready[1] && !makes_orphan() {
                say("released\n");
                _exit(7)
            }
        }
    }
}

/// What the init promises to pass on, in a line.
fn tell() {
    let mut mask: SigSet = [0; 16];
    let mut ignored = Vec::new();
    // SAFETY: all memory is live and large enough for glibc.
    let line = unsafe {
        sigprocmask(SIG_BLOCK, std::ptr::null(), &mut mask);
        for number in TOLD {
            let mut action = SigAction([0; 32]);
            sigaction(number, std::ptr::null(), &mut action);
            if action.0[0] == SIG_IGN {
                ignored.push(number);
            }
        }
        let leads = |yes: bool| if yes { "own" } else { "inherited" };
        let extra = (4..16).filter(|fd| fcntl(*fd, 1) >= 0).count();
        format!(
            "given: mask {:x}, ignored {ignored:?}, session {}, group {}, {}, {extra} descriptors of others\n",
            mask[0],
            leads(getsid(0) == getpid()),
            leads(getpgrp() == getpid()),
            match tcgetpgrp(0) {
                -1 => "no terminal",
                group if group == getpgrp() => "in the foreground",
                _ => "in the background",
            },
        )
    };
    say(&line);
}
