//! Descriptions of what to start.

use std::{
    ffi::{OsStr, OsString},
    os::{
        fd::{OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::PathBuf,
    time::Duration,
};

use crate::{
    deadline::{scaled, timeout},
    pty::Pty,
    running::Running,
    signals::SignalSet,
};

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// As PID 1 of a new PID and mount namespace with its own `/proc`.
    Pid1,
    /// As an ordinary child of this process.
    Child,
}

/// What the program is the leader of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    /// A session of its own and a process group, without a controlling terminal: how container
    /// runtimes start PID 1.
    Session,
    /// A process group of its own in this process's session: how a shell starts a job.
    Group,
    /// Nothing: it joins this process's group.
    Nothing,
}

/// A standard stream.
#[derive(Debug)]
pub enum Stdio {
    /// `/dev/null`.
    Null,
    /// A pipe: [`Running`] has the other end.
    Piped,
    /// This process's own.
    Inherit,
    /// Closed.
    Closed,
    /// This descriptor.
    Fd(OwnedFd),
}

impl From<OwnedFd> for Stdio {
    fn from(fd: OwnedFd) -> Self {
        Self::Fd(fd)
    }
}

/// A root file system.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub directory: PathBuf,
    /// Whether the program is a file outside of it, and has to be brought inside.
    pub program_is_outside: bool,
}

/// A program to start, and its environment in the widest sense. By default: as PID 1, with
/// `/dev/null` as standard input, output and error piped, no other descriptor, the environment and
/// the directory of this process, every signal at its default action and none blocked, a session of
/// its own, and killed when the thread that started it ends.
#[must_use]
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) program: OsString,
    pub(crate) arg0: Option<OsString>,
    pub(crate) args: Vec<OsString>,
    pub(crate) no_arguments: bool,
    pub(crate) env: Vec<OsString>,
    pub(crate) mark: bool,
    pub(crate) place: Place,
    pub(crate) leader: Leader,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) deleted_directory: bool,
    pub(crate) stdio: [Stdio; 3],
    pub(crate) extra: Vec<(OwnedFd, RawFd)>,
    pub(crate) terminal: Option<OwnedFd>,
    pub(crate) ids: Option<(u32, u32, Vec<u32>)>,
    pub(crate) same_user: bool,
    pub(crate) blocked: SignalSet,
    pub(crate) ignored: SignalSet,
    pub(crate) pending: Vec<i32>,
    pub(crate) limits: Vec<(u32, u64, u64)>,
    pub(crate) failing_calls: Vec<(libc::c_long, i32)>,
    pub(crate) failing_flags: Vec<(libc::c_long, u8, u32, i32)>,
    pub(crate) no_new_privileges: bool,
    pub(crate) parent_death: Option<i32>,
    pub(crate) no_proc: bool,
    pub(crate) tmpfs: Vec<PathBuf>,
    pub(crate) root: Option<Root>,
    pub(crate) setup: Option<OsString>,
    pub(crate) network: bool,
    pub(crate) most_processes: Option<u32>,
    pub(crate) strace: Option<(PathBuf, Vec<String>)>,
    pub(crate) limit: Duration,
}

impl Sandbox {
    /// Starts `program` as PID 1 of a PID namespace. A name without a slash is looked up in `PATH`.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arg0: None,
            args: Vec::new(),
            no_arguments: false,
            env: std::env::vars_os()
                .map(|(key, value)| entry(&key, &value))
                .collect(),
            mark: true,
            place: Place::Pid1,
            leader: Leader::Session,
            directory: None,
            deleted_directory: false,
            stdio: [Stdio::Null, Stdio::Piped, Stdio::Piped],
            extra: Vec::new(),
            terminal: None,
            ids: None,
            same_user: false,
            blocked: SignalSet::EMPTY,
            ignored: SignalSet::EMPTY,
            pending: Vec::new(),
            limits: Vec::new(),
            failing_calls: Vec::new(),
            failing_flags: Vec::new(),
            no_new_privileges: false,
            parent_death: Some(libc::SIGKILL),
            no_proc: false,
            tmpfs: Vec::new(),
            root: None,
            setup: None,
            network: false,
            most_processes: None,
            strace: None,
            limit: timeout(),
        }
    }

    /// Starts `program` as an ordinary child of this process.
    pub fn plain(program: impl Into<OsString>) -> Self {
        Self::new(program).place(Place::Child)
    }

    /// Where it runs.
    pub fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Adds an argument: any bytes but NUL.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets `argv[0]`; by default it is the program as given. May be empty.
    pub fn arg0(mut self, arg0: impl Into<OsString>) -> Self {
        self.arg0 = Some(arg0.into());
        self
    }

    /// Empties the argument vector, `argv[0]` included. Linux adds an empty string since 5.18.
    pub fn no_arguments(mut self) -> Self {
        self.no_arguments = true;
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self = self.env_remove(key.as_ref());
        self.env.push(entry(key.as_ref(), value.as_ref()));
        self
    }

    /// Removes an environment variable.
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        let key = entry(key.as_ref(), OsStr::new(""));
        self.env
            .retain(|known| !known.as_bytes().starts_with(key.as_bytes()));
        self
    }

    /// Empties the environment.
    pub fn env_clear(mut self) -> Self {
        self.env.clear();
        self
    }

    /// Adds a verbatim entry to the environment: without `=`, duplicate, or not UTF-8.
    pub fn env_raw(mut self, raw: impl Into<OsString>) -> Self {
        self.env.push(raw.into());
        self
    }

    /// Without a PID namespace the environment gets an entry `INITLAB_SANDBOX=...`, a mark by which
    /// the clean-up finds processes that have left the tree. This option omits the mark: the
    /// environment is exactly the given one.
    pub fn unmarked(mut self) -> Self {
        self.mark = false;
        self
    }

    /// The current directory.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Makes the current directory one that has been deleted.
    pub fn deleted_cwd(mut self) -> Self {
        self.deleted_directory = true;
        self
    }

    /// Standard input.
    pub fn stdin(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stdio[0] = stdio.into();
        self
    }

    /// Standard output.
    pub fn stdout(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stdio[1] = stdio.into();
        self
    }

    /// Standard error.
    pub fn stderr(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stdio[2] = stdio.into();
        self
    }

    /// The program inherits this descriptor under the number `number`, of 3 or more.
    pub fn fd(mut self, number: RawFd, fd: impl Into<OwnedFd>) -> Self {
        self.extra.push((fd.into(), number));
        self
    }

    /// Makes this the controlling terminal and all standard streams; to redirect a stream, set it
    /// afterwards.
    ///
    /// # Panics
    /// When the slave can no longer be opened.
    #[track_caller]
    pub fn terminal(mut self, pty: &Pty) -> Self {
        let open = || pty.open_slave().expect("cannot open the terminal");
        self.stdio = [Stdio::Fd(open()), Stdio::Fd(open()), Stdio::Fd(open())];
        self.terminal = Some(open());
        self.leader = Leader::Session;
        self
    }

    /// What the program is the leader of.
    pub fn leader(mut self, leader: Leader) -> Self {
        self.leader = leader;
        self
    }

    /// The user and group to run as, without supplementary groups. Needs root.
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        self.ids = Some((uid, gid, Vec::new()));
        self
    }

    /// Supplementary groups for [`user`](Self::user).
    ///
    /// # Panics
    /// Without a user.
    pub fn groups(mut self, groups: &[u32]) -> Self {
        self.ids.as_mut().expect("groups go with a user").2 = groups.to_vec();
        self
    }

    /// In a user namespace, that is, when this process is not privileged, the program is root by
    /// default. This keeps the user.
    pub fn same_user(mut self) -> Self {
        self.same_user = true;
        self
    }

    /// Signals blocked when the program starts: any of the 64.
    pub fn blocked(mut self, signals: impl Into<SignalSet>) -> Self {
        self.blocked = signals.into();
        self
    }

    /// Signals ignored when the program starts: any of the 64.
    pub fn ignored(mut self, signals: impl Into<SignalSet>) -> Self {
        self.ignored = signals.into();
        self
    }

    /// Signals pending when the program starts, sent by itself in this order. A real-time signal
    /// may occur several times. They are blocked too, or they would be gone before it starts.
    pub fn pending(mut self, signals: &[i32]) -> Self {
        self.pending = signals.to_vec();
        self
    }

    /// Soft and hard limit of a resource: `libc::RLIMIT_NOFILE` and so on.
    #[allow(clippy::unnecessary_cast)]
    pub fn limit(mut self, resource: impl TryInto<u32>, value: u64) -> Self {
        let resource = resource
            .try_into()
            .ok()
            .expect("a resource is a small number");
        self.limits.push((resource, value, value));
        self
    }

    /// Makes a system call (`libc::SYS_close_range`) fail with this error number, by a seccomp
    /// filter.
    pub fn failing_call(mut self, call: libc::c_long, errno: i32) -> Self {
        self.failing_calls.push((call, errno));
        self
    }

    /// Lets a system call fail with this error number where its argument with this number, from 0,
    /// has this bit: a flag that an older kernel does not know.
    pub fn failing_flag(mut self, call: libc::c_long, argument: u8, bit: u32, errno: i32) -> Self {
        self.failing_flags.push((call, argument, bit, errno));
        self
    }

    /// Sets `PR_SET_NO_NEW_PRIVS`.
    pub fn no_new_privileges(mut self) -> Self {
        self.no_new_privileges = true;
        self
    }

    /// The signal that the program gets when the thread that started it ends; KILL by default.
    pub fn parent_death(mut self, signal: Option<i32>) -> Self {
        self.parent_death = signal;
        self
    }

    /// Makes `/proc` an empty directory. Adds a mount namespace if there is none.
    pub fn no_proc(mut self) -> Self {
        self.no_proc = true;
        self
    }

    /// Mounts an empty tmpfs on this directory. Adds a mount namespace if there is none.
    pub fn tmpfs(mut self, directory: impl Into<PathBuf>) -> Self {
        self.tmpfs.push(directory.into());
        self
    }

    /// Makes this directory the root, below a layer of the program's own: what it writes goes when it
    /// ends, as in a container. `/dev` has what a container has there. A program with a slash in its
    /// name is one of that directory. Needs root.
    pub fn root(mut self, directory: impl Into<PathBuf>) -> Self {
        self.root = Some(Root {
            directory: directory.into(),
            program_is_outside: false,
        });
        self
    }

    /// As [`root`](Self::root), for a program that is outside of that directory.
    pub(crate) fn root_from_outside(mut self, directory: impl Into<PathBuf>) -> Self {
        self.root = Some(Root {
            directory: directory.into(),
            program_is_outside: true,
        });
        self
    }

    /// A shell script that runs before the program does, with the program's files and network, but
    /// outside of its PID namespace. Its failure is one of the start.
    pub(crate) fn setup(mut self, script: impl Into<OsString>) -> Self {
        self.setup = Some(script.into());
        self
    }

    /// Gives the program its own network with the loopback interface up: every port is free.
    pub fn own_network(mut self) -> Self {
        self.network = true;
        self
    }

    /// Has strace follow the program from before its exec and write to `log`, with these options:
    /// `["-f"]` for the children too. The log is complete when [`Running::wait`] returns; the
    /// program's part begins at `execve`.
    pub fn strace(mut self, log: impl Into<PathBuf>, options: &[&str]) -> Self {
        self.strace = Some((
            log.into(),
            options.iter().map(|o| (*o).to_owned()).collect(),
        ));
        self
    }

    /// The deadline of each wait, times `INITLAB_TIMEOUT_FACTOR`.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = scaled(limit);
        self
    }

    /// As [`timeout`](Self::timeout), without the factor.
    pub(crate) fn timeout_exactly(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Limits the number of processes in the PID namespace; ignored before Linux 6.14. At least
    /// 301: the kernel reserves the lower pids.
    pub fn most_processes(mut self, count: u32) -> Self {
        self.most_processes = Some(count);
        self
    }

    /// Starts the program and waits until it has exec'd. Panics with the step that failed.
    #[track_caller]
    pub fn start(self) -> Running {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts the program and waits for a line with `ready`, which most fixtures print.
    #[track_caller]
    pub fn start_ready(self) -> Running {
        let mut running = self.start();
        running.expect("ready");
        running
    }

    /// Starts the program and waits for its end: [`Running::wait`].
    #[track_caller]
    pub fn run(self) -> crate::Ended {
        self.start().wait()
    }
}

fn entry(key: &OsStr, value: &OsStr) -> OsString {
    let mut entry = key.to_owned();
    entry.push("=");
    entry.push(value);
    entry
}
