//! Packages for crates.io: cargo packs them and builds what it has packed.

use anyhow::{Result, ensure};

use crate::{command, project};

/// What each has to hold.
const NEEDED: [&str; 5] = [
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "src/main.rs",
];

/// Has cargo do all that `cargo publish` does before it uploads.
pub fn check(packages: &[&str]) -> Result<()> {
    for package in packages {
        complete(package)?;
        command::output(
            command::cargo()
                .args(["package", "--quiet", "--locked", "--allow-dirty"])
                .args(["--package", package, "--target-dir"])
                .arg(project::work_dir().join("crates")),
        )?;
    }
    Ok(())
}

/// Checks that the licences go along, and nothing that only serves the repository.
fn complete(package: &str) -> Result<()> {
    let list = command::output(command::cargo().args([
        "package",
        "--quiet",
        "--list",
        "--allow-dirty",
        "--package",
        package,
    ]))?;
    for needed in NEEDED {
        ensure!(
            list.lines().any(|name| name == needed),
            "the package {package} has no {needed}"
        );
    }
    let not = [
        "xtask/",
        "integration/",
        "simulation/",
        ".ci/",
        "docs/",
        "tests/",
    ];
    for name in list.lines() {
        ensure!(
            !not.iter().any(|begin| name.starts_with(begin)),
            "the package {package} has {name}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_packages_have_what_they_need() {
        for package in ["tidy-init", "initlab"] {
            super::complete(package).expect("cargo lists what it would pack");
        }
    }
}
