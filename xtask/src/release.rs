//! `cargo xtask release`: everything that is given to users, made and checked in one go.

mod archive;
mod crates;
mod debian;
mod image;
mod initlab_pages;
mod licences;
mod notices;
mod pages;
mod platform;
mod product;
mod sbom;
mod sums;
mod tree;
mod wheel;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use tidy_init::text::{Line, utc};
use tidy_init::time::Time;

use crate::arch::Arch;
use crate::command::step;
use crate::{apt, check, command, dist, project, reproduce, smoke};
use pages::Pages;
use product::Product;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What Debian packages the checks need.
const PACKAGES: &[&str] = &["dpkg", "fish", "lintian", "man-db", "skopeo", "zsh"];

/// Make all that is released, in dist/, and check it.
///
/// Nothing is published. Without --dry-run the working tree has to be what is tagged with the
/// version, and the changelog has to have its date.
#[derive(clap::Args)]
pub struct Args {
    /// Whatever is in the working tree.
    #[arg(long)]
    dry_run: bool,
    /// Architecture; repeatable. Without it: all.
    #[arg(long = "target", value_name = "ARCH")]
    targets: Vec<Arch>,
}

/// What artefacts are made of.
pub struct Release {
    /// The time of everything, in seconds since 1970: `SOURCE_DATE_EPOCH`, else that of the commit.
    epoch: u64,
    dist: PathBuf,
}

/// The architectures that initlab is released for: it is for machines that build images.
const INITLAB_ARCHS: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];

pub fn main(args: &Args) -> Result<()> {
    if !args.dry_run {
        ready()?;
    }
    apt::install(PACKAGES, "the checks of a release")?;
    let archs = match &args.targets[..] {
        [] => Arch::value_variants(),
        some => some,
    };
    let release = Release {
        epoch: epoch()?,
        dist: project::dist_dir(),
    };
    let mut init = Product::tidy_init(release.source("THIRD-PARTY.md")?);
    let mut lab = Product::initlab(licences::collect("initlab")?);
    let mut names = Vec::new();
    for arch in archs {
        let name = arch.spec().name;
        let path = step(&format!("build {name}"), || {
            let path = dist::build(*arch)?;
            check::size(&path, *arch)?;
            Ok(path)
        })?;
        step(&format!("smoke {name}"), || smoke::run(&path, *arch))?;
        let binary = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        init.binaries.push((*arch, binary));
        names.push(format!("{}-{name}", init.name));
        if INITLAB_ARCHS.contains(arch) {
            let path = step(&format!("build initlab {name}"), || {
                dist::build_initlab(*arch, &path)
            })?;
            let binary = fs::read(&path).context("cannot read initlab")?;
            lab.binaries.push((*arch, binary));
            names.push(format!("{}-{name}", lab.name));
        }
    }
    let pages = step("pages", || {
        let pages = Pages::make(&release)?;
        names.extend(pages.write(&release)?);
        pages::check(&release, &pages)?;
        Ok(pages)
    })?;
    let init_files = pages.files();
    let lab_files = step("pages of initlab", initlab_pages::make)?;
    let products = [(&init, &init_files), (&lab, &lab_files)];
    step("archives", || {
        for (product, files) in products {
            names.extend(archive::build(&release, product, files)?);
        }
        archive::check(&release, &lab)
    })?;
    step("SBOM", || {
        let made = sbom::build(&release, &[(init.name, "."), (lab.name, "integration")])?;
        for (product, name) in [&init, &lab].into_iter().zip(&made) {
            sbom::check(&release, product.name, name)?;
        }
        notices::check(&init.notices)?;
        names.extend(made);
        Ok(())
    })?;
    step("Debian packages", || {
        let mut packages = debian::build(&release, &init, &init_files)?;
        packages.extend(debian::build_drop_ins(&release, &init, &pages)?);
        packages.extend(debian::build(&release, &lab, &lab_files)?);
        debian::check(&release, &packages)?;
        names.extend(packages);
        Ok(())
    })?;
    step("wheels", || {
        for product in [&init, &lab] {
            names.extend(wheel::build(&release, product)?);
            wheel::check(&release, product)?;
        }
        Ok(())
    })?;
    step("images", || {
        for product in [&init, &lab] {
            let name = image::build(&release, product)?;
            image::check(&release, product, &name)?;
            names.push(name);
        }
        Ok(())
    })?;
    step("crates", || crates::check(&["tidy-init", "initlab"]))?;
    step("reproduce", || {
        let path = release.dist.join(&names[0]);
        reproduce::check(&path, archs[0])
    })?;
    step("checksums", || sums::build(&release, &mut names))?;
    for name in &names {
        let file = release.dist.join(name);
        let size = file.metadata().with_context(|| format!("no {name}"))?.len();
        println!("{size:>9} dist/{name}");
    }
    Ok(())
}

impl Release {
    /// The time of everything as RFC 3339 has it.
    fn time(&self) -> String {
        let mut room = [0; 32];
        let mut line = Line::new(&mut room);
        utc(&mut line, Time::from_timespec(self.epoch, 0));
        String::from_utf8_lossy(line.as_bytes()).into_owned()
    }

    /// Its date.
    fn date(&self) -> String {
        self.time().chars().take_while(|c| *c != 'T').collect()
    }

    /// A text file of the repository.
    fn source(&self, name: &str) -> Result<String> {
        fs::read_to_string(project::root().join(name))
            .with_context(|| format!("cannot read {name}"))
    }

    /// Writes a file of `dist/`.
    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.dist.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    command::output(
        Command::new("git")
            .current_dir(project::root())
            .args(arguments),
    )
}

fn epoch() -> Result<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => git(&["log", "-1", "--format=%ct"])?,
    };
    text.parse()
        .with_context(|| format!("no time in seconds since 1970: {text}"))
}

/// Whether what is here can be released.
fn ready() -> Result<()> {
    let changed = git(&["status", "--porcelain"])?;
    ensure!(
        changed.is_empty(),
        "there are changes that are not committed"
    );
    let tag = format!("v{VERSION}");
    let tagged = git(&["tag", "--points-at", "HEAD"])?;
    ensure!(
        tagged.lines().any(|line| line == tag),
        "this commit has no tag {tag}"
    );
    let changelog = fs::read_to_string(project::root().join("CHANGELOG.md"))
        .context("cannot read CHANGELOG.md")?;
    let heading = changelog
        .lines()
        .find(|line| line.starts_with(&format!("## {VERSION}, ")));
    ensure!(
        heading.is_some_and(|heading| !heading.ends_with("not released")),
        "CHANGELOG.md has no date for {VERSION}"
    );
    Ok(())
}
