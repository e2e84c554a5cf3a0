//! From a description to a running process.

use std::{
    env,
    error::Error,
    ffi::{CString, OsStr, OsString},
    fmt, fs, io,
    os::{
        fd::{AsFd as _, AsRawFd, OwnedFd, RawFd},
        unix::{ffi::OsStringExt, fs::PermissionsExt as _},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use crate::{
    inside, interrupt,
    locate::find_program,
    process::Process,
    pump::Pump,
    running::Running,
    sandbox::{Leader, Place, Root, Sandbox, Stdio},
    signals::SignalSet,
    strace::Strace,
    sys::{self, CStrings, Filter, Ids, Maps, Plan, ProcMount, RootPlan, Step},
    temp::TempDir,
    text::escape,
};

/// `PATH` in a container, by default.
pub(crate) const CONTAINER_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Sandbox {
    /// As [`start`](Self::start), but returns the step that failed as an error.
    pub fn try_start(self) -> Result<Running, StartError> {
        let command = self.command_line();
        let started = Instant::now();
        self.start_steps(&command, started)
            .map_err(|(step, error)| StartError {
                step,
                error,
                command,
            })
    }

    fn command_line(&self) -> String {
        let arg0 = self
            .arg0
            .as_ref()
            .map(|a| format!(" (as {:?})", escape(a)))
            .unwrap_or_default();
        let args: String = self
            .args
            .iter()
            .map(|a| format!(" {}", escape(a)))
            .collect();
        let shown: String = args.chars().take(2000).collect();
        format!("{:?}: {}{arg0}{shown}", self.place, escape(&self.program))
    }

    fn start_steps(self, command: &str, started: Instant) -> Result<Running, (String, io::Error)> {
        if interrupt::forbids_starts() {
            return Err(("start".to_owned(), io::ErrorKind::Interrupted.into()));
        }
        let (limit, place, strace_wanted) = (self.limit, self.place, self.strace.clone());
        let setup = self.setup.clone();
        let mut prepared = self.prepare().map_err(|e| ("prepare".to_owned(), e))?;
        let cloned = prepared
            .plan
            .clone_process()
            .map_err(|e| (format!("{:?}", Step::Clone), e))?;
        let mut running = Running {
            pid: cloned.pid,
            pidfd: cloned.pidfd,
            namespace: place == Place::Pid1,
            marker: prepared.marker.take(),
            command: command.to_owned(),
            limit,
            started,
            stdin: prepared.stdin.take(),
            stdout: None,
            stderr: None,
            strace: None,
            status: None,
        };
        // The child has its copies. Close ours, or the pipes would never end.
        drop(prepared.plan);
        if let (Some(script), Some(at_gate)) = (setup, prepared.at_gate.take()) {
            let mut byte = [0];
            // At its end the child has failed: the report says why.
            if sys::read(at_gate.as_fd(), &mut byte).is_ok_and(|count| count == 1) {
                inside::run(running.process(), &script).map_err(|e| ("setup".to_owned(), e))?;
            }
        }
        if let Some((log, options)) = strace_wanted {
            let options: Vec<_> = options.iter().map(String::as_str).collect();
            let attached = Strace::attach(running.pid, log, &options);
            running.strace =
                Some(attached.map_err(|e| ("strace".to_owned(), io::Error::other(e)))?);
        }
        if let Some(gate) = prepared.gate.take() {
            // If the child has failed before, nobody reads: the report says why.
            let _ = sys::write_all(gate.as_raw_fd(), b"g");
        }
        match sys::read_report(&prepared.report, limit) {
            Ok(None) => {}
            Ok(Some(failed)) => return Err((format!("{:?}", failed.step), failed.error)),
            Err(error) => return Err(("start".to_owned(), error)),
        }
        let pump = |fd: Option<OwnedFd>| fd.map(Pump::start).transpose();
        running.stdout = pump(prepared.stdout.take()).map_err(|e| ("read stdout".to_owned(), e))?;
        running.stderr = pump(prepared.stderr.take()).map_err(|e| ("read stderr".to_owned(), e))?;
        Ok(running)
    }

    fn prepare(mut self) -> io::Result<Prepared> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let missing = || io::Error::from_raw_os_error(libc::ENOENT);
        let (program, root) = match self.root.take() {
            None => (find_program(&self.program).ok_or_else(missing)?, None),
            Some(root) => {
                let (program, plan) = root_of(root, &self.program)?.ok_or_else(missing)?;
                (program, Some(plan))
            }
        };
        let marker = self.marker();
        self.env.extend(marker.clone().map(OsString::from));
        let arg0 = self.arg0.take().unwrap_or_else(|| self.program.clone());
        let mut arguments = vec![c_string(arg0)?];
        for arg in std::mem::take(&mut self.args) {
            arguments.push(c_string(arg)?);
        }
        if self.no_arguments {
            arguments.clear();
        }
        let environment = std::mem::take(&mut self.env)
            .into_iter()
            .map(c_string)
            .collect::<io::Result<Vec<_>>>()?;

        let (report, report_write) = sys::pipe()?;
        let pipe_if = |wanted| match wanted {
            true => sys::pipe().map(|(r, w)| (Some(r), Some(w))),
            false => Ok((None, None)),
        };
        let (gate_read, gate) = pipe_if(self.strace.is_some() || self.setup.is_some())?;
        let (at_gate, at_gate_write) = pipe_if(self.setup.is_some())?;
        let mut streams = Streams::default();
        let mut sources = Vec::new();
        let mut closed = Vec::new();
        for (number, stdio) in (0..).zip(std::mem::replace(
            &mut self.stdio,
            [Stdio::Null, Stdio::Null, Stdio::Null],
        )) {
            match streams.open(number, stdio)? {
                Some(fd) => sources.push((fd, number)),
                None => closed.push(number),
            }
        }
        for (fd, number) in std::mem::take(&mut self.extra) {
            if number < 3 {
                return Err(invalid(format!("descriptor {number} is a standard stream")));
            }
            sources.push((fd, number));
        }
        // No descriptor that the child still needs may have a number that is about to be set.
        let floor = sources
            .iter()
            .map(|(_, number)| number + 1)
            .max()
            .unwrap_or(3)
            .max(3);
        let above = |fd: OwnedFd| sys::duplicate_above(fd.as_raw_fd(), floor);
        let descriptors = sources
            .into_iter()
            .map(|(fd, number)| Ok((above(fd)?, number)))
            .collect::<io::Result<Vec<_>>>()?;

        let deleted = if self.deleted_directory {
            Some(TempDir::try_new()?)
        } else {
            None
        };
        let directory = deleted
            .as_ref()
            .map(|d| d.path().to_owned())
            .or_else(|| self.directory.clone());
        let (clone_flags, maps) = self.namespaces();
        let pending = SignalSet::of(&self.pending);
        let mut plan = Plan {
            clone_flags: clone_flags.cast_unsigned().into(),
            program: c_string(program.into_os_string())?,
            arguments: CStrings::new(arguments),
            environment: CStrings::new(environment),
            maps,
            make_mounts_private: clone_flags & libc::CLONE_NEWNS != 0,
            tmpfs: self
                .tmpfs
                .iter()
                .map(|d| c_string(d.clone().into_os_string()))
                .collect::<io::Result<_>>()?,
            root,
            proc_mount: match self.place {
                _ if self.no_proc => ProcMount::Empty,
                Place::Pid1 => ProcMount::Fresh,
                Place::Child => ProcMount::Keep,
            },
            loopback: self.network,
            pid_max: self.pid_max(),
            new_session: self.leader == Leader::Session,
            new_group: self.leader == Leader::Group,
            terminal: self.terminal.take().map(above).transpose()?,
            descriptors,
            kept: Vec::new(),
            closed,
            directory: directory
                .map(|d| c_string(d.into_os_string()))
                .transpose()?,
            remove_directory: deleted.is_some(),
            ignored: self.ignored.bits(),
            blocked: self.blocked.bits() | pending.bits(),
            pending: std::mem::take(&mut self.pending),
            filter: (!self.failing_calls.is_empty() || !self.failing_flags.is_empty())
                .then(|| Filter::failing(&self.failing_calls, &self.failing_flags)),
            no_new_privileges: self.no_new_privileges,
            ids: self
                .ids
                .take()
                .map(|(uid, gid, groups)| Ids { uid, gid, groups }),
            parent_death: self.parent_death,
            limits: std::mem::take(&mut self.limits),
            gate: gate_read.map(above).transpose()?,
            at_gate: at_gate_write.map(above).transpose()?,
            report: above(report_write)?,
        };
        plan.kept = plan.own_descriptors();
        let Streams {
            stdin,
            stdout,
            stderr,
        } = streams;
        Ok(Prepared {
            plan,
            report,
            gate,
            at_gate,
            stdin,
            stdout,
            stderr,
            marker,
            _deleted: deleted,
        })
    }

    fn marker(&self) -> Option<String> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        if self.place == Place::Pid1 || !self.mark {
            return None;
        }
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Some(format!("INITLAB_SANDBOX={}-{number}", std::process::id()))
    }

    /// The value for `pid_max` of the new namespace. Before Linux 6.14 that file is global, and is
    /// left alone.
    fn pid_max(&self) -> Option<Vec<u8>> {
        let fresh = self.place == Place::Pid1 && !self.no_proc;
        let count = self
            .most_processes
            .filter(|_| fresh && kernel() >= (6, 14))?;
        Some(count.to_string().into_bytes())
    }

    /// The flags for clone(2), and the id maps for a user namespace.
    fn namespaces(&self) -> (libc::c_int, Option<Maps>) {
        let mut flags = 0;
        if self.place == Place::Pid1 {
            flags |= libc::CLONE_NEWPID | libc::CLONE_NEWNS;
        }
        if self.no_proc || !self.tmpfs.is_empty() {
            flags |= libc::CLONE_NEWNS;
        }
        if self.network {
            flags |= libc::CLONE_NEWNET;
        }
        if flags == 0 || may_administer() {
            return (flags, None);
        }
        let ids = sys::identity_of_self();
        let inside = |outside| if self.same_user { outside } else { 0 };
        let map = |outside| format!("{} {outside} 1", inside(outside));
        (
            flags | libc::CLONE_NEWUSER,
            Some(Maps {
                uid: map(ids.euid),
                gid: map(ids.egid),
            }),
        )
    }
}

/// Version and patch level of the running kernel; (0, 0) if unknown.
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Whether this process has CAP_SYS_ADMIN, which all namespaces but user namespaces need:
/// capabilities(7).
fn may_administer() -> bool {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    let effective = Process::current().status_field("CapEff");
    effective
        .and_then(|bits| u64::from_str_radix(&bits, 16).ok())
        .is_some_and(|bits| bits & CAP_SYS_ADMIN != 0)
}

/// Everything that the child needs, and what stays in the parent.
struct Prepared {
    plan: Plan,
    report: OwnedFd,
    gate: Option<OwnedFd>,
    at_gate: Option<OwnedFd>,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    marker: Option<String>,
    /// The child removes it; this is for a child that fails before.
    _deleted: Option<TempDir>,
}

/// Our ends of the pipes.
#[derive(Default)]
struct Streams {
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
}

impl Streams {
    /// The child's descriptor for the stream; `None` is closed.
    fn open(&mut self, number: RawFd, stdio: Stdio) -> io::Result<Option<OwnedFd>> {
        Ok(Some(match stdio {
            Stdio::Closed => return Ok(None),
            Stdio::Null => sys::open_null()?,
            Stdio::Inherit => sys::duplicate_above(number, 3)?,
            Stdio::Fd(fd) => fd,
            Stdio::Piped => {
                let (read, write) = sys::pipe()?;
                match number {
                    0 => {
                        self.stdin = Some(write);
                        read
                    }
                    1 => {
                        self.stdout = Some(read);
                        write
                    }
                    _ => {
                        self.stderr = Some(read);
                        write
                    }
                }
            }
        }))
    }
}

/// The program's path inside the root, and how to make that root; `None` if it is not there.
fn root_of(root: Root, program: &OsStr) -> io::Result<Option<(PathBuf, RootPlan)>> {
    let directory = fs::canonicalize(&root.directory)?;
    let mut overlay = OsString::from("lowerdir=");
    overlay.push(&directory);
    overlay.push(",upperdir=/proc/u,workdir=/proc/w");
    let mut plan = RootPlan {
        overlay: c_string(overlay)?,
        bind: None,
    };
    if !root.program_is_outside {
        let found = find_below(&directory, program);
        return Ok(found.map(|path| (path, plan)));
    }
    let Some(outside) = find_program(program) else {
        return Ok(None);
    };
    let outside = fs::canonicalize(outside)?;
    let inside = Path::new("/").join(outside.file_name().unwrap_or_default());
    let place = Path::new("/proc/m").join(outside.file_name().unwrap_or_default());
    plan.bind = Some([
        c_string(outside.into_os_string())?,
        c_string(place.into_os_string())?,
    ]);
    Ok(Some((inside, plan)))
}

/// As [`find_program`], for a root. Links are not followed, since absolute ones lead out of it.
fn find_below(root: &Path, name: &OsStr) -> Option<PathBuf> {
    let name = Path::new(name);
    let inside = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    if name.components().count() > 1 {
        return Some(name.to_owned());
    }
    let executable = |path: &PathBuf| {
        fs::symlink_metadata(inside(path)).is_ok_and(|file| {
            file.is_symlink() || (file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
    };
    let directories = env::split_paths(CONTAINER_PATH);
    let mut places = directories.map(|directory| directory.join(name));
    places.find(executable)
}

fn c_string(text: OsString) -> io::Result<CString> {
    CString::new(text.into_vec())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a NUL byte in a string"))
}

/// The program could not be started: the step, the reason, and advice if there is any.
#[derive(Debug)]
pub struct StartError {
    step: String,
    error: io::Error,
    command: String,
}

impl StartError {
    /// The error number of the system call that failed.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.error.raw_os_error()
    }

    /// What to do about it, if known.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        let errno = self.errno()?;
        match self.step.as_str() {
            "Clone" if errno == libc::EPERM => Some(
                "run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1",
            ),
            "Clone" if errno == libc::ENOSPC => Some(
                "the limit on namespaces has been reached: \
                 see sysctl user.max_user_namespaces and user.max_pid_namespaces",
            ),
            "MapIds" | "MakeMountsPrivate" => Some(
                "run as root, or allow user namespaces fully: \
                 sysctl kernel.apparmor_restrict_unprivileged_userns=0",
            ),
            "MountProc" if errno == libc::EPERM => Some(
                "this container hides parts of /proc: start it with --privileged, \
                 or with --security-opt systempaths=unconfined",
            ),
            "MountRoot" if errno == libc::EPERM => Some("only root can give it another root"),
            "SetIds" => Some("only root can run a program as another user"),
            _ => None,
        }
    }

    /// Step, reason and advice in a line.
    #[must_use]
    pub fn in_a_line(&self) -> String {
        let Self { step, error, .. } = self;
        let advice = self.advice().map(|a| format!("; {a}")).unwrap_or_default();
        format!("cannot start a sandbox, step {step}: {error}{advice}")
    }

    /// The failure in one line, with advice if there is any: `program` cannot be executed, or a
    /// sandbox cannot be created here.
    #[must_use]
    pub fn line(&self, program: impl AsRef<OsStr>) -> String {
        if !matches!(self.step.as_str(), "prepare" | "Exec") {
            return self.in_a_line();
        }
        let error = self.error.to_string();
        let error = error.split(" (os error").next().unwrap_or(&error);
        format!("cannot execute {}: {error}", escape(program))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            error,
            command,
        } = self;
        write!(
            f,
            "cannot start the sandbox, step {step}: {error}\n  {command}"
        )?;
        match self.advice() {
            Some(advice) => write!(f, "\n  {advice}"),
            None => Ok(()),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
