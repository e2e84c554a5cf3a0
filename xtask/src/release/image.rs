//! The container image of a program for all architectures: a tarball that is an OCI layout, and that
//! `docker load` takes as well.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::product::Product;
use super::tree::{Tree, gzip};
use super::{Release, VERSION};
use crate::arch::Arch;
use crate::command;
use crate::release::platform::Platform;

/// What loads it.
const ENGINES: [&str; 2] = ["docker", "podman"];

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
pub fn build(release: &Release, product: &Product) -> Result<String> {
    let labels = || labels(release, product);
    let mut blobs = Blobs::default();
    let mut manifests = Vec::new();
    // What `docker load` reads (Docker Image Specification 1.2): one image for each architecture,
    // which it has to be told apart by its tag.
    let mut loaded = Vec::new();
    let mut names = Vec::new();
    for (arch, binary) in &product.binaries {
        let platform = Platform::of(*arch);
        let layer = layer(product, binary).tar("", release.epoch)?;
        let mut config = json!({
            "created": release.time(),
            "architecture": platform.image,
            "os": "linux",
            "config": {
                "User": product.user.unwrap_or_default(),
                "Entrypoint": product.entry_point,
                "WorkingDir": "/",
                "Labels": labels(),
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
            "RepoTags": [tag(product, *arch)],
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
        // By the same name as for `docker load`: Podman, which reads the layout where it has a single
        // image, then loads all by these names instead of one by another.
        let mut named = manifest.clone();
        named["annotations"] = reference(&tag(product, *arch));
        names.push(named);
        manifest["platform"] = described;
        manifests.push(manifest);
    }
    let mut index = blobs.add_json(
        "index",
        &json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
            "annotations": labels(),
        }),
    );
    index["annotations"] = reference(&format!("{}:{VERSION}", product.name));
    names.insert(0, index);
    let mut tree = blobs.0;
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    let top = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": names,
    });
    tree.file("oci-layout", layout.to_string());
    tree.file("index.json", top.to_string());
    tree.file("manifest.json", Value::from(loaded).to_string());
    let name = format!("{}-{VERSION}-image.tar", product.name);
    release.write(&name, &tree.tar("", release.epoch)?)?;
    Ok(name)
}

/// What is in the image: the binary by all its names, so that each can be copied out of it.
fn layer(product: &Product, binary: &[u8]) -> Tree {
    let mut tree = Tree::default();
    let program = format!("bin/{}", product.name);
    tree.program(&program, binary);
    for name in &product.links {
        tree.hard_link(format!("bin/{name}"), &program);
    }
    // initlab works there.
    tree.directory("tmp", 0o1777);
    tree
}

fn labels(release: &Release, product: &Product) -> Value {
    json!({
        "org.opencontainers.image.title": product.name,
        "org.opencontainers.image.description": product.summary,
        "org.opencontainers.image.version": VERSION,
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        "org.opencontainers.image.created": release.time(),
    })
}

/// The name by which `docker load` knows the image of an architecture.
fn tag(product: &Product, arch: Arch) -> String {
    let Platform { image, variant, .. } = Platform::of(arch);
    // The variant of arm64 is always the same, and nobody writes it.
    let variant = variant.filter(|_| image == "arm").unwrap_or_default();
    format!("{}:{VERSION}-{image}{variant}", product.name)
}

/// The annotations that give an image of the layout its name.
fn reference(name: &str) -> Value {
    let tag = name.split(':').next_back();
    json!({
        "org.opencontainers.image.ref.name": tag,
        "io.containerd.image.name": format!("docker.io/library/{name}"),
    })
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

/// Loads the image into Docker and Podman and runs it by its name; and has skopeo, which knows nothing of Docker, copy all
/// of the layout, which checks each digest.
pub fn check(release: &Release, product: &Product, name: &str) -> Result<()> {
    let tarball = release.dist.join(name);
    let copy = initlab::TempDir::new();
    command::output(
        Command::new("skopeo")
            .args(["copy", "--quiet", "--all"])
            .arg(format!("oci-archive:{}:{VERSION}", tarball.display()))
            .arg(format!("dir:{}", copy.join("image").display())),
    )?;
    for engine in ENGINES.into_iter().filter(|engine| command::exists(engine)) {
        command::output(
            Command::new(engine)
                .args(["load", "--quiet", "--input"])
                .arg(&tarball),
        )?;
        let ran = runs(product, engine);
        for (arch, _) in &product.binaries {
            command::output(Command::new(engine).args(["image", "rm", &tag(product, *arch)]))?;
        }
        ran?;
    }
    Ok(())
}

fn runs(product: &Product, engine: &str) -> Result<()> {
    let here = product.binaries.iter().map(|(arch, _)| *arch);
    let Some(here) = here.into_iter().find(|arch| Arch::host() == Some(*arch)) else {
        return Ok(());
    };
    let name = product.name;
    let version = command::output(
        Command::new(engine)
            // The limits that Podman would set may be above what we may give.
            .args([
                "run",
                "--ulimit=nofile=1024:1024",
                "--ulimit=nproc=1024:1024",
            ])
            .args(["--rm", "--network", "none", &tag(product, here)])
            // The init's entry point is followed by a command.
            .args(product.entry_point.get(1).and(product.entry_point.first()))
            .arg("--version"),
    )?;
    ensure!(
        version == format!("{name} {VERSION}"),
        "the image, loaded by {engine}, says {version:?} when asked for its version"
    );
    Ok(())
}
