//! A duration, or a point in time, for some of the signals.

#![forbid(unsafe_code)]

use crate::signal::{Signal, SignalSet};
use crate::time::Time;

/// A time for each signal of a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PerSignal {
    /// Which signals have one.
    set: SignalSet,
    times: [Time; Signal::COUNT],
}

impl PerSignal {
    /// For none.
    pub const fn new() -> PerSignal {
        PerSignal {
            times: [Time::ZERO; Signal::COUNT],
            set: SignalSet::EMPTY,
        }
    }

    /// Sets it for a signal; the last one wins.
    pub fn set(&mut self, signal: Signal, time: Time) {
        if let Some(slot) = self.times.get_mut(signal.index()) {
            *slot = time;
            self.set = self.set.with(signal);
        }
    }

    /// The time for a signal.
    pub fn get(&self, signal: Signal) -> Option<Time> {
        let has_one = self.set.contains(signal);
        self.times.get(signal.index()).copied().filter(|_| has_one)
    }

    /// Takes a signal's time away, and tells whether it had one.
    pub fn clear(&mut self, signal: Signal) -> bool {
        let had_one = self.set.contains(signal);
        self.set = self.set.without(signal);
        had_one
    }

    /// Whether no signal has one.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// The signal with the earliest time, of those that are not in `except`; of
    /// equals the lowest number.
    pub fn earliest(&self, except: SignalSet) -> Option<(Signal, Time)> {
        // Most often there is none: the loop over all signals would be a tenth of the latency.
        if self.is_empty() {
            return None;
        }
        let mut earliest: Option<(Signal, Time)> = None;
        for signal in Signal::all() {
            if let Some(time) = self.get(signal)
                && !except.contains(signal)
                && earliest.is_none_or(|(_, other)| time < other)
            {
                earliest = Some((signal, time));
            }
        }
        earliest
    }
}

impl Default for PerSignal {
    fn default() -> PerSignal {
        PerSignal::new()
    }
}
