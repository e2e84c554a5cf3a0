//! The licences of what is linked into a program, with the texts that the packages carry.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::notices;
use crate::{command, project};

/// How the names of files begin that have to go along.
const FILES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// A document that has a list of all packages, each text once, and the notices for the init, which is
/// built in, as are std and musl.
pub fn collect(program: &str) -> Result<String> {
    let metadata =
        command::output(command::cargo().args(["metadata", "--locked", "--format-version=1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo prints JSON")?;
    let known = metadata["packages"].as_array().context("it has packages")?;
    let mut list = String::new();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in notices::packages(program)? {
        let called = format!("{} {}", package.name, package.version);
        let entry = known
            .iter()
            .find(|entry| entry["name"] == *package.name && entry["version"] == *package.version);
        let manifest = entry.and_then(|entry| entry["manifest_path"].as_str());
        let manifest = Path::new(manifest.with_context(|| format!("cargo knows no {called}"))?);
        ensure!(!package.licence.is_empty(), "{called} names no licence");
        list += &format!("- `{called}`: {}\n", package.licence);
        for path in files(manifest.parent().context("it is in a directory")?)? {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let text = text.trim_end().replace("\r\n", "\n");
            texts.entry(text).or_default().push(called.clone());
        }
    }
    let mut document = format!(
        "# Third-party notices\n\n\
         {program} is one file, into which these packages are linked:\n\n{list}\n\
         tidy-init, Rust's standard library and musl are in it as well; their notices stand at the \
         end.\n"
    );
    for (text, packages) in &texts {
        let packages = packages.join(", ");
        document += &format!("\n## {packages}\n\n~~~text\n{text}\n~~~\n");
    }
    let notices = fs::read_to_string(project::root().join("THIRD-PARTY.md"))
        .context("cannot read THIRD-PARTY.md")?;
    Ok(document + "\n" + &notices)
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().to_uppercase();
            path.is_file() && FILES.iter().any(|begin| name.starts_with(begin))
        })
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_notices_of_initlab_have_its_packages_and_their_licences() {
        let notices = super::collect("initlab").expect("the sources of all packages are there");
        for expected in [
            "- `clap ",
            "- `plotters ",
            "Permission is hereby granted",
            "musl",
        ] {
            assert!(notices.contains(expected), "no {expected}");
        }
        assert!(!notices.contains("- `proptest "), "that is for tests");
    }
}
