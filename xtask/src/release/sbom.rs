//! The list of what is in the binary (CycloneDX), by cargo-cyclonedx.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use initlab::TempDir;
use serde_json::{Value, json};

use super::{NAME, Release, VERSION};
use crate::{command, project, reproduce};

const TOOL_VERSION: &str = "0.5.9";

/// What is linked in and is no package of crates.io: what comes with the compiler and with zig.
const OTHERS: [(&str, &str, &str); 3] = [
    (
        "std",
        "MIT OR Apache-2.0",
        "Rust's standard library, rebuilt from the compiler's sources",
    ),
    ("musl", "MIT", "the C library, as zig carries it"),
    (
        "compiler-rt",
        "MIT",
        "zig's support routines for the compiler",
    ),
];

/// Writes the list; gives its name.
pub fn build(release: &Release) -> Result<String> {
    let tool = install()?;
    // It writes beside each manifest.
    let work = TempDir::new();
    let root = work.join(NAME);
    reproduce::copy_sources(&root)?;
    command::output(
        Command::new(tool)
            .current_dir(&root)
            .env("SOURCE_DATE_EPOCH", release.epoch.to_string())
            .args([
                "cyclonedx",
                "--quiet",
                "--format",
                "json",
                "--spec-version",
                "1.5",
            ])
            .args([
                "--target",
                "all",
                "--no-build-deps",
                "--override-filename",
                "sbom",
            ]),
    )?;
    let text = fs::read_to_string(root.join("sbom.json")).context("cargo-cyclonedx has no list")?;
    // Nothing of this machine, and nothing by chance.
    let place = format!("path+file://{}", root.display());
    let mut list: Value = serde_json::from_str(&text.replace(&place, "path+file://"))
        .context("cargo-cyclonedx's list is no JSON")?;
    if let Some(list) = list.as_object_mut() {
        list.remove("serialNumber");
    }
    list["metadata"]["timestamp"] = release.time().into();
    let components = list["components"].as_array_mut();
    let components = components.context("cargo-cyclonedx lists no components")?;
    for (name, licence, description) in OTHERS {
        components.push(json!({
            "type": "library",
            "bom-ref": name,
            "name": name,
            "description": description,
            "scope": "required",
            "licenses": [{ "expression": licence }],
        }));
    }
    let name = format!("{NAME}-{VERSION}.cdx.json");
    release.write(&name, format!("{list:#}\n").as_bytes())?;
    Ok(name)
}

/// Checks that the list has each package that Cargo.lock gives to the init, and says where nothing
/// of this machine is.
pub fn check(release: &Release, name: &str) -> Result<()> {
    let text = fs::read_to_string(release.dist.join(name)).context("the list is there")?;
    let list: Value = serde_json::from_str(&text).context("the list is JSON")?;
    let components = list["components"].as_array().context("it has components")?;
    for package in super::notices::packages()? {
        ensure!(
            components
                .iter()
                .any(|component| component["name"] == *package.name),
            "{} is missing in {name}",
            package.name
        );
    }
    let home = project::root().display().to_string();
    ensure!(
        !text.contains(&home) && !text.contains("/tmp/"),
        "{name} names a path of this machine"
    );
    Ok(())
}

/// Builds the tool from crates.io, once.
fn install() -> Result<PathBuf> {
    let tools = project::work_dir().join("tools");
    let tool = tools.join("bin/cargo-cyclonedx");
    if !is_installed(&tools) {
        log::info!("building cargo-cyclonedx {TOOL_VERSION}, once: this takes some minutes");
        command::output(
            command::cargo()
                .args(["install", "--quiet", "--locked", "--root"])
                .arg(&tools)
                .args(["--version", TOOL_VERSION, "cargo-cyclonedx"]),
        )?;
    }
    Ok(tool)
}

fn is_installed(tools: &Path) -> bool {
    fs::read_to_string(tools.join(".crates.toml"))
        .is_ok_and(|list| list.contains(&format!("cargo-cyclonedx {TOOL_VERSION} ")))
}
