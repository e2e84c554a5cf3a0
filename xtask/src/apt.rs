//! Debian packages, for what a bare machine lacks.

use std::collections::HashSet;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command;

/// Installs those of the packages that are missing, after saying so.
///
/// # Errors
/// Without apt, or as a normal user: one line that says what to install.
pub fn install(packages: &[&str], what_for: &str) -> Result<()> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !command::exists("apt-get") {
        bail!("missing for {what_for}: install what Debian packages as {list}");
    }
    if !nix::unistd::geteuid().is_root() {
        bail!("packages are missing for {what_for}; run: sudo apt-get install {list}");
    }
    log::info!("installing Debian packages for {what_for}: {list}");
    // A third-party source of this machine that cannot be reached is not ours to complain about:
    // if it matters, the installation fails, and says why.
    if let Err(error) = command::output(apt_get().arg("update")) {
        log::warn!("{error:#}");
    }
    command::output(
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&missing),
    )
    .context("cannot install packages")?;
    Ok(())
}

/// Those of the packages that are not installed.
fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    if !command::exists("dpkg-query") {
        return Ok(packages.to_vec());
    }
    // Fails as soon as one of them is unknown, and still lists the others.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
        .args(packages)
        .stderr(Stdio::null())
        .output()
        .context("cannot run dpkg-query")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let installed: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    Ok(packages
        .iter()
        .copied()
        .filter(|package| !installed.contains(package))
        .collect())
}

/// apt-get that asks nothing, and waits for another one that holds the lock.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args([
        "--quiet",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]);
    command
}
