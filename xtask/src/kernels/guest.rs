//! `initlab` for the machines.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::arch::Arch;
use crate::harness::Build;

/// It is run a few times and never released, and the emulator is busy with the kernel most of the time:
/// without optimization the build takes a third of the time, and the machines run no longer.
const SETTINGS: &[&str] = &[
    "profile.release.lto=\"off\"",
    "profile.release.codegen-units=16",
    "profile.release.opt-level=0",
];

/// Where it is once it is built.
pub fn path(arch: Arch) -> PathBuf {
    described(arch, None).path()
}

/// Builds it with this init in it, so that it runs alone, and gives its path.
pub fn build(arch: Arch, init: &Path) -> Result<PathBuf> {
    described(arch, Some(init)).run()
}

fn described(arch: Arch, init: Option<&Path>) -> Build<'_> {
    Build {
        arch,
        directory: "guest",
        settings: SETTINGS,
        init,
    }
}
