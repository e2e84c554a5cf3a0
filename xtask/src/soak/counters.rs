//! The memory that the load shares with us (`program/load.rs`).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const MADE: usize = 65;
const WANTED: usize = 66;
const WORDS: usize = 128;

/// The file behind it. A read sees what another process has written to its mapping (mmap(2)).
pub struct Counters {
    file: File,
    path: PathBuf,
}

impl Counters {
    pub fn new(path: &Path) -> Result<Counters> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        file.set_len(WORDS as u64 * 8)?;
        Ok(Counters {
            file,
            path: path.to_owned(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn words(&self) -> Result<Vec<u64>> {
        let mut bytes = [0; WORDS * 8];
        self.file.read_exact_at(&mut bytes, 0)?;
        let words = bytes.chunks_exact(8);
        Ok(words
            .map(|word| {
                word.iter()
                    .rev()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            })
            .collect())
    }

    /// How often the command got each signal, at its number.
    pub fn signals(&self) -> Result<Vec<u64>> {
        Ok(self.words()?[..=64].to_vec())
    }

    /// How many orphans were made.
    pub fn made(&self) -> Result<u64> {
        Ok(self.words()?[MADE])
    }

    /// The number of orphans to make.
    pub fn want(&self, orphans: u64) -> Result<()> {
        self.file
            .write_all_at(&orphans.to_le_bytes(), WANTED as u64 * 8)?;
        Ok(())
    }
}
