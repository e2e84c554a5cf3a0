//! The Dockerfiles of the documents: each builds, and what it runs stops at once.

use std::{fs, thread};

use initlab::{TempDir, copy_executable};

use super::{
    build::Builder,
    container::{docker::Container, janitor::mark},
    require_images,
    stages::debug,
};
use crate::{documents, support};

#[test]
fn every_dockerfile_of_the_documents_builds_and_stops_at_once() {
    require_images!();
    let blocks = documents::blocks();
    let file = file!();
    let ours = format!("run by {file}");
    let mut blocks: Vec<_> = blocks
        .into_iter()
        .filter(|block| block.mark.as_deref() == Some(&ours))
        .collect();
    blocks.retain(|block| block.language == "dockerfile");
    assert!(blocks.len() > 5, "only {} were found", blocks.len());
    let base = base();
    thread::scope(|scope| {
        for (number, block) in blocks.iter().enumerate() {
            let base = &base;
            scope.spawn(move || check(number, &block.place(), &block.text, base));
        }
    });
}

/// An image with a shell, and the init where the run-book has it.
#[track_caller]
fn base() -> String {
    let context = context();
    let name = format!("tidy-init-test-documents-base:{}", mark().name);
    let dockerfile = format!("FROM {}\nUSER 0:0\nCOPY tidy-init /tidy-init\n", debug());
    fs::write(context.join("Dockerfile"), dockerfile).expect("the directory is ours");
    Builder::usual().build(&name, &[], context.path());
    name
}

/// A directory with what the blocks copy.
#[track_caller]
fn context() -> TempDir {
    let context = TempDir::new();
    for name in ["tidy-init", "server"] {
        copy_executable(&support::init(), &context.join(name), 0o755)
            .expect("the directory is ours");
    }
    context
}

#[track_caller]
fn check(number: usize, place: &str, block: &str, base: &str) {
    let context = context();
    // A block is a part of a file, unless it begins with a base; that one is the reader's.
    let block = block.replace("FROM tidy-init:minimal", &format!("FROM {base}"));
    let dockerfile = match block.contains("FROM ") {
        true => block,
        false => format!("FROM {base}\n{block}"),
    };
    fs::write(context.join("Dockerfile"), &dockerfile).expect("the directory is ours");
    let name = format!("tidy-init-test-documents-{number}:{}", mark().name);
    Builder::usual().build(&name, &[], context.path());
    // It runs a command of ours: the reader's is not there.
    let command: &[&str] = match dockerfile.contains("/pause\"]") {
        true => &[],
        false => &[
            "/bin/sh",
            "-c",
            "trap \"exit 0\" QUIT; while :; do sleep 0.1; done",
        ],
    };
    let container = Container::detached(&name, &[], command);
    let init = container.init();
    initlab::poll_until("the init waits", || init.waits_for_signals());
    let took = container.stop("20");
    let status = container.inspect("{{.State.ExitCode}}");
    assert!(
        ["0", "143"].contains(&status.as_str()) && took.as_secs() < 15,
        "{place}: {status} after {took:?}"
    );
}
