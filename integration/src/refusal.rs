//! System calls that are refused to the init in the catalogue, as an old kernel or a filter does.

use std::sync::OnceLock;

use crate::sandbox::Sandbox;

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it stands for.
    pub shows: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Calls(&'static [libc::c_long], i32),
    /// Only where an argument, by its number, has this bit.
    Flag(libc::c_long, u8, u32, i32),
}

/// All that can be refused.
pub const ALL: &[Refusal] = &[
    Refusal {
        name: "close_range",
        shows: "close_range(2), as before Linux 5.9",
        kind: Kind::Calls(&[libc::SYS_close_range], libc::ENOSYS),
    },
    Refusal {
        name: "close_range-EPERM",
        shows: "close_range(2), as an old seccomp profile does",
        kind: Kind::Calls(&[libc::SYS_close_range], libc::EPERM),
    },
    Refusal {
        name: "pidfd",
        shows: "pidfd_open(2) and pidfd_send_signal(2), as before Linux 5.3",
        kind: Kind::Calls(
            &[libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal],
            libc::ENOSYS,
        ),
    },
    Refusal {
        name: "waitid-wall",
        shows: "__WALL of waitid(2), as before Linux 4.7",
        kind: Kind::Flag(libc::SYS_waitid, 3, libc::__WALL as u32, libc::EINVAL),
    },
    Refusal {
        name: "pwritev2",
        shows: "pwritev2(2), as before Linux 4.6",
        kind: Kind::Calls(&[libc::SYS_pwritev2], libc::ENOSYS),
    },
    Refusal {
        name: "pwritev2-nowait",
        shows: "RWF_NOWAIT of pwritev2(2), as Linux 6.1 does on pipes",
        kind: Kind::Calls(&[libc::SYS_pwritev2], libc::EOPNOTSUPP),
    },
];

impl Refusal {
    /// The one with this name.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = ALL.iter().find(|refusal| refusal.name == name);
        let names: Vec<_> = ALL.iter().map(|refusal| refusal.name).collect();
        found
            .copied()
            .ok_or_else(|| format!("one of {}", names.join(", ")))
    }

    fn of(self, sandbox: Sandbox) -> Sandbox {
        match self.kind {
            Kind::Calls(calls, errno) => calls
                .iter()
                .fold(sandbox, |sandbox, call| sandbox.failing_call(*call, errno)),
            Kind::Flag(call, argument, bit, errno) => {
                sandbox.failing_flag(call, argument, bit, errno)
            }
        }
    }
}

static CHOSEN: OnceLock<Vec<Refusal>> = OnceLock::new();

/// Chooses what every case of the catalogue refuses from now on. The first choice stands.
pub(super) fn set(refusals: &[Refusal]) {
    let _ = CHOSEN.set(refusals.to_vec());
}

/// The sandbox with what was chosen refused in it; as it is, where nothing was.
pub(crate) fn apply(sandbox: Sandbox) -> Sandbox {
    let chosen = CHOSEN.get().map_or(&[][..], Vec::as_slice);
    chosen
        .iter()
        .fold(sandbox, |sandbox, refusal| refusal.of(sandbox))
}
