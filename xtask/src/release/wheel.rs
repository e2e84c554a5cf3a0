//! Wheels for PyPI: `pip install tidy-init` puts the binary beside the other programs, and so does
//! `pip install initlab`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use initlab::TempDir;

use super::product::Product;
use super::tree::Tree;
use super::{Release, VERSION};
use crate::arch::Arch;
use crate::release::platform::Platform;
use crate::{command, project, python};

/// The tool that packs them.
const REQUIREMENTS: &str = include_str!("../../release-requirements.txt");

/// The licences go along, and those of what is linked in.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];
const NOTICES: &str = "THIRD-PARTY.md";

/// Writes a wheel for each architecture; gives their names.
pub fn build(release: &Release, product: &Product) -> Result<Vec<String>> {
    let venv = venv();
    python::install(&venv, "wheel", REQUIREMENTS)?;
    let mut names = Vec::new();
    for (arch, binary) in &product.binaries {
        let work = TempDir::new();
        let packed = work.join("packed");
        fs::create_dir(&packed).context("cannot create a directory")?;
        tree(release, product, *arch, binary)?.write(&work.join("wheel"))?;
        command::output(
            Command::new(venv.join("bin/python"))
                .env("SOURCE_DATE_EPOCH", release.epoch.to_string())
                .args(["-m", "wheel", "pack", "--dest-dir"])
                .arg(&packed)
                .arg(work.join("wheel")),
        )?;
        let wheel = only_file(&packed)?;
        let name = wheel.file_name().unwrap_or_default().to_string_lossy();
        release.write(
            &name,
            &fs::read(&wheel).with_context(|| format!("cannot read {}", wheel.display()))?,
        )?;
        names.push(name.into_owned());
    }
    Ok(names)
}

fn venv() -> PathBuf {
    project::work_dir().join("release-venv")
}

/// What a wheel holds, but for the list of its files (the binary distribution format of
/// packaging.python.org).
fn tree(release: &Release, product: &Product, arch: Arch, binary: &[u8]) -> Result<Tree> {
    let Product {
        name,
        summary,
        keywords,
        ..
    } = product;
    let mut tree = Tree::default();
    // The name as file names have it (PEP 427).
    let distribution = name.replace('-', "_");
    let info = format!("{distribution}-{VERSION}.dist-info");
    tree.program(
        format!("{distribution}-{VERSION}.data/scripts/{name}"),
        binary,
    );
    let mut metadata = format!(
        "Metadata-Version: 2.4\nName: {name}\nVersion: {VERSION}\nSummary: {summary}\n\
         License-Expression: {}\n",
        env!("CARGO_PKG_LICENSE")
    );
    for file in LICENCES {
        metadata += &format!("License-File: {file}\n");
        tree.file(format!("{info}/licenses/{file}"), release.source(file)?);
    }
    let notices = product.notices.as_bytes();
    tree.file(format!("{info}/licenses/{NOTICES}"), notices);
    metadata += &format!(
        "License-File: {NOTICES}\nKeywords: {keywords}\n\
         Classifier: Operating System :: POSIX :: Linux\n\
         Description-Content-Type: text/markdown\n\n"
    );
    metadata += &release.source(product.readme)?;
    tree.file(format!("{info}/METADATA"), metadata);
    let mut about = String::from("Wheel-Version: 1.0\nGenerator: xtask\nRoot-Is-Purelib: false\n");
    for tag in Platform::of(arch).wheel {
        about += &format!("Tag: py3-none-{tag}\n");
    }
    tree.file(format!("{info}/WHEEL"), about);
    Ok(tree)
}

/// Installs the wheel for this machine into an empty virtual environment and runs it; and has pip
/// unpack the others as the machines would that they are for.
pub fn check(release: &Release, product: &Product) -> Result<()> {
    let name = product.name;
    let work = TempDir::new();
    let venv = work.join("venv");
    python::create_venv(&venv)?;
    let pip = |arguments: &[&str]| {
        let mut command = Command::new(venv.join("bin/python"));
        command
            .args(["-m", "pip", "install", "--quiet", "--no-index"])
            .args(["--disable-pip-version-check", "--find-links"])
            .arg(&release.dist)
            .arg(format!("{name}=={VERSION}"))
            .args(arguments);
        command
    };
    for (arch, binary) in &product.binaries {
        let tag = Platform::of(*arch).wheel[0];
        let target = work.join(arch.spec().name);
        command::output(pip(&["--only-binary=:all:", "--platform", tag, "--target"]).arg(&target))?;
        let unpacked = fs::read(target.join("bin").join(name)).context("pip has installed it")?;
        ensure!(
            &unpacked == binary,
            "the wheel for {tag} has another binary"
        );
        if Arch::host() == Some(*arch) {
            command::output(&mut pip(&[]))?;
            let version =
                command::output(Command::new(venv.join("bin").join(name)).arg("--version"))?;
            ensure!(
                version == format!("{name} {VERSION}"),
                "installed by pip it says {version:?} when asked for its version"
            );
        }
    }
    Ok(())
}

fn only_file(directory: &Path) -> Result<PathBuf> {
    let mut files =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let file = files.next().context("nothing was packed")?;
    Ok(file.context("cannot read a directory")?.path())
}
