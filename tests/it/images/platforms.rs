//! `docker build --platform`: the binary is the one for that platform. No other machine can be
//! emulated here, so the files are for this one, under the names of others.

use std::fs;

use initlab::{TempDir, copy_executable};

use super::{
    build::{Builder, missing_buildkit},
    container::janitor::mark,
    require_images,
    stages::{self, ROOT},
};
use crate::support;

/// Platforms as Docker names them, and the file that each wants.
const PLATFORMS: &[(&str, &str, &str)] = &[("arm64", "", "aarch64"), ("arm", "v7", "armv7")];

#[test]
fn an_image_has_the_binary_of_its_platform() {
    require_images!();
    if let Some(reason) = missing_buildkit() {
        initlab::skip!("{reason}");
    }
    let context = TempDir::new();
    fs::create_dir(context.join("dist")).expect("the directory is ours");
    for name in ["Dockerfile.example", ".dockerignore"] {
        fs::copy(format!("{ROOT}/{name}"), context.join(name)).expect("it is there");
    }
    let file = |arch: &str| context.join(format!("dist/tidy-init-{arch}"));
    fs::write(file("x86_64"), "no program").expect("the directory is ours");
    for (_, _, arch) in PLATFORMS {
        fs::write(file(arch), "no program").expect("the directory is ours");
    }
    let builds = |builder: Builder, arguments: &[&str]| {
        let mut options = stages::options("files");
        for argument in arguments {
            options.extend(["--build-arg", argument]);
        }
        let name = format!("tidy-init-test-platform:{}", mark().name);
        let build = builder.try_build(&name, &options, context.path());
        build.status.code() == Some(0)
    };
    for (docker, variant, arch) in PLATFORMS {
        let platform = [
            format!("TARGETARCH={docker}"),
            format!("TARGETVARIANT={variant}"),
        ];
        fs::remove_file(file(arch)).expect("it has been written");
        copy_executable(&support::init(), &file(arch), 0o755).expect("the directory is ours");
        // Where another file were taken, the build would end: none of them can be executed.
        let platform = platform.each_ref().map(String::as_str);
        assert!(builds(Builder::BuildKit, &platform), "{arch}");
        fs::write(file(arch), "no program").expect("it can be written again");
    }
    // As BuildKit sets them for this machine, whose file is no program.
    if cfg!(target_arch = "x86_64") {
        assert!(!builds(Builder::BuildKit, &[]));
    }
}
