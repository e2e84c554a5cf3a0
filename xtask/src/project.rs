//! Where things are in the working tree.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> &'static Path {
    xtask_dir()
        .parent()
        .expect("xtask/ lies in the root of the repository")
}

/// The directory of this package.
pub fn xtask_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The place for everything that can be made again: tools, caches, intermediate files.
pub fn work_dir() -> PathBuf {
    target_dir().join("xtask")
}

/// Cargo's directory for what it builds.
pub fn target_dir() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target)
}

/// Where finished binaries go.
pub fn dist_dir() -> PathBuf {
    root().join("dist")
}
