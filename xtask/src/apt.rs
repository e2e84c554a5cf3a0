//! Debian packages, for what a bare machine lacks. Nothing that is installed is ever removed.

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::command;

/// Packages whose program has another name. Where a program is there, it may be another package's,
/// or no package's: runc belongs to Docker's own containerd.io, which Debian's runc would replace.
const PROGRAMS: &[(&str, &str)] = &[
    ("busybox-static", "busybox"),
    ("dnsmasq-base", "dnsmasq"),
    ("iproute2", "ip"),
    ("nginx-light", "nginx"),
    ("nodejs", "node"),
    ("procps", "ps"),
    ("qemu-user-static", "qemu-aarch64-static"),
    ("util-linux", "unshare"),
];

/// Installs those of the packages that are missing, after saying so.
///
/// # Errors
/// Without apt, or as a normal user: one line that says what to install. Where a package would
/// replace another one: which cannot be installed; the others are installed then.
pub fn install(packages: &[&str], what_for: &str) -> Result<()> {
    // apt-get fails at once where another one updates the lists.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !command::exists("apt-get") {
        bail!("missing for {what_for}: install what Debian packages as {list}");
    }
    if !nix::unistd::geteuid().is_root() {
        bail!(
            "packages are missing for {what_for}; run: sudo apt-get install --no-remove \
             --no-install-recommends {list}"
        );
    }
    log::info!("installing Debian packages for {what_for}: {list}");
    // One of the machine's other sources may be out of reach. If that matters, the installation
    // fails and says why.
    if let Err(error) = command::output(apt_get().arg("update")) {
        log::warn!("{error:#}");
    }
    let Err(error) = install_now(&missing) else {
        return Ok(());
    };
    let mut failed = missing;
    if failed.len() > 1 {
        failed.retain(|package| install_now(&[package]).is_err());
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(error.context(format!("cannot install {}", failed.join(" ")))),
    }
}

fn install_now(packages: &[&str]) -> Result<()> {
    let mut command = apt_get();
    command
        .args(["install", "--yes", "--no-remove", "--no-install-recommends"])
        .args(packages);
    command::output(&mut command).map(drop)
}

/// Those of the packages that are not installed, and whose program is not there either.
fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    let has_program = |package: &str| {
        let other = PROGRAMS.iter().find(|(name, _)| *name == package);
        initlab::find_program(other.map_or(package, |(_, program)| program)).is_some()
    };
    let mut missing = packages.to_vec();
    missing.retain(|package| !has_program(package));
    if missing.is_empty() || !command::exists("dpkg-query") {
        return Ok(missing);
    }
    // Fails as soon as one of them is unknown, and still lists the others.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
        .args(&missing)
        .stderr(Stdio::null())
        .output()
        .context("cannot run dpkg-query")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let installed: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    missing.retain(|package| !installed.contains(package));
    Ok(missing)
}

/// For mirrors that fail now and then.
pub const RETRIES: &str = "Acquire::Retries=3";

/// apt-get that asks nothing, and waits for another one that holds the lock.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args([
        "--quiet",
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        RETRIES,
    ]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_not_missing_where_its_program_is_there() {
        let packages = ["sh", "util-linux", "no-such-package"];
        assert_eq!(missing(&packages).unwrap(), ["no-such-package"]);
    }
}
