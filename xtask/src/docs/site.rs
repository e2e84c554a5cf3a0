//! The site, by mdBook. The pages are the documents of the repository, each where it is there, so that
//! links between them hold in both places.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{command, project};

const MDBOOK_VERSION: &str = "0.5.4";

const BOOK: &str = r#"[book]
title = "tidy-init"
description = "The init for containers"
language = "en"
src = "pages"

[build]
build-dir = "site"
create-missing = false
# README.md becomes index.md below, and links with it.
use-default-preprocessors = false

[output.html]
no-section-label = true
default-theme = "light"
preferred-dark-theme = "navy"
additional-css = ["docs.css"]
smart-punctuation = false
# A page for what is not found would have to know where the site is hosted.
input-404 = ""

[output.html.fold]
enable = false

[output.html.search]
limit-results = 20
"#;

/// The order of the pages, by their titles in the menu.
const MENU: &[(&str, &[(&str, &str)])] = &[
    (
        "",
        &[
            ("tidy-init", "README.md"),
            ("Frequently asked questions", "docs/faq.md"),
            ("Compared with other inits", "docs/comparison.md"),
        ],
    ),
    (
        "Guides",
        &[
            ("How a stop works", "docs/shutdown.md"),
            ("Exit statuses", "docs/exit-codes.md"),
            ("Kubernetes", "docs/kubernetes.md"),
            ("Compose, Podman, ECS, Nomad", "docs/platforms.md"),
            ("Coming from another init", "docs/migrating.md"),
            ("Probing your program", "docs/probe.md"),
            ("Field guide: how real programs stop", FIELD_GUIDE),
            ("Log format", "docs/log-format.md"),
        ],
    ),
    ("Examples", &[("Examples", "examples/README.md")]),
    (
        "Evidence",
        &[
            ("Conformance", "docs/conformance.md"),
            ("Benchmarks", "docs/benchmarks.md"),
            (
                "Tidy shutdown: before and after",
                "docs/tidy-shutdown-results.md",
            ),
            ("Real programs", "docs/real-programs.md"),
            ("Real kernels", "docs/kernels.md"),
            ("The simulated kernel", "docs/simulation.md"),
            ("Faults", "docs/faults.md"),
            ("initlab", "integration/README.md"),
        ],
    ),
    (
        "The project",
        &[
            ("Changes", "CHANGELOG.md"),
            ("Security", "SECURITY.md"),
            ("Contributing", "CONTRIBUTING.md"),
            ("Architecture", "ARCHITECTURE.md"),
            ("Third parties", "THIRD-PARTY.md"),
        ],
    ),
];

/// The page with one line for each program; beside it is a page for each.
const FIELD_GUIDE: &str = "docs/field-guide/README.md";

/// Files beside the pages that these link to.
const FILES: [&str; 6] = [
    "Dockerfile.example",
    "action.yml",
    "docs/field-guide/field-guide.json",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "integration/reference/init.c",
];

/// Builds the site; gives its directory.
pub fn build() -> Result<PathBuf> {
    let book = project::work_dir().join("book");
    let pages = book.join("pages");
    if book.exists() {
        fs::remove_dir_all(&book).with_context(|| format!("cannot remove {}", book.display()))?;
    }
    write(&book.join("book.toml"), BOOK)?;
    write(&book.join("docs.css"), include_str!("../../docs.css"))?;
    let mut summary = String::from("# Summary\n\n");
    let mut listed = vec![];
    for (part, entries) in MENU {
        if !part.is_empty() {
            let _ = write!(summary, "\n# {part}\n\n");
        }
        for (title, page) in *entries {
            // One that a tool has not written yet. What links to it is a broken link.
            if !project::root().join(page).exists() {
                continue;
            }
            let _ = writeln!(summary, "- [{title}]({})", as_index(page));
            copy_page(page, &pages)?;
            listed.push(*page);
            match *page {
                "examples/README.md" => summary += &copy_examples(&pages)?,
                FIELD_GUIDE => summary += &copy_field_guide(&pages)?,
                _ => {}
            }
        }
    }
    // mdBook builds what is in its summary, and leaves out the rest without a word.
    for page in names(&project::root().join("docs"))? {
        let page = format!("docs/{page}");
        ensure!(
            !page.ends_with(".md") || listed.contains(&&*page),
            "{page} is not in the menu of the site"
        );
    }
    write(&pages.join("SUMMARY.md"), &summary)?;
    for name in FILES {
        copy(&project::root().join(name), &pages.join(name))?;
    }
    let pictures = project::root().join("docs/img");
    for name in names(&pictures)? {
        copy(&pictures.join(&name), &pages.join("docs/img").join(&name))?;
    }
    command::output(Command::new(mdbook()?).arg("build").arg(&book))?;
    let site = project::work_dir().join("site");
    if site.exists() {
        fs::remove_dir_all(&site).with_context(|| format!("cannot remove {}", site.display()))?;
    }
    fs::rename(book.join("site"), &site).context("mdBook has built a site")?;
    Ok(site)
}

/// mdBook, from crates.io.
fn mdbook() -> Result<PathBuf> {
    let tools = project::work_dir().join("tools");
    let list = fs::read_to_string(tools.join(".crates.toml")).unwrap_or_default();
    if !list.contains(&format!("mdbook {MDBOOK_VERSION} ")) {
        log::info!("building mdBook {MDBOOK_VERSION}, once: this takes some minutes");
        command::output(
            command::cargo()
                .args(["install", "--quiet", "--locked", "--root"])
                .arg(&tools)
                .args(["--no-default-features", "--features", "search"])
                .args(["--version", MDBOOK_VERSION, "mdbook"]),
        )?;
    }
    Ok(tools.join("bin/mdbook"))
}

/// A site shows the page `index` for a directory.
fn as_index(path: &str) -> String {
    path.replace("README.md", "index.md")
}

fn copy_page(page: &str, pages: &Path) -> Result<()> {
    let path = project::root().join(page);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {page}"))?;
    // Links in text, as `](../README.md#part)`; nothing else looks like that.
    let text = text
        .replace("/README.md", "/index.md")
        .replace("(README.md", "(index.md");
    write(&pages.join(as_index(page)), &text)
}

/// The page of each program; gives their lines of the menu.
fn copy_field_guide(pages: &Path) -> Result<String> {
    let mut menu = String::new();
    for name in names(&project::root().join("docs/field-guide"))? {
        let page = format!("docs/field-guide/{name}");
        if let Some(program) = name.strip_suffix(".md").filter(|name| *name != "README") {
            copy_page(&page, pages)?;
            let _ = writeln!(menu, "  - [{program}]({page})");
        }
    }
    Ok(menu)
}

/// A page for each example, with its files; gives their lines of the menu.
fn copy_examples(pages: &Path) -> Result<String> {
    let examples = project::root().join("examples");
    let mut menu = String::new();
    for name in names(&examples)? {
        let directory = examples.join(&name);
        if !directory.is_dir() {
            continue;
        }
        let mut page = format!("# {name}\n\nThe files of `examples/{name}`.\n");
        for file in files(&directory)? {
            let path = directory.join(&file);
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let language = match file.rsplit('.').next() {
                Some("Dockerfile") => "dockerfile",
                Some("js") => "javascript",
                Some("py") => "python",
                Some("rb") => "ruby",
                Some("rs") => "rust,ignore",
                Some(extension @ ("yaml" | "yml" | "go" | "java" | "php" | "toml")) => extension,
                _ => "text",
            };
            let _ = write!(page, "\n## {file}\n\n```{language}\n{text}```\n");
            copy(&path, &pages.join("examples").join(&name).join(&file))?;
        }
        write(&pages.join("examples").join(&name).join("index.md"), &page)?;
        let _ = writeln!(menu, "  - [{name}](examples/{name}/index.md)");
    }
    Ok(menu)
}

/// The files below a directory, by their paths from there.
fn files(directory: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for name in names(directory)? {
        let path = directory.join(&name);
        if path.is_dir() {
            let below = self::files(&path)?;
            files.extend(below.iter().map(|file| format!("{name}/{file}")));
        } else {
            files.push(name);
        }
    }
    Ok(files)
}

/// The names of what is in a directory, sorted.
fn names(directory: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.context("cannot read a directory")?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
    }
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
