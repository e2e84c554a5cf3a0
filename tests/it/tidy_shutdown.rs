//! What becomes of the rest of a container when its command ends: real programs under the inits
//! that people use, and under ours.
//!
//! What is held here is a row each in `docs/tidy-shutdown-results.md`: see [`page`].

mod jobs;
mod node;
mod page;
mod postgres;
mod scene;

use crate::service;
