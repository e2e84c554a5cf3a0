//! The documents: each code block is run by a test or says why it is not, links lead somewhere, and
//! what is said of other inits is what was seen.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where the repository is.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Pages whose examples for the console are played: see `exit_codes.rs`.
const PLAYED: [&str; 2] = ["docs/exit-codes.md", "docs/shutdown.md"];

/// A block of code: between fences.
pub struct Block {
    /// The page, from the root of the repository.
    pub page: String,
    /// The number of its first line.
    line: usize,
    /// What follows the fence.
    pub language: String,
    /// The comment before it, without its signs.
    pub mark: Option<String>,
    /// Its lines.
    pub text: String,
}

impl Block {
    /// Where it is, for messages.
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// All documents, from the root of the repository.
fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    for directory in ["", "docs", "docs/field-guide", "examples", "integration"] {
        let entries = fs::read_dir(Path::new(ROOT).join(directory)).expect("it is there");
        for entry in entries {
            let path = entry.expect("it can be read").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let page = path.strip_prefix(ROOT).expect("it is in there");
                pages.push(page.to_str().expect("its name is ASCII").to_owned());
            }
        }
    }
    pages.sort();
    pages
}

fn read(page: &str) -> String {
    let path = Path::new(ROOT).join(page);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The code blocks of all documents.
pub fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|page| blocks_of(page)).collect()
}

fn blocks_of(page: &str) -> Vec<Block> {
    let text = read(page);
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut before = "";
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                let mark = before.strip_prefix("<!-- ");
                open = Some(Block {
                    page: page.to_owned(),
                    line: number + 1,
                    language: language.to_owned(),
                    mark: mark
                        .and_then(|mark| mark.strip_suffix(" -->"))
                        .map(str::to_owned),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
        if !line.is_empty() {
            before = line;
        }
    }
    assert!(open.is_none(), "{page}: a code block has no end");
    blocks
}

#[test]
fn every_code_block_is_run_or_says_why_it_is_not() {
    for block in blocks() {
        let place = block.place();
        let played = block.language == "console" && PLAYED.contains(&&*block.page);
        // What a program prints, and licences, are no code.
        if played || block.language == "text" {
            continue;
        }
        let mark = block.mark.as_deref().unwrap_or_default();
        if let Some(test) = mark.strip_prefix("run by ") {
            assert!(Path::new(ROOT).join(test).is_file(), "{place}: no {test}");
        } else {
            let reason = mark.strip_prefix("not run: ").unwrap_or_default();
            assert!(reason.len() > 10, "{place}: neither run nor explained");
        }
    }
}

/// An excerpt is part of a file that is run, whatever its indentation.
#[test]
fn every_manifest_that_is_shown_is_part_of_an_example() {
    let bare = |text: &str| -> String { text.split_whitespace().collect() };
    let mut files = Vec::new();
    for directory in ["kubernetes", "compose"] {
        let entries = fs::read_dir(Path::new(ROOT).join("examples").join(directory));
        for entry in entries.expect("it is there") {
            let path = entry.expect("it can be read").path();
            files.push(bare(&fs::read_to_string(path).expect("it is text")));
        }
    }
    for block in blocks() {
        let shown = block
            .mark
            .as_deref()
            .is_some_and(|mark| mark.starts_with("run by "));
        if block.language == "yaml" && shown {
            let text = bare(&block.text);
            let known = files.iter().any(|file| file.contains(&text));
            assert!(known, "{}: no example has it", block.place());
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for page in pages() {
        let text = without_code(&read(&page));
        for target in text
            .match_indices("](")
            .filter_map(|(at, _)| text[at + 2..].split(')').next())
        {
            let target: String = target.split_whitespace().collect();
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = match target.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (&*target, None),
            };
            let path = match file {
                "" => page.clone(),
                file => resolve(&page, file),
            };
            let there = Path::new(ROOT).join(&path).exists();
            // The picture of the terminals is drawn from a session, and checked in.
            assert!(there, "{page}: {target} does not exist");
            if let Some(anchor) = anchor {
                assert!(
                    anchors(&read(&path)).contains(anchor),
                    "{page}: {target} has no such heading"
                );
            }
        }
    }
    assert!(links > 50, "only {links} links were found");
}

/// Without the code blocks, where brackets mean something else.
fn without_code(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// A path as a page has it, from the root of the repository.
fn resolve(page: &str, target: &str) -> String {
    let mut path = PathBuf::from(page);
    path.pop();
    for part in Path::new(target) {
        match part.to_str() {
            Some("..") => assert!(path.pop(), "{page}: {target} leaves the repository"),
            Some(".") => {}
            _ => path.push(part),
        }
    }
    path.to_str().expect("its name is ASCII").to_owned()
}

/// The anchors that a page's headings get: in lower case, a dash for a space, no other sign.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = without_code(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim();
        let kept = title.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
            _ => None,
        });
        kept.collect()
    };
    headings.map(anchor).collect()
}

/// The rows of the first table of a text below a heading, each as its cells.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, below) = text.split_once(heading).expect("the heading is there");
    let rows = below.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let line = line.strip_prefix('|').unwrap_or(line);
        let line = line.strip_suffix('|').unwrap_or(line);
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn the_readme_compares_as_the_page_that_gives_the_sources() {
    let whole = table(&read("docs/comparison.md"), "# Compared with other inits");
    let short = table(&read("README.md"), "## Compared");
    let without_source: Vec<Vec<String>> = whole
        .iter()
        .map(|row| row[..row.len() - 1].to_vec())
        .collect();
    assert_eq!(short, without_source);
}

#[test]
fn what_is_said_of_an_init_is_what_was_seen() {
    let page = read("docs/comparison.md");
    let rows = table(&page, "# Compared with other inits");
    let conformance = read("docs/conformance.md");
    let columns = rows[0].clone();
    let mut compared = 0;
    for row in &rows[2..] {
        let source = row.last().expect("a row has cells");
        let Some((group, case)) = source.trim_matches('`').split_once('/') else {
            // A section of the page says where it comes from.
            let anchor = source
                .split('#')
                .nth(1)
                .and_then(|rest| rest.strip_suffix(')'));
            assert!(
                anchors(&page).contains(anchor.unwrap_or_default()),
                "{source}"
            );
            continue;
        };
        let seen = table(&conformance, &format!("\n## {group}\n"));
        let case_row = seen.iter().find(|row| row[0] == format!("`{case}`"));
        let case_row = case_row.unwrap_or_else(|| panic!("{source}: no such case"));
        for (cell, init) in row.iter().zip(&columns) {
            let Some(column) = seen[0].iter().position(|name| name == init) else {
                continue;
            };
            let holds = case_row[column] == "yes";
            let said = match cell.as_str() {
                "yes" => true,
                "no" => false,
                option => option.starts_with("`-"),
            };
            assert_eq!(said, holds, "{source}, {init}: {cell}");
            compared += 1;
        }
    }
    assert!(compared > 40, "only {compared} cells were compared");
}
