//! What runs in the soak: it counts each signal that it gets, and makes orphans without end. `cargo xtask
//! soak` compiles it by itself, static; it is no part of xtask.
//!
//! Usage: `load FILE STORMS` counts and makes orphans in so many processes until TERM comes; `load FILE
//! exec` is what somebody executes in the container: it leaves a few orphans behind and ends.
//!
//! FILE is shared memory of 64-bit words: how often each signal came, at its number; how many orphans were
//! made, at [`MADE`]; how many are wanted, at [`WANTED`].

#![no_main]

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

const MADE: usize = 65;
const WANTED: usize = 66;
const WORDS: usize = 128;

/// How many orphans have the same parent.
const LITTER: u64 = 20;

const SIGKILL: c_int = 9;
const SIGTERM: c_int = 15;
const SIGCHLD: c_int = 17;
const SIGCONT: c_int = 18;
const SIGSTOP: c_int = 19;

unsafe extern "C" {
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn mmap(
        address: *mut c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: c_long,
    ) -> *mut c_void;
    fn syscall(number: c_long, ...) -> c_long;
    fn fork() -> c_int;
    fn setsid() -> c_int;
    fn getpid() -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn usleep(microseconds: u32) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn atoi(text: *const c_char) -> c_int;
    fn _exit(status: c_int) -> !;
}

#[cfg(target_arch = "x86_64")]
mod number {
    pub const RT_SIGACTION: i64 = 13;
    pub const RT_SIGPROCMASK: i64 = 14;
    pub const RT_SIGTIMEDWAIT: i64 = 128;
}
#[cfg(not(target_arch = "x86_64"))]
mod number {
    pub const RT_SIGACTION: i64 = 134;
    pub const RT_SIGPROCMASK: i64 = 135;
    pub const RT_SIGTIMEDWAIT: i64 = 137;
}

// SAFETY: the name that the C library calls, with the types that it passes.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    if count != 3 {
        return 99;
    }
    // SAFETY: there are three arguments. The file is as long as the array, and is never cut.
    let (words, last) = unsafe {
        let fd = open(*arguments.add(1), 2);
        let memory = mmap(ptr::null_mut(), WORDS * 8, 3, 1, fd, 0);
        if memory.addr() == usize::MAX {
            return 98;
        }
        (&*memory.cast::<[AtomicU64; WORDS]>(), *arguments.add(2))
    };
    // SAFETY: the argument is a C string.
    if unsafe { CStr::from_ptr(last) } == c"exec" {
        ignore_all();
        litter(words);
        return 0;
    }
    // SAFETY: as above.
    let storms = unsafe { atoi(last) };
    // Before the first signal can come.
    set_mask(u64::MAX);
    for _ in 0..storms {
        // SAFETY: no other thread exists.
        if unsafe { fork() } == 0 {
            storm(words);
        }
    }
    let set = !signal_bit(SIGCHLD);
    loop {
        // SAFETY: the set is live, no information is asked for, and there is no time limit. By the raw call,
        // since the C library keeps signals of its own back.
        let taken = unsafe {
            syscall(
                number::RT_SIGTIMEDWAIT,
                &raw const set,
                ptr::null::<c_void>(),
                ptr::null::<c_void>(),
                8usize,
            )
        };
        if let Some(word) = usize::try_from(taken).ok().and_then(|n| words.get(n)) {
            word.fetch_add(1, Ordering::SeqCst);
        }
        if taken == c_long::from(SIGTERM) {
            return 0;
        }
    }
}

fn signal_bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}

fn set_mask(mask: u64) {
    // SAFETY: SIG_SETMASK with a live set of the size given.
    unsafe {
        syscall(
            number::RT_SIGPROCMASK,
            2usize,
            &raw const mask,
            ptr::null::<u64>(),
            8usize,
        )
    };
}

/// Signals for everybody must not end the storm, and must not queue up in it.
///
/// CONT is blocked instead, which does not keep it from continuing a process. A STOP for everybody that
/// comes while a process forks reaches the child, too, and a CONT takes it back; but not one that the
/// forking process ignores, which it does by default (`__send_signal_locked` in kernel/signal.c). On a
/// busy machine both may come during one fork, and the child would be stopped for ever.
fn ignore_all() {
    for signal in 1..=64 {
        if ![SIGKILL, SIGCHLD, SIGCONT, SIGSTOP].contains(&signal) {
            // The kernel's structure begins with the handler: SIG_IGN.
            let action: [u64; 4] = [1, 0, 0, 0];
            // SAFETY: the structure is live; no handler is installed.
            unsafe {
                syscall(
                    number::RT_SIGACTION,
                    c_long::from(signal),
                    action.as_ptr(),
                    ptr::null::<u64>(),
                    8usize,
                )
            };
        }
    }
    set_mask(signal_bit(SIGCONT));
}

/// Makes orphans for as long as there are to be more.
fn storm(words: &[AtomicU64; WORDS]) -> ! {
    // SAFETY: takes nothing. Signals for the command's group are not for us.
    unsafe { setsid() };
    ignore_all();
    loop {
        if words[MADE].load(Ordering::SeqCst) < words[WANTED].load(Ordering::SeqCst) {
            litter(words);
        } else {
            // SAFETY: takes a number.
            unsafe { usleep(500) };
        }
    }
}

/// Makes some orphans, whose parent has ended when this returns.
fn litter(words: &[AtomicU64; WORDS]) {
    // SAFETY: no other thread exists, and the status is not asked for.
    unsafe {
        let parent = fork();
        if parent == 0 {
            for index in 0..LITTER {
                match fork() {
                    0 => orphan(index),
                    -1 => {}
                    _ => drop(words[MADE].fetch_add(1, Ordering::SeqCst)),
                }
            }
            _exit(0)
        }
        waitpid(parent, ptr::null_mut(), 0);
    }
}

/// Orphans end in different ways: before and after their parent, in another session, by a signal.
fn orphan(kind: u64) -> ! {
    // SAFETY: integers only.
    unsafe {
        match kind % 5 {
            1 => drop(usleep(1000)),
            2 => drop(setsid()),
            3 => drop(kill(getpid(), SIGKILL)),
            _ => {}
        }
        _exit(kind as c_int)
    }
}
