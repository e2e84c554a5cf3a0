//! The other processes that live at the moment when a process ends.
//!
//! When PID 1 ends, the kernel kills everything in its namespace, and an init follows its main child
//! within microseconds: afterwards there is nothing left to see. So the process is traced, with
//! nothing but [`PTRACE_O_TRACEEXIT`](https://man7.org/linux/man-pages/man2/ptrace.2.html): it stops
//! just before its end, whatever the cause, and continues when we have looked around.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::seen::Seen;
use crate::{
    deadline::try_poll_until,
    process::Process,
    status::WaitStatus,
    sys::{self, TraceStop},
};

/// How long we may delay a signal to the process.
const PACE: Duration = Duration::from_millis(1);

/// How long processes that got the same signal, in the same group, have to end too.
const DYING: Duration = Duration::from_millis(200);

/// The observations at the end of a process.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The status of the process.
    pub status: WaitStatus,
    /// How long we have delayed its end.
    pub held: Duration,
    /// The other processes of its namespace, zombies included.
    pub others: Vec<Seen>,
}

/// A thread that waits for the end of a process.
#[must_use]
pub struct LastLook {
    thread: Option<JoinHandle<Option<Moment>>>,
    enough: Arc<AtomicBool>,
}

impl LastLook {
    /// Begins to wait. Fails if the process cannot be traced: it belongs to another user, or has a
    /// tracer.
    pub fn begin(process: Process) -> io::Result<Self> {
        let pidfd = sys::pidfd_open(process.pid)?;
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        let (tell, seized) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("initlab-tracer".to_owned())
            .spawn(move || {
                let result = sys::trace_exit(process.pid);
                let traced = result.is_ok();
                // The receiver waits for this.
                let _ = tell.send(result);
                traced.then(|| follow(process, &pidfd, &told)).flatten()
            })?;
        seized.recv().map_err(io::Error::other)??;
        Ok(Self {
            thread: Some(thread),
            enough,
        })
    }

    /// Stops tracing. Returns the observations; `None` if the process has not ended.
    pub fn end(mut self) -> Option<Moment> {
        self.let_go()
    }

    fn let_go(&mut self) -> Option<Moment> {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.take()?.join().ok().flatten()
    }
}

impl Drop for LastLook {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Handles the stops of the process until it has ended. The end of this thread detaches it.
fn follow(process: Process, pidfd: &OwnedFd, enough: &AtomicBool) -> Option<Moment> {
    let pid = process.pid;
    let mut moment = None;
    while !enough.load(Ordering::Relaxed) {
        // An error means that the process is gone: then the pidfd is readable.
        let handled = match sys::trace_stop(pid) {
            Ok(Some(TraceStop::Exit)) => {
                moment = look(process);
                sys::trace_go_on(pid, 0)
            }
            Ok(Some(TraceStop::Signal(signal))) => sys::trace_go_on(pid, signal),
            Ok(Some(TraceStop::GroupStop)) => sys::trace_listen(pid),
            Ok(Some(TraceStop::Other)) => sys::trace_go_on(pid, 0),
            Ok(None) | Err(_) => Err(io::ErrorKind::WouldBlock.into()),
        };
        if handled.is_err() && sys::poll_readable([pidfd.as_fd()], Some(PACE)).is_ok_and(|[r]| r) {
            break;
        }
    }
    moment
}

fn look(process: Process) -> Option<Moment> {
    let begin = Instant::now();
    let status = sys::trace_exit_status(process.pid).ok()?;
    let mut others = Vec::new();
    try_poll_until(DYING, || {
        others = Seen::others_of(process);
        // PID 1 lives at least as long as the process.
        let ends = |seen: &Seen| seen.zombie || seen.pid == 1;
        others.iter().all(ends) || begin.elapsed() >= DYING
    });
    Some(Moment {
        status: WaitStatus::from_raw(status),
        held: begin.elapsed(),
        others,
    })
}
