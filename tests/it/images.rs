//! The images of `Dockerfile.example` and of `examples/`: built as people build them, and run as
//! they should be run.

mod app;
pub mod base;
mod build;
mod checksum;
mod contents;
mod documents;
mod examples;
mod hardened;
mod life;
mod platforms;
mod pod;
mod server;
mod shell;
mod stages;

use crate::{container, service};

/// Skips the running test unless images can be built here.
macro_rules! require_images {
    () => {
        if let Some(reason) = $crate::images::base::missing() {
            initlab::skip!("{reason}");
        }
    };
}
use require_images;
