//! Tarballs to be unpacked below /usr/local. The drop-in names are links in a directory of their own:
//! in bin/ they would come before the system's tini and nologin.

use std::process::Command;

use anyhow::Result;
use initlab::TempDir;

use super::product::Product;
use super::tree::{Tree, gzip};
use super::{Release, VERSION};
use crate::arch::Arch;
use crate::{command, harness};

const DOCUMENTS: [&str; 3] = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Writes a tarball for each architecture; gives their names. The files are man pages and
/// completions, with their paths below /usr/local.
pub fn build(
    release: &Release,
    product: &Product,
    files: &[(String, Vec<u8>)],
) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (arch, binary) in &product.binaries {
        let program = product.name;
        let mut tree = Tree::default();
        tree.program(format!("bin/{program}"), &binary[..]);
        for name in &product.links {
            tree.symlink(
                format!("share/{program}/bin/{name}"),
                format!("../../../bin/{program}"),
            );
        }
        for (path, content) in files {
            tree.file(path, &content[..]);
        }
        let documents = format!("share/doc/{program}");
        for name in DOCUMENTS {
            tree.file(format!("{documents}/{name}"), release.source(name)?);
        }
        let readme = release.source(product.readme)?;
        tree.file(format!("{documents}/README.md"), readme);
        tree.file(
            format!("{documents}/THIRD-PARTY.md"),
            product.notices.as_bytes(),
        );
        let directory = directory(product, *arch);
        let name = format!("{directory}.tar.gz");
        release.write(&name, &gzip(&tree.tar(&directory, release.epoch)?)?)?;
        names.push(name);
    }
    Ok(names)
}

fn directory(product: &Product, arch: Arch) -> String {
    format!("{}-{VERSION}-{}", product.name, arch.spec().name)
}

/// Unpacks initlab's tarball for this machine, and runs the program where nothing else is.
pub fn check(release: &Release, initlab: &Product) -> Result<()> {
    let here = initlab.binaries.iter().map(|(arch, _)| *arch);
    let Some(here) = here.into_iter().find(|arch| Arch::host() == Some(*arch)) else {
        return Ok(());
    };
    let root = TempDir::new();
    let tarball = format!("{}.tar.gz", directory(initlab, here));
    command::output(
        Command::new("tar")
            .args(["--extract", "--strip-components=1", "--file"])
            .arg(release.dist.join(tarball))
            .arg("--directory")
            .arg(root.path()),
    )?;
    harness::runs_alone(&root.join("bin/initlab"))
}
