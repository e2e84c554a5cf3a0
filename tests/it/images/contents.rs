//! What is in the images, and how large they are.

use std::{collections::BTreeMap, fs};

use initlab::{Sandbox, TempDir, require_program};
use serde_json::Value;

use super::{
    build::{Builder, missing_buildkit},
    container::docker::{Container, docker},
    require_images,
    stages::{self, debug},
};

/// All of `minimal`: kind and mode, owner and group, path.
const MINIMAL: &str = "\
drwxr-xr-x 0/0 bin/
-rwxr-xr-x 0/0 bin/tidy-init
drwxr-xr-x 0/0 etc/
-rw-r--r-- 0/0 etc/group
-rw-r--r-- 0/0 etc/passwd
drwxr-xr-x 0/0 home/
drwxrwx--- 65532/0 home/nonroot/
drwx------ 0/0 root/
drwxr-xr-x 0/0 sbin/
hrwxr-xr-x 0/0 sbin/nologin link to bin/tidy-init
drwxrwxrwt 0/0 tmp/
drwxr-xr-x 0/0 var/
drwxrwxrwt 0/0 var/tmp/
";

/// What is in `full` besides, as far as directories go.
const FULL: &[&str] = &[
    "etc/ssl/",
    "etc/ssl/certs/",
    "usr/",
    "usr/share/",
    "usr/share/zoneinfo/",
];

#[test]
fn the_classic_builder_makes_the_images() {
    require_images!();
    require_program!("tar");
    check(Builder::Classic);
}

#[test]
fn buildkit_makes_the_images() {
    require_images!();
    require_program!("tar");
    if let Some(reason) = missing_buildkit() {
        initlab::skip!("{reason}");
    }
    check(Builder::BuildKit);
}

#[track_caller]
fn check(builder: Builder) {
    let minimal = stages::build_anew(builder, "minimal");
    let files = files(&minimal);
    let listed: String = files.iter().map(|(path, what)| line(path, what)).collect();
    assert_eq!(listed, MINIMAL, "{builder:?}");
    assert_size(&minimal, 51_200);
    assert_configured(&minimal);

    let full = stages::build(builder, "full");
    let files = self::files(&full);
    for path in MINIMAL.lines().filter_map(|line| line.split(' ').nth(2)) {
        assert!(files.contains_key(path), "{builder:?}: {path} is missing");
    }
    for path in FULL {
        let what = files.get(*path).map(String::as_str);
        assert_eq!(what, Some("drwxr-xr-x 0/0"), "{builder:?}: {path}");
    }
    assert_size(&full, 2_000_000);
    assert_configured(&full);
}

#[track_caller]
fn assert_size(image: &str, most: u64) {
    let size = docker(&["image", "inspect", "--format", "{{.Size}}", image]);
    let fits = size.parse::<u64>().is_ok_and(|size| size <= most);
    assert!(fits, "{image} has {size} bytes, at most {most} are allowed");
}

#[track_caller]
fn assert_configured(image: &str) {
    let format = "{{json .Config}}";
    let config = docker(&["image", "inspect", "--format", format, image]);
    let config: Value = serde_json::from_str(&config).expect("it is JSON");
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["WorkingDir"], "/home/nonroot");
    let entry_point = serde_json::json!(["/bin/tidy-init", "--"]);
    assert_eq!(config["Entrypoint"], entry_point);
    let environment = config["Env"].as_array().expect("it is a list");
    let home = Value::from("HOME=/home/nonroot");
    assert!(environment.contains(&home), "{environment:?}");
    let labels = &config["Labels"];
    let label = |name: &str| &labels[format!("org.opencontainers.image.{name}")];
    assert_eq!(label("title"), "tidy-init");
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("licenses"), "MIT OR Apache-2.0");
    assert!(label("description").is_string());
}

#[test]
fn only_the_binaries_are_sent_to_the_engine() {
    require_images!();
    require_program!("tar");
    let context = TempDir::new();
    let decoys = [
        ".env",
        ".git/config",
        "dist/SHA256SUMS",
        "dist/tidy-init-x86_64.tar.gz",
        "src/main.rs",
        "target/debug/it",
    ];
    for path in decoys.iter().chain(&[stages::BINARY]) {
        let path = context.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("the directory is ours");
        fs::write(path, "content").expect("the directory is ours");
    }
    let ignored = stages::context().join(".dockerignore");
    fs::copy(ignored, context.join(".dockerignore")).expect("the directory is ours");
    fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY . /\n").expect("it is ours");
    let name = format!("{}-context", stages::minimal());
    Builder::usual().build(&name, &[], context.path());
    let paths: Vec<String> = files(&name).into_keys().collect();
    assert_eq!(paths, ["dist/", stages::BINARY]);
}

#[test]
fn the_certificates_and_the_time_zones_can_be_read() {
    require_images!();
    let script = "grep -c 'BEGIN CERTIFICATE' /etc/ssl/cert.pem; \
                  TZ=Asia/Tokyo date -d @0 +%H:%M; TZ=Asia/Kolkata date -d @0 +%H:%M";
    let mut container = Container::of(debug(), &[], &["sh", "-c", script], |client| client);
    let ended = container.end(0);
    let lines = ended.stdout_lines();
    let certificates: u32 = lines
        .first()
        .and_then(|line| line.parse().ok())
        .unwrap_or(0);
    assert!(certificates > 100, "{ended}");
    assert_eq!(&lines[1..], ["09:00", "05:30"], "{ended}");
}

/// The files of an image, directories too, and what tar(1) says of them.
#[track_caller]
fn files(image: &str) -> BTreeMap<String, String> {
    let directory = TempDir::new();
    let archive = directory.join("image.tar");
    docker(&["save", "--output", archive.to_str().expect("ASCII"), image]);
    let tar = |words: &[&str]| {
        let program = initlab::find_program("tar").expect("it has been found before");
        let ended = Sandbox::plain(program)
            .args(words)
            .current_dir(directory.path())
            .run();
        ended.assert_code(0).stdout_text()
    };
    tar(&["--extract", "--file", "image.tar"]);
    let manifest = fs::read(directory.join("manifest.json")).expect("an image has one");
    let manifest: Value = serde_json::from_slice(&manifest).expect("it is JSON");
    let layers = manifest[0]["Layers"].as_array().expect("it is a list");
    let mut files = BTreeMap::new();
    for layer in layers {
        let layer = layer.as_str().expect("it is a path");
        let words = ["--list", "--verbose", "--numeric-owner", "--file", layer];
        for line in tar(&words).lines() {
            // -rw-r--r-- 0/0 42 2020-01-31 23:59 path
            let words: Vec<&str> = line.split_whitespace().collect();
            let (path, link) = words[5..].split_first().expect("it has a path");
            let link = link.iter().map(|word| format!(" {word}"));
            let what = format!("{} {}", words[0], words[1]);
            files.insert((*path).to_owned(), what + &link.collect::<String>());
        }
    }
    files
}

/// As in [`MINIMAL`].
fn line(path: &str, what: &str) -> String {
    let mut words = what.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (mode, owner, link) = (word(), word(), word());
    let space = if link.is_empty() { "" } else { " " };
    format!("{mode} {owner} {path}{space}{link}\n")
}
