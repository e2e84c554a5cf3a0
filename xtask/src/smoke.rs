//! `cargo xtask smoke`: does the init work on an architecture that this machine is not of?

use std::path::Path;

use anyhow::{Context, Result};

use crate::arch::{Arch, Selection};
use crate::{apt, check, command, dist};

/// Build for an architecture, and run the smoke tests under its emulator.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
}

pub fn main(args: &Args) -> Result<()> {
    for arch in args.selection.archs() {
        build_and_run(*arch)?;
        println!("{} works", arch.spec().name);
    }
    Ok(())
}

/// Builds for an architecture, of the size that is allowed, and runs the smoke tests.
pub fn build_and_run(arch: Arch) -> Result<()> {
    let binary = dist::build(arch)?;
    check::size(&binary, arch)?;
    run(&binary, arch)
}

/// Runs the smoke tests (`tests/it/smoke.rs`) of a binary: on this machine where it is of the
/// same architecture, else under user-mode emulation.
///
/// # Errors
/// Where the emulator cannot be installed, or a test fails.
pub fn run(binary: &Path, arch: Arch) -> Result<()> {
    let mut cargo = command::cargo();
    cargo
        .args(["test", "--quiet", "--package", "tidy-init"])
        .args(["--test", "it", "--", "smoke::"])
        .env("TIDY_INIT", binary)
        .env("TIDY_INIT_NO_SKIP", "1");
    if Arch::host() != Some(arch) {
        apt::install(&["qemu-user-static"], "the emulation of other machines")?;
        cargo.env("TIDY_INIT_EMULATOR", arch.spec().emulator);
    }
    command::run(&mut cargo)
        .with_context(|| format!("the smoke tests of {} fail", arch.spec().name))
}
