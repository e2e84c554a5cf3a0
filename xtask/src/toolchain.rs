//! A Rust toolchain that has the standard library's sources, so that it can be rebuilt for size.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{apt, command};

/// The first release with `-C panic=immediate-abort`.
const MINIMUM: (u32, u32) = (1, 92);

/// Debian's compiler, cargo and sources of the standard library.
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_BIN: &str = "/usr/bin";

/// How long rustup may take. Where it cannot reach its servers, it tries for minutes.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// A matching pair of rustc and cargo, with sources.
pub struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    sysroot: PathBuf,
    /// Whether it is Debian's, while the active one may be rustup's.
    debian: bool,
}

impl Toolchain {
    /// Finds a toolchain that can rebuild the standard library, or installs what is missing: the
    /// active one; Debian's; the active one after `rustup component add rust-src`; Debian's after
    /// `apt-get install`. Installed ones come first, so that a second run needs no network.
    pub fn find() -> Result<Toolchain> {
        let active = Toolchain::active();
        match &active {
            Ok(toolchain) => log::debug!("active toolchain: {}", toolchain.sysroot.display()),
            Err(error) => log::warn!("{error:#}"),
        }
        let active = active.ok().filter(|toolchain| toolchain.is_recent());
        if let Some(active) = active {
            if active.has_sources() {
                return Ok(active);
            }
            if let Some(debian) = Toolchain::debian() {
                return Ok(debian);
            }
            if active.add_sources()? {
                return Ok(active);
            }
        }
        if let Some(debian) = Toolchain::debian() {
            return Ok(debian);
        }
        apt::install(DEBIAN_PACKAGES, "the sources of Rust's standard library").context(
            "`rustup component add rust-src` gives the sources too, where rustup has a network",
        )?;
        match Toolchain::debian() {
            Some(debian) => Ok(debian),
            None => bail!(
                "Debian's packages {} are older than Rust {}.{}; run: rustup component add rust-src",
                DEBIAN_PACKAGES.join(" "),
                MINIMUM.0,
                MINIMUM.1
            ),
        }
    }

    /// A cargo command that uses this toolchain, whatever else is in `PATH`.
    pub fn configure(&self, cargo: &mut Command) {
        cargo.env("CARGO", &self.cargo).env("RUSTC", &self.rustc);
        // Stable compilers take -Z options only with this. MINIMUM pins the ones that we use, and
        // tests cover them.
        cargo.env("RUSTC_BOOTSTRAP", "1");
        if self.debian {
            // `cargo xtask` has set it to the libraries of the active toolchain.
            cargo.env_remove("LD_LIBRARY_PATH");
        }
    }

    /// The directory that holds the sources.
    pub fn sysroot(&self) -> &Path {
        &self.sysroot
    }

    /// Options for rustc, so that no path of this machine is in the binary. Later ones win, so the
    /// repository comes last.
    pub fn no_paths(&self, root: &Path) -> Vec<String> {
        let home = cargo_home();
        let home = home.as_deref().map(|home| (home, "/cargo"));
        let places = [
            Some((self.sysroot(), "/rust")),
            home,
            Some((root, "/tidy-init")),
        ];
        let places = places.into_iter().flatten();
        places
            .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
            .collect()
    }

    /// The release: `1.96.0`.
    pub fn release(&self) -> Result<String> {
        let text = command::output(Command::new(&self.rustc).arg("--version"))?;
        let release = text.split(' ').nth(1);
        release
            .map(str::to_owned)
            .context("rustc names its release")
    }

    fn active() -> Result<Toolchain> {
        let sysroot = sysroot(Path::new("rustc"))?;
        let bin = sysroot.join("bin");
        Ok(Toolchain {
            cargo: bin.join("cargo"),
            rustc: bin.join("rustc"),
            sysroot,
            debian: false,
        })
    }

    /// Debian's toolchain, where it is installed with its sources, and recent enough.
    fn debian() -> Option<Toolchain> {
        let bin = Path::new(DEBIAN_BIN);
        let (cargo, rustc) = (bin.join("cargo"), bin.join("rustc"));
        let sysroot = sysroot(&rustc).ok()?;
        let toolchain = Toolchain {
            cargo,
            rustc,
            sysroot,
            debian: true,
        };
        (toolchain.cargo.exists() && toolchain.has_sources() && toolchain.is_recent())
            .then_some(toolchain)
    }

    fn has_sources(&self) -> bool {
        self.sysroot
            .join("lib/rustlib/src/rust/library/std/Cargo.toml")
            .exists()
    }

    /// Tries to get the sources for the active toolchain from rustup's servers.
    fn add_sources(&self) -> Result<bool> {
        if !command::exists("rustup") {
            return Ok(false);
        }
        log::info!("fetching the standard library's sources: rustup component add rust-src");
        let added = command::succeeds_within(
            Command::new("rustup").args(["component", "add", "rust-src"]),
            RUSTUP_LIMIT,
        )?;
        if !added {
            log::info!("rustup cannot fetch them; Debian's toolchain will do instead");
        }
        Ok(added && self.has_sources())
    }

    fn is_recent(&self) -> bool {
        version(&self.rustc).is_some_and(|version| version >= MINIMUM)
    }
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

fn sysroot(rustc: &Path) -> Result<PathBuf> {
    command::output(Command::new(rustc).args(["--print", "sysroot"])).map(PathBuf::from)
}

/// Major and minor number, from `rustc 1.96.0 (...)`.
fn version(rustc: &Path) -> Option<(u32, u32)> {
    let text = command::output(Command::new(rustc).arg("--version")).ok()?;
    let mut numbers = text
        .split(' ')
        .nth(1)?
        .split('.')
        .map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}
