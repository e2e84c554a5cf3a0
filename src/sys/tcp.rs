//! The TCP sockets of our network namespace, as proc(5) shows them.
//!
//! # Safety
//!
//! Reads go into a buffer whose length is given.

use super::{Errno, io};
use core::ffi::CStr;

/// Whether a socket holds data that its peer has not acknowledged.
///
/// # Errors
///
/// Those of open(2) and read(2).
pub fn has_unacknowledged_data() -> Result<bool, Errno> {
    match is_in(c"/proc/net/tcp") {
        Ok(false) => {}
        answer => return answer,
    }
    match is_in(c"/proc/net/tcp6") {
        // This kernel has no IPv6.
        Err(Errno::ENOENT) => Ok(false),
        answer => answer,
    }
}

fn is_in(path: &CStr) -> Result<bool, Errno> {
    let file = io::open(path, libc::O_RDONLY)?;
    let mut table = Table::new();
    let mut buffer = [0; 1024];
    loop {
        let piece = io::read_more(&file, &mut buffer)?;
        if piece.is_empty() {
            return Ok(false);
        }
        if table.read(piece) {
            return Ok(true);
        }
    }
}

/// Where we are in a table that is read in pieces. A line is
/// `SL: LOCAL REMOTE STATE TX_QUEUE:RX_QUEUE ...`, all hexadecimal, behind a
/// line of headings.
#[derive(Debug)]
pub struct Table {
    /// The field of the line that we are in or behind, from 1 on.
    field: u8,
    /// The last byte.
    last: u8,
    /// The last digit of the state; `t` in the headings.
    state: u8,
}

const STATE: u8 = 4;
const TX_QUEUE: u8 = 5;
/// `TCP_SYN_SENT` (include/net/tcp_states.h): the SYN counts as a byte that was
/// not acknowledged, but is no data.
const SYN_SENT: u8 = b'2';

impl Table {
    /// The beginning of a table.
    pub fn new() -> Table {
        Table {
            field: 0,
            last: b' ',
            state: 0,
        }
    }

    /// Reads on, and tells whether there is data that was not acknowledged.
    pub fn read(&mut self, piece: &[u8]) -> bool {
        for byte in piece {
            if *byte == b'\n' {
                *self = Table::new();
                continue;
            }
            // The transmit queue ends at a colon, where the receive queue begins.
            let ends = self.field == TX_QUEUE && *byte == b':';
            if ends || self.last == b' ' && *byte != b' ' {
                self.field = self.field.saturating_add(1);
            }
            self.last = *byte;
            match self.field {
                STATE if *byte != b' ' => self.state = *byte,
                TX_QUEUE
                    if !matches!(byte, b'0' | b' ') && !matches!(self.state, SYN_SENT | b't') =>
                {
                    return true;
                }
                _ => {}
            }
        }
        false
    }
}

impl Default for Table {
    fn default() -> Table {
        Table::new()
    }
}
