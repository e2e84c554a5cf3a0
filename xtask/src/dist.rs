//! `cargo xtask dist`: the static binaries, for every architecture from one machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::arch::{Arch, Selection, Spec};
use crate::toolchain::Toolchain;
use crate::zig::Zig;
use crate::{check, command, project};

/// What zig has to be told beyond what rustc tells it. `-Os` is for zig's own libraries, which are
/// built for debugging otherwise.
const LINKER_FLAGS: &[&str] = &["-Os", "-static"];

/// How rustc is called, whatever the architecture. Bytes are those saved in the x86_64 binary.
const RUSTFLAGS: &[&str] = &[
    "-Zunstable-options",
    // No message, no unwinder, no formatting machinery: 61 kB less than panic=abort.
    "-Cpanic=immediate-abort",
    // No tables for an unwinder that is not there; on x86_64 the layout would drop them anyway.
    "-Cforce-unwind-tables=no",
    "-Clink-arg=-Wl,--no-eh-frame-hdr",
    // In a static program nobody calls mprotect(2) after relocation, neither musl nor the kernel:
    // RELRO would only cost a page of memory and 0.9 kB.
    "-Crelro-level=off",
    // At a fixed address: one that the kernel chooses anew at each start would cost 2,000 bytes, 8 kB
    // of memory, and 7 of the 36 microseconds that the init takes, to hide what no input can reach.
    "-Crelocation-model=static",
    // zig brings crt1.o, libc.a and libunwind.a for every target; rustup is not needed.
    "-Clink-self-contained=no",
];

/// Build dist/tidy-init-ARCH: static, on musl, with std rebuilt for size.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
}

pub fn main(args: &Args) -> Result<()> {
    let builder = Builder::new()?;
    for arch in args.selection.archs() {
        let binary = builder.build(*arch)?;
        let size = check::size(&binary, *arch)?;
        println!("{} {size} bytes", relative(&binary).display());
    }
    Ok(())
}

/// Builds the binary for one architecture, of whatever size, to be run; gives its path.
pub fn build(arch: Arch) -> Result<PathBuf> {
    Builder::new()?.build(arch)
}

/// Builds from a copy of the sources in another directory, with caches of its own there, which are
/// empty: with nothing of what was built before. Gives the path of the binary, below `work`.
pub fn build_elsewhere(arch: Arch, root: &Path, work: &Path) -> Result<PathBuf> {
    Builder {
        toolchain: Toolchain::find()?,
        zig: Zig::install()?.with_caches(work)?,
        root: root.to_owned(),
        target_dir: work.join("build"),
    }
    .compile(arch)
}

/// The tools, found or installed.
struct Builder {
    toolchain: Toolchain,
    zig: Zig,
    /// Where the sources are.
    root: PathBuf,
    target_dir: PathBuf,
}

impl Builder {
    fn new() -> Result<Builder> {
        Ok(Builder {
            toolchain: Toolchain::find()?,
            zig: Zig::install()?,
            root: project::root().to_owned(),
            target_dir: project::work_dir().join("build"),
        })
    }

    /// Builds the binary and puts it into `dist/`.
    fn build(&self, arch: Arch) -> Result<PathBuf> {
        install(&self.compile(arch)?, arch.spec())
    }

    fn compile(&self, arch: Arch) -> Result<PathBuf> {
        let spec = arch.spec();
        let release = self.target_dir.join(spec.triple).join("release");
        let first = !release.join("tidy-init").exists();
        let start = Instant::now();
        // zig builds musl the first time that it links for a target. Nothing that cargo does
        // before depends on it, and rustc has nothing to do for the second processor while it is
        // at `core`: side by side they take little more than half the time.
        let libc = if first {
            log::info!(
                "building std and musl for {}, once: this takes a minute or two",
                spec.name
            );
            Some(self.zig.start_libc(spec.zig, &linker_flags(spec))?)
        } else {
            None
        };
        let built = self.cargo(spec);
        if let Some(mut libc) = libc {
            // Only a head start: if it failed, the link has built the library by itself, or has
            // said what is wrong.
            if built.is_err() {
                let _ = libc.kill();
            }
            let _ = libc.wait();
        }
        built.with_context(|| format!("cannot build tidy-init for {}", spec.name))?;
        if first {
            log::info!(
                "built for {} in {:.0} s",
                spec.name,
                start.elapsed().as_secs_f64()
            );
        }
        let built = release.join("tidy-init");
        check::linking(&built, arch)?;
        Ok(built)
    }

    fn cargo(&self, spec: &Spec) -> Result<()> {
        let mut cargo = self.zig.build();
        self.toolchain.configure(&mut cargo);
        cargo
            .current_dir(&self.root)
            .args([
                "--locked",
                "--release",
                "--package",
                "tidy-init",
                "--bin",
                "tidy-init",
            ])
            .args(["--target", spec.triple, "--target-dir"])
            .arg(&self.target_dir)
            .args([
                "-Zbuild-std=std,panic_abort",
                "-Zbuild-std-features=optimize_for_size",
            ])
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags(spec).join("\x1f"));
        // cargo tells what it compiles; that it has nothing to do needs no line.
        command::run_relayed(&mut cargo, |line| {
            !line.trim_start().starts_with("Finished")
        })
    }

    fn rustflags(&self, spec: &Spec) -> Vec<String> {
        let mut flags: Vec<String> = RUSTFLAGS
            .iter()
            .chain(spec.rustflags)
            .copied()
            .map(String::from)
            .collect();
        flags.push(format!(
            "-Clink-arg=-Wl,-T,{}",
            self.root.join("xtask/layout.ld").display()
        ));
        flags.extend(
            linker_flags(spec)
                .iter()
                .map(|flag| format!("-Clink-arg={flag}")),
        );
        // No path of this machine in the binary. Later ones win, so the repository comes last.
        let mut remap = |from: &Path, to: &str| {
            flags.push(format!("--remap-path-prefix={}={to}", from.display()));
        };
        remap(self.toolchain.sysroot(), "/rust");
        if let Some(home) = cargo_home() {
            remap(&home, "/cargo");
        }
        remap(&self.root, "/tidy-init");
        flags
    }
}

/// What zig is told beyond what rustc and cargo-zigbuild tell it.
fn linker_flags(spec: &Spec) -> Vec<&'static str> {
    [LINKER_FLAGS, spec.link_args].concat()
}

/// Puts the binary into `dist/` under its name, unless it is there already.
fn install(built: &Path, spec: &Spec) -> Result<PathBuf> {
    let dist = project::dist_dir();
    let path = dist.join(format!("tidy-init-{}", spec.name));
    let binary = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    if fs::read(&path).is_ok_and(|old| old == binary) {
        return Ok(path);
    }
    // In one step: the old one may be running, and what runs cannot be written to.
    let temporary = dist.join(format!(".tidy-init-{}.{}", spec.name, process::id()));
    fs::create_dir_all(&dist).with_context(|| format!("cannot create {}", dist.display()))?;
    fs::copy(built, &temporary)
        .with_context(|| format!("cannot copy {} to {}", built.display(), temporary.display()))?;
    fs::rename(&temporary, &path).with_context(|| {
        format!(
            "cannot rename {} to {}",
            temporary.display(),
            path.display()
        )
    })?;
    Ok(path)
}

/// A path as one would type it in the root of the repository.
fn relative(path: &Path) -> &Path {
    path.strip_prefix(project::root()).unwrap_or(path)
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}
