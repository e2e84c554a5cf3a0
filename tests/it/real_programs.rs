//! Programs as people run them in containers, as the command of the init: each starts, answers,
//! stops when it is told to, leaves nothing, and its status comes through.
//!
//! Each result is a row of `docs/real-programs.md`: see [`page`].

mod bash;
mod nginx;
mod node;
mod page;
mod postgres;
mod python;
mod redis;

use crate::service;
