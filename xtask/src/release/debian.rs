//! Debian packages, made by dpkg-deb(1).

use std::process::Command;

use anyhow::{Context, Result, ensure};
use initlab::TempDir;

use super::product::Product;
use super::tree::{Tree, gzip};
use super::{Pages, Release, VERSION};
use crate::command;
use crate::release::platform::Platform;

/// The revision of the packaging.
const REVISION: &str = "1";

/// Who is said to have made the packages: they have no maintainer in Debian.
const MAINTAINER: &str = "The tidy-init authors <tidy-init@users.noreply.invalid>";

/// The inits that our packages can replace, each with the paths of its programs below /usr.
const REPLACED: [(&str, &[&str]); 3] = [
    // Podman looks for it in its own directory.
    ("catatonit", &["bin/catatonit", "libexec/podman/catatonit"]),
    ("dumb-init", &["bin/dumb-init"]),
    ("tini", &["bin/tini", "bin/tini-static"]),
];

/// Where the packages of a product can be installed, by Debian's names, and the binaries.
fn ports(product: &Product) -> impl Iterator<Item = (&'static str, &[u8])> {
    let binaries = product.binaries.iter();
    binaries.filter_map(|(arch, binary)| Some((Platform::of(*arch).debian?, &binary[..])))
}

/// Writes the packages of all architectures that Debian has; gives their names. The files are man
/// pages and completions, with their paths below /usr.
pub fn build(
    release: &Release,
    product: &Product,
    files: &[(String, Vec<u8>)],
) -> Result<Vec<String>> {
    let name = product.name;
    let mut names = Vec::new();
    for (debian, binary) in ports(product) {
        let mut tree = documented(release, product, name)?;
        tree.program(format!("usr/bin/{name}"), binary);
        for (path, content) in files {
            if path.starts_with("share/man/") {
                tree.file(format!("usr/{path}.gz"), gzip(content)?);
            } else {
                // Debian's zsh looks elsewhere.
                let path = path.replace("site-functions", "vendor-completions");
                tree.file(format!("usr/{path}"), &content[..]);
            }
        }
        tree.file(
            format!("usr/share/lintian/overrides/{name}"),
            format!(
                "# That is the point of it.\n{name}: statically-linked-binary [usr/bin/{name}]\n"
            ),
        );
        let package = Package {
            name,
            debian,
            summary: product.summary,
            fields: String::new(),
        };
        names.push(package.pack(release, product, tree)?);
    }
    Ok(names)
}

/// Writes the packages that replace others by tidy-init; gives their names.
pub fn build_drop_ins(release: &Release, init: &Product, pages: &Pages) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (debian, _) in ports(init) {
        for (replaced, programs) in REPLACED {
            let name = format!("{}-{replaced}", init.name);
            let mut tree = documented(release, init, &name)?;
            let page = format!("usr/share/man/man1/{replaced}.1.gz");
            tree.file(page, gzip(pages.drop_in(replaced)?)?);
            for program in programs {
                let target = match program.strip_prefix("bin/") {
                    Some(_) => init.name.to_owned(),
                    None => format!("../../bin/{}", init.name),
                };
                tree.symlink(format!("usr/{program}"), target);
                if let Some(name) = program.strip_prefix("bin/")
                    && name != replaced
                {
                    tree.symlink(
                        format!("usr/share/man/man1/{name}.1.gz"),
                        format!("{replaced}.1.gz"),
                    );
                }
            }
            let package = Package {
                name: &name,
                debian,
                summary: &format!("{} in the place of {replaced}", init.name),
                fields: format!(
                    "Depends: {} (= {VERSION}-{REVISION})\n\
                     Provides: {replaced}\nConflicts: {replaced}\nReplaces: {replaced}\n",
                    init.name
                ),
            };
            names.push(package.pack(release, init, tree)?);
        }
    }
    Ok(names)
}

/// What every package has (Debian Policy 12.5 and 12.7).
fn documented(release: &Release, product: &Product, package: &str) -> Result<Tree> {
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
        "{} is licensed under the MIT licence, or, if you prefer, under the Apache License,\n\
         version 2.0, which stands in /usr/share/common-licenses/Apache-2.0.\n\n{}\n{}",
        product.name,
        release.source("LICENSE-MIT")?,
        product.notices
    );
    let mut tree = Tree::default();
    tree.file(
        format!("usr/share/doc/{package}/changelog.Debian.gz"),
        gzip(changelog.as_bytes())?,
    );
    tree.file(format!("usr/share/doc/{package}/copyright"), copyright);
    Ok(tree)
}

/// What the control file of a package says.
struct Package<'a> {
    name: &'a str,
    debian: &'a str,
    summary: &'a str,
    /// More fields, in lines.
    fields: String,
}

impl Package<'_> {
    fn pack(&self, release: &Release, product: &Product, mut tree: Tree) -> Result<String> {
        let Package {
            name: package,
            debian,
            summary,
            fields,
        } = self;
        let size = tree.size().div_ceil(1024);
        // Each line behind the first begins with a space (Debian Policy 5.6.13).
        let description = product.description.join("\n ");
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
    for name in &ours {
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
        let line = format!("ii tidy-init-{package}");
        ensure!(
            installed.lines().any(|found| found == line)
                && !installed
                    .lines()
                    .any(|found| found == format!("ii {package}")),
            "tidy-init-{package} has not taken the place of {package}: {installed}"
        );
    }
    let shows_version = |program: &str, arguments: &[&str], name: &str| {
        let mut command = Command::new("chroot");
        let version = command::output(command.arg(&root).arg(program).args(arguments))?;
        ensure!(
            version == format!("{name} {VERSION}"),
            "{program} says {version:?} where it was installed"
        );
        Ok(())
    };
    for program in REPLACED.iter().flat_map(|(_, programs)| *programs) {
        let arguments = ["--", "/usr/bin/tidy-init", "--version"];
        shows_version(&format!("/usr/{program}"), &arguments, "tidy-init")?;
    }
    let packed = |name: &&str| {
        ours.iter()
            .any(|file| file.starts_with(&format!("{name}_")))
    };
    for name in ["tidy-init", "initlab"].into_iter().filter(packed) {
        shows_version(&format!("/usr/bin/{name}"), &["--version"], name)?;
    }
    Ok(())
}
