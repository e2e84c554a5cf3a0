//! The container image for all architectures: a tarball that is an OCI layout, and that
//! `docker load` takes as well.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::tree::{Tree, gzip};
use super::{NAME, Release, SUMMARY, VERSION, drop_in_names};
use crate::arch::Arch;
use crate::command;
use crate::release::platform::Platform;

/// Nobody in particular: the init needs no privilege.
const USER: &str = "65532:65532";

/// Content-addressed files, as the image-spec wants them ("OCI Image Layout").
#[derive(Default)]
struct Blobs(Tree);

impl Blobs {
    /// Adds a blob, and gives its descriptor.
    fn add(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let digest = hex(&content);
        let size = content.len();
        self.0.file(format!("blobs/sha256/{digest}"), content);
        json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size })
    }

    fn add_json(&mut self, kind: &str, content: &Value) -> Value {
        let media_type = format!("application/vnd.oci.image.{kind}.v1+json");
        self.add(&media_type, content.to_string().into_bytes())
    }
}

/// Writes the tarball; gives its name.
pub fn build(release: &Release) -> Result<String> {
    let mut blobs = Blobs::default();
    let mut manifests = Vec::new();
    // What `docker load` reads (Docker Image Specification 1.2): one image for each architecture,
    // which it has to be told apart by its tag.
    let mut loaded = Vec::new();
    for (arch, binary) in &release.binaries {
        let platform = Platform::of(*arch);
        let layer = layer(binary).tar("", release.epoch)?;
        let mut config = json!({
            "created": release.time(),
            "architecture": platform.image,
            "os": "linux",
            "config": {
                "User": USER,
                "Entrypoint": [format!("/bin/{NAME}"), "--"],
                "WorkingDir": "/",
                "Labels": labels(release),
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))] },
            "history": [{ "created": release.time(), "comment": "cargo xtask release" }],
        });
        let mut described = json!({ "architecture": platform.image, "os": "linux" });
        if let Some(variant) = platform.variant {
            config["variant"] = variant.into();
            described["variant"] = variant.into();
        }
        let config = blobs.add_json("config", &config);
        let layer = blobs.add("application/vnd.oci.image.layer.v1.tar+gzip", gzip(&layer)?);
        loaded.push(json!({
            "Config": path(&config)?,
            "RepoTags": [tag(*arch)],
            "Layers": [path(&layer)?],
        }));
        let mut manifest = blobs.add_json(
            "manifest",
            &json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config,
                "layers": [layer],
            }),
        );
        manifest["platform"] = described;
        manifests.push(manifest);
    }
    let mut index = blobs.add_json(
        "index",
        &json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
            "annotations": labels(release),
        }),
    );
    index["annotations"] = json!({
        "org.opencontainers.image.ref.name": VERSION,
        "io.containerd.image.name": format!("docker.io/library/{NAME}:{VERSION}"),
    });
    let mut tree = blobs.0;
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    let top = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [index],
    });
    tree.file("oci-layout", layout.to_string());
    tree.file("index.json", top.to_string());
    tree.file("manifest.json", Value::from(loaded).to_string());
    let name = format!("{NAME}-{VERSION}-image.tar");
    release.write(&name, &tree.tar("", release.epoch)?)?;
    Ok(name)
}

/// What is in the image: the binary by all its names, so that each can be copied out of it.
fn layer(binary: &[u8]) -> Tree {
    let mut tree = Tree::default();
    let program = format!("bin/{NAME}");
    tree.program(&program, binary);
    for name in drop_in_names() {
        tree.hard_link(format!("bin/{name}"), &program);
    }
    tree
}

fn labels(release: &Release) -> Value {
    json!({
        "org.opencontainers.image.title": NAME,
        "org.opencontainers.image.description": SUMMARY,
        "org.opencontainers.image.version": VERSION,
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        "org.opencontainers.image.created": release.time(),
    })
}

/// The name by which `docker load` knows the image of an architecture.
fn tag(arch: Arch) -> String {
    let Platform { image, variant, .. } = Platform::of(arch);
    // The variant of arm64 is always the same, and nobody writes it.
    let variant = variant.filter(|_| image == "arm").unwrap_or_default();
    format!("{NAME}:{VERSION}-{image}{variant}")
}

/// Where the blob of a descriptor lies.
fn path(descriptor: &Value) -> Result<String> {
    let digest = descriptor["digest"].as_str().context("it has a digest")?;
    Ok(format!("blobs/{}", digest.replace(':', "/")))
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Loads the image into Docker and runs it; and has skopeo, which knows nothing of Docker, copy all
/// of the layout, which checks each digest.
pub fn check(release: &Release, name: &str) -> Result<()> {
    let tarball = release.dist.join(name);
    let copy = initlab::TempDir::new();
    command::output(
        Command::new("skopeo")
            .args(["copy", "--quiet", "--all"])
            .arg(format!("oci-archive:{}", tarball.display()))
            .arg(format!("dir:{}", copy.join("image").display())),
    )?;
    command::output(
        Command::new("docker")
            .args(["load", "--quiet", "--input"])
            .arg(&tarball),
    )?;
    let ran = runs(release);
    for (arch, _) in &release.binaries {
        command::output(Command::new("docker").args(["image", "rm", &tag(*arch)]))?;
    }
    ran
}

fn runs(release: &Release) -> Result<()> {
    let here = release.binaries.iter().map(|(arch, _)| *arch);
    let Some(here) = here.into_iter().find(|arch| Arch::host() == Some(*arch)) else {
        return Ok(());
    };
    let program = format!("/bin/{NAME}");
    let version = command::output(
        Command::new("docker")
            .args(["run", "--rm", "--network", "none", &tag(here)])
            .args([&program, "--version"]),
    )?;
    ensure!(
        version == format!("{NAME} {VERSION}"),
        "the image says {version:?} when asked for its version"
    );
    Ok(())
}
