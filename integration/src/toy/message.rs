//! What a toy says.

use crate::sys;

/// Writes a line to standard error.
pub fn complain(message: &str) {
    let _ = sys::write_all(2, format!("initlab toy: {message}\n").as_bytes());
}
