//! zig and cargo-zigbuild: the linker and the C library for every architecture, from PyPI.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};

use crate::{command, project, python};

/// The exact versions, with the hashes of their files.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// An installed zig with its caches.
pub struct Zig {
    zigbuild: PathBuf,
    zig: PathBuf,
    work: PathBuf,
}

impl Zig {
    /// Installs zig and cargo-zigbuild in a virtual environment of their own, unless the same
    /// versions are there already.
    pub fn install() -> Result<Zig> {
        let work = project::work_dir();
        let venv = work.join("venv");
        fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
        // Two processes would otherwise replace the environment under each other.
        let _lock = lock(&work.join("lock"))?;
        python::install(&venv, "zig and cargo-zigbuild", REQUIREMENTS)?;
        Ok(Zig {
            zigbuild: venv.join("bin/cargo-zigbuild"),
            zig: find_zig(&venv)?,
            work,
        })
    }

    /// The same tools, with caches in another directory, which is created.
    pub fn with_caches(self, work: &Path) -> Result<Zig> {
        fs::create_dir_all(work).with_context(|| format!("cannot create {}", work.display()))?;
        Ok(Zig {
            work: work.to_owned(),
            ..self
        })
    }

    /// `cargo zigbuild`, to be given arguments.
    pub fn build(&self) -> Command {
        let mut command = self.zigbuild();
        command.arg("zigbuild");
        command
    }

    /// Starts to build the C library of a target, which takes zig longer than building std takes
    /// cargo. `flags` must be those of the real link: they select the variant of the library in
    /// zig's cache.
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

    /// Compiles the C reference that inits are compared with, for this machine: static, on musl.
    pub fn build_reference(&self) -> Result<PathBuf> {
        let source = project::root().join("integration/reference/init.c");
        let program = self.work.join("reference");
        let mut command = self.zigbuild();
        command
            .args(["zig", "cc", "--", "-target"])
            .arg(format!("{}-linux-musl", std::env::consts::ARCH))
            .args(["-static", "-O2", "-s", "-fno-sanitize=all"])
            .arg(&source)
            .arg("-o")
            .arg(&program);
        command::run(&mut command)?;
        Ok(program)
    }

    /// The release of the musl that zig carries.
    pub fn musl_version(&self) -> Result<String> {
        let header = self
            .zig
            .with_file_name("lib/libc/musl/src/internal/version.h");
        let text = fs::read_to_string(&header)
            .with_context(|| format!("cannot read {}", header.display()))?;
        let version = text.split('"').nth(1);
        version.map(str::to_owned).context("musl names its release")
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

/// The pinned release of zig.
pub fn version() -> Result<String> {
    let version = REQUIREMENTS
        .lines()
        .find_map(|line| line.strip_prefix("ziglang=="));
    let version = version.and_then(|rest| rest.split(' ').next());
    version.map(str::to_owned).context("zig is pinned")
}

/// Waits for the lock, and releases it when the value is dropped.
fn lock(path: &Path) -> Result<Flock<File>> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .with_context(|| format!("cannot lock {}", path.display()))
}

/// The executable itself. cargo-zigbuild would otherwise start it through Python each time.
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
