//! Terminals.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
};

use super::cerr;

/// Sets the size of a terminal, in characters. The foreground group gets SIGWINCH if it changes.
pub fn set_window_size(fd: BorrowedFd<'_>, rows: u16, columns: u16) -> io::Result<()> {
    let size = libc::winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCSWINSZ reads one live winsize.
    cerr(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// The size of a terminal: rows and columns.
pub fn window_size(fd: RawFd) -> io::Result<(u16, u16)> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCGWINSZ writes one live winsize.
    cerr(unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) })?;
    Ok((size.ws_row, size.ws_col))
}

/// The foreground process group of a terminal.
pub fn foreground_group(fd: RawFd) -> io::Result<i32> {
    // SAFETY: tcgetpgrp takes an integer only.
    cerr(unsafe { libc::tcgetpgrp(fd) })
}

/// Makes a terminal the controlling terminal of the session that the caller leads. Only root, with
/// `steal`, can take it away from another session.
pub fn take_terminal(fd: RawFd, steal: bool) -> io::Result<()> {
    // SAFETY: TIOCSCTTY takes an integer.
    cerr(unsafe { libc::ioctl(fd, libc::TIOCSCTTY, i32::from(steal)) }).map(drop)
}

/// Gives up the controlling terminal.
pub fn give_up_terminal(fd: RawFd) -> io::Result<()> {
    // SAFETY: TIOCNOTTY takes nothing.
    cerr(unsafe { libc::ioctl(fd, libc::TIOCNOTTY) }).map(drop)
}

/// The session whose controlling terminal this is.
pub fn session_of_terminal(fd: RawFd) -> io::Result<i32> {
    // SAFETY: tcgetsid takes an integer only.
    cerr(unsafe { libc::tcgetsid(fd) })
}
