//! The inits that are measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::check;

/// An init, installed somewhere.
pub struct Subject {
    pub name: &'static str,
    pub path: PathBuf,
    pub version: String,
    pub size: u64,
    /// It needs a dynamic linker, so it cannot be put into an image on scratch.
    pub dynamic: bool,
}

/// The peers, as Debian installs them.
const PEERS: [&str; 4] = ["dumb-init", "tini", "tini-static", "catatonit"];

impl Subject {
    pub fn ours(path: &Path) -> Result<Subject> {
        Subject::new("tidy-init", path.to_owned())
    }

    fn new(name: &'static str, path: PathBuf) -> Result<Subject> {
        let size = fs::metadata(&path)
            .with_context(|| format!("cannot look at {}", path.display()))?
            .len();
        let dynamic = check::is_dynamic(&path)?;
        let version = version(&path)?;
        Ok(Subject {
            name,
            path,
            version,
            size,
            dynamic,
        })
    }
}

/// The peers that are installed; the others are left out, with a line.
pub fn peers() -> Result<Vec<Subject>> {
    let mut peers = Vec::new();
    for name in PEERS {
        match initlab::find_program(name).filter(|path| path.exists()) {
            Some(path) => peers.push(Subject::new(name, path)?),
            None => log::info!("{name} is not installed, and left out"),
        }
    }
    Ok(peers)
}

/// What looks like a number in what `--version` says, on whatever stream.
fn version(program: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot run {} --version", program.display()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let number = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    Ok(number.unwrap_or("?").to_owned())
}
