//! Tarballs to be unpacked below /usr/local, with the drop-in names as links.

use anyhow::Result;

use super::tree::{Tree, gzip};
use super::{NAME, Pages, Release, VERSION, drop_in_names};

const DOCUMENTS: [&str; 5] = [
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "THIRD-PARTY.md",
];

/// Writes a tarball for each architecture; gives their names.
pub fn build(release: &Release, pages: &Pages) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (arch, binary) in &release.binaries {
        let mut tree = Tree::default();
        tree.program(format!("bin/{NAME}"), &binary[..]);
        for name in drop_in_names() {
            tree.symlink(format!("bin/{name}"), NAME);
        }
        tree.file(format!("share/man/man1/{NAME}.1"), &pages.tidy_init[..]);
        for (path, script) in &pages.completions {
            tree.file(path, &script[..]);
        }
        for name in DOCUMENTS {
            tree.file(format!("share/doc/{NAME}/{name}"), release.source(name)?);
        }
        let directory = format!("{NAME}-{VERSION}-{}", arch.spec().name);
        let name = format!("{directory}.tar.gz");
        release.write(&name, &gzip(&tree.tar(&directory, release.epoch)?)?)?;
        names.push(name);
    }
    Ok(names)
}
