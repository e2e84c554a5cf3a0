//! The image: the static init, busybox and the fixtures on `scratch`. One for all tests.

use std::{fs, io, os::unix::fs::symlink, path::Path, process::Command, sync::OnceLock};

use initlab::{
    copy_executable, find_program, fixture, is_dynamic, missing_docker, missing_program,
};

use super::{docker::docker, janitor::mark};
use crate::support;

const DOCKERFILE: &str = "\
FROM scratch
COPY root/ /
ENTRYPOINT [\"/tidy-init\", \"--\"]
";

/// Why there can be no image; `None` when there can.
pub fn missing() -> Option<String> {
    missing_docker().or_else(missing_static)
}

/// Why an image without libraries cannot have the init and busybox; `None` when it can.
pub fn missing_static() -> Option<String> {
    if std::env::var_os("TIDY_INIT").is_none() || !is_static(&support::init()) {
        return Some("needs a static init in TIDY_INIT: run `cargo xtask test`".to_owned());
    }
    missing_program("busybox").or_else(|| {
        let fits = find_program("busybox").is_some_and(|busybox| is_static(&busybox));
        (!fits).then(|| "needs a static busybox: install busybox-static".to_owned())
    })
}

/// The name of the image, which is built once. It goes when the process ends.
#[track_caller]
pub fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(build)
}

#[track_caller]
fn build() -> String {
    let mark = mark();
    let name = format!("tidy-init-test:{}", mark.name);
    let context = mark.path("container");
    fill(&context.join("root")).expect("the files can be copied");
    fs::write(context.join("Dockerfile"), DOCKERFILE).expect("the directory is ours");
    let directory = context.to_str().expect("its name is ASCII");
    docker(&[
        "build",
        "--quiet",
        "--label",
        &mark.label,
        "--tag",
        &name,
        directory,
    ]);
    name
}

fn fill(root: &Path) -> io::Result<()> {
    let bin = root.join("bin");
    fs::create_dir_all(&bin)?;
    copy_executable(&support::init(), &root.join("tidy-init"), 0o755)?;
    copy_with_libraries(&fixture(), root, "initlab")?;
    let busybox = find_program("busybox").ok_or(io::ErrorKind::NotFound)?;
    let list = Command::new(&busybox).arg("--list").output()?.stdout;
    for applet in String::from_utf8_lossy(&list).lines() {
        if applet != "busybox" {
            symlink("busybox", bin.join(applet))?;
        }
    }
    copy_executable(&busybox, &bin.join("busybox"), 0o755)?;
    fs::write(root.join("not-executable"), "")
}

/// Copies a program into the root directory, and the libraries that ldd(1) names to where they are
/// here.
fn copy_with_libraries(program: &Path, root: &Path, name: &str) -> io::Result<()> {
    copy_executable(program, &root.join(name), 0o755)?;
    if is_static(program) {
        return Ok(());
    }
    let list = Command::new("ldd").arg(program).output()?.stdout;
    let list = String::from_utf8_lossy(&list).into_owned();
    for library in list.split_whitespace().filter(|word| word.starts_with('/')) {
        let copy = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(copy.parent().unwrap_or(root))?;
        copy_executable(Path::new(library), &copy, 0o755)?;
    }
    Ok(())
}

/// Whether it is a program that needs no dynamic linker.
pub fn is_static(program: &Path) -> bool {
    is_dynamic(program).is_ok_and(|dynamic| !dynamic)
}

/// The words that run a fixture in a container.
pub fn fixture_command<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["/initlab", "fixture"], words].concat()
}
