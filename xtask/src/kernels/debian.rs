//! Kernels and static programs from Debian's suites, whatever this machine runs.
//!
//! Each suite and architecture has package lists of its own below `target/`: the lists and sources
//! of this machine are left alone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{apt, command, project};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const MIRROR: &str = "http://deb.debian.org/debian";

/// One suite of Debian for one of its architectures.
pub struct Suite {
    directory: PathBuf,
    architecture: String,
}

impl Suite {
    /// The suite's package lists, fetched if they are not there.
    pub fn open(suite: &str, architecture: &str) -> Result<Suite> {
        apt::install(&["debian-archive-keyring"], "Debian's kernels")?;
        let directory = cache().join(format!("{suite}-{architecture}"));
        for part in ["lists/partial", "archives/partial", "download"] {
            let path = directory.join(part);
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        let mirror = env::var("DEBIAN_MIRROR").unwrap_or_else(|_| MIRROR.to_owned());
        write(&directory.join("status"), "")?;
        write(
            &directory.join("sources.list"),
            &format!("deb [arch={architecture} signed-by={KEYRING}] {mirror} {suite} main\n"),
        )?;
        let suite = Suite {
            directory,
            architecture: architecture.to_owned(),
        };
        let stamp = suite.directory.join("updated");
        if !stamp.exists() {
            command::output(suite.apt("apt-get").arg("update")).context("cannot fetch lists")?;
            write(&stamp, "")?;
        }
        Ok(suite)
    }

    /// A file of a package, which is fetched if it is not there: the first whose path begins with
    /// one of `wanted`, where each `*` stands for the only directory there. It is kept as `name`.
    pub fn file(&self, package: &str, wanted: &[&str], name: &str) -> Result<PathBuf> {
        let kept = self.directory.join(name);
        if kept.is_file() {
            return Ok(kept);
        }
        let package = self.real(package)?;
        log::info!("fetching {package} for {}", self.architecture);
        let download = self.directory.join("download");
        clear(&download)?;
        command::output(
            self.apt("apt-get")
                .current_dir(&download)
                .args(["download", &package]),
        )
        .with_context(|| format!("cannot fetch {package}"))?;
        let archive = first(&download, |name| name.ends_with(".deb"))?
            .with_context(|| format!("apt-get has not fetched {package}"))?;
        let unpacked = download.join("unpacked");
        command::output(
            Command::new("dpkg-deb")
                .arg("--extract")
                .args([&archive, &unpacked]),
        )?;
        let mut found = None;
        for path in wanted {
            let (directory, start) = path.rsplit_once('/').unwrap_or((".", path));
            found = first(&below(&unpacked, directory), |file| file.starts_with(start))?;
            if found.is_some() {
                break;
            }
        }
        let found = found.with_context(|| format!("{package} has none of {wanted:?}"))?;
        // Last, so that an interrupted run leaves nothing that looks complete.
        fs::rename(&found, &kept).with_context(|| format!("cannot move {}", found.display()))?;
        clear(&download)?;
        Ok(kept)
    }

    /// The package with the files: where one only follows the newest kernel, or names the parts that
    /// a kernel is made of, that one.
    fn real(&self, package: &str) -> Result<String> {
        let shown = command::output(self.apt("apt-cache").args(["show", package]))
            .with_context(|| format!("Debian has no {package} for {}", self.architecture))?;
        let depends = shown
            .lines()
            .find_map(|line| line.strip_prefix("Depends: "))
            .unwrap_or_default();
        let part = |prefix: &str| {
            let names = depends.split(", ").filter_map(|one| one.split(' ').next());
            names
                .into_iter()
                .find(|name| name.starts_with(prefix))
                .map(str::to_owned)
        };
        if let Some(binary) = part("linux-binary-") {
            return Ok(binary);
        }
        match part("linux-image-") {
            Some(newest) => self.real(&newest),
            None => Ok(package.to_owned()),
        }
    }

    /// apt for this suite and architecture alone.
    fn apt(&self, program: &str) -> Command {
        let at = |name: &str| self.directory.join(name).display().to_string();
        let mut command = Command::new(program);
        for option in [
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::lists={}", at("lists")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", self.directory.display()),
            format!("APT::Architecture={}", self.architecture),
            format!("APT::Architectures::={}", self.architecture),
            // Only the packages: neither translations nor descriptions for software centres.
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
            apt::RETRIES.to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }
}

/// Where all that is fetched and built for the machines is kept.
pub fn cache() -> PathBuf {
    project::work_dir().join("kernels")
}

/// Installs an emulator of whole machines: from the sources of this machine, or, where its packages
/// do not get along with what is installed, from the backports of its release.
pub fn install_emulator(package: &str) -> Result<()> {
    let plain = apt::install(&[package], "the emulation of whole machines");
    let Err(error) = plain else { return Ok(()) };
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let (true, Some(codename)) = (release.contains("ID=debian"), codename) else {
        return Err(error);
    };
    let backports = format!("{codename}-backports");
    log::info!("installing {package} from {backports}");
    let directory = cache().join("backports");
    for part in ["lists/partial", "archives/partial"] {
        fs::create_dir_all(directory.join(part)).context("cannot create a directory")?;
    }
    let sources = directory.join("sources.list");
    let mirror = env::var("DEBIAN_MIRROR").unwrap_or_else(|_| MIRROR.to_owned());
    let line = |suite: &str| format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n");
    write(&sources, &(line(codename) + &line(&backports)))?;
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        for option in [
            format!("Dir::Etc::sourcelist={}", sources.display()),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::lists={}", directory.join("lists").display()),
            format!("Dir::Cache={}", directory.display()),
            "DPkg::Lock::Timeout=300".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    };
    command::output(apt_get().arg("update")).context("cannot fetch lists")?;
    command::output(apt_get().args([
        "install",
        "--yes",
        "--no-install-recommends",
        "--no-remove",
        "--target-release",
        &backports,
        package,
    ]))
    .with_context(|| format!("cannot install {package}: {error:#}"))?;
    Ok(())
}

/// A directory below another; a `*` in its path is the only directory there.
fn below(top: &Path, path: &str) -> PathBuf {
    path.split('/').fold(top.to_owned(), |at, part| {
        let only = || fs::read_dir(&at).ok()?.find_map(Result::ok);
        match part {
            "*" => only().map_or_else(|| at.join(part), |entry| entry.path()),
            _ => at.join(part),
        }
    })
}

/// The first file of a directory, by name, that is wanted; `None` where there is no directory.
fn first(directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<Option<PathBuf>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Ok(None);
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(&wanted)
        })
        .collect();
    found.sort();
    Ok(found.into_iter().next())
}

fn clear(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)
            .with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    ensure!(path.is_absolute(), "{} is relative", path.display());
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
