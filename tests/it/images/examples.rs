//! `examples/`: each is built and run as it is; only the base is another one.

mod compiled;
mod compose;
mod cron;
mod files;
mod kube_play;
mod kubernetes;
mod services;
mod web;

use std::path::{Path, PathBuf};

use super::{
    base::base,
    build::{self, Builder},
    container::{self, janitor::mark},
    require_images,
    server::{self, Server},
    service,
    stages::{ROOT, minimal},
};

/// The directory of an example.
fn directory(example: &str) -> PathBuf {
    Path::new(ROOT).join("examples").join(example)
}

/// Builds an example: the name of its image.
#[track_caller]
fn build(example: &str) -> String {
    let name = format!("tidy-init-test-example-{example}:{}", mark().name);
    let (base, init) = (format!("BASE={}", base()), format!("INIT={}", minimal()));
    let options = ["--build-arg", &base, "--build-arg", &init];
    Builder::usual().build(&name, &options, &directory(example));
    name
}
