//! A small init, with a place for each defect.

use std::{
    ffi::{CStr, CString, OsString},
    os::{
        fd::{AsFd, AsRawFd},
        unix::ffi::OsStringExt,
    },
    time::Duration,
};

use super::{child, defect::Defect, menace, message::complain};
use crate::{
    init::PRE_STOP,
    status::WaitStatus,
    sys::{self, CStrings, Fork, Taken},
};

/// The state of the loop.
struct Init {
    defect: Defect,
    /// The command.
    pid: i32,
    /// Whether the toy that stops reaping for a stopped child has seen one.
    held_up: bool,
    /// The program of `--pre-stop`, for the toys that run it.
    pre_stop: Option<CString>,
}

/// Runs the command as the init with this defect does, and gives the exit status.
pub fn run(defect: Defect, command: Vec<OsString>) -> i32 {
    if defect == Defect::FillsClosedDescriptors {
        fill_closed_descriptors();
    }
    let Ok(mask) = sys::set_mask(u64::MAX) else {
        return 125;
    };
    if let Some(status) = menace::run(defect) {
        return status;
    }
    if defect == Defect::HidesThreeSignals {
        let _ = sys::set_mask(!(0b111 << 31));
    }
    if defect == Defect::LosesEarlySignals {
        while let Ok(Some(_)) = sys::take_signal(u64::MAX, Some(Duration::ZERO)) {}
    }
    if defect != Defect::InheritsIgnoredChild {
        let _ = sys::set_disposition(libc::SIGCHLD, false);
    }
    if defect != Defect::NoSubreaper {
        let _ = sys::become_subreaper();
    }
    if defect == Defect::ChangesDirectory {
        let _ = std::env::set_current_dir("/");
    }
    if defect == Defect::WritesToStdout {
        let _ = sys::write_all(1, b"initlab toy: here I am\n");
    }
    if defect == Defect::ReadsStdin {
        let _ = sys::poll_readable([std::io::stdin().as_fd()], Some(Duration::from_millis(200)))
            .and_then(|_| sys::read(std::io::stdin().as_fd(), &mut [0; 64]));
    }
    let terminal = defect != Defect::NoSession && give_up_terminal(defect);
    let pid = match child::start(defect, command, mask, terminal) {
        Ok(pid) => pid,
        Err(status) => return status,
    };
    let runs_pre_stop = [Defect::HastyPreStop, Defect::NeedsPreStop].contains(&defect);
    let pre_stop = std::env::current_dir().ok().filter(|_| runs_pre_stop);
    let pre_stop = pre_stop.map(|directory| directory.join(PRE_STOP).into_os_string());
    settle(defect);
    let mut init = Init {
        defect,
        pid,
        held_up: false,
        pre_stop: pre_stop.and_then(|path| CString::new(path.into_vec()).ok()),
    };
    // Children that we were exec'd with may be dead already, and no signal tells of them.
    let mut end = init.reap();
    loop {
        match end {
            Some(status) => return status,
            None => end = init.step(),
        }
    }
}

/// Whether standard input is a terminal that the command may have.
fn give_up_terminal(defect: Defect) -> bool {
    let me = sys::identity_of_self();
    match sys::session_of_terminal(0) {
        Ok(session) if session == me.sid && me.sid == me.pid => {
            if sys::give_up_terminal(0).is_err() {
                return false;
            }
            // The kernel sends these to us for that, from ourselves.
            if defect != Defect::ForwardsOwnHangUp {
                let own = 1 << (libc::SIGHUP - 1) | 1 << (libc::SIGCONT - 1);
                while let Ok(Some(_)) = sys::take_signal(own, Some(Duration::ZERO)) {}
            }
            true
        }
        Ok(_) => false,
        Err(error) => {
            if defect == Defect::Complains {
                complain(&format!("standard input is no terminal of mine: {error}"));
            }
            // A terminal that is nobody's.
            sys::window_size(0).is_ok()
        }
    }
}

/// Holds on to nothing of what it was started with.
fn settle(defect: Defect) {
    if defect != Defect::StaysInDirectory {
        let _ = std::env::set_current_dir("/");
    }
    if defect != Defect::LeaksDescriptors {
        let _ = sys::close_from(3);
    }
    if defect == Defect::HasAThread {
        std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        });
    }
    if defect == Defect::IsFat {
        // Each page is written to, so that it is there.
        let ballast = vec![1_u8; 64 << 20];
        std::mem::forget(std::hint::black_box(ballast));
    }
}

fn fill_closed_descriptors() {
    for number in 0..3 {
        // From a higher number, since the copy is what an exec leaves open.
        if sys::close_on_exec(number).is_none()
            && let Ok(null) = sys::open_null()
            && let Ok(high) = sys::duplicate_above(null.as_raw_fd(), 3)
        {
            std::mem::forget(null);
            let _ = sys::duplicate_to(high.as_raw_fd(), number);
        }
    }
}

/// Waits, deaf to all signals.
fn sleep(time: Duration) {
    let _ = sys::take_signal(0, Some(time));
}

impl Init {
    /// Takes one signal and acts; the exit status when that is the end.
    fn step(&mut self) -> Option<i32> {
        let wait = match self.defect {
            Defect::Polls => Some(Duration::from_millis(100)),
            _ => None,
        };
        let set = match self.defect {
            Defect::HidesThreeSignals => !(0b111 << 31),
            _ => u64::MAX,
        };
        let Taken { signal, .. } = sys::take_signal(set, wait).ok()??;
        if self.defect == Defect::WritesToStderr {
            complain(&format!("got signal {signal}"));
        }
        if signal == libc::SIGCHLD {
            if self.defect == Defect::ForwardsChild {
                let _ = sys::kill(-self.pid, signal);
            }
            return self.reap();
        }
        self.forward(signal)
    }

    /// Runs the program, and tells whether TERM is to be forwarded.
    fn run_pre_stop(&self, program: &CStr) -> bool {
        let Ok(forked) = sys::fork() else {
            return true;
        };
        let Fork::Parent(pid) = forked else {
            let _ = sys::set_mask(0);
            let words = |words: Vec<CString>| CStrings::new(words);
            let _ = sys::exec(
                program,
                &words(vec![program.to_owned()]),
                &words(Vec::new()),
            );
            sys::exit_now(127);
        };
        self.defect != Defect::NeedsPreStop || sys::reap(pid).is_ok_and(|raw| raw == 0)
    }

    fn forward(&self, signal: i32) -> Option<i32> {
        if signal == libc::SIGTERM
            && let Some(program) = &self.pre_stop
            && !self.run_pre_stop(program)
        {
            return None;
        }
        let stops = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
        let sent = if stops.contains(&signal) && self.defect != Defect::ForwardsRawStops {
            libc::SIGSTOP
        } else {
            signal
        };
        let target = match self.defect {
            Defect::NoForwarding => return None,
            Defect::StandardOnly if signal > 31 => return None,
            Defect::ExitsOnTerm if signal == libc::SIGTERM => return Some(128 + signal),
            Defect::ChildOnly | Defect::NoSession => self.pid,
            _ => -self.pid,
        };
        let result = sys::kill(target, sent);
        if self.defect == Defect::ForwardsTwice {
            // So much later that the first has been taken: the two would become one.
            sleep(Duration::from_millis(20));
            let _ = sys::kill(target, sent);
        }
        if self.defect == Defect::KillsAtOnce {
            let _ = sys::kill(target, libc::SIGKILL);
        }
        if self.defect == Defect::ExitsOnRefusal && result.is_err() {
            complain("cannot forward a signal");
            return Some(1);
        }
        None
    }

    fn reap(&mut self) -> Option<i32> {
        if self.defect == Defect::NeverReaps {
            let raw = sys::try_reap(self.pid).ok()??;
            return Some(self.end(raw));
        }
        let mut ended = None;
        while !self.held_up {
            let seen = match self.defect {
                Defect::StopIsTheEnd | Defect::WaitsForStopped => sys::reap_or_stopped(),
                _ => sys::reap_any(false),
            };
            let Ok(Some((pid, raw))) = seen else { break };
            let status = WaitStatus::from_raw(raw);
            if libc::WIFSTOPPED(raw) && self.defect == Defect::WaitsForStopped {
                self.held_up = true;
                break;
            }
            let real_time = status.signal().is_some_and(|signal| signal > 31);
            if real_time && self.defect == Defect::GivesUpOnRealTime {
                continue;
            }
            if pid == self.pid || self.defect == Defect::AnyChildEndsIt {
                ended = Some(raw);
            }
            if self.defect == Defect::ReapsOnce {
                break;
            }
        }
        let raw = ended?;
        if self.defect == Defect::WaitsForAll {
            while sys::reap_any(true).is_ok() {}
        }
        Some(self.end(raw))
    }

    fn end(&self, raw: i32) -> i32 {
        if self.defect != Defect::LeavesTheGroup && self.defect != Defect::NoSession {
            let _ = sys::kill(-self.pid, libc::SIGTERM);
        }
        if self.defect == Defect::EndsLate {
            sleep(Duration::from_secs(1));
        }
        let status = WaitStatus::from_raw(raw);
        match (self.defect, status.signal()) {
            (Defect::AlwaysZero, _) => 0,
            (Defect::SignalIsOne, Some(_)) => 1,
            (Defect::StopIsTheEnd, _) if libc::WIFSTOPPED(raw) => 128 + libc::SIGSTOP,
            _ => status.shell(),
        }
    }
}
