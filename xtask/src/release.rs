//! `cargo xtask release`: everything that is given to users, made and checked in one go.

mod archive;
mod debian;
mod image;
mod notices;
mod pages;
mod platform;
mod sbom;
mod sums;
mod tree;
mod wheel;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use tidy_init::cli::NAMES;
use tidy_init::time::Time;
use tidy_init::utc::Utc;

use crate::arch::Arch;
use crate::command::step;
use crate::{apt, check, command, dist, project, reproduce, smoke};
use pages::Pages;

/// The name of program, package and image.
const NAME: &str = "tidy-init";

/// What it is, in a few words.
const SUMMARY: &str = "tiny init for containers";

/// What it does, in lines that fit into any package's description.
const DESCRIPTION: [&str; 4] = [
    "It is PID 1 of a container: starts the command in a session of its own,",
    "forwards and rewrites signals, reaps zombies, shuts down tidily, and reports",
    "how the command ended. One static binary without dependencies, which can be",
    "copied into any image.",
];

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the binary is called in the place of other programs.
fn drop_in_names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

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
    binaries: Vec<(Arch, Vec<u8>)>,
}

pub fn main(args: &Args) -> Result<()> {
    if !args.dry_run {
        ready()?;
    }
    apt::install(PACKAGES, "the checks of a release")?;
    let archs = match &args.targets[..] {
        [] => Arch::value_variants(),
        some => some,
    };
    let mut release = Release {
        epoch: epoch()?,
        dist: project::dist_dir(),
        binaries: Vec::new(),
    };
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
        release.binaries.push((*arch, binary));
        names.push(format!("{NAME}-{name}"));
    }
    let pages = step("pages", || {
        let pages = Pages::make(&release)?;
        names.extend(pages.write(&release)?);
        pages::check(&release)?;
        Ok(pages)
    })?;
    step("archives", || {
        names.extend(archive::build(&release, &pages)?);
        Ok(())
    })?;
    step("SBOM", || {
        let name = sbom::build(&release)?;
        sbom::check(&release, &name)?;
        notices::check(&release.source("THIRD-PARTY.md")?)?;
        names.push(name);
        Ok(())
    })?;
    step("Debian packages", || {
        let packages = debian::build(&release, &pages)?;
        debian::check(&release, &packages)?;
        names.extend(packages);
        Ok(())
    })?;
    step("wheels", || {
        names.extend(wheel::build(&release)?);
        wheel::check(&release)
    })?;
    step("image", || {
        let name = image::build(&release)?;
        image::check(&release, &name)?;
        names.push(name);
        Ok(())
    })?;
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
        Utc(Time::from_timespec(self.epoch, 0)).to_string()
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
