//! What all Dockerfiles have in common, and the list of the examples.

use std::fs;

use super::directory;
use crate::images::stages::ROOT;

const BUILT: [&str; 8] = [
    "cron", "java", "nginx", "node", "php", "python", "ruby", "services",
];

#[test]
fn every_base_is_one_argument_with_a_digest() {
    let read = |path: String| fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut files = vec![read(format!("{ROOT}/Dockerfile.example"))];
    files.extend(BUILT.map(|example| read(format!("{ROOT}/examples/{example}/Dockerfile"))));
    let base = |file: &String| {
        let line = file.lines().find_map(|line| line.strip_prefix("ARG BASE="));
        line.expect("it has a base").to_owned()
    };
    let first = base(&files[0]);
    let (_, digest) = first.split_once("@sha256:").expect("it has a digest");
    let digits = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    assert!(digest.len() == 64 && digest.chars().all(digits), "{digest}");
    for file in &files {
        assert_eq!(base(file), first);
        for line in file.lines().filter(|line| !line.starts_with('#')) {
            // Each other image is named by an argument, or is a stage.
            let unpinned = line.contains(":latest") || line.contains("FROM debian");
            assert!(!unpinned && !line.contains("curl"), "{line}");
        }
        let shells = file.matches("RUN ").count();
        assert_eq!(file.matches("RUN set -ex; ").count(), shells, "{file}");
    }
}

#[test]
fn compose_has_the_defaults_of_the_dockerfiles() {
    let compose = fs::read_to_string(directory("compose").join("docker-compose.yml"));
    let compose = compose.expect("it is there");
    for service in ["python", "nginx"] {
        let file = fs::read_to_string(directory(service).join("Dockerfile")).expect("it is there");
        for name in ["BASE", "INIT"] {
            let start = format!("ARG {name}=");
            let default = file.lines().find_map(|line| line.strip_prefix(&start));
            let default = default.expect("it has a default");
            let argument = format!("{name}: ${{{name}:-{default}}}\n");
            assert_eq!(compose.matches(&argument).count(), 2, "{argument}");
        }
    }
}

#[test]
fn every_example_is_in_the_list() {
    let list = fs::read_to_string(directory("README.md")).expect("it is there");
    for entry in fs::read_dir(directory("")).expect("it is there") {
        let entry = entry.expect("it can be read");
        let name = entry.file_name().into_string().expect("it is ASCII");
        let listed = list.contains(&format!("| [{name}]({name}) |"));
        assert!(
            listed || name == "README.md",
            "{name} is not in examples/README.md"
        );
    }
}
