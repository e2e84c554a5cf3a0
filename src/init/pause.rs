//! Running nothing: holding the namespaces of a pod.

use super::kernel::Kernel;
use crate::log::{Event, Log};
use crate::received::Received;
use crate::signal::{Signal, SignalSet};
use crate::status::{Children, INIT_FAILED};
use crate::time::Limit;
use nix::errno::Errno;

/// Reaps until TERM or INT comes, and returns the status to exit with.
// Apart: inlined, it costs the function around it a larger frame.
#[inline(never)]
pub fn pause<K: Kernel>(kernel: &mut K, log: &Log) -> u8 {
    loop {
        loop {
            let reaped = match kernel.peek() {
                Ok(Children::Zombie { pid, status }) => {
                    log.say(kernel, Event::reaped(pid, status));
                    kernel.reap(pid)
                }
                Ok(Children::Running | Children::None) => break,
                Err(errno) => Err(errno),
            };
            if let Err(errno) = reaped {
                log.cannot(kernel, "reap a child", errno);
                return INIT_FAILED;
            }
        }
        match kernel.take_signal(SignalSet::ALL, Limit::None) {
            Ok(received) => {
                let Received { signal, origin } = received;
                if signal != Signal::CHLD && !received.is_raised_by_our_line() {
                    log.say(
                        kernel,
                        Event::Received {
                            signal,
                            sender: origin,
                        },
                    );
                }
                if matches!(signal, Signal::TERM | Signal::INT) {
                    return 0;
                }
            }
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(errno) => {
                log.cannot(kernel, "wait for signals", errno);
                return INIT_FAILED;
            }
        }
    }
}
