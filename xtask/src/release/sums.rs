//! SHA256SUMS, as sha256sum(1) writes and checks them.

use std::process::Command;

use anyhow::Result;

use super::Release;
use crate::command;

const NAME: &str = "SHA256SUMS";

/// Writes the sums of all artefacts, and has them checked; adds the name to the list.
pub fn build(release: &Release, names: &mut Vec<String>) -> Result<()> {
    let mut sorted = names.clone();
    sorted.sort();
    let sums = command::output(
        Command::new("sha256sum")
            .current_dir(&release.dist)
            .arg("--")
            .args(&sorted),
    )?;
    release.write(NAME, format!("{sums}\n").as_bytes())?;
    command::output(
        Command::new("sha256sum")
            .current_dir(&release.dist)
            .args(["--strict", "--check", NAME]),
    )?;
    names.push(NAME.to_owned());
    Ok(())
}
