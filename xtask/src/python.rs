//! Tools from PyPI, each set in a virtual environment of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{apt, command};

/// Installs what `requirements` lists, with versions and hashes, unless the same set is there
/// already.
pub fn install(venv: &Path, what: &str, requirements: &str) -> Result<()> {
    let stamp = venv.join("installed.txt");
    if fs::read_to_string(&stamp).ok().as_deref() == Some(requirements) {
        return Ok(());
    }
    log::info!("installing {what} from PyPI into {}", venv.display());
    create_venv(venv)?;
    let list = venv.join("requirements.txt");
    fs::write(&list, requirements).with_context(|| format!("cannot write {}", list.display()))?;
    command::output(
        Command::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary=:all:", "--require-hashes", "--requirement"])
            .arg(&list),
    )
    .with_context(|| format!("cannot install {what} from PyPI"))?;
    fs::write(&stamp, requirements).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Makes an empty virtual environment that has pip. Debian's python3 comes without `ensurepip`.
pub fn create_venv(venv: &Path) -> Result<()> {
    if venv.exists() {
        fs::remove_dir_all(venv).with_context(|| format!("cannot remove {}", venv.display()))?;
    }
    let python = |program: &str| {
        command::output(Command::new(program).args(["-m", "venv"]).arg(venv)).map(drop)
    };
    if let Err(error) = python("python3") {
        log::debug!("{error:#}");
        apt::install(&["python3-venv"], "a Python virtual environment")?;
        python("/usr/bin/python3").context("cannot create a Python virtual environment")?;
    }
    Ok(())
}
