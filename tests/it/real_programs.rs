//! Programs as people run them in containers, as the command of the init: each starts, answers,
//! stops when it is told to, leaves nothing, and its status comes through.
//!
//! What is found out is a row each in `docs/real-programs.md`: see [`page`].

mod bash;
mod nginx;
mod node;
mod page;
mod postgres;
mod python;
mod redis;

use crate::service;
