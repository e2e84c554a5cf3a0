//! Is each package that the binary is made of named in THIRD-PARTY.md?

use anyhow::{Context, Result, ensure};

use super::NAME;
use crate::command;

/// A package of crates.io that is part of the init.
pub struct Package {
    pub name: String,
    pub licence: String,
}

/// What cargo links into the init, whatever the architecture; without what is for tests and builds.
pub fn packages() -> Result<Vec<Package>> {
    let tree = command::output(command::cargo().args([
        "tree",
        "--locked",
        "--package",
        NAME,
        "--edges",
        "normal",
        "--target",
        "all",
        "--prefix",
        "none",
        "--no-dedupe",
        "--format",
        "{p}|{l}",
    ]))?;
    let mut packages: Vec<Package> = Vec::new();
    for line in tree.lines() {
        let (package, licence) = line.split_once('|').context("cargo tree writes so")?;
        let name = package.split(' ').next().unwrap_or_default();
        if name != NAME && !packages.iter().any(|known| known.name == name) {
            packages.push(Package {
                name: name.to_owned(),
                licence: licence.replace('/', " OR "),
            });
        }
    }
    Ok(packages)
}

/// Checks that the notices have a line for each package, with its licence, and for nothing else.
pub fn check(notices: &str) -> Result<()> {
    let listed: Vec<&str> = notices
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let packages = packages()?;
    for Package { name, licence } in &packages {
        let wanted = format!("| `{name}` | {licence} |");
        ensure!(
            listed.iter().any(|line| line.starts_with(&wanted)),
            "THIRD-PARTY.md has no line that begins: {wanted}"
        );
    }
    ensure!(
        listed.len() == packages.len(),
        "THIRD-PARTY.md lists a package that is not part of the init"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_notices_name_what_is_linked_in() {
        super::check(include_str!("../../../THIRD-PARTY.md")).expect("the list is complete");
    }
}
