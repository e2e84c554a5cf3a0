//! The wait for what was sent over TCP to arrive (`--linger`).
//!
//! When the init of a container has ended, the engine takes the network
//! interface away, and what is still in send buffers is lost.

use super::kernel::Kernel;
use crate::log::{Event, Log};
use crate::signal::SignalSet;
use crate::time::{Limit, Time};

/// How long after the first look the second one comes; the next pauses are
/// each twice as long.
const FIRST: Time = Time::short(5);
/// The longest pause: by so much a stop may take too long. A look at 10,000
/// sockets takes some 20 ms.
const LONGEST: Time = Time::short(320);

/// Waits until no TCP socket of our network namespace holds data that was not
/// acknowledged, but at most `limit`. Signals stay pending: only the time ends
/// the wait.
pub fn linger<K: Kernel>(kernel: &mut K, log: &Log, limit: Time) {
    let until = kernel.now().after(limit);
    let mut left = limit;
    let mut pause = FIRST;
    loop {
        match kernel.has_unacknowledged_data() {
            Ok(true) => {}
            Ok(false) => return,
            Err(errno) => {
                log.cannot(kernel, "look at TCP sockets", errno);
                return;
            }
        }
        if pause == FIRST {
            log.say(kernel, Event::LingerBegins { time: limit });
        }
        if left == Time::ZERO {
            log.say(kernel, Event::LingerOver {});
            return;
        }
        pause = pause.min(left);
        // A wait for no signal is a sleep.
        let _ = kernel.take_signal(SignalSet::EMPTY, Limit::After(pause));
        // Where the clock cannot be read, the pauses count.
        left = pause.until(left).min(kernel.now().until(until));
        pause = LONGEST.min(pause.after(pause));
    }
}
