//! zig and cargo-zigbuild: the linker and the C library for every architecture, from PyPI.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};

use crate::{apt, command, project};

/// The exact versions, with the hashes of their files.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// An installed zig with its caches.
pub struct Zig {
    zigbuild: PathBuf,
    zig: PathBuf,
    work: PathBuf,
}

impl Zig {
    /// Installs zig and cargo-zigbuild in a virtual environment of their own, unless the very
    /// same versions are there.
    pub fn install() -> Result<Zig> {
        let work = project::work_dir();
        let venv = work.join("venv");
        let stamp = venv.join("installed.txt");
        fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
        // Two of us at the same time would take the environment away from each other.
        let _lock = lock(&work.join("lock"))?;
        if fs::read_to_string(&stamp).ok().as_deref() != Some(REQUIREMENTS) {
            log::info!(
                "installing zig and cargo-zigbuild from PyPI into {}",
                venv.display()
            );
            create_venv(&venv)?;
            let requirements = project::xtask_dir().join("requirements.txt");
            command::output(
                Command::new(venv.join("bin/python"))
                    .args([
                        "-m",
                        "pip",
                        "install",
                        "--quiet",
                        "--disable-pip-version-check",
                    ])
                    .args([
                        "--no-deps",
                        "--only-binary=:all:",
                        "--require-hashes",
                        "--requirement",
                    ])
                    .arg(requirements),
            )
            .context("cannot install zig and cargo-zigbuild from PyPI")?;
            fs::write(&stamp, REQUIREMENTS)
                .with_context(|| format!("cannot write {}", stamp.display()))?;
        }
        Ok(Zig {
            zigbuild: venv.join("bin/cargo-zigbuild"),
            zig: find_zig(&venv)?,
            work,
        })
    }

    /// `cargo zigbuild`, to be given arguments.
    pub fn build(&self) -> Command {
        let mut command = self.zigbuild();
        command.arg("zigbuild");
        command
    }

    /// Starts to build the C library of a target, which takes zig longer than cargo takes to
    /// build std. `flags` must be those of the real link: they choose among the variants of the
    /// library in zig's cache.
    pub fn start_libc(&self, target: &[&str], flags: &[&str]) -> Result<Child> {
        let source = self.work.join("libc.c");
        fs::write(&source, "int main(void) { return 0; }\n")
            .with_context(|| format!("cannot write {}", source.display()))?;
        let mut command = self.zigbuild();
        command
            .args(["zig", "cc", "--", "-g", "-fno-sanitize=all"])
            .args(target)
            .args(flags)
            .args(["-Wl,--strip-all", "-nodefaultlibs", "-lunwind", "-lc"])
            .arg(&source)
            .arg("-o")
            .arg(self.work.join("libc"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        log::debug!("{}", command::display(&command));
        command
            .spawn()
            .with_context(|| format!("cannot run {}", command::display(&command)))
    }

    fn zigbuild(&self) -> Command {
        let cache = self.work.join("zig-cache");
        let mut command = Command::new(&self.zigbuild);
        command
            .env("CARGO_ZIGBUILD_ZIG_PATH", &self.zig)
            .env("CARGO_ZIGBUILD_CACHE_DIR", self.work.join("zigbuild-cache"))
            .env("ZIG_GLOBAL_CACHE_DIR", &cache)
            .env("ZIG_LOCAL_CACHE_DIR", &cache);
        command
    }
}

/// Waits until nobody else has the lock; it is given back when the value is dropped.
fn lock(path: &Path) -> Result<Flock<File>> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .with_context(|| format!("cannot lock {}", path.display()))
}

/// Makes an empty virtual environment that has pip. Debian's python3 comes without `ensurepip`.
fn create_venv(venv: &Path) -> Result<()> {
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

/// The executable itself: cargo-zigbuild would start it by way of Python, each time.
fn find_zig(venv: &Path) -> Result<PathBuf> {
    let lib = venv.join("lib");
    let found = fs::read_dir(&lib)
        .with_context(|| format!("cannot read {}", lib.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("site-packages/ziglang/zig"))
        .find(|zig| zig.exists());
    match found {
        Some(zig) => Ok(zig),
        None => bail!("no ziglang in {}; remove it and try again", lib.display()),
    }
}
