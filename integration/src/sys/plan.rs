//! The description of a new process, complete before the clone.

use std::{
    ffi::{CString, c_char, c_long},
    os::fd::{AsRawFd, OwnedFd, RawFd},
    ptr,
};

/// C strings and the null-terminated array of pointers to them, as `execve(2)` wants it.
pub struct CStrings {
    pointers: Vec<*const c_char>,
    _owned: Vec<CString>,
}

impl CStrings {
    /// Takes the strings in their order.
    #[must_use]
    pub fn new(owned: Vec<CString>) -> Self {
        let pointers = owned
            .iter()
            .map(|s| s.as_ptr())
            .chain([ptr::null()])
            .collect();
        Self {
            pointers,
            _owned: owned,
        }
    }

    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// User and group of the new process.
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
}

/// The lines for `uid_map` and `gid_map` of a user namespace.
pub struct Maps {
    pub uid: String,
    pub gid: String,
}

/// A root file system of the new process's own.
pub struct RootPlan {
    /// The options of the overlay.
    pub overlay: CString,
    /// A program outside, and its place inside.
    pub bind: Option<[CString; 2]>,
}

/// The `/proc` of the new process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ProcMount {
    /// Unchanged.
    Keep,
    /// That of the new PID namespace.
    Fresh,
    /// An empty directory.
    Empty,
}

/// A seccomp program.
pub struct Filter(pub(super) Vec<libc::sock_filter>);

impl Filter {
    /// Makes each of the system calls fail with its error number, those of `flags` only where an
    /// argument, by its number, has a bit, and allows all others.
    #[must_use]
    pub fn failing(calls: &[(c_long, i32)], flags: &[(c_long, u8, u32, i32)]) -> Self {
        let instruction = |code: u32, jt, jf, k| libc::sock_filter {
            code: code as u16,
            jt,
            jf,
            k,
        };
        // The first field of struct seccomp_data is the number of the system call.
        let mut program = vec![instruction(
            libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
            0,
            0,
            0,
        )];
        for (number, errno) in calls {
            program.push(instruction(
                libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                0,
                1,
                *number as u32,
            ));
            program.push(instruction(
                libc::BPF_RET | libc::BPF_K,
                0,
                0,
                libc::SECCOMP_RET_ERRNO | *errno as u32,
            ));
        }
        for (number, argument, bit, errno) in flags {
            // struct seccomp_data: number, architecture, instruction pointer, six 64-bit arguments.
            let low_half = if cfg!(target_endian = "big") { 4 } else { 0 };
            let at = 16 + 8 * u32::from(*argument) + low_half;
            program.extend([
                instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
                instruction(
                    libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                    0,
                    3,
                    *number as u32,
                ),
                instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at),
                instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, *bit),
                instruction(
                    libc::BPF_RET | libc::BPF_K,
                    0,
                    0,
                    libc::SECCOMP_RET_ERRNO | *errno as u32,
                ),
            ]);
        }
        program.push(instruction(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ALLOW,
        ));
        Self(program)
    }
}

/// Where the child was when a system call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Step {
    Clone,
    MapIds,
    MakeMountsPrivate,
    MountTmpfs,
    MountRoot,
    MountProc,
    Loopback,
    Session,
    Terminal,
    Descriptors,
    Directory,
    Dispositions,
    Pending,
    Seccomp,
    SetIds,
    ParentDeath,
    Limits,
    Gate,
    Mask,
    Exec,
}

/// All steps, at their numbers.
pub(super) const STEPS: [Step; 20] = [
    Step::Clone,
    Step::MapIds,
    Step::MakeMountsPrivate,
    Step::MountTmpfs,
    Step::MountRoot,
    Step::MountProc,
    Step::Loopback,
    Step::Session,
    Step::Terminal,
    Step::Descriptors,
    Step::Directory,
    Step::Dispositions,
    Step::Pending,
    Step::Seccomp,
    Step::SetIds,
    Step::ParentDeath,
    Step::Limits,
    Step::Gate,
    Step::Mask,
    Step::Exec,
];

/// All that the child needs.
pub struct Plan {
    pub clone_flags: u64,
    pub program: CString,
    pub arguments: CStrings,
    pub environment: CStrings,
    pub maps: Option<Maps>,
    pub make_mounts_private: bool,
    pub tmpfs: Vec<CString>,
    pub root: Option<RootPlan>,
    pub proc_mount: ProcMount,
    pub loopback: bool,
    /// The number to write to `kernel.pid_max`, which is the new PID namespace's own.
    pub pid_max: Option<Vec<u8>>,
    pub new_session: bool,
    pub new_group: bool,
    /// The terminal to make the controlling one.
    pub terminal: Option<OwnedFd>,
    /// Each descriptor is moved to the given number; their own numbers are above all of those.
    pub descriptors: Vec<(OwnedFd, RawFd)>,
    /// All descriptors of this plan, in order: the first step closes all others.
    pub kept: Vec<RawFd>,
    /// Numbers to be closed.
    pub closed: Vec<RawFd>,
    pub directory: Option<CString>,
    /// Remove `directory` once the child is in it.
    pub remove_directory: bool,
    pub ignored: u64,
    pub blocked: u64,
    /// Signals to queue to itself, in their order.
    pub pending: Vec<i32>,
    pub filter: Option<Filter>,
    pub no_new_privileges: bool,
    pub ids: Option<Ids>,
    pub parent_death: Option<i32>,
    /// Resource, soft limit, hard limit.
    pub limits: Vec<(u32, u64, u64)>,
    /// The child waits for a byte from here, so that a tracer can attach, or its files can be set up.
    pub gate: Option<OwnedFd>,
    /// Where the child says that it waits at the gate.
    pub at_gate: Option<OwnedFd>,
    /// Where the child reports a failed step.
    pub report: OwnedFd,
}

impl Plan {
    /// The numbers of the descriptors that the plan holds, in their order.
    pub fn own_descriptors(&self) -> Vec<RawFd> {
        let single = [
            self.terminal.as_ref(),
            self.gate.as_ref(),
            self.at_gate.as_ref(),
            Some(&self.report),
        ];
        let all = self
            .descriptors
            .iter()
            .map(|(fd, _)| fd)
            .chain(single.into_iter().flatten());
        let mut numbers: Vec<_> = all.map(AsRawFd::as_raw_fd).collect();
        numbers.sort_unstable();
        numbers
    }
}
