//! The init as PID 1 of real containers: an image on `scratch`, run by the Docker engine.

pub mod docker;
mod host_network;
mod idle;
pub mod image;
pub mod janitor;
mod neighbours;
mod restricted;
mod signals;
mod status;
mod stdin;
mod stop;
mod terminal;
mod zombies;

/// Skips the running test unless the image can be built.
macro_rules! require_image {
    () => {
        if let Some(reason) = $crate::container::image::missing() {
            initlab::skip!("{reason}");
        }
    };
}
use require_image;
