//! Toys that start no command: what a harness must survive, and those that will not start one here.

use super::{complain, defect::Defect};
use crate::sys;

/// Does what the defect says, without an end; `None` where it is none of these.
pub fn run(defect: Defect) -> Option<i32> {
    match defect {
        Defect::Hangs => loop {
            let _ = sys::take_signal(0, None);
        },
        Defect::Prints => {
            let page = "All work and no play makes an init a dull process.\n".repeat(1000);
            while sys::write_all(1, page.as_bytes()).is_ok() {}
            Some(0)
        }
        Defect::Forks => loop {
            // Parent and child go on, as a bomb does.
            let _ = sys::fork();
        },
        Defect::EndsEarly => Some(0),
        Defect::NeedsPrivileges
            if sys::identity_of_self().euid != 0
                || sys::prctl_value(libc::PR_GET_NO_NEW_PRIVS).is_ok_and(|set| set != 0) =>
        {
            complain("no privileges");
            Some(1)
        }
        Defect::NeedsProc if !std::path::Path::new("/proc/self/stat").exists() => {
            complain("/proc is not mounted");
            Some(1)
        }
        _ => None,
    }
}
