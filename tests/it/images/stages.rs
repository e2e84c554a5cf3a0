//! The stages of `Dockerfile.example`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use initlab::copy_executable;

use super::{base::base, build::Builder, container::janitor::mark};
use crate::support;

/// Where the repository is.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where the binary of a build's context is, by default.
pub const BINARY: &str = "dist/tidy-init-x86_64";

/// The name of the image `minimal`.
#[track_caller]
pub fn minimal() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| build(Builder::usual(), "minimal"))
}

/// The name of the image `debug`.
#[track_caller]
pub fn debug() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| build(Builder::usual(), "debug"))
}

/// Builds a stage as the file's first lines say, on the base of the tests: the image's name.
#[track_caller]
pub fn build(builder: Builder, stage: &str) -> String {
    build_with(builder, stage, &[])
}

/// As [`build`], whatever has been built before: for BuildKit's cache a hard link and a copy are
/// the same.
#[track_caller]
pub fn build_anew(builder: Builder, stage: &str) -> String {
    build_with(builder, stage, &["--no-cache"])
}

#[track_caller]
fn build_with(builder: Builder, stage: &str, more: &[&str]) -> String {
    let kind = format!("{builder:?}").to_lowercase();
    let name = format!("tidy-init-test-{stage}-{kind}:{}", mark().name);
    builder.build(&name, &[&options(stage), more].concat(), context());
    name
}

/// The options that a build of a stage takes.
pub fn options(stage: &str) -> Vec<&str> {
    static BASE: OnceLock<String> = OnceLock::new();
    let base = BASE.get_or_init(|| format!("BASE={}", base()));
    let file = "Dockerfile.example";
    vec!["--file", file, "--build-arg", base, "--target", stage]
}

/// A directory as the repository is after `cargo xtask dist`, as far as the build goes.
#[track_caller]
pub fn context() -> &'static Path {
    static CONTEXT: OnceLock<PathBuf> = OnceLock::new();
    CONTEXT.get_or_init(|| {
        let context = mark().path("repository");
        fs::create_dir_all(context.join("dist")).expect("the directory is ours");
        copy_executable(&support::init(), &context.join(BINARY), 0o755)
            .expect("the init can be copied");
        for name in ["Dockerfile.example", ".dockerignore"] {
            fs::copy(Path::new(ROOT).join(name), context.join(name)).expect("it is there");
        }
        context
    })
}
