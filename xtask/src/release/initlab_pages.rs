//! initlab's man pages and completions: it writes them by itself.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use initlab::TempDir;

use super::pages::check_man;
use crate::command;

/// Gives them in the order of their names, with their paths below /usr or /usr/local, once man(1) and
/// the shells have read them.
pub fn make() -> Result<Vec<(String, Vec<u8>)>> {
    let work = TempDir::new();
    command::output(
        command::cargo()
            .args(["run", "--quiet", "--package", "initlab", "--", "pages"])
            .arg(work.path()),
    )?;
    let mut files = Vec::new();
    for entry in fs::read_dir(work.path()).context("cannot read a directory")? {
        let path = entry.context("cannot read a directory")?.path();
        let content = fs::read(&path).context("cannot read a page")?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (place, shell) = match name.rsplit_once('.') {
            Some((_, "bash")) => ("bash-completion/completions/initlab", "bash -n"),
            Some((_, "fish")) => (
                "fish/vendor_completions.d/initlab.fish",
                "fish --no-execute",
            ),
            Some((page, _)) => {
                check_man(page, &content)?;
                files.push((format!("share/man/man1/{name}"), content));
                continue;
            }
            None => ("zsh/site-functions/_initlab", "zsh -n"),
        };
        let script = format!("{shell} \"$0\"");
        command::output(Command::new("sh").args(["-c", &script]).arg(&path))?;
        files.push((format!("share/{place}"), content));
    }
    files.sort();
    Ok(files)
}
