//! The Debian that the programs are installed in: below `target/`, not on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::entry::Wheel;
use crate::{apt, command, project, python};

/// What is there before any program: the clients, and what their scripts use.
const BASE: &str = "ca-certificates,curl,netcat-openbsd,procps,python3";

/// Where the files of a program are.
pub struct Root(PathBuf);

impl Root {
    /// This machine's own.
    pub fn own() -> Self {
        Self(PathBuf::from("/"))
    }

    /// One of the root file systems, which is made where it is missing.
    pub fn make(name: &str) -> Result<Self> {
        let suffix = if name.is_empty() { "" } else { "-" };
        let directory = project::work_dir().join("field-guide");
        let root = directory.join(format!("root{suffix}{name}"));
        if root.is_dir() {
            return Ok(Self(root));
        }
        apt::install(&["mmdebstrap"], "the field guide")?;
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let unfinished = directory.join(format!("unfinished-{}", std::process::id()));
        log::info!("making a Debian for the programs: {}", root.display());
        let options = ["doc", "locale", "man"]
            .map(|what| format!("--dpkgopt=path-exclude=/usr/share/{what}/*"));
        command::output(
            Command::new("mmdebstrap")
                .args(["--variant=apt", "--format=directory", "--quiet"])
                .arg(format!("--include={BASE}"))
                .args(options)
                // No package starts its server.
                .arg("--customize-hook=printf '#!/bin/sh\\nexit 101\\n' >$1/usr/sbin/policy-rc.d")
                .arg("--customize-hook=chmod 755 $1/usr/sbin/policy-rc.d")
                .arg("bookworm")
                .arg(&unfinished),
        )?;
        fs::rename(&unfinished, &root)
            .with_context(|| format!("cannot rename {}", unfinished.display()))?;
        Ok(Self(root))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Installs what is missing of these packages.
    pub fn install(&self, packages: &[String]) -> Result<()> {
        let missing: Vec<_> = packages
            .iter()
            .filter(|p| self.version(p).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        log::info!("installing {missing:?}");
        let script = "apt-get --quiet update && exec apt-get install --quiet --yes \
                      --no-install-recommends --no-remove \"$@\"";
        let packages: Vec<_> = missing.into_iter().map(String::as_str).collect();
        self.run(script, &packages)
    }

    /// Puts the files of a package of PyPI below its `/opt`, if they are not there.
    pub fn unpack(&self, wheel: &Wheel) -> Result<()> {
        let target = self.0.join("opt").join(&wheel.name);
        if target.is_dir() {
            return Ok(());
        }
        let venv = project::work_dir().join("field-guide").join(&wheel.name);
        python::install(&venv, &wheel.name, &wheel.requirement)?;
        let script = "cp -r \"$1\"/lib/python3*/site-packages/\"$2\" \"$3\"";
        let mut copy = Command::new("sh");
        copy.args(["-c", script, "sh"]).arg(venv);
        copy.arg(&wheel.directory).arg(target);
        command::output(&mut copy).map(drop)
    }

    /// Runs a shell script in it, with these arguments.
    pub fn run(&self, script: &str, arguments: &[&str]) -> Result<()> {
        let mut proc = std::ffi::OsString::from("--mount-proc=");
        proc.push(self.0.join("proc"));
        let mut run = Command::new("unshare");
        run.args(["--mount", "--pid", "--fork"])
            .arg(proc)
            .arg("chroot")
            .arg(&self.0)
            .args(["sh", "-c", script, "sh"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command::output(&mut run).map(drop)
    }

    /// The version of an installed package.
    pub fn version(&self, package: &str) -> Option<String> {
        let output = Command::new("dpkg-query")
            .arg(format!(
                "--admindir={}",
                self.0.join("var/lib/dpkg").display()
            ))
            .args([
                "--show",
                "--showformat=${db:Status-Status} ${Version}",
                package,
            ])
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let version = text.strip_prefix("installed ")?.to_owned();
        output.status.success().then_some(version)
    }
}
