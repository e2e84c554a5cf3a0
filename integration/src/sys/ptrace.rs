//! Tracing a process in order to see its end: `ptrace(2)`. The thread that has seized the process
//! has to make all calls for it.

use std::{io, mem, ptr};

use libc::{c_int, c_uint, c_ulong, c_void};

use super::cerr;

/// Why a traced process has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceStop {
    /// This signal is to be delivered: pass it to [`trace_go_on`].
    Signal(i32),
    /// A stop signal has stopped it with its whole group: [`trace_listen`] keeps it stopped.
    GroupStop,
    /// It is about to end; nothing is torn down yet.
    Exit,
    /// Something else, to be answered by [`trace_go_on`] with 0.
    Other,
}

/// Becomes the tracer of a process without stopping it.
pub fn seize(pid: i32) -> io::Result<()> {
    trace(libc::PTRACE_SEIZE, pid, 0)
}

/// Becomes the tracer of a process without stopping it; it will stop just before its end.
pub fn trace_exit(pid: i32) -> io::Result<()> {
    trace(libc::PTRACE_SEIZE, pid, libc::PTRACE_O_TRACEEXIT as c_ulong)
}

/// The stop that the process is in; `None` while it runs or when it has ended. `waitid(2)` without
/// `WEXITED` leaves the end to those who wait for it.
pub fn trace_stop(pid: i32) -> io::Result<Option<TraceStop>> {
    // SAFETY: siginfo_t is plain data for which all zeroes is a value.
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    let options = libc::WSTOPPED | libc::WNOHANG | libc::__WALL;
    // SAFETY: the information is live and has room for what the kernel writes.
    cerr(unsafe { libc::waitid(libc::P_PID, pid.cast_unsigned(), &raw mut info, options) })?;
    // SAFETY: the kernel has filled it as for a child, or left it zero.
    let (found, status) = unsafe { (info.si_pid(), info.si_status()) };
    if found == 0 {
        return Ok(None);
    }
    Ok(Some(match (status & 0xff, status >> 8) {
        (_, libc::PTRACE_EVENT_EXIT) => TraceStop::Exit,
        (libc::SIGTRAP, libc::PTRACE_EVENT_STOP) => TraceStop::Other,
        (_, libc::PTRACE_EVENT_STOP) => TraceStop::GroupStop,
        (signal, 0) => TraceStop::Signal(signal),
        _ => TraceStop::Other,
    }))
}

/// The raw wait status that a process in [`TraceStop::Exit`] will have.
pub fn trace_exit_status(pid: i32) -> io::Result<i32> {
    let mut status: c_ulong = 0;
    trace(libc::PTRACE_GETEVENTMSG, pid, (&raw mut status) as c_ulong)?;
    Ok(status as i32)
}

/// Continues a stopped process and delivers this signal; 0 for none.
pub fn trace_go_on(pid: i32, signal: i32) -> io::Result<()> {
    trace(libc::PTRACE_CONT, pid, signal as c_ulong)
}

/// Leaves a process in its group stop, until it is continued.
pub fn trace_listen(pid: i32) -> io::Result<()> {
    trace(libc::PTRACE_LISTEN, pid, 0)
}

fn trace(request: impl TryInto<c_uint>, pid: i32, data: c_ulong) -> io::Result<()> {
    let request = request.try_into().unwrap_or_default();
    let none = ptr::null_mut::<c_void>();
    // SAFETY: of the requests above only PTRACE_GETEVENTMSG takes an address, that of a live
    // unsigned long; the others take integers.
    cerr(unsafe { libc::ptrace(request as _, pid as c_int, none, data) }).map(drop)
}
