//! What is done to the init: a storm of orphans, signals of every kind, stops, programs executed beside the
//! command.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use initlab::{Process, signal_name, sys};

use super::counters::Counters;
use super::subject::{LIMIT, Subject};

/// What a round has at least.
const ORPHANS: u64 = 100_000;
const SIGNALS: u64 = 30_000;

/// A round goes on in so many parts; after each all must have come to rest.
const PARTS: u64 = 10;

/// The command is stopped after so many signals.
const UNTIL_STOP: u64 = 500;

/// A program is executed after so many signals.
const UNTIL_EXECUTION: u64 = 100;

/// How many of a real-time signal may be on their way. The kernel queues them up to a limit, from which on
/// it drops them; of others, one that is pending stands for all.
const QUEUED: u64 = 8;

pub struct Work<'a> {
    subject: &'a Subject,
    counters: &'a Counters,
    init: OwnedFd,
    command: Process,
    /// How often each signal was sent, at its number.
    sent: Vec<u64>,
    orphans: u64,
    pub stops: u64,
    /// Whether programs may be executed beside the command, and the one that is.
    may_execute: bool,
    executing: Option<Child>,
    pub executed: u64,
}

impl<'a> Work<'a> {
    /// Begins when the command takes signals.
    pub fn new(
        subject: &'a Subject,
        counters: &'a Counters,
        may_execute: bool,
    ) -> Result<Work<'a>> {
        let init = subject.process();
        let mut command = None;
        let found = initlab::try_poll_until(LIMIT, || {
            let mut children = init.children().into_iter();
            command = children.find(|child| child.waits_for_signals());
            command.is_some()
        });
        ensure!(found, "the init does not start the command");
        Ok(Work {
            subject,
            counters,
            init: sys::pidfd_open(init.pid).context("the init is gone")?,
            command: command.context("the command is gone")?,
            sent: vec![0; 65],
            orphans: 0,
            stops: 0,
            may_execute,
            executing: None,
            executed: 0,
        })
    }

    /// How many signals were sent.
    pub fn signals(&self) -> u64 {
        self.sent.iter().sum()
    }

    /// A little of everything, so that all memory is there that the init will ever use.
    pub fn warm_up(&mut self) -> Result<()> {
        self.part(ORPHANS / 100, SIGNALS / 30)
    }

    pub fn go_on(&mut self) -> Result<()> {
        for _ in 0..PARTS {
            self.part(ORPHANS / PARTS, SIGNALS / PARTS)?;
        }
        Ok(())
    }

    /// Asks the command to end.
    pub fn end(&mut self) -> Result<()> {
        self.send(libc::SIGTERM)
    }

    /// So many orphans and signals at the same time; then everything must come to rest.
    fn part(&mut self, orphans: u64, signals: u64) -> Result<()> {
        self.orphans = self.counters.made()?.max(self.orphans) + orphans;
        self.counters.want(self.orphans)?;
        let enough = self.signals() + signals;
        let mut next_stop = self.signals() + UNTIL_STOP;
        let mut last_progress = Instant::now();
        loop {
            let got = self.counters.signals()?;
            self.none_too_many(&got)?;
            self.execute()?;
            let before = self.signals();
            if before < enough {
                for signal in kinds() {
                    let window = if signal < 32 { 1 } else { QUEUED };
                    if self.sent[signal as usize] - got[signal as usize] < window {
                        self.send(signal)?;
                    }
                }
            } else if self.sent == got && self.counters.made()? >= self.orphans {
                break;
            }
            if self.signals() >= next_stop {
                self.stop()?;
                next_stop = self.signals() + UNTIL_STOP;
            }
            if self.signals() > before || got != self.counters.signals()? {
                last_progress = Instant::now();
            } else if last_progress.elapsed() > LIMIT {
                bail!("{}", self.missing(&got)?);
            } else {
                thread::sleep(Duration::from_micros(200));
            }
        }
        self.rest()
    }

    fn missing(&self, got: &[u64]) -> Result<String> {
        let lost = kinds().filter(|n| self.sent[*n as usize] != got[*n as usize]);
        let lost: Vec<String> = lost
            .map(|signal| {
                let (sent, got) = (self.sent[signal as usize], got[signal as usize]);
                format!(
                    "{} was sent {sent} times and came {got}",
                    signal_name(signal)
                )
            })
            .collect();
        Ok(format!(
            "nothing goes on for {LIMIT:?}: {} orphans of {}; {}",
            self.counters.made()?,
            self.orphans,
            lost.join(", ")
        ))
    }

    fn none_too_many(&self, got: &[u64]) -> Result<()> {
        for signal in kinds() {
            let (sent, got) = (self.sent[signal as usize], got[signal as usize]);
            ensure!(
                got <= sent,
                "{} was sent {sent} times and came {got}",
                signal_name(signal)
            );
        }
        Ok(())
    }

    fn send(&mut self, signal: i32) -> Result<()> {
        sys::pidfd_kill(self.init.as_fd(), signal)
            .with_context(|| format!("cannot send {} to the init", signal_name(signal)))?;
        self.sent[signal as usize] += 1;
        Ok(())
    }

    /// Has the command stopped and continued, with signals on their way.
    fn stop(&mut self) -> Result<()> {
        let stops = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
        let stop = stops[(self.stops % 3) as usize];
        sys::pidfd_kill(self.init.as_fd(), stop).context("the init is gone")?;
        self.becomes("stopped", |state| state == 'T')?;
        self.send(libc::SIGCONT)?;
        self.becomes("continued", |state| state != 'T')?;
        // The next stop would discard it, if it were on its way still (signal(7)).
        let cont = libc::SIGCONT as usize;
        let sent = self.sent[cont];
        let came = || self.counters.signals().is_ok_and(|got| got[cont] == sent);
        ensure!(
            initlab::try_poll_until(LIMIT, came),
            "CONT was sent {sent} times and came {}",
            self.counters.signals()?[cont]
        );
        self.stops += 1;
        Ok(())
    }

    fn becomes(&self, what: &str, wanted: impl Fn(char) -> bool) -> Result<()> {
        let state = || self.command.state();
        ensure!(
            initlab::try_poll_until(LIMIT, || state().is_some_and(&wanted)),
            "the command is not {what}, but {:?}",
            state()
        );
        Ok(())
    }

    /// Executes a program beside the command, one at a time.
    fn execute(&mut self) -> Result<()> {
        if let Some(child) = &mut self.executing {
            let Some(status) = child.try_wait()? else {
                return Ok(());
            };
            ensure!(status.success(), "a program beside the command: {status}");
            self.executed += 1;
            self.executing = None;
        }
        if self.may_execute && self.executed * UNTIL_EXECUTION <= self.signals() {
            let mut command = self.subject.exec();
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
            self.executing =
                Some(child.with_context(|| {
                    format!("cannot run {}", crate::command::display(&command))
                })?);
        }
        Ok(())
    }

    /// Waits until all orphans are reaped: the command is the only child, beside the processes that make
    /// orphans, which are the command's.
    fn rest(&mut self) -> Result<()> {
        if let Some(mut child) = self.executing.take() {
            let status = child.wait()?;
            ensure!(status.success(), "a program beside the command: {status}");
            self.executed += 1;
        }
        let init = self.subject.process();
        let left = || -> Vec<Process> {
            let children = init.children().into_iter();
            children.filter(|child| *child != self.command).collect()
        };
        ensure!(
            initlab::try_poll_until(LIMIT, || left().is_empty()),
            "orphans are left that nobody reaps: {:?}",
            left()
                .iter()
                .filter_map(|process| process.stat())
                .take(5)
                .collect::<Vec<_>>()
        );
        ensure!(
            initlab::try_poll_until(LIMIT, || init.waits_for_signals()),
            "the init does not come to rest"
        );
        Ok(())
    }
}

/// The signals that are sent at any time: all that can be caught, but CHLD, which is not forwarded, TERM,
/// which ends the command, and the stops and CONT, which discard each other.
fn kinds() -> impl Iterator<Item = i32> {
    const LEFT_OUT: [i32; 8] = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGCHLD,
        libc::SIGTERM,
        libc::SIGCONT,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
    ];
    (1..=64).filter(|signal| !LEFT_OUT.contains(signal))
}
