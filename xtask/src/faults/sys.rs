//! System calls that no library wraps: a process under a seccomp filter with a listener, and what a
//! listener can be asked (seccomp_unotify(2)).
//!
//! # Safety
//!
//! All `unsafe` of the faults is here. A new process is made by a process without other threads (the
//! worker has none), so that the child may do what it likes before its exec.

use std::ffi::{CStr, CString, c_char, c_int, c_ulong};
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Descriptor of the child's end of the socket by which the listener comes to us. The filter lets
/// sendmsg(2) on it pass.
const SOCKET: RawFd = 20;

/// What a filter leaves to its listener.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// Every call but those that a process cannot fail or that end its program.
    All,
    /// One.
    One(i64),
}

/// All that a new process is to be.
pub struct Start<'a> {
    pub program: &'a CStr,
    pub arguments: &'a [CString],
    pub environment: &'a [CString],
    /// For descriptors 0 to 3.
    pub streams: [RawFd; 4],
    /// Lead a session, and take standard input as its terminal; otherwise lead a group.
    pub terminal: bool,
    /// Namespaces of its own (clone(2)); with a PID namespace, it is PID 1 and has its own /proc.
    pub spaces: i32,
    /// Have a child that has ended and is not reaped.
    pub zombie: bool,
    pub watched: Watched,
}

fn cerr<T: PartialEq + From<i8>>(value: T) -> io::Result<T> {
    if value == T::from(-1) {
        Err(io::Error::last_os_error())
    } else {
        Ok(value)
    }
}

/// Makes the process and gives its ID and the listener. Whether it came to its exec is not known.
pub fn start(plan: &Start<'_>) -> io::Result<(i32, OwnedFd)> {
    let (ours, theirs) = socket_pair()?;
    let argv = pointers(plan.arguments);
    let envp = pointers(plan.environment);
    let filter = filter(plan.watched);
    // SAFETY: without CLONE_VM and a stack this is a fork; there is no other thread.
    let pid = cerr(unsafe {
        libc::syscall(
            libc::SYS_clone,
            c_ulong::from((plan.spaces | libc::SIGCHLD).cast_unsigned()),
            0usize,
            0usize,
            0usize,
            0usize,
        )
    })?;
    if pid == 0 {
        let error = child(plan, &theirs, &filter, &argv, &envp);
        let line = format!("faults: cannot start the init: {error}\n");
        // SAFETY: the bytes are live; _exit runs nothing of the parent's.
        unsafe {
            libc::write(2, line.as_ptr().cast(), line.len());
            libc::_exit(99)
        }
    }
    drop(theirs);
    let listener = receive(&ours).map_err(|error| {
        io::Error::other(format!("no listener came from the new process: {error}"))
    })?;
    Ok((pid as i32, listener))
}

/// The child: all steps, then exec. Returns only the reason why it could not.
fn child(
    plan: &Start<'_>,
    socket: &OwnedFd,
    filter: &[libc::sock_filter],
    argv: &[*const c_char],
    envp: &[*const c_char],
) -> io::Error {
    let steps = || -> io::Result<()> {
        // SAFETY: integers, C strings and live memory only.
        unsafe {
            if plan.spaces & libc::CLONE_NEWPID != 0 {
                let none = ptr::null::<c_char>();
                cerr(libc::mount(
                    c"proc".as_ptr(),
                    c"/proc".as_ptr(),
                    c"proc".as_ptr(),
                    libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC,
                    none.cast(),
                ))?;
            }
            for (target, source) in (0..).zip(plan.streams) {
                cerr(libc::dup2(source, target))?;
            }
            cerr(libc::dup2(socket.as_raw_fd(), SOCKET))?;
            cerr(libc::fcntl(SOCKET, libc::F_SETFD, libc::FD_CLOEXEC))?;
            cerr(libc::syscall(libc::SYS_close_range, 4, SOCKET - 1, 0))?;
            cerr(libc::syscall(
                libc::SYS_close_range,
                SOCKET + 1,
                c_int::MAX,
                0,
            ))?;
            if plan.terminal {
                cerr(libc::setsid())?;
                cerr(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
            } else {
                cerr(libc::setpgid(0, 0))?;
            }
            for signal in 1..32 {
                libc::signal(signal, libc::SIG_DFL);
            }
            if plan.zombie {
                let pid = cerr(libc::fork())?;
                if pid == 0 {
                    libc::_exit(0);
                }
                let mut info: libc::siginfo_t = zeroed();
                let flags = libc::WEXITED | libc::WNOWAIT;
                cerr(libc::waitid(libc::P_PID, pid as u32, &raw mut info, flags))?;
            }
        }
        let listener = install(filter)?;
        send(SOCKET, &listener)
    };
    if let Err(error) = steps() {
        return error;
    }
    // SAFETY: a C string, and arrays of them that end in null.
    unsafe { libc::execve(plan.program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    io::Error::last_os_error()
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let all = strings.iter().map(|string| string.as_ptr());
    all.chain([ptr::null()]).collect()
}

/// Calls that are never failed: they end the program or cannot come back, or are how the listener
/// gets to us. What the C library does before `main` is left out by the recording.
const LEFT_ALONE: [i64; 4] = [
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigreturn,
];

fn filter(watched: Watched) -> Vec<libc::sock_filter> {
    let step = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let load = |at: u32| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at);
    let equal = |k: i64, jt: u8, jf: u8| {
        step(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            jt,
            jf,
            k as u32,
        )
    };
    let give = |action: u32| step(libc::BPF_RET | libc::BPF_K, 0, 0, action);
    let (allow, ask) = (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_USER_NOTIF);
    // struct seccomp_data: the number, the architecture, the address, six arguments of 64 bits.
    let low_half = if cfg!(target_endian = "big") { 4 } else { 0 };
    let mut program = vec![
        load(0),
        equal(libc::SYS_sendmsg, 0, 3),
        load(16 + low_half),
        equal(i64::from(SOCKET), 0, 1),
        give(allow),
        load(0),
    ];
    match watched {
        Watched::All => {
            for number in LEFT_ALONE {
                program.extend([equal(number, 0, 1), give(allow)]);
            }
            program.push(give(ask));
        }
        Watched::One(number) => program.extend([equal(number, 0, 1), give(ask), give(allow)]),
    }
    program
}

fn install(filter: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the filter is live and its length is given; the kernel gives a new descriptor.
    unsafe {
        let listener = cerr(libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        ))?;
        Ok(OwnedFd::from_raw_fd(listener as RawFd))
    }
}

fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two descriptors, which nobody else knows.
    unsafe {
        cerr(libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_STREAM | libc::SOCK_CLOEXEC,
            0,
            ends.as_mut_ptr(),
        ))?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Room for the control message that one descriptor takes, aligned.
type Control = [u64; 4];

fn message(byte: &mut u8, vector: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    *vector = libc::iovec {
        iov_base: ptr::from_mut(byte).cast(),
        iov_len: 1,
    };
    // SAFETY: plain data, for which all zeros is a value.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_iov = vector;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    // SAFETY: an arithmetic macro.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<RawFd>() as u32) } as _;
    header
}

fn send(socket: RawFd, descriptor: &OwnedFd) -> io::Result<()> {
    let (mut byte, mut control) = (b'l', Control::default());
    // SAFETY: plain data; the control buffer is large enough for one descriptor.
    unsafe {
        let mut vector = zeroed();
        let header = message(&mut byte, &mut vector, &mut control);
        let first = libc::CMSG_FIRSTHDR(&raw const header);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
        libc::CMSG_DATA(first)
            .cast::<RawFd>()
            .write_unaligned(descriptor.as_raw_fd());
        cerr(libc::sendmsg(socket, &raw const header, 0)).map(drop)
    }
}

fn receive(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let (mut byte, mut control) = (0, Control::default());
    // SAFETY: plain data; the kernel writes no more than the control buffer holds, and the descriptor
    // that it gives is new.
    unsafe {
        let mut vector = zeroed();
        let mut header = message(&mut byte, &mut vector, &mut control);
        let count = cerr(libc::recvmsg(
            socket.as_raw_fd(),
            &raw mut header,
            libc::MSG_CMSG_CLOEXEC,
        ))?;
        let first = libc::CMSG_FIRSTHDR(&raw const header);
        if count != 1 || first.is_null() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(OwnedFd::from_raw_fd(
            libc::CMSG_DATA(first).cast::<RawFd>().read_unaligned(),
        ))
    }
}

/// A system call that waits for an answer.
pub struct Call {
    id: u64,
    /// Who makes it, as we number processes.
    pub pid: i32,
    pub number: i64,
    pub arguments: [u64; 6],
}

// _IOWR('!', 0, struct seccomp_notif) and _IOWR('!', 1, struct seccomp_notif_resp).
const NOTIF_RECV: u64 = 0xc050_2100;
const NOTIF_SEND: u64 = 0xc018_2101;

/// Takes the next call; `None` where its caller is gone meanwhile.
pub fn next_call(listener: &OwnedFd) -> Option<Call> {
    // SAFETY: plain data, which the kernel wants as zeros and fills in.
    unsafe {
        let mut call: libc::seccomp_notif = zeroed();
        cerr(libc::ioctl(
            listener.as_raw_fd(),
            NOTIF_RECV as libc::Ioctl,
            &raw mut call,
        ))
        .ok()?;
        Some(Call {
            id: call.id,
            pid: call.pid.cast_signed(),
            number: call.data.nr.into(),
            arguments: call.data.args,
        })
    }
}

/// Answers a call: it goes on, or it fails with this error number.
pub fn answer(listener: &OwnedFd, call: &Call, errno: Option<i32>) {
    let mut response = libc::seccomp_notif_resp {
        id: call.id,
        val: 0,
        error: errno.map_or(0, |errno| -errno),
        flags: match errno {
            None => libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            Some(_) => 0,
        },
    };
    // SAFETY: the response is live. An error means that the caller is gone.
    unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            NOTIF_SEND as libc::Ioctl,
            &raw mut response,
        )
    };
}

/// A C string in the memory of a process, as far as it can be read.
pub fn read_string(pid: i32, address: u64) -> String {
    let mut bytes = [0u8; 256];
    // As far as the end of the page: the next one may not be there.
    let length = bytes.len().min(4096 - (address as usize & 4095));
    let ours = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: length,
    };
    let theirs = libc::iovec {
        iov_base: address as *mut _,
        iov_len: length,
    };
    // SAFETY: our vector describes live memory; theirs is checked by the kernel.
    let count = unsafe { libc::process_vm_readv(pid, &raw const ours, 1, &raw const theirs, 1, 0) };
    let bytes = &bytes[..usize::try_from(count).unwrap_or(0)];
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Whether there is something to read, within so many milliseconds.
pub fn readable(fd: &OwnedFd, limit: c_int) -> bool {
    let mut polled = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one live entry.
    let ready = unsafe { libc::poll(&raw mut polled, 1, limit) };
    ready == 1 && polled.revents & libc::POLLIN != 0
}

/// Reaps a child that has ended (any with -1), and gives its ID, raw status and CPU time in
/// milliseconds.
pub fn reap(pid: i32) -> Option<(i32, i32, u64)> {
    let mut status = 0;
    // SAFETY: plain data, live; no child that may be waited for is anybody else's.
    unsafe {
        let mut usage: libc::rusage = zeroed();
        let reaped = libc::wait4(
            pid,
            &raw mut status,
            libc::WNOHANG | libc::__WALL,
            &raw mut usage,
        );
        let time = |t: libc::timeval| t.tv_sec as u64 * 1000 + t.tv_usec as u64 / 1000;
        (reaped > 0).then(|| (reaped, status, time(usage.ru_utime) + time(usage.ru_stime)))
    }
}

/// Sends a signal to a process.
pub fn kill(pid: i32, signal: i32) {
    // SAFETY: integers only. That the process is gone is fine.
    unsafe { libc::kill(pid, signal) };
}

/// Writes a byte to a pipe; nobody may read it any more.
pub fn write_byte(fd: &OwnedFd) {
    // SAFETY: one live byte.
    unsafe { libc::write(fd.as_raw_fd(), [b'o'].as_ptr().cast(), 1) };
}

/// Makes reading from a descriptor fail where there is nothing to read.
pub fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: integers only.
    unsafe {
        let flags = cerr(libc::fcntl(fd.as_raw_fd(), libc::F_GETFL))?;
        cerr(libc::fcntl(
            fd.as_raw_fd(),
            libc::F_SETFL,
            flags | libc::O_NONBLOCK,
        ))
        .map(drop)
    }
}

/// What a non-blocking descriptor has.
pub fn drain(fd: &OwnedFd) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        // SAFETY: the buffer is live and its length is given.
        let count = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        match usize::try_from(count) {
            Ok(count) if count > 0 => all.extend_from_slice(&buffer[..count]),
            _ => return all,
        }
    }
}

/// A pseudo-terminal: master and slave.
pub fn terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: both numbers are live, and the descriptors that they become are nobody else's.
    unsafe {
        cerr(libc::openpty(
            &raw mut master,
            &raw mut slave,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        ))?;
        Ok((OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)))
    }
}
