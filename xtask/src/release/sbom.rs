//! The list of what is in the binary (CycloneDX), by cargo-cyclonedx.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use initlab::TempDir;
use serde_json::{Value, json};

use super::{Release, VERSION};
use crate::toolchain::Toolchain;
use crate::zig::{self, Zig};
use crate::{command, project, reproduce};

const TOOL_VERSION: &str = "0.5.9";

/// What is linked in and is no package of crates.io.
struct Other {
    name: &'static str,
    version: String,
    purl: String,
    licence: &'static str,
    description: &'static str,
}

/// What comes with the compiler and with zig.
fn others() -> Result<[Other; 3]> {
    let rust = Toolchain::find()?.release()?;
    let zig = zig::version()?;
    let musl = Zig::install()?.musl_version()?;
    Ok([
        Other {
            name: "std",
            purl: format!("pkg:github/rust-lang/rust@{rust}#library/std"),
            version: rust,
            licence: "MIT OR Apache-2.0",
            description: "Rust's standard library, rebuilt from the compiler's sources",
        },
        Other {
            name: "musl",
            purl: format!("pkg:generic/musl@{musl}"),
            version: musl,
            licence: "MIT",
            description: "the C library, as zig carries it",
        },
        Other {
            name: "compiler-rt",
            purl: format!("pkg:pypi/ziglang@{zig}#lib/compiler_rt"),
            version: zig,
            licence: "MIT",
            description: "zig's support routines for the compiler",
        },
    ])
}

/// Writes a list for each of the packages, which are given with their directories; gives their names.
pub fn build(release: &Release, products: &[(&str, &str)]) -> Result<Vec<String>> {
    let tool = install()?;
    // It writes beside each manifest.
    let work = TempDir::new();
    let root = work.join("sources");
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
    products
        .iter()
        .map(|(product, directory)| {
            let directory = root.join(directory);
            complete(release, product, &root, &directory.join("sbom.json"))
        })
        .collect()
}

/// Adds what cargo does not know to a list that it has made, takes out what is of this machine or by
/// chance, and writes it to `dist/`; gives its name there.
fn complete(release: &Release, product: &str, root: &Path, list: &Path) -> Result<String> {
    let text = fs::read_to_string(list).context("cargo-cyclonedx has no list")?;
    let place = format!("path+file://{}", root.display());
    let mut list: Value = serde_json::from_str(&text.replace(&place, "path+file://"))
        .context("cargo-cyclonedx's list is no JSON")?;
    if let Some(list) = list.as_object_mut() {
        list.remove("serialNumber");
    }
    list["metadata"]["timestamp"] = release.time().into();
    let components = list["components"].as_array_mut();
    let components = components.context("cargo-cyclonedx lists no components")?;
    for other in others()? {
        components.push(json!({
            "type": "library",
            "bom-ref": other.purl,
            "name": other.name,
            "version": other.version,
            "purl": other.purl,
            "description": other.description,
            "scope": "required",
            "licenses": [{ "expression": other.licence }],
        }));
    }
    let name = format!("{product}-{VERSION}.cdx.json");
    release.write(&name, format!("{list:#}\n").as_bytes())?;
    Ok(name)
}

/// Checks that the list has each package that Cargo.lock gives to the program, and says where nothing
/// of this machine is.
pub fn check(release: &Release, product: &str, name: &str) -> Result<()> {
    let text = fs::read_to_string(release.dist.join(name)).context("the list is there")?;
    let list: Value = serde_json::from_str(&text).context("the list is JSON")?;
    let components = list["components"].as_array().context("it has components")?;
    for package in super::notices::packages(product)? {
        ensure!(
            components
                .iter()
                .any(|component| component["name"] == *package.name),
            "{} is missing in {name}",
            package.name
        );
    }
    for component in components {
        ensure!(
            component["version"].is_string() && component["purl"].is_string(),
            "{} has no version or no purl in {name}",
            component["name"]
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
