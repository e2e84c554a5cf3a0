//! A process that does what it is told, and tells which signals it gets: `simulation toy DIRECTORY`.
//!
//! Each such process has a number, and a FIFO of that name in the directory; the command is number 2, since the
//! init is number 1. On standard output it writes `NUMBER is PID`, `NUMBER did WORD` and `NUMBER got SIGNAL`.
//!
//! # Safety
//!
//! The process has one thread, so that a fork leaves nothing half done in the child. The calls get pointers to
//! live values of the types that they expect.

use crate::signals::number::CHLD;
use crate::signals::{IGNORED_BY_DEFAULT, Set, bit};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::{Path, PathBuf};

struct Toy {
    directory: PathBuf,
    number: u16,
    orders: File,
    signals: File,
    ignored: Set,
}

/// Does what it is told until it is told to exit; returns where that is not possible.
pub fn run(directory: &Path) -> std::io::Result<()> {
    // SAFETY: the set is a live value; a signalfd that was made is nobody else's.
    let signals = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
        let number = libc::signalfd(-1, &raw const all, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if number < 0 {
            return Err(std::io::Error::last_os_error());
        }
        File::from_raw_fd(number)
    };
    let mut toy = Toy {
        directory: directory.to_owned(),
        number: 2,
        orders: orders(directory, 2)?,
        signals,
        ignored: 0,
    };
    toy.say(&format!("is {}", std::process::id()))?;
    loop {
        toy.wait()?;
    }
}

/// Opened for both, so that there is always a writer.
fn orders(directory: &Path, number: u16) -> std::io::Result<File> {
    let path = directory.join(number.to_string());
    OpenOptions::new().read(true).write(true).open(path)
}

impl Toy {
    fn say(&self, what: &str) -> std::io::Result<()> {
        let line = format!("{} {what}\n", self.number);
        std::io::stdout().write_all(line.as_bytes())?;
        std::io::stdout().flush()
    }

    fn wait(&mut self) -> std::io::Result<()> {
        let mut ready = [&self.signals, &self.orders].map(|file| libc::pollfd {
            fd: file.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        });
        // SAFETY: the array is a live value of that length.
        unsafe { libc::poll(ready.as_mut_ptr(), ready.len() as libc::nfds_t, -1) };
        let [signals, orders] = ready.map(|ready| ready.revents != 0);
        // Signals first, as the kernel has it.
        if signals {
            self.take_signal()
        } else if orders {
            let mut order = [0; 32];
            let length = self.orders.read(&mut order)?;
            let order = String::from_utf8_lossy(&order[..length]).into_owned();
            self.obey(order.trim_end())
        } else {
            Ok(())
        }
    }

    fn take_signal(&mut self) -> std::io::Result<()> {
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        if self.signals.read(&mut info).is_err() {
            return Ok(());
        }
        let signal = info[0];
        if signal == CHLD || self.ignored & bit(signal) != 0 {
            return Ok(());
        }
        self.say(&format!("got {signal}"))?;
        if IGNORED_BY_DEFAULT & bit(signal) == 0 {
            // SAFETY: its action is the default, which ends the process.
            unsafe {
                let mut set: libc::sigset_t = std::mem::zeroed();
                libc::sigaddset(&raw mut set, libc::c_int::from(signal));
                libc::raise(libc::c_int::from(signal));
                libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
            }
        }
        Ok(())
    }

    fn obey(&mut self, order: &str) -> std::io::Result<()> {
        let (word, value) = order.split_once(' ').unwrap_or((order, "0"));
        let value: u16 = value.parse().unwrap_or(0);
        // SAFETY: no memory is involved; after the fork the child goes on as the toy of another number.
        unsafe {
            match word {
                "fork" if libc::fork() == 0 => {
                    self.number = value;
                    self.orders = orders(&self.directory, value)?;
                    return self.say(&format!("is {}", std::process::id()));
                }
                "session" => {
                    libc::setsid();
                }
                "group" => {
                    libc::setpgid(0, 0);
                }
                "ignore" => self.ignored |= bit(value as u8),
                "stop" => {
                    self.say("did stop")?;
                    libc::raise(libc::SIGSTOP);
                    return Ok(());
                }
                "exit" => libc::_exit(i32::from(value)),
                _ => {}
            }
        }
        self.say(&format!("did {word}"))
    }
}
