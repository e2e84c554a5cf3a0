//! A pseudo-terminal: the tests are the person in front of it.

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

/// The master side of a pseudo-terminal (`pty(7)`). Give it to
/// [`Sandbox::terminal`](crate::Sandbox::terminal): the program gets the slave as its controlling
/// terminal. What is written there is read in the background.
///
/// Each terminal serves one program: when that session has ended, nothing more is read.
#[must_use]
pub struct Pty {
    master: Option<OwnedFd>,
    output: Pump,
    path: String,
    limit: Duration,
}

impl Pty {
    /// Opens a terminal of 24 rows and 80 columns. Panics where none can be had.
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
        // Reading a master whose slave nobody has opened yet blocks; after the last close of a
        // slave it gives EIO.
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

    /// Opens the slave, without making it anybody's controlling terminal.
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

    /// Waits until `text` is written, and gives what came up to its end. Goes on after the last one
    /// found. Panics with the transcript when it does not come.
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

    /// All that was written to the terminal so far.
    #[must_use]
    pub fn transcript(&self) -> String {
        excerpt(&self.output.bytes(), 16 * 1024)
    }

    /// Reads no more: what is written from now on stays in the terminal, until that is full.
    pub fn stop_reading(&mut self) {
        self.output.finish();
    }

    /// Hangs up: closes the master. The session leader gets HUP, and reading the slave gives its
    /// end. What was written before can be read still.
    pub fn hang_up(&mut self) {
        self.output.close();
        self.master = None;
    }
}
