//! `cargo xtask reproduce`: do the same sources give the same bytes in another directory?

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use initlab::TempDir;

use crate::arch::{Arch, Selection};
use crate::{command, dist, project};

/// Build again, in another directory and with empty caches, and compare the bytes.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
}

pub fn main(args: &Args) -> Result<()> {
    for arch in args.selection.archs()? {
        check(&dist::build(arch)?, arch)?;
        println!("{}: the same bytes", arch.spec().name);
    }
    Ok(())
}

/// Builds the sources of the working tree in a directory of another name, and compares the binary
/// with `first`.
///
/// # Errors
/// Where they differ: the second one is kept beside the first.
pub fn check(first: &Path, arch: Arch) -> Result<()> {
    let elsewhere = TempDir::new();
    let root = elsewhere.join("some/other/directory");
    copy_sources(&root)?;
    let second = dist::build_elsewhere(arch, &root, &elsewhere.join("work"))?;
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    if read(first)? != read(&second)? {
        let kept = first.with_extension("other");
        fs::copy(&second, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
        ensure!(
            false,
            "{} and {}, which was built of the same sources in another directory, differ",
            first.display(),
            kept.display()
        );
    }
    Ok(())
}

/// Copies the files that git knows, as they are now.
pub fn copy_sources(to: &Path) -> Result<()> {
    let list = command::output(Command::new("git").current_dir(project::root()).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    for name in list.lines() {
        let (from, to) = (project::root().join(name), to.join(name));
        // A file that was deleted is still in the index.
        if !from.exists() {
            continue;
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::copy(&from, &to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}
