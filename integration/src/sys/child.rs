//! The new process, from `clone3(2)` to `execve(2)`.
//!
//! The caller may have threads, and any of them may hold any lock when the process is copied. So
//! everything that the child needs is prepared in a [`Plan`], and the child makes system calls
//! only: no allocation, no lock, no formatting. Raw calls set the ids, because the C library's
//! functions would signal threads that the child does not have.

use std::{
    ffi::c_int,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
};

use super::{
    Plan, Step, cerr,
    done::{Done, check, checked},
    plan::STEPS,
    poll_readable, read, set_disposition, set_mask,
    setup::{close_others, descriptors, namespaces, privileges, session},
};

/// A process that `Plan::clone` has made. It may not have exec'd yet.
pub struct Cloned {
    pub pid: i32,
    pub pidfd: OwnedFd,
}

/// The report of a child that could not exec.
#[derive(Debug)]
pub struct Failed {
    pub step: Step,
    pub error: io::Error,
}

/// `struct clone_args` of clone3(2) in its first version; the libc crate lacks it for 32-bit ARM. Zero
/// means absent for each field.
#[derive(Default)]
#[repr(C, align(8))]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

impl Plan {
    /// Makes the process. The other end of `report` tells whether it gets as far as exec.
    pub fn clone_process(&self) -> io::Result<Cloned> {
        // No handler of ours may run in the child: handlers are reset before the mask is the
        // command's.
        let old_mask = set_mask(u64::MAX)?;
        let made = self.clone_blocked();
        set_mask(old_mask)?;
        made
    }

    fn clone_blocked(&self) -> io::Result<Cloned> {
        let mut pidfd: c_int = -1;
        let mut arguments = CloneArguments {
            flags: self.clone_flags | libc::CLONE_PIDFD as u64,
            pidfd: &raw mut pidfd as u64,
            exit_signal: libc::SIGCHLD as u64,
            ..CloneArguments::default()
        };
        // SAFETY: without CLONE_VM and without a stack this is a fork: the child has its own copy
        // of this frame. It only ever runs `child`, which keeps to system calls.
        let pid = cerr(unsafe {
            libc::syscall(
                libc::SYS_clone3,
                &raw mut arguments,
                std::mem::size_of::<CloneArguments>(),
            )
        })?;
        if pid == 0 {
            child(self);
        }
        // SAFETY: the kernel has stored the new descriptor, and nobody else knows it.
        Ok(Cloned {
            pid: pid as i32,
            pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) },
        })
    }
}

/// Reads a child's report pipe: `None` when it has exec'd. Waits for at most `limit`.
pub fn read_report(report: &OwnedFd, limit: std::time::Duration) -> io::Result<Option<Failed>> {
    use std::os::fd::AsFd;
    let until = std::time::Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(std::time::Instant::now());
        if poll_readable([report.as_fd()], Some(left))? == [true] {
            break;
        }
        if left.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the new process neither executes nor fails",
            ));
        }
    }
    let mut bytes = [0; 8];
    let count = read(report.as_fd(), &mut bytes)?;
    if count < bytes.len() {
        return Ok(None);
    }
    let [step, errno] = [0, 4]
        .map(|at| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
    let step = STEPS.get(step as usize).copied().unwrap_or(Step::Exec);
    Ok(Some(Failed {
        step,
        error: io::Error::from_raw_os_error(errno.cast_signed()),
    }))
}

/// The child: all steps, then exec. It does not return, so it cannot run into the parent's code,
/// and ends with `_exit(2)`, since `atexit(3)` handlers and buffers are the parent's.
fn child(plan: &Plan) -> ! {
    let (step, errno) = steps(plan);
    let [a, b] = [
        (step as u32).to_ne_bytes(),
        errno.cast_unsigned().to_ne_bytes(),
    ];
    let message = [a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]];
    // SAFETY: the message is live; a pipe takes eight bytes at once. _exit touches no memory.
    unsafe {
        libc::write(
            plan.report.as_raw_fd(),
            message.as_ptr().cast(),
            message.len(),
        );
        libc::_exit(127)
    }
}

fn steps(plan: &Plan) -> (Step, i32) {
    match prepare(plan) {
        Err(failed) => failed,
        Ok(()) => {
            // SAFETY: path and arrays were made before the clone, and the arrays end in null.
            let result = unsafe {
                libc::execve(
                    plan.program.as_ptr(),
                    plan.arguments.as_ptr(),
                    plan.environment.as_ptr(),
                )
            };
            check(Step::Exec, result).err().unwrap_or((Step::Exec, 0))
        }
    }
}

fn prepare(plan: &Plan) -> Done {
    close_others(plan);
    namespaces(plan)?;
    session(plan)?;
    descriptors(plan)?;
    if let Some(directory) = &plan.directory {
        // SAFETY: the path is a live C string.
        check(Step::Directory, unsafe { libc::chdir(directory.as_ptr()) })?;
        if plan.remove_directory {
            // SAFETY: the path is a live C string.
            check(Step::Directory, unsafe { libc::rmdir(directory.as_ptr()) })?;
        }
    }
    for signal in 1..=64 {
        if signal != libc::SIGKILL && signal != libc::SIGSTOP {
            let ignored = plan.ignored & (1 << (signal - 1)) != 0;
            checked(Step::Dispositions, set_disposition(signal, ignored))?;
        }
    }
    // All signals are still blocked, so these stay pending: the kernel never discards a blocked
    // signal as ignored, not even for PID 1 (kernel/signal.c, sig_ignored).
    for signal in &plan.pending {
        // SAFETY: getpid and kill take integers only.
        check(Step::Pending, unsafe {
            libc::kill(libc::getpid(), *signal)
        })?;
    }
    privileges(plan)?;
    // After the change of user, which would clear it (kernel/cred.c, commit_creds).
    if let Some(signal) = plan.parent_death {
        // SAFETY: PR_SET_PDEATHSIG takes an integer.
        check(Step::ParentDeath, unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, signal)
        })?;
        parent_alive(plan)?;
    }
    if let Some(at_gate) = &plan.at_gate {
        // SAFETY: one live byte is written.
        check(
            Step::Gate,
            unsafe { libc::write(at_gate.as_raw_fd(), b"g".as_ptr().cast(), 1) } as i64,
        )?;
    }
    if let Some(gate) = &plan.gate {
        let mut byte = 0u8;
        // SAFETY: one live byte is read. A tracer that attaches interrupts the call, and the kernel
        // starts it again.
        check(
            Step::Gate,
            unsafe { libc::read(gate.as_raw_fd(), (&raw mut byte).cast(), 1) } as i64,
        )?;
    }
    for (resource, soft, hard) in &plan.limits {
        let limit = libc::rlimit64 {
            rlim_cur: *soft,
            rlim_max: *hard,
        };
        // SAFETY: the limit is live, and the old one is not asked for.
        check(Step::Limits, unsafe {
            libc::syscall(
                libc::SYS_prlimit64,
                0,
                *resource,
                &raw const limit,
                ptr::null::<libc::rlimit64>(),
            )
        })?;
    }
    checked(Step::Mask, set_mask(plan.blocked)).map(drop)
}

/// The parent may have died before the child asked for the signal: then the report pipe has no
/// reader.
fn parent_alive(plan: &Plan) -> Done {
    let mut polled = libc::pollfd {
        fd: plan.report.as_raw_fd(),
        events: 0,
        revents: 0,
    };
    // SAFETY: one live entry.
    check(Step::ParentDeath, unsafe {
        libc::poll(&raw mut polled, 1, 0)
    })?;
    if polled.revents & libc::POLLERR != 0 {
        Err((Step::ParentDeath, libc::ESRCH))
    } else {
        Ok(())
    }
}
