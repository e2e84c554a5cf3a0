//! One run of an init, with one kind of system call in our hands.
//!
//! No step waits for a time. The next one is taken when all processes have come to rest: each sleeps
//! without a time limit, and has no signal pending that would wake it. When all have come to rest and no
//! step is left, the run hangs.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::calls::{self, RETRIES};
use super::scenario::{Command, LOG, PROGRAM, Place, Scenario, Step};
use super::sys::{self, Call, Start, Watched};

/// What is done to the calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing: all that the init calls is written down.
    Record,
    /// Every call of this number fails.
    Every { number: i64, errno: i32 },
    /// Every call of this use fails.
    EachUse { of: Use, errno: i32 },
    /// The n-th call of this use fails, counted from 0.
    One { of: Use, nth: u32, errno: i32 },
    /// All calls of this use fail from the n-th on.
    From { of: Use, nth: u32, errno: i32 },
}

/// A call, what it is for, and on which side of the fork.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub number: i64,
    pub purpose: Option<String>,
    pub in_child: bool,
}

impl Fault {
    fn watched(&self) -> Watched {
        match self {
            Self::Record => Watched::All,
            Self::Every { number, .. } => Watched::One(*number),
            Self::EachUse { of, .. } | Self::One { of, .. } | Self::From { of, .. } => {
                Watched::One(of.number)
            }
        }
    }

    pub fn number(&self) -> i64 {
        match self {
            Self::Record => 0,
            Self::Every { number, .. } => *number,
            Self::EachUse { of, .. } | Self::One { of, .. } | Self::From { of, .. } => of.number,
        }
    }

    /// What the call is for, where one use fails and that is known.
    pub fn purpose(&self) -> Option<&str> {
        match self {
            Self::Record | Self::Every { .. } => None,
            Self::EachUse { of, .. } | Self::One { of, .. } | Self::From { of, .. } => {
                of.purpose.as_deref()
            }
        }
    }

    pub fn errno(&self) -> i32 {
        match self {
            Self::Record => 0,
            Self::Every { errno, .. }
            | Self::EachUse { errno, .. }
            | Self::One { errno, .. }
            | Self::From { errno, .. } => *errno,
        }
    }
}

/// More calls of one kind than this beyond what is usual, and the init spins.
const SPIN: u32 = 2_000;
/// So long may a run last that does not come to rest.
const LIMIT: Duration = Duration::from_secs(5);

/// So long a process is taken to be waiting for a disk.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was seen of a run.
#[derive(Debug, Default)]
pub struct Seen {
    /// How it ended: the raw wait status; `None` where it did not.
    pub status: Option<i32>,
    /// It came to rest with nothing left to do for us, and did not end.
    pub hangs: bool,
    /// It called again and again.
    pub spins: bool,
    /// Somebody is stopped when it hangs.
    pub stopped: bool,
    /// How many calls failed.
    pub injected: u32,
    /// The init rested beside a child of its own that had ended.
    pub zombie: bool,
    /// How many processes lived on behind it.
    pub survivors: u32,
    /// The command is one of them.
    pub command_lives: bool,
    /// The command was let go by the harness, since the signals have not ended it.
    pub released: bool,
    pub stdout: String,
    pub stderr: String,
    /// What the termination log holds.
    pub log: String,
    /// All uses, in order of their first call, and how often each came.
    pub uses: Vec<(Use, u32)>,
    /// CPU time in milliseconds.
    pub cpu: u64,
    /// What all processes did when it hung.
    pub tree: String,
}

/// Where the programs are, and a file for the termination log.
pub struct Bench {
    pub init: PathBuf,
    pub command: PathBuf,
    pub log: PathBuf,
}

/// The path in the init's arguments of a command that does not exist.
const MISSING: &str = "/does/not/exist";

impl Bench {
    /// Runs a scenario with a fault.
    pub fn run(&self, scenario: &Scenario, fault: &Fault) -> Result<Seen> {
        fs::write(&self.log, "")?;
        let (out, out_write) = pipe()?;
        let (err, err_write) = pipe()?;
        let (control_read, control) = pipe()?;
        let mut control = Some(control);
        sys::set_nonblocking(&out)?;
        sys::set_nonblocking(&err)?;
        let terminal = match scenario.place {
            Place::Terminal | Place::TerminalForStderr => {
                Some(sys::terminal().context("cannot make a terminal")?)
            }
            _ => None,
        };
        let null = fs::OpenOptions::new().read(true).open("/dev/null")?;
        let stdin = terminal
            .as_ref()
            .map_or(null.as_raw_fd(), |(_, slave)| slave.as_raw_fd());
        let stderr = match (&terminal, scenario.place) {
            (Some((_, slave)), Place::TerminalForStderr) => slave.as_raw_fd(),
            _ => err_write.as_raw_fd(),
        };
        let start = Start {
            program: &c_string(self.init.as_os_str())?,
            arguments: &self.arguments(scenario)?,
            environment: &[c"PATH=/bin:/usr/bin".to_owned()],
            streams: [
                stdin,
                out_write.as_raw_fd(),
                stderr,
                control_read.as_raw_fd(),
            ],
            terminal: terminal.is_some(),
            spaces: match scenario.place {
                Place::Pid1 | Place::Pid1WithZombie => libc::CLONE_NEWPID | libc::CLONE_NEWNS,
                Place::JobWithoutNetwork => libc::CLONE_NEWNET,
                _ => 0,
            },
            zombie: matches!(scenario.place, Place::JobWithZombie | Place::Pid1WithZombie),
            watched: fault.watched(),
        };
        let (pid, listener) = sys::start(&start).context("cannot start the init")?;
        drop((out_write, err_write, control_read));
        let mut tracer = Tracer {
            pid,
            listener,
            init: &self.init,
            fault,
            main_has_begun: false,
            command: None,
            counts: BTreeMap::new(),
            seen: Seen::default(),
        };
        tracer.follow(scenario.steps, &mut control);
        // What the init leaves behind must not end by that.
        let mut seen = tracer.clean_up();
        drop(control);
        let mut all_of_stderr = sys::drain(&err);
        if let Some((master, _)) = &terminal {
            sys::set_nonblocking(master)?;
            all_of_stderr.extend(sys::drain(master));
        }
        seen.stdout = String::from_utf8_lossy(&sys::drain(&out)).into_owned();
        // The terminal puts a carriage return before each line feed.
        seen.stderr = String::from_utf8_lossy(&all_of_stderr).replace("\r\n", "\n");
        seen.log = fs::read_to_string(&self.log).unwrap_or_default();
        Ok(seen)
    }

    fn arguments(&self, scenario: &Scenario) -> Result<Vec<CString>> {
        let mut all = vec![c_string(OsStr::new(scenario.called))?];
        for option in scenario.options {
            all.push(match *option {
                LOG => c_string(self.log.as_os_str())?,
                PROGRAM => c_string(self.command.as_os_str())?,
                other => CString::new(other)?,
            });
        }
        let words: &[&str] = match scenario.command {
            Command::None => return Ok(all),
            Command::Missing => {
                all.extend([c"--".to_owned(), CString::new(MISSING)?]);
                return Ok(all);
            }
            Command::Words(words) => words,
        };
        all.extend([c"--".to_owned(), c_string(self.command.as_os_str())?]);
        for word in words {
            all.push(CString::new(*word)?);
        }
        Ok(all)
    }
}

fn c_string(text: &OsStr) -> Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    initlab::pipe()
}

struct Tracer<'a> {
    pid: i32,
    listener: OwnedFd,
    init: &'a Path,
    fault: &'a Fault,
    /// What comes before its `main` is the C library's.
    main_has_begun: bool,
    /// The init's first child, once all have come to rest.
    command: Option<i32>,
    counts: BTreeMap<Use, u32>,
    seen: Seen,
}

impl Tracer<'_> {
    /// Sees the run to its end, or to where nothing goes on.
    fn follow(&mut self, steps: &[Step], control: &mut Option<OwnedFd>) {
        let start = Instant::now();
        let mut steps = steps.iter();
        let mut wait = 0;
        loop {
            if sys::readable(&self.listener, wait) {
                wait = 0;
                self.serve();
                if self.seen.spins {
                    return;
                }
                continue;
            }
            if let Some((_, status, cpu)) = sys::reap(self.pid) {
                (self.seen.status, self.seen.cpu) = (Some(status), cpu);
                return;
            }
            wait = 1;
            let patient = start.elapsed() > PATIENCE;
            if let Some(zombie) = self.all_rest(patient) {
                self.seen.zombie |= zombie;
                match (steps.next(), &control) {
                    (Some(Step::Signal(signal)), _) => {
                        sys::kill(self.pid, *signal);
                        continue;
                    }
                    (Some(Step::Orphan), Some(control)) => {
                        sys::write_byte(control);
                        continue;
                    }
                    _ => {}
                }
                if control.take().is_some() {
                    self.seen.released = true;
                    continue;
                }
            } else if start.elapsed() < LIMIT {
                continue;
            }
            self.seen.hangs = true;
            self.seen.tree = tree();
            let states = others().into_iter().filter_map(State::of);
            self.seen.stopped = states.map(|state| state.letter).any(|letter| letter == 'T');
            return;
        }
    }

    /// Whether all have come to rest; then, whether the init has a child that has ended and is not
    /// reaped.
    ///
    /// Each is looked at twice. Whoever has not run in between slept all the time, so that all slept at
    /// once, when the listener was looked at: a call that waits for our answer looks like sleep.
    fn all_rest(&mut self, patient: bool) -> Option<bool> {
        let before = look(self.pid, patient)?;
        if sys::readable(&self.listener, 0) || look(self.pid, patient)? != before {
            return None;
        }
        let children = before.iter().filter(|(_, state)| state.parent == self.pid);
        let first = children.map(|(pid, _)| *pid).min();
        self.command = self.command.or(first);
        let mut zombies = before.iter().filter(|(_, state)| state.letter == 'Z');
        Some(zombies.any(|(_, state)| state.parent == self.pid))
    }

    /// Answers one call.
    fn serve(&mut self) {
        let Some(call) = sys::next_call(&self.listener) else {
            return;
        };
        let errno = self.verdict(&call);
        sys::answer(&self.listener, &call, errno);
    }

    /// The error that a call gets, if any.
    fn verdict(&mut self, call: &Call) -> Option<i32> {
        let in_child = call.pid != self.pid;
        if in_child && !self.is_init(call.pid) {
            return None;
        }
        // The first of its own, which the C library's start-up does not have.
        self.main_has_begun |= call.number == libc::SYS_rt_sigprocmask;
        if *self.fault == Fault::Record && !self.main_has_begun {
            return None;
        }
        let path = |address| sys::read_string(call.pid, address);
        let this = Use {
            number: call.number,
            purpose: calls::purpose(call.number, &call.arguments, path),
            in_child,
        };
        let count = self.counts.entry(this.clone()).or_default();
        let nth = *count;
        *count += 1;
        if *self.fault == Fault::Record {
            match self.seen.uses.iter_mut().find(|(of, _)| *of == this) {
                Some((_, count)) => *count += 1,
                None => self.seen.uses.push((this, 1)),
            }
            return None;
        }
        let (hit, errno) = match self.fault {
            Fault::Record => return None,
            Fault::Every { errno, .. } => (true, *errno),
            Fault::EachUse { of, errno } => (*of == this, *errno),
            Fault::One { of, nth: n, errno } => (*of == this && nth == *n, *errno),
            Fault::From { of, nth: n, errno } => (*of == this && nth >= *n, *errno),
        };
        if !hit || calls::asks_for_retry(errno) && self.seen.injected >= RETRIES {
            return None;
        }
        self.seen.injected += 1;
        self.seen.spins = self.seen.injected > SPIN;
        Some(errno)
    }

    /// Whether a process runs the init's program still.
    fn is_init(&self, pid: i32) -> bool {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == self.init)
    }

    /// Ends what is left, and counts it.
    fn clean_up(mut self) -> Seen {
        if self.seen.status.is_none() {
            sys::kill(self.pid, libc::SIGKILL);
        }
        let start = Instant::now();
        loop {
            while sys::reap(-1).is_some() {}
            let left = others();
            if left.is_empty() {
                return self.seen;
            }
            // A call of a survivor's must not hold it.
            while sys::readable(&self.listener, 0) {
                if let Some(call) = sys::next_call(&self.listener) {
                    sys::answer(&self.listener, &call, None);
                }
            }
            let state = |pid: &i32| State::of(*pid).map(|state| (*pid, state));
            let states: Vec<_> = left.iter().filter_map(state).collect();
            let rest = states.iter().all(|(_, state)| state.rests());
            if self.seen.status.is_none() || rest || start.elapsed() > LIMIT {
                let alive = states.iter().filter(|(_, state)| state.letter != 'Z');
                let alive: Vec<i32> = alive.map(|(pid, _)| *pid).collect();
                if self.seen.status.is_some() {
                    self.seen.survivors = alive.len() as u32;
                    self.seen.command_lives = self.command.is_some_and(|c| alive.contains(&c));
                }
                end_all();
                return self.seen;
            }
        }
    }
}

/// Kills and reaps until no process is left: one may fork while the others are killed.
fn end_all() {
    loop {
        while sys::reap(-1).is_some() {}
        let left = others();
        if left.is_empty() {
            return;
        }
        left.iter().for_each(|pid| sys::kill(*pid, libc::SIGKILL));
        thread::yield_now();
    }
}

/// The processes, each as it was when it was seen at rest.
type Snapshot = Vec<(i32, State)>;

/// All processes but ourselves, if each is seen at rest. The worker is PID 1 of its own namespace, so
/// that there are no others. After a vfork the parent is in D while the child sleeps; so is whoever
/// waits for a disk: that takes patience to tell.
fn look(init: i32, patient: bool) -> Option<Snapshot> {
    let mut all = Vec::new();
    for pid in others().into_iter() {
        // What is gone now, something else may have noticed.
        let state = State::of(pid)?;
        let init_has_ended = state.letter == 'Z' && pid == init;
        let rests = state.rests() || state.letter == 'D' && patient;
        if !rests || init_has_ended {
            return None;
        }
        all.push((pid, state));
    }
    Some(all)
}

/// A process in /proc.
#[derive(PartialEq, Eq)]
struct State {
    letter: char,
    parent: i32,
    /// Signals that are pending and would wake it.
    pending: u64,
    /// It sleeps in a call that ends without anybody's help, or was not asleep.
    passing: bool,
    /// How often it was put to sleep.
    switches: u64,
}

impl State {
    fn of(pid: i32) -> Option<State> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.strip_prefix(':').map(str::trim)
        };
        let set = |name| u64::from_str_radix(field(name)?, 16).ok();
        let letter = field("State")?.chars().next()?;
        let mut pending = set("SigPnd")? | set("ShdPnd")?;
        let mut passing = false;
        if letter == 'S' {
            let call = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
            if !waits_for_signals(&call) {
                pending &= !set("SigBlk")?;
            }
            passing = is_passing(&call);
        }
        Some(State {
            letter,
            parent: field("PPid")?.parse().ok()?,
            pending,
            passing,
            switches: field("voluntary_ctxt_switches")?.parse().ok()?,
        })
    }

    /// Whether it stays as it is until somebody else does something.
    fn rests(&self) -> bool {
        match self.letter {
            'S' => self.pending == 0 && !self.passing,
            'T' | 't' | 'Z' => true,
            _ => false,
        }
    }
}

/// Whether a line of /proc/PID/syscall is of a call that blocked signals end.
fn waits_for_signals(line: &str) -> bool {
    let number = line.split(' ').next().and_then(|word| word.parse().ok());
    number == Some(libc::SYS_rt_sigtimedwait)
}

/// Whether a call ends by itself, by its line of /proc/PID/syscall: it has a time limit, or ends the
/// program. True also where there is no call.
fn is_passing(line: &str) -> bool {
    let mut words = line.split(' ');
    let Some(number) = words.next().and_then(|word| word.parse::<i64>().ok()) else {
        return true;
    };
    let mut argument = |index: usize| {
        let word = words.nth(index)?;
        u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
    };
    match number {
        libc::SYS_rt_sigtimedwait | libc::SYS_ppoll => argument(2) != Some(0),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll => argument(2).is_none_or(|limit| limit as i32 >= 0),
        libc::SYS_nanosleep
        | libc::SYS_clock_nanosleep
        | libc::SYS_execve
        | libc::SYS_exit
        | libc::SYS_exit_group => true,
        _ => false,
    }
}

/// All processes but ourselves.
fn others() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    let numbers = entries.filter_map(number);
    numbers.filter(|pid| *pid != 1).collect()
}

/// What all processes do, for people.
fn tree() -> String {
    let line = |pid: i32| {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let text = |name: &str| {
            let text = String::from_utf8_lossy(&read(name)).replace('\0', " ");
            text.trim().to_owned()
        };
        let state = State::of(pid)?;
        Some(format!(
            "{pid} (child of {}) {} pending {:x} in {}: {}",
            state.parent,
            state.letter,
            state.pending,
            text("syscall"),
            text("cmdline")
        ))
    };
    let others = others().into_iter();
    others.filter_map(line).collect::<Vec<_>>().join("\n")
}
