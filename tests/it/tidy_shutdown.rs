//! What happens to the other processes of a container when its command ends: real programs under
//! the inits that people use, and under ours.
//!
//! Each result is a row of `docs/tidy-shutdown-results.md`: see [`page`].

mod jobs;
mod nginx;
mod node;
mod page;
mod postgres;
mod registry;
mod scene;

use crate::{container, images, service};
