//! Stopping along with the command.

use super::kernel::Kernel;
use crate::process::Pid;

/// Whether our process group is orphaned: no shell does job control for it, and
/// the kernel ignores the terminal's stops for its members (setpgid(2);
/// `will_become_orphaned_pgrp` in kernel/exit.c).
///
/// A group is not orphaned while the parent of a member belongs to another
/// group of the same session. We look at our own ancestors: a shell is among
/// them, and what lies between belongs to our group. Where they cannot be seen,
/// nobody is taken for a shell.
pub fn group_is_orphaned<K: Kernel>(kernel: &mut K) -> bool {
    let ourselves = kernel.ourselves();
    let Ok(us) = kernel.stat(ourselves) else {
        return true;
    };
    let mut parent: Option<Pid> = us.parent;
    loop {
        let Some(above) = parent.and_then(|pid| kernel.stat(pid).ok()) else {
            return true;
        };
        if above.session != us.session {
            return true;
        }
        if above.group != us.group {
            return false;
        }
        parent = above.parent;
    }
}
