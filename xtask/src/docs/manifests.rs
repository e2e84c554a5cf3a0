//! The manifests of the examples are what Kubernetes takes: kubernetes-validate has its schemas.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, project, python};

const REQUIREMENTS: &str = include_str!("../../docs-requirements.txt");

/// The first release with native sidecars, and the newest that the validator knows.
const RELEASES: [&str; 2] = ["1.29", "1.37"];

pub fn check() -> Result<()> {
    let venv = project::work_dir().join("docs-venv");
    python::install(&venv, "kubernetes-validate", REQUIREMENTS)?;
    let directory = project::root().join("examples/kubernetes");
    let mut files = Vec::new();
    for file in fs::read_dir(&directory).context("cannot read the manifests")? {
        files.push(file.context("cannot read the manifests")?.path());
    }
    for release in RELEASES {
        command::output(
            Command::new(venv.join("bin/kubernetes-validate"))
                .args(["--strict", "--quiet", "--kubernetes-version", release])
                .args(&files),
        )
        .with_context(|| format!("a manifest is not for Kubernetes {release}"))?;
    }
    Ok(())
}
