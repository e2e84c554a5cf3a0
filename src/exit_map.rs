//! What is reported for a status of the command.

#![forbid(unsafe_code)]

/// Rules for some of the 256 statuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExitMap {
    /// Which statuses have a rule.
    ruled: [bool; 256],
    /// What is reported for those.
    to: [u8; 256],
}

impl ExitMap {
    /// No rule.
    pub const fn new() -> ExitMap {
        ExitMap {
            ruled: [false; 256],
            to: [0; 256],
        }
    }

    /// Reports `to` for `from`; the last one wins.
    pub fn set(&mut self, from: u8, to: u8) {
        let from = usize::from(from);
        if let (Some(ruled), Some(slot)) = (self.ruled.get_mut(from), self.to.get_mut(from)) {
            *ruled = true;
            *slot = to;
        }
    }

    /// What is reported for a status, if there is a rule.
    pub fn get(&self, from: u8) -> Option<u8> {
        let from = usize::from(from);
        let ruled = *self.ruled.get(from)?;
        self.to.get(from).copied().filter(|_| ruled)
    }
}

impl Default for ExitMap {
    fn default() -> ExitMap {
        ExitMap::new()
    }
}
