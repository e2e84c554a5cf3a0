//! `cargo xtask smoke`: does the init work on an architecture that this machine is not of?

use std::path::Path;

use anyhow::{Context, Result};

use crate::arch::{Arch, Selection};
use crate::suite::{self, Built, Part, Settings};
use crate::{apt, check, dist};

/// The smoke tests, `tests/it/smoke.rs`.
const SMOKE: Part = Part {
    of: ["tidy-init", "it"],
    only: &["smoke::"],
    skip: &[],
    threads: 1,
};

/// Build for an architecture, and run the smoke tests under its emulator.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
}

pub fn main(args: &Args) -> Result<()> {
    let tests = suite::build()?;
    for arch in args.selection.archs()? {
        build_and_run(&tests, arch)?;
        println!("{} works", arch.spec().name);
    }
    Ok(())
}

/// Builds for an architecture, of the size that is allowed, and runs the smoke tests.
pub fn build_and_run(tests: &Built, arch: Arch) -> Result<()> {
    let binary = dist::build(arch)?;
    check::size(&binary, arch)?;
    run_with(tests, &binary, arch)
}

/// Builds the smoke tests and runs them with a binary: on this machine where it is of the same
/// architecture, else under user-mode emulation.
///
/// # Errors
/// Where the emulator cannot be installed, or a test fails.
pub fn run(binary: &Path, arch: Arch) -> Result<()> {
    run_with(&suite::build()?, binary, arch)
}

fn run_with(tests: &Built, binary: &Path, arch: Arch) -> Result<()> {
    let mut settings = Settings {
        init: Some(binary.to_owned()),
        no_skip: true,
        ..Settings::default()
    };
    if Arch::host() != Some(arch) {
        apt::install(&["qemu-user-static"], "the emulation of other machines")?;
        settings.emulator = Some(arch.spec().emulator);
    }
    tests
        .run(&SMOKE, &settings)
        .with_context(|| format!("the smoke tests of {} fail", arch.spec().name))
}
