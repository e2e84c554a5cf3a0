//! Debian packages, made by dpkg-deb(1).

use std::process::Command;

use anyhow::{Context, Result, ensure};
use initlab::TempDir;

use super::tree::{Tree, gzip};
use super::{DESCRIPTION, NAME, Pages, Release, SUMMARY, VERSION};
use crate::command;
use crate::release::platform::Platform;

/// The revision of the packaging.
const REVISION: &str = "1";

/// Who is said to have made the packages: they have no maintainer in Debian.
const MAINTAINER: &str = "The tidy-init authors <tidy-init@users.noreply.invalid>";

/// The inits whose names and places our packages can take, each with the names of its programs.
const REPLACED: [(&str, &[&str]); 2] = [
    ("dumb-init", &["dumb-init"]),
    ("tini", &["tini", "tini-static"]),
];

/// Writes the packages of all architectures that Debian has; gives their names.
pub fn build(release: &Release, pages: &Pages) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (arch, binary) in &release.binaries {
        let Some(debian) = Platform::of(*arch).debian else {
            continue;
        };
        let mut tree = documented(release, NAME)?;
        tree.program(format!("usr/bin/{NAME}"), &binary[..]);
        tree.file(
            format!("usr/share/man/man1/{NAME}.1.gz"),
            gzip(&pages.tidy_init)?,
        );
        for (path, script) in &pages.completions {
            // Debian's zsh looks elsewhere.
            tree.file(
                format!(
                    "usr/{}",
                    path.replace("site-functions", "vendor-completions")
                ),
                &script[..],
            );
        }
        tree.file(
            format!("usr/share/lintian/overrides/{NAME}"),
            format!(
                "# That is the point of it.\n{NAME}: statically-linked-binary [usr/bin/{NAME}]\n"
            ),
        );
        let fields = "";
        names.push(pack(release, tree, NAME, debian, SUMMARY, fields)?);
        for (replaced, programs) in REPLACED {
            let package = format!("{NAME}-{replaced}");
            let mut tree = documented(release, &package)?;
            for program in programs {
                tree.symlink(format!("usr/bin/{program}"), NAME);
                tree.symlink(
                    format!("usr/share/man/man1/{program}.1.gz"),
                    format!("{NAME}.1.gz"),
                );
            }
            let summary = format!("{NAME} in the place of {replaced}");
            let fields = format!(
                "Depends: {NAME} (= {VERSION}-{REVISION})\n\
                 Provides: {replaced}\nConflicts: {replaced}\nReplaces: {replaced}\n"
            );
            names.push(pack(release, tree, &package, debian, &summary, &fields)?);
        }
    }
    Ok(names)
}

/// What every package has (Debian Policy 12.5 and 12.7).
fn documented(release: &Release, package: &str) -> Result<Tree> {
    let date = command::output(
        Command::new("date")
            .args(["--utc", "--rfc-email", "--date"])
            .arg(format!("@{}", release.epoch)),
    )?;
    let changelog = format!(
        "{package} ({VERSION}-{REVISION}) unstable; urgency=medium\n\n  \
         * Release {VERSION}; what is new stands in CHANGELOG.md of the sources.\n\n \
         -- {MAINTAINER}  {date}\n"
    );
    let copyright = format!(
        "{NAME} is licensed under the MIT licence, or, if you prefer, under the Apache License,\n\
         version 2.0, which stands in /usr/share/common-licenses/Apache-2.0.\n\n{}\n{}",
        release.source("LICENSE-MIT")?,
        release.source("THIRD-PARTY.md")?
    );
    let mut tree = Tree::default();
    tree.file(
        format!("usr/share/doc/{package}/changelog.Debian.gz"),
        gzip(changelog.as_bytes())?,
    );
    tree.file(format!("usr/share/doc/{package}/copyright"), copyright);
    Ok(tree)
}

fn pack(
    release: &Release,
    mut tree: Tree,
    package: &str,
    debian: &str,
    summary: &str,
    fields: &str,
) -> Result<String> {
    let size = tree.size().div_ceil(1024);
    // Each line behind the first begins with a space (Debian Policy 5.6.13).
    let description = DESCRIPTION.join("\n ");
    tree.file(
        "DEBIAN/control",
        format!(
            "Package: {package}\nVersion: {VERSION}-{REVISION}\nSection: admin\n\
             Priority: optional\nArchitecture: {debian}\nMaintainer: {MAINTAINER}\n\
             Installed-Size: {size}\n{fields}Description: {summary}\n {description}\n"
        ),
    );
    let work = TempDir::new();
    let root = work.join(package);
    tree.write(&root)?;
    let sums = command::output(
        Command::new("sh")
            .current_dir(&root)
            .args(["-c", "find usr -type f -print0 | sort -z | xargs -0 md5sum"]),
    )?;
    let mut control = Tree::default();
    control.file("DEBIAN/md5sums", sums + "\n");
    control.write(&root)?;
    let name = format!("{package}_{VERSION}-{REVISION}_{debian}.deb");
    command::output(
        Command::new("dpkg-deb")
            .env("SOURCE_DATE_EPOCH", release.epoch.to_string())
            .args(["--root-owner-group", "-Zxz", "--build"])
            .arg(&root)
            .arg(release.dist.join(&name)),
    )?;
    Ok(name)
}

/// Installs the packages for this machine into an empty root directory, over Debian's own, and runs
/// what they bring there: nothing else is in it.
pub fn check(release: &Release, names: &[String]) -> Result<()> {
    let here = command::output(Command::new("dpkg").arg("--print-architecture"))?;
    let ours: Vec<&String> = names
        .iter()
        .filter(|name| name.ends_with(&format!("_{here}.deb")))
        .collect();
    if ours.is_empty() {
        return Ok(());
    }
    command::output(
        Command::new("lintian")
            .current_dir(&release.dist)
            .args(["--fail-on", "warning", "--suppress-tags"])
            // There is no wish in Debian's bug tracker that they would fulfil.
            .arg("initial-upload-closes-no-bugs")
            .args(&ours),
    )?;
    let work = TempDir::new();
    let downloads = work.join("downloads");
    let root = work.join("root");
    for directory in [
        &downloads,
        &root.join("var/lib/dpkg/info"),
        &root.join("var/lib/dpkg/updates"),
    ] {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    let status = root.join("var/lib/dpkg/status");
    std::fs::write(&status, "").with_context(|| format!("cannot write {}", status.display()))?;
    let replaced = REPLACED.map(|(package, _)| package);
    command::output(
        Command::new("apt-get")
            .current_dir(&downloads)
            .args(["-o", "APT::Sandbox::User=root", "download"])
            .args(replaced),
    )?;
    let dpkg = |arguments: &[&str]| {
        let mut command = Command::new("dpkg");
        command
            .arg(format!("--root={}", root.display()))
            .args(["--force-not-root", "--no-triggers"])
            .args(arguments);
        command
    };
    let theirs = std::fs::read_dir(&downloads).context("cannot read the downloads")?;
    let theirs = theirs.filter_map(|entry| Some(entry.ok()?.path()));
    // They depend on a C library that is not there.
    command::output(dpkg(&["--force-depends", "--install"]).args(theirs))?;
    for name in ours {
        command::output(dpkg(&["--install"]).arg(release.dist.join(name)))?;
    }
    let installed = command::output(
        Command::new("dpkg-query")
            .arg(format!(
                "--admindir={}",
                root.join("var/lib/dpkg").display()
            ))
            .args(["--show", "--showformat=${db:Status-Abbrev}${Package}\\n"]),
    )?;
    for package in replaced {
        let line = format!("ii {NAME}-{package}");
        ensure!(
            installed.lines().any(|found| found == line)
                && !installed
                    .lines()
                    .any(|found| found == format!("ii {package}")),
            "{NAME}-{package} has not taken the place of {package}: {installed}"
        );
    }
    for program in REPLACED
        .iter()
        .flat_map(|(_, programs)| *programs)
        .chain([&NAME])
    {
        let status = Command::new("chroot")
            .arg(&root)
            .arg(format!("/usr/bin/{program}"))
            .args(["--", &format!("/usr/bin/{NAME}"), "--version"])
            .output()
            .context("cannot run chroot")?;
        ensure!(
            String::from_utf8_lossy(&status.stdout).trim() == format!("{NAME} {VERSION}"),
            "{program} does not run where it was installed: {status:?}"
        );
    }
    Ok(())
}
