//! Toys that start no command: some that a harness must survive, some that refuse to start here.

use std::time::Duration;

use super::{defect::Defect, message::complain};
use crate::sys::{self, Fork};

/// Runs the toy if it has one of these defects, and gives its exit status if it ends; `None` for other
/// defects.
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
        // A thousand in a second, one after the other, and the children sleep: enough to show what a
        // harness does about it, without overloading the machine.
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
