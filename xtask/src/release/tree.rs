//! Files to be packed, and how they are: without anything of the machine that packs them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};

/// A directory tree in memory, in the order in which it was put together.
#[derive(Default)]
pub struct Tree(Vec<(String, Entry)>);

/// What lies at a path.
enum Entry {
    File {
        content: Vec<u8>,
        mode: u32,
    },
    Symlink(String),
    /// An empty directory with this mode.
    Directory(u32),
    /// Another name for the file at this path of the tree, which stands before it.
    HardLink(String),
}

impl Tree {
    /// Adds a file that everybody may read. Paths are relative, without a dot.
    pub fn file(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.add(path, content, 0o644);
    }

    /// Adds a file that everybody may execute.
    pub fn program(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.add(path, content, 0o755);
    }

    pub fn directory(&mut self, path: impl Into<String>, mode: u32) {
        self.0.push((path.into(), Entry::Directory(mode)));
    }

    pub fn symlink(&mut self, path: impl Into<String>, target: impl Into<String>) {
        self.0.push((path.into(), Entry::Symlink(target.into())));
    }

    pub fn hard_link(&mut self, path: impl Into<String>, to: impl Into<String>) {
        self.0.push((path.into(), Entry::HardLink(to.into())));
    }

    fn add(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>, mode: u32) {
        let content = content.into();
        self.0.push((path.into(), Entry::File { content, mode }));
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        let size = |(_, entry): &(String, Entry)| match entry {
            Entry::File { content, .. } => content.len() as u64,
            _ => 0,
        };
        self.0.iter().map(size).sum()
    }

    /// A tar(5) archive of the tree, below `prefix` if that is not empty. All belongs to root and
    /// has the time `seconds` since 1970.
    pub fn tar(&self, prefix: &str, seconds: u64) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut directories = BTreeSet::new();
        for (path, entry) in &self.0 {
            let path = match prefix {
                "" => path.clone(),
                prefix => format!("{prefix}/{path}"),
            };
            for (slash, _) in path.match_indices('/') {
                let directory = &path[..=slash];
                if directories.insert(directory.to_owned()) {
                    let mut header = header(tar::EntryType::Directory, 0o755, seconds);
                    archive.append_data(&mut header, directory, &[][..])?;
                }
            }
            match entry {
                Entry::File { content, mode } => {
                    let mut header = header(tar::EntryType::Regular, *mode, seconds);
                    header.set_size(content.len() as u64);
                    archive.append_data(&mut header, &path, &content[..])?;
                }
                Entry::Directory(mode) => {
                    let mut header = header(tar::EntryType::Directory, *mode, seconds);
                    archive.append_data(&mut header, format!("{path}/"), &[][..])?;
                }
                Entry::Symlink(target) => {
                    let mut header = header(tar::EntryType::Symlink, 0o777, seconds);
                    archive.append_link(&mut header, &path, target)?;
                }
                Entry::HardLink(to) => {
                    let mut header = header(tar::EntryType::Link, 0o755, seconds);
                    archive.append_link(&mut header, &path, to)?;
                }
            }
        }
        archive.into_inner().context("cannot write an archive")
    }

    /// Makes the tree in a directory, which is created.
    pub fn write(&self, root: &Path) -> Result<()> {
        for (path, entry) in &self.0 {
            let path = root.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)
                    .with_context(|| format!("cannot create {}", parent.display()))?;
            }
            let written = match entry {
                Entry::File { content, mode } => fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(*mode)
                    .open(&path)
                    .and_then(|mut file| file.write_all(content)),
                Entry::Directory(mode) => fs::DirBuilder::new().mode(*mode).create(&path),
                Entry::Symlink(target) => symlink(target, &path),
                Entry::HardLink(to) => fs::hard_link(root.join(to), &path),
            };
            written.with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

fn header(kind: tar::EntryType, mode: u32, seconds: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(seconds);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Compresses as gzip(1) does with `--best --no-name`.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes).context("cannot compress")?;
    encoder.finish().context("cannot compress")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_its_directories_and_links_and_no_trace_of_the_machine() {
        let mut tree = Tree::default();
        tree.program("bin/one", "1");
        tree.symlink("bin/two", "one");
        tree.hard_link("bin/three", "bin/one");
        tree.file("share/four", "4");
        tree.directory("tmp", 0o1777);
        let bytes = tree.tar("", 7).expect("memory suffices");
        let mut archive = tar::Archive::new(&bytes[..]);
        let found: Vec<String> = archive
            .entries()
            .expect("it is an archive")
            .map(|entry| {
                let entry = entry.expect("it is whole");
                let header = entry.header();
                assert_eq!(header.mtime().ok(), Some(7));
                assert_eq!((header.uid().ok(), header.gid().ok()), (Some(0), Some(0)));
                let path = entry.path().expect("a path").display().to_string();
                let link = entry.link_name().expect("a name or none");
                let link = link.map_or(String::new(), |to| format!(" -> {}", to.display()));
                format!("{:o} {path}{link}", header.mode().expect("a mode"))
            })
            .collect();
        let expected = [
            "755 bin/",
            "755 bin/one",
            "777 bin/two -> one",
            "755 bin/three -> bin/one",
            "755 share/",
            "644 share/four",
            "1777 tmp/",
        ];
        assert_eq!(found, expected);
        assert_eq!(tree.tar("", 7).ok(), Some(bytes));
    }
}
