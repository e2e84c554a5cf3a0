//! Toys that start no command: what a harness must survive, and those that will not start one here.

use std::time::Duration;

use super::{complain, defect::Defect};
use crate::sys::{self, Fork};

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
        // One after the other, a thousand in a second, and the children sleep: to see what a harness
        // does about it, the machine need not be brought to its knees.
        Defect::Forks => loop {
            if let Ok(Fork::Child) = sys::fork() {
                loop {
                    let _ = sys::take_signal(0, None);
                }
            }
            let _ = sys::take_signal(0, Some(Duration::from_millis(1)));
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
