//! Texts: bounded writing, numbers, escaping, and lists of short texts.

#![forbid(unsafe_code)]

mod errno;
mod escape;
mod line;
mod number;
mod rows;
mod split;
mod utc;

pub use errno::reason;
pub use escape::{NAME_MAX, escape, escaped};
pub use line::Line;
pub use number::{decimal, leading_integer};
pub use rows::{RowBuilder, Rows};
pub use split::Parts;
pub use utc::utc;
