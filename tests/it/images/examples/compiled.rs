//! Programs that have to be compiled. The images with the compilers are in no registry here: the
//! compilers are those of this machine, and what their names start in the build is what they have made.

use std::{fs, path::Path, time::Duration};

use initlab::{Sandbox, TempDir, require_program};

use super::{Server, base, directory, mark, minimal, require_images, web};
use crate::images::build::Builder;

/// In the place of each compiler: hands out what has been made.
const COMPILER: &str = r#"#!/bin/sh
set -e
case "${0##*/} $1" in
"go build") cp /made/server /server ;;
"go mod") ;;
"cargo build") mkdir -p target/release; cp /made/server target/release/ ;;
"javac -d") cp -r /made/classes . ;;
"jlink "*) cp -r /made/runtime /runtime ;;
esac
"#;

const COMPILERS: [&str; 4] = ["cargo", "go", "javac", "jlink"];

#[test]
fn the_rust_server_finishes_its_requests() {
    require_images!();
    require_program!("cargo");
    check("rust", "hello from Rust\n", |sources, made| {
        // The C library of this machine is linked in; on Alpine that needs no option.
        let cargo = tool(
            "cargo",
            sources,
            &["build", "--release", "--locked", "--offline"],
        );
        let target = made.join("target");
        cargo
            .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
            .arg("--target-dir")
            .arg(&target)
            .run()
            .assert_code(0);
        fs::rename(target.join("release/server"), made.join("server")).expect("it has been made");
        fs::remove_dir_all(target).expect("the directory is ours");
    });
}

#[test]
#[ignore = "needs Debian's golang-go"]
fn the_go_server_finishes_its_requests() {
    require_images!();
    require_program!("go");
    check("go", "hello from Go\n", |sources, made| {
        let go = tool("go", sources, &["build", "-trimpath", "-ldflags=-s", "-o"]);
        go.env("CGO_ENABLED", "0")
            .arg(made.join("server"))
            .arg(".")
            .run()
            .assert_code(0);
    });
}

#[test]
#[ignore = "needs Debian's openjdk-17-jdk-headless"]
fn the_java_server_finishes_its_requests() {
    require_images!();
    require_program!("javac", "jlink");
    check("java", "hello from Java\n", |sources, made| {
        let classes = made.join("classes");
        let javac = tool("javac", sources, &["Server.java", "-d"]);
        javac.arg(classes).run().assert_code(0);
        let jlink = tool("jlink", sources, &["--add-modules", "jdk.httpserver"]);
        let options = [
            "--strip-debug",
            "--no-header-files",
            "--no-man-pages",
            "--output",
        ];
        let runtime = made.join("runtime");
        jlink.args(options).arg(runtime).run().assert_code(0);
    });
}

fn tool(name: &str, sources: &Path, words: &[&str]) -> Sandbox {
    let program = initlab::find_program(name).expect("it has been looked for");
    Sandbox::plain(program)
        .args(words)
        .current_dir(sources)
        .timeout(Duration::from_secs(120))
}

/// Compiles an example, builds its image, and stops it in the middle of a request.
#[track_caller]
fn check(example: &str, says: &str, compile: impl Fn(&Path, &Path)) {
    let context = TempDir::new();
    let made = context.join("made");
    fs::create_dir(&made).expect("the directory is ours");
    compile(&directory(example), &made);
    let builder = builder(&context, example);
    let name = format!("tidy-init-test-example-{example}:{}", mark().name);
    let arguments = [
        format!("BUILDER={builder}"),
        format!("BASE={}", base()),
        format!("INIT={}", minimal()),
    ];
    let dockerfile = directory(example).join("Dockerfile");
    let dockerfile = fs::read_to_string(dockerfile).expect("it is there");
    let mut options = Vec::new();
    for argument in &arguments {
        let (argument_name, _) = argument.split_once('=').expect("it has a value");
        // One that the file does not have is an error to some builders.
        if dockerfile.contains(&format!("\nARG {argument_name}=")) {
            options.extend(["--build-arg", argument]);
        }
    }
    Builder::usual().build(&name, &options, &directory(example));
    let server = Server::run(&name, web::OPTIONS, &[]);
    assert_eq!(server.get("/"), says);
    server.stop_gracefully();
}

/// The image with the compilers.
#[track_caller]
fn builder(context: &TempDir, example: &str) -> String {
    fs::write(context.join("compiler"), COMPILER).expect("the directory is ours");
    let mut dockerfile = format!("FROM {}\nCOPY made /made\n", base());
    for compiler in COMPILERS {
        dockerfile += &format!("COPY compiler /usr/local/bin/{compiler}\n");
    }
    dockerfile += "RUN chmod 755 /usr/local/bin/*\n";
    fs::write(context.join("Dockerfile"), dockerfile).expect("the directory is ours");
    let name = format!("tidy-init-test-builder-{example}:{}", mark().name);
    Builder::usual().build(&name, &[], context.path());
    name
}
