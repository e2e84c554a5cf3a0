//! Is each package that the init is made of named in THIRD-PARTY.md?

use anyhow::{Context, Result, ensure};

use crate::command;

/// A package of crates.io that is part of a program.
pub struct Package {
    pub name: String,
    pub version: String,
    pub licence: String,
}

/// What cargo links into a program, whatever the architecture; without what is for tests and builds.
pub fn packages(program: &str) -> Result<Vec<Package>> {
    let tree = command::output(command::cargo().args([
        "tree",
        "--locked",
        "--package",
        program,
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
        let mut words = package.split(' ');
        let name = words.next().unwrap_or_default();
        let version = words.next().unwrap_or_default().trim_start_matches('v');
        let known = |known: &Package| known.name == name && known.version == version;
        if name != program && !packages.iter().any(known) {
            packages.push(Package {
                name: name.to_owned(),
                version: version.to_owned(),
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
    let packages = packages("tidy-init")?;
    for Package { name, licence, .. } in &packages {
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
