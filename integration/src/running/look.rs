//! Inspecting a running process from outside.

use super::Running;
use crate::{
    process::{Process, Stat, tree_of},
    signals::SignalSet,
};

impl Running {
    /// State, parent, group, session and terminal of the process. Panics when it is gone.
    #[must_use]
    #[track_caller]
    pub fn stat(&self) -> Stat {
        self.process()
            .stat()
            .unwrap_or_else(|| panic!("{}", self.failure("it has ended too early")))
    }

    /// A field of `/proc/PID/status`. Panics when the process is gone.
    #[must_use]
    #[track_caller]
    pub fn status_field(&self, name: &str) -> String {
        let value = self.process().status_field(name);
        value.unwrap_or_else(|| panic!("{}", self.failure(&format!("no {name} in its status"))))
    }

    /// A field of `/proc/PID/status` that is a set of signals. Panics when the process is gone.
    #[must_use]
    #[track_caller]
    pub fn signal_set(&self, name: &str) -> SignalSet {
        let set = self.process().signal_set(name);
        set.unwrap_or_else(|| {
            panic!(
                "{}",
                self.failure(&format!("no signals {name} in its status"))
            )
        })
    }

    /// Waits until the process blocks all signals that can be blocked, or waits for signals: from
    /// then on none is lost. See [`Process::blocks_all`].
    #[track_caller]
    pub fn wait_all_blocked(&self) {
        self.poll_until("all signals blocked", || self.process().blocks_all());
    }

    /// Waits until the process has a child that has exec'd (it runs another program than its
    /// parent, or the same one with other arguments), and returns the child.
    #[track_caller]
    pub fn wait_child(&self) -> Process {
        let mut found = None;
        self.poll_until("a child that has exec'd", || {
            found = self.process().child_that_has_execd();
            found.is_some()
        });
        found.expect("the condition held")
    }

    /// Its children, zombies included.
    #[must_use]
    pub fn children(&self) -> Vec<Process> {
        self.process().children()
    }

    /// All other processes in the sandbox: those of the PID namespace; without one, the descendants
    /// and the processes with the sandbox's mark.
    #[must_use]
    pub fn others(&self) -> Vec<Process> {
        if self.namespace {
            return self
                .process()
                .same_namespace()
                .into_iter()
                .filter(|p| p.pid != self.pid)
                .collect();
        }
        let mut found = if self.status.is_none() {
            self.process().descendants()
        } else {
            Vec::new()
        };
        found.extend(self.marked());
        found.sort_unstable();
        found.dedup();
        found.retain(|p| p.pid != self.pid);
        found
    }

    fn marked(&self) -> Vec<Process> {
        let Some(marker) = &self.marker else {
            return Vec::new();
        };
        let is_marked = |p: &Process| {
            p.environment()
                .is_some_and(|e| e.iter().any(|entry| entry == marker.as_str()))
        };
        Process::all().into_iter().filter(is_marked).collect()
    }

    /// The number of zombies in the sandbox now, without the process itself.
    #[must_use]
    pub fn zombies(&self) -> usize {
        self.others()
            .into_iter()
            .filter(|p| p.state() == Some('Z'))
            .count()
    }

    /// The process tree as text.
    #[must_use]
    pub fn tree(&self) -> String {
        let mut roots = if self.status.is_none() {
            vec![self.process()]
        } else {
            Vec::new()
        };
        let below = self.process().descendants();
        roots.extend(
            self.others()
                .into_iter()
                .filter(|p| self.status.is_some() || !below.contains(p)),
        );
        tree_of(&roots)
    }

    /// Its context switches so far. They do not change while it sleeps. Panics when it is gone.
    #[must_use]
    #[track_caller]
    pub fn context_switches(&self) -> u64 {
        let switches = self.process().context_switches();
        switches.unwrap_or_else(|| panic!("{}", self.failure("it has ended too early")))
    }
}
