//! Programs of our own that run under the init: each is one file, compiled by itself, static, so that it
//! starts quickly and in an image that has nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, project};

/// Compiles a program, unless that was done; `source` is below xtask/src.
pub fn compile(source: &str) -> Result<PathBuf> {
    let source = project::xtask_dir().join("src").join(source);
    let name = source.file_stem().context("a source file has a name")?;
    let directory = project::work_dir().join("programs");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let program = directory.join(name);
    let modified = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    if modified(&program) <= modified(&source) {
        let mut rustc = Command::new("rustc");
        rustc
            .args(["--edition", "2024", "-O", "-C", "strip=symbols"])
            .args(["-C", "target-feature=+crt-static"])
            .args(["-C", "relocation-model=static", "-o"])
            .args([&program, &source]);
        command::run(&mut rustc)?;
    }
    Ok(program)
}
