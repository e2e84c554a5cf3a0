//! One boot of a machine: from QEMU's start to the panic that the init's end is.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use initlab::machine::{Line, Mark, NoLine};

use super::machine::Machine;
use crate::command;

/// What a machine is started with.
pub struct Boot<'a> {
    pub machine: &'a Machine,
    pub kernel: &'a Path,
    pub initramfs: &'a Path,
    pub device_tree: Option<&'a Path>,
    /// The arguments of the init.
    pub arguments: &'a str,
    /// Where the console's log goes.
    pub log: PathBuf,
}

/// What was seen of a boot.
#[derive(Default)]
pub struct Seen {
    /// All lines of the console.
    pub console: Vec<String>,
    /// What our own program said, in order.
    pub lines: Vec<Line>,
    /// The status that the kernel panicked with: PID 1's, as wait(2) has it.
    pub exit: Option<u32>,
    pub took: Duration,
    /// Why the boot counts as failed, whatever it was for.
    pub trouble: Option<String>,
}

/// So long a console may be silent: a case may take that long, and nothing else.
const SILENCE: Duration = Duration::from_secs(40);

/// No boot takes longer than this, times the machine's factor.
const LONGEST: Duration = Duration::from_secs(150);

/// So long after its panic a machine may go on before it is ended.
const AFTER_PANIC: Duration = Duration::from_secs(3);

/// How many want each processor of this machine: everything takes so many times longer.
fn crowd() -> u32 {
    const MOST: f64 = 8.0;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(1.0);
    let processors = thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
    (load / processors).ceil().clamp(1.0, MOST) as u32
}

impl Boot<'_> {
    pub fn run(&self) -> Result<Seen> {
        let factor = self.machine.qemu.factor * crowd();
        let mut command = self.command(factor);
        log::debug!("{}", command::display(&command));
        let mut qemu = command
            .spawn()
            .with_context(|| format!("cannot run {}", command::display(&command)))?;
        let watched = self.watch(&mut qemu, factor);
        // Ended by itself, most of the time.
        let _ = qemu.kill();
        qemu.wait().context("cannot wait for QEMU")?;
        watched
    }

    fn command(&self, factor: u32) -> Command {
        let qemu = self.machine.qemu;
        let mut command = Command::new(qemu.program);
        command
            .args(["-nodefaults", "-no-user-config", "-no-reboot"])
            .args(["-display", "none", "-monitor", "none", "-serial", "stdio"])
            .args(["-accel", "tcg", "-m", qemu.memory])
            .args(qemu.options)
            .args(self.machine.options)
            .arg("-kernel")
            .arg(self.kernel)
            .arg("-initrd")
            .arg(self.initramfs)
            .arg("-append")
            .arg(format!(
                "console={} panic=-1 {} {} PATH=/sbin:/bin INITLAB_TIMEOUT_FACTOR={} \
                 rdinit={} -- {}",
                qemu.console,
                qemu.append,
                self.machine.append,
                factor,
                initlab::machine::INIT,
                self.arguments
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(device_tree) = self.device_tree {
            command.arg("-dtb").arg(device_tree);
        }
        command
    }

    fn watch(&self, qemu: &mut Child, factor: u32) -> Result<Seen> {
        let started = Instant::now();
        // Line by line, for whoever wants to see how far it is.
        let mut log = File::create(&self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let (send, receive) = mpsc::channel();
        let stdout = qemu.stdout.take().context("stdout is piped")?;
        let stderr = qemu.stderr.take().context("stderr is piped")?;
        let streams: [Box<dyn std::io::Read + Send>; 2] = [Box::new(stdout), Box::new(stderr)];
        for stream in streams {
            let send = send.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n') {
                    let Ok(line) = line else { break };
                    let line = String::from_utf8_lossy(&line).into_owned();
                    if send.send(line.trim_end_matches('\r').to_owned()).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut seen = Seen::default();
        let end = started + LONGEST * factor;
        let silence = SILENCE * factor;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let patience = match seen.exit {
                Some(_) => AFTER_PANIC,
                None => silence.min(left),
            };
            match receive.recv_timeout(patience) {
                Ok(line) => {
                    writeln!(log, "{line}").context("cannot write the console's log")?;
                    seen.take(line);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if seen.exit.is_none() {
                        let patience = patience.as_secs();
                        seen.note(format!("it hangs: nothing was said for {patience} s"));
                    }
                    break;
                }
            }
        }
        seen.took = started.elapsed();
        if seen.exit.is_none() {
            seen.note("it ended without the panic that PID 1's end is".to_owned());
        }
        Ok(seen)
    }
}

impl Seen {
    fn take(&mut self, line: String) {
        match line.parse::<Line>() {
            Ok(said) => {
                match said.mark {
                    Mark::Failed => log::warn!("{}: {}", said.what, said.more),
                    _ => log::debug!("{} {}", said.what, said.more),
                }
                self.lines.push(said);
            }
            Err(NoLine::Damaged) => self.note(format!("a damaged line: {line}")),
            Err(NoLine::Other) => {}
        }
        if let Some((_, code)) = line.split_once("Attempted to kill init! exitcode=0x") {
            let code = code.split_whitespace().next().unwrap_or_default();
            self.exit = u32::from_str_radix(code, 16).ok();
        } else if line.contains("Kernel panic - not syncing") {
            self.note(line.clone());
            // Whatever it was, nothing more will come of it.
            self.exit = Some(u32::MAX);
        }
        self.console.push(line);
    }

    /// The first trouble is the one to look at.
    fn note(&mut self, trouble: String) {
        self.trouble.get_or_insert(trouble);
    }

    /// The lines of a whole run, all of them: numbered without a gap, and ended.
    pub fn complete(&mut self) {
        let gap = self
            .lines
            .iter()
            .zip(1..)
            .find(|(line, number)| line.number != *number)
            .map(|(_, number)| number);
        if let Some(number) = gap {
            self.note(format!("line {number} is missing"));
        }
        match self.lines.last() {
            None => self.note("it said nothing".to_owned()),
            Some(last) if last.mark == Mark::End => {}
            Some(last) => {
                let what = last.what.clone();
                self.note(format!("it did not get to its end; the last was {what}"));
            }
        }
    }

    /// The console's last lines.
    pub fn tail(&self) -> String {
        const LINES: usize = 40;
        let first = self.console.len().saturating_sub(LINES);
        self.console[first..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize, mark: Mark) -> String {
        let (what, more) = ("machine/case".to_owned(), "text".to_owned());
        Line {
            number,
            mark,
            what,
            more,
        }
        .to_string()
    }

    fn seen(lines: &[&str]) -> Seen {
        let mut seen = Seen::default();
        for line in lines {
            seen.take((*line).to_owned());
        }
        seen.complete();
        seen
    }

    const PANIC: &str =
        "[    9.9] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00002a00";

    #[test]
    fn a_whole_run_is_no_trouble() {
        let lines = [1, 2, 3].map(|number| match number {
            3 => line(3, Mark::End),
            _ => line(number, Mark::Passed),
        });
        let seen = seen(&["[ 0.1] booting", &lines[0], &lines[1], "", &lines[2], PANIC]);
        assert_eq!(seen.trouble, None);
        assert_eq!(seen.exit, Some(0x2a00));
        assert_eq!(seen.lines.len(), 3);
    }

    #[test]
    fn what_is_not_whole_is_trouble() {
        let [one, three] = [1, 3].map(|number| line(number, Mark::Passed));
        let end = line(2, Mark::End);
        let half = &one[..one.len() / 2];
        let other_panic = "[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs";
        let trouble = |lines: &[&str]| seen(lines).trouble.unwrap_or_default();
        assert_eq!(trouble(&[&one, &three]), "line 2 is missing");
        assert_eq!(trouble(&[half, &end]), format!("a damaged line: {half}"));
        assert!(trouble(&[&one]).contains("did not get to its end"));
        assert_eq!(trouble(&[PANIC]), "it said nothing");
        assert_eq!(trouble(&[&one, other_panic]), other_panic);
    }
}
