//! `cargo xtask dist`: the static binaries, for every architecture from one machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Instant;

use anyhow::{Context, Result};
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind};

use crate::arch::{Arch, Selection, Spec};
use crate::harness::Build;
use crate::toolchain::Toolchain;
use crate::zig::Zig;
use crate::{check, command, project};

/// How rustc is called, whatever the architecture. Bytes are those saved in the x86_64 binary.
const RUSTFLAGS: &[&str] = &[
    "-Zunstable-options",
    // Compares instead of tables of addresses, which take 8 bytes for each case: 1,076 bytes, 2.2 %.
    "-Cjump-tables=no",
    // No message, no unwinder, no formatting machinery: 61 kB less than panic=abort.
    "-Cpanic=immediate-abort",
    // No tables for an unwinder: there is none. On x86_64 the layout would drop them anyway.
    "-Cforce-unwind-tables=no",
    "-Clink-arg=-Wl,--no-eh-frame-hdr",
    // At a fixed address: a random one would cost 2,000 bytes, 8 kB of memory, and 7 of the 36
    // microseconds that the init takes, and protect code that no input can reach.
    "-Crelocation-model=static",
    // Begins in src/entry.rs rather than in the C library: 2,566 bytes, 5 %, two system calls, and a
    // page of memory. The library's start files are linked, and dropped, since nobody calls them.
    "--cfg=own_start",
    "-Clink-arg=-Wl,-e,own_start",
    // zig brings crt1.o, libc.a and libunwind.a for every target; rustup is not needed.
    "-Clink-self-contained=no",
];

/// Build dist/tidy-init-ARCH: static, on musl, with std rebuilt for size.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Also dist/initlab-ARCH, static, with that init in it: this takes minutes.
    #[arg(long)]
    initlab: bool,
}

pub fn main(args: &Args) -> Result<()> {
    let builder = Builder::new()?;
    for arch in args.selection.archs()? {
        let binary = builder.build(arch)?;
        let size = check::size(&binary, arch)?;
        println!("{} {size} bytes", relative(&binary).display());
        if args.initlab {
            let initlab = build_initlab(arch, &binary)?;
            let size = fs::metadata(&initlab)?.len();
            println!("{} {size} bytes", relative(&initlab).display());
        }
    }
    Ok(())
}

/// Builds initlab with this init in it, puts it into `dist/` and gives its path.
pub fn build_initlab(arch: Arch, init: &Path) -> Result<PathBuf> {
    let built = Build {
        arch,
        directory: "initlab",
        settings: &[],
        init: Some(init),
    };
    install(&built.run()?, "initlab", arch.spec())
}

/// Builds the binary for one architecture, of any size, and gives its path.
pub fn build(arch: Arch) -> Result<PathBuf> {
    Builder::new()?.build(arch)
}

/// Builds from a copy of the sources in another directory, with empty caches of its own there, so
/// that nothing is reused. Gives the path of the binary, below `work`.
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
        install(&self.compile(arch)?, "tidy-init", arch.spec())
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
            Some(self.zig.start_libc(spec.zig, &spec.linker_flags())?)
        } else {
            None
        };
        let built = self.cargo(spec);
        if let Some(mut libc) = libc {
            // This was only a head start: if it failed, the link has built the library itself, or
            // reported the error.
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
        let slim = release.join("tidy-init-slim");
        let binary =
            fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
        let binary = without_section_headers(binary)
            .with_context(|| format!("{} is not what it should be", built.display()))?;
        fs::write(&slim, binary).with_context(|| format!("cannot write {}", slim.display()))?;
        fs::set_permissions(&slim, fs::metadata(&built)?.permissions())?;
        check::linking(&slim, arch)?;
        Ok(slim)
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
        // cargo's lines about what it compiles are of interest; that it has finished is not.
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
        // The linker runs in the root of the sources. A path of the machine may hold spaces and
        // commas, which end a word for the linker's wrapper and for `-Wl`.
        flags.push("-Clink-arg=-Wl,-T,xtask/layout.ld".to_owned());
        flags.extend(
            spec.linker_flags()
                .iter()
                .map(|flag| format!("-Clink-arg={flag}")),
        );
        flags.extend(self.toolchain.no_paths(&self.root));
        flags
    }
}

/// A program without the table of its sections: linkers and debuggers read it, the kernel does not
/// (elf(5)), and there is nothing left to debug. This saves 576 bytes on x86_64, 1.1 %.
fn without_section_headers(mut elf: Vec<u8>) -> Result<Vec<u8>> {
    match FileKind::parse(&*elf)? {
        FileKind::Elf32 => drop_sections::<elf::FileHeader32<Endianness>>(&mut elf)?,
        _ => drop_sections::<elf::FileHeader64<Endianness>>(&mut elf)?,
    }
    Ok(elf)
}

fn drop_sections<Elf: FileHeader<Endian = Endianness>>(data: &mut Vec<u8>) -> Result<()> {
    let header = Elf::parse(&**data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, &**data)?;
    // The headers of file and segments, and what the segments hold.
    let end = segments
        .iter()
        .map(|segment| segment.p_offset(endian).into() + segment.p_filesz(endian).into())
        .max()
        .context("it has no segments")?;
    // Offset of the table; size, number and names of its entries: the end of the header.
    let (offset_at, offset_size, size_at) = match header.is_class_64() {
        true => (0x28, 8, 0x3a),
        false => (0x20, 4, 0x2e),
    };
    data.truncate(usize::try_from(end)?);
    data[offset_at..offset_at + offset_size].fill(0);
    data[size_at..size_at + 6].fill(0);
    Ok(())
}

/// Puts the binary into `dist/` under its name, unless it is there already.
fn install(built: &Path, name: &str, spec: &Spec) -> Result<PathBuf> {
    let dist = project::dist_dir();
    let path = dist.join(format!("{name}-{}", spec.name));
    let binary = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    if fs::read(&path).is_ok_and(|old| old == binary) {
        return Ok(path);
    }
    // In one step, since the old one may be running, and a running file cannot be written to.
    let temporary = dist.join(format!(".{name}-{}.{}", spec.name, process::id()));
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

/// A path relative to the root of the repository.
fn relative(path: &Path) -> &Path {
    path.strip_prefix(project::root()).unwrap_or(path)
}
