//! Processes as `/proc` shows them. See `proc_pid_stat(5)` and `proc_pid_status(5)`.

use std::{
    collections::BTreeMap, ffi::OsString, fmt::Write as _, fs, os::unix::ffi::OsStringExt,
    path::PathBuf, time::Duration,
};

use crate::{signals::SignalSet, text::escape};

/// A process by its pid in the caller's PID namespace. Each method reads `/proc` anew, and returns
/// `None` when the process is gone or may not be inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process {
    /// The pid in the caller's `/proc`.
    pub pid: i32,
}

/// The first fields of `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The name of the program, at most 15 bytes.
    pub comm: String,
    /// `R` running, `S` sleeping, `D` uninterruptible, `T` stopped, `t` traced, `Z` zombie, `X`
    /// dead.
    pub state: char,
    /// The parent.
    pub ppid: i32,
    /// The process group.
    pub pgid: i32,
    /// The session.
    pub sid: i32,
    /// The controlling terminal's device, 0 for none.
    pub tty: i32,
    /// The foreground group of that terminal, -1 for none.
    pub tpgid: i32,
    /// When it started, in clock ticks since the machine did.
    pub started: u64,
}

/// A thread of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The letter of its state: see [`Stat::state`].
    pub state: char,
    /// The processor time that it has used.
    pub used: Duration,
}

impl Process {
    /// The process with this pid, whether there is one or not.
    #[must_use]
    pub const fn new(pid: i32) -> Self {
        Self { pid }
    }

    /// This process.
    #[must_use]
    pub fn current() -> Self {
        Self::new(std::process::id().cast_signed())
    }

    fn file(self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }

    /// Whether there is such a process; a zombie is one.
    #[must_use]
    pub fn exists(self) -> bool {
        self.file("stat").exists()
    }

    /// State, parent, group, session, terminal.
    #[must_use]
    pub fn stat(self) -> Option<Stat> {
        let text = fs::read(self.file("stat")).ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        // The name is in parentheses and may hold anything, parentheses too.
        let (head, rest) = text.rsplit_once(')')?;
        let comm = head.split_once('(')?.1.to_owned();
        let mut fields = rest.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let mut number = || fields.next().and_then(|f| f.parse::<i32>().ok());
        Some(Stat {
            comm,
            state,
            ppid: number()?,
            pgid: number()?,
            sid: number()?,
            tty: number()?,
            tpgid: number()?,
            // The 22nd field, 14 behind the last one.
            started: fields.nth(13)?.parse().ok()?,
        })
    }

    /// The letter of its state: see [`Stat::state`].
    #[must_use]
    pub fn state(self) -> Option<char> {
        self.stat().map(|stat| stat.state)
    }

    /// A field of `/proc/PID/status`, without the white space around it.
    #[must_use]
    pub fn status_field(self, name: &str) -> Option<String> {
        let text = fs::read(self.file("status")).ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.map(|value| value.trim().to_owned())
    }

    /// A field of `/proc/PID/status` that is a set of signals: `SigPnd`, `ShdPnd`, `SigBlk`,
    /// `SigIgn`, `SigCgt`.
    #[must_use]
    pub fn signal_set(self, name: &str) -> Option<SignalSet> {
        u64::from_str_radix(&self.status_field(name)?, 16)
            .ok()
            .map(SignalSet::from_bits)
    }

    /// Whether it blocks all signals but KILL and STOP, or sleeps in `sigtimedwait(2)`.
    ///
    /// While a thread sleeps there, the kernel removes the signals that it waits for from its mask
    /// (`kernel/signal.c`, `do_sigtimedwait`): `SigBlk` is 0 for an idle init.
    #[must_use]
    pub fn blocks_all(self) -> bool {
        let full = SignalSet::all_but(&[libc::SIGKILL, libc::SIGSTOP]);
        self.signal_set("SigBlk") == Some(full) || self.waits_for_signals()
    }

    /// Whether it sleeps in `sigtimedwait(2)`: by `/proc/PID/syscall`.
    #[must_use]
    pub fn waits_for_signals(self) -> bool {
        let call = fs::read_to_string(self.file("syscall")).unwrap_or_default();
        let number = call.split_whitespace().next().and_then(|n| n.parse().ok());
        number == Some(libc::SYS_rt_sigtimedwait)
    }

    /// Its pid in its own, innermost, PID namespace: 1 for that namespace's init.
    #[must_use]
    pub fn inner_pid(self) -> Option<i32> {
        self.status_field("NSpid")?
            .split_whitespace()
            .last()?
            .parse()
            .ok()
    }

    /// The number of context switches, voluntary or not: all threads' `*_ctxt_switches` of
    /// `/proc/PID/task/TID/status`. It does not change while the process sleeps.
    #[must_use]
    pub fn context_switches(self) -> Option<u64> {
        let mut sum = 0;
        for task in self.tasks()? {
            let text = fs::read_to_string(self.file(&format!("task/{task}/status"))).ok()?;
            let counts = text
                .lines()
                .filter_map(|line| line.split_once("_ctxt_switches:"));
            sum += counts
                .filter_map(|(_, count)| count.trim().parse::<u64>().ok())
                .sum::<u64>();
        }
        Some(sum)
    }

    /// Its proportional set size in kB: `Pss` of `/proc/PID/smaps_rollup`.
    #[must_use]
    pub fn pss(self) -> Option<u64> {
        self.memory("Pss")
    }

    /// Its private memory in kB, which no other process shares: `Private_Clean` and
    /// `Private_Dirty` of `/proc/PID/smaps_rollup`.
    #[must_use]
    pub fn private_memory(self) -> Option<u64> {
        Some(self.memory("Private_Clean")? + self.memory("Private_Dirty")?)
    }

    /// The memory that it has written itself, in kB: `Anonymous` of `/proc/PID/smaps_rollup`. Unlike
    /// private memory, it does not depend on who else runs the same program.
    #[must_use]
    pub fn written_memory(self) -> Option<u64> {
        self.memory("Anonymous")
    }

    fn memory(self, field: &str) -> Option<u64> {
        let text = fs::read_to_string(self.file("smaps_rollup")).ok()?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        value.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// The time that its first thread has spent on a processor: `/proc/PID/schedstat`.
    #[must_use]
    pub fn cpu_time(self) -> Option<Duration> {
        let text = fs::read_to_string(self.file("schedstat")).ok()?;
        let nanos = text.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(nanos))
    }

    /// Its threads.
    #[must_use]
    pub fn threads(self) -> Vec<Thread> {
        let Ok(tasks) = fs::read_dir(self.file("task")) else {
            return Vec::new();
        };
        let thread = |task: fs::DirEntry| {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).ok();
            let stat = read("stat")?;
            // The name is in parentheses and may contain some.
            let state = stat.rsplit_once(") ")?.1.chars().next()?;
            let used = read("schedstat")?.split_whitespace().next()?.parse().ok()?;
            Some(Thread {
                state,
                used: Duration::from_nanos(used),
            })
        };
        tasks.flatten().filter_map(thread).collect()
    }

    /// Whether a socket listens on this TCP port in the network of the process, by
    /// `/proc/PID/net/tcp` and `tcp6`. Nothing connects to it.
    #[must_use]
    pub fn sees_listener(self, port: u16) -> bool {
        const LISTEN: &str = "0A";
        let port = format!(":{port:04X}");
        ["net/tcp", "net/tcp6"].iter().any(|name| {
            let text = fs::read_to_string(self.file(name)).unwrap_or_default();
            text.lines().skip(1).any(|line| {
                let mut fields = line.split_whitespace().skip(1);
                let local = fields.next().is_some_and(|local| local.ends_with(&port));
                local && fields.nth(1) == Some(LISTEN)
            })
        })
    }

    fn tasks(self) -> Option<Vec<i32>> {
        let entries = fs::read_dir(self.file("task")).ok()?;
        Some(
            entries
                .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
                .collect(),
        )
    }

    /// Its children, zombies included, the oldest first. Empty when the process is gone.
    #[must_use]
    pub fn children(self) -> Vec<Self> {
        // The kernel appends who is born or adopted. Pids say nothing of age: while a storm of orphans
        // goes on, they begin anew at the lowest.
        if let Some(pids) = self.children_by_task() {
            return pids.into_iter().map(Self::new).collect();
        }
        let parent = |p: &Self| p.stat().is_some_and(|stat| stat.ppid == self.pid);
        let mut found: Vec<_> = Self::all().into_iter().filter(parent).collect();
        found.sort_by_cached_key(|child| (child.stat().map(|stat| stat.started), *child));
        found
    }

    /// The first child that has exec'd: it runs another program than this process, or the same one
    /// with other arguments.
    #[must_use]
    pub fn child_that_has_execd(self) -> Option<Self> {
        let mine = self.arguments();
        let other = |p: &Self| {
            p.arguments()
                .is_some_and(|a| !a.is_empty() && Some(&a) != mine.as_ref())
        };
        self.children().into_iter().find(other)
    }

    /// By `/proc/PID/task/TID/children`, which not every kernel has.
    fn children_by_task(self) -> Option<Vec<i32>> {
        let mut pids = Vec::new();
        for task in self.tasks()? {
            let text = fs::read_to_string(self.file(&format!("task/{task}/children"))).ok()?;
            pids.extend(
                text.split_whitespace()
                    .filter_map(|pid| pid.parse::<i32>().ok()),
            );
        }
        Some(pids)
    }

    /// Its children and theirs, and so on, without itself.
    #[must_use]
    pub fn descendants(self) -> Vec<Self> {
        let mut parents: BTreeMap<i32, Vec<Self>> = BTreeMap::new();
        for process in Self::all() {
            if let Some(stat) = process.stat() {
                parents.entry(stat.ppid).or_default().push(process);
            }
        }
        let mut found: Vec<Self> = Vec::new();
        let mut next = vec![self];
        while let Some(process) = next.pop() {
            let children = parents.remove(&process.pid).unwrap_or_default();
            found.extend(&children);
            next.extend(children);
        }
        found
    }

    /// All processes in `/proc`.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten();
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .map(Self::new)
            .collect()
    }

    /// The processes of the same PID namespace, itself included, without those of namespaces below.
    #[must_use]
    pub fn same_namespace(self) -> Vec<Self> {
        let Some(mine) = self.link("ns/pid") else {
            return Vec::new();
        };
        let mut found: Vec<_> = Self::all()
            .into_iter()
            .filter(|p| p.link("ns/pid").as_ref() == Some(&mine))
            .collect();
        found.sort_unstable();
        found
    }

    /// The target of a symbolic link below `/proc/PID/`: `cwd`, `exe`, `fd/0`, `ns/pid`.
    #[must_use]
    pub fn link(self, name: &str) -> Option<PathBuf> {
        fs::read_link(self.file(name)).ok()
    }

    /// The open descriptors and their targets.
    #[must_use]
    pub fn descriptors(self) -> Option<BTreeMap<i32, PathBuf>> {
        let entries = fs::read_dir(self.file("fd")).ok()?;
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<i32>().ok();
        let numbers = entries.filter_map(|entry| number(entry.ok()?));
        Some(
            numbers
                .filter_map(|fd| Some((fd, self.link(&format!("fd/{fd}"))?)))
                .collect(),
        )
    }

    /// Its arguments; empty for a zombie.
    #[must_use]
    pub fn arguments(self) -> Option<Vec<OsString>> {
        self.strings("cmdline")
    }

    /// The environment that it was started with.
    #[must_use]
    pub fn environment(self) -> Option<Vec<OsString>> {
        self.strings("environ")
    }

    fn strings(self, name: &str) -> Option<Vec<OsString>> {
        let bytes = fs::read(self.file(name)).ok()?;
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        if bytes.is_empty() {
            return Some(Vec::new());
        }
        Some(
            bytes
                .split(|b| *b == 0)
                .map(|s| OsString::from_vec(s.to_vec()))
                .collect(),
        )
    }
}

/// The limit for a tree: a fork bomb leaves no time to inspect all processes.
const MOST_SHOWN: usize = 64;

/// `roots` and their descendants as an indented text: pid, pid inside, state, group, session,
/// arguments. A large tree is cut off.
#[must_use]
pub fn tree_of(roots: &[Process]) -> String {
    let mut text = String::new();
    let mut left = MOST_SHOWN;
    for root in roots {
        branch(*root, 0, &mut left, &mut text);
    }
    if left == 0 {
        text.push_str("...\n");
    }
    text
}

fn branch(process: Process, depth: usize, left: &mut usize, text: &mut String) {
    if *left == 0 {
        return;
    }
    let Some(stat) = process.stat() else { return };
    *left -= 1;
    let inner = process.inner_pid().unwrap_or(process.pid);
    let indent = "  ".repeat(depth);
    let arguments = process.arguments().unwrap_or_default();
    let arguments = arguments.iter().map(escape).collect::<Vec<_>>().join(" ");
    let shown: String = arguments.chars().take(120).collect();
    let _ = writeln!(
        text,
        "{indent}{} (inside {inner}) {} {} ppid {} pgid {} sid {}: {shown}",
        process.pid, stat.state, stat.comm, stat.ppid, stat.pgid, stat.sid,
    );
    for child in process.children() {
        branch(child, depth + 1, left, text);
    }
}
