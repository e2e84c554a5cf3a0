//! A pseudo-terminal: the tests act as the person in front of it.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::Duration,
};

use nix::{
    fcntl::OFlag,
    pty::{grantpt, posix_openpt, ptsname_r, unlockpt},
};

use crate::{deadline::timeout, pump::Pump, sys, text::excerpt};

/// The master side of a pseudo-terminal (`pty(7)`). [`Sandbox::terminal`](crate::Sandbox::terminal)
/// makes the slave the controlling terminal of a program. A background thread reads what the
/// program writes.
///
/// Each terminal serves one program: reading stops when that session ends.
#[must_use]
pub struct Pty {
    master: Option<OwnedFd>,
    output: Pump,
    path: String,
    limit: Duration,
}

impl Pty {
    /// Opens a terminal of 24 rows and 80 columns. Panics on failure.
    #[track_caller]
    pub fn open() -> Self {
        Self::try_open().unwrap_or_else(|e| panic!("cannot open a pseudo-terminal: {e}"))
    }

    /// Opens a terminal of 24 rows and 80 columns.
    pub fn try_open() -> io::Result<Self> {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname_r(&master)?;
        let master = master.as_fd().try_clone_to_owned()?;
        sys::set_window_size(master.as_fd(), 24, 80)?;
        // Reading a master blocks until someone opens the slave, and fails with EIO after the last
        // close of the slave.
        let output = Pump::start(master.try_clone()?)?;
        Ok(Self {
            master: Some(master),
            output,
            path,
            limit: timeout(),
        })
    }

    /// The slave: `/dev/pts/N`.
    #[must_use]
    pub fn slave_path(&self) -> &str {
        &self.path
    }

    /// Opens the slave, without making it a controlling terminal.
    pub fn open_slave(&self) -> io::Result<OwnedFd> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = std::fs::OpenOptions::new();
        Ok(options
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY)
            .open(&self.path)?
            .into())
    }

    fn master(&self) -> &OwnedFd {
        self.master.as_ref().expect("the terminal has been hung up")
    }

    /// Types these bytes.
    #[track_caller]
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        sys::write_all(self.master().as_raw_fd(), bytes.as_ref())
            .expect("cannot write to the terminal");
    }

    /// Types a line and the return key.
    #[track_caller]
    pub fn send_line(&self, line: &str) {
        self.send(format!("{line}\r"));
    }

    /// Types a letter with the control key held: `c` is INT, `z` is TSTP, `\\` is QUIT, `d` is end
    /// of file.
    #[track_caller]
    pub fn send_ctrl(&self, letter: char) {
        self.send([(letter.to_ascii_uppercase() as u8) & 0x1f]);
    }

    /// Sets the window's size: the foreground group gets WINCH if it differs from what it was.
    #[track_caller]
    pub fn set_window_size(&self, rows: u16, columns: u16) {
        sys::set_window_size(self.master().as_fd(), rows, columns)
            .expect("cannot set the window size");
    }

    /// The foreground process group, in this process's PID namespace; `None` where there is none.
    #[must_use]
    pub fn foreground_group(&self) -> Option<i32> {
        sys::foreground_group(self.master().as_raw_fd())
            .ok()
            .filter(|group| *group > 0)
    }

    /// Waits until the program writes `text`, and returns the output up to its end. The search
    /// continues after the previous match. Panics with the transcript at the deadline.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let found = self.output.find(self.limit, |bytes, _| {
            let at = bytes
                .windows(text.len())
                .position(|window| window == text.as_bytes())?;
            let length = at + text.len();
            Some((
                length,
                String::from_utf8_lossy(&bytes[..length]).into_owned(),
            ))
        });
        found.unwrap_or_else(|reason| {
            panic!(
                "waited for {text:?} on the terminal: {reason:?}\n--- transcript ---\n{}",
                self.transcript()
            )
        })
    }

    /// Everything written to the terminal so far.
    #[must_use]
    pub fn transcript(&self) -> String {
        excerpt(&self.output.bytes(), 16 * 1024)
    }

    /// Stops reading: further output stays in the terminal until its buffer is full.
    pub fn stop_reading(&mut self) {
        self.output.finish();
    }

    /// Hangs up: closes the master. The session leader gets HUP, and reading the slave returns end
    /// of file. Earlier output can still be read.
    pub fn hang_up(&mut self) {
        self.output.close();
        self.master = None;
    }
}
