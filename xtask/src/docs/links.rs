//! Do the links of the site lead somewhere? Only those within it: nothing is fetched.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Checks the links of all pages; gives their number.
///
/// # Errors
/// Names each that is broken.
pub fn check(site: &Path) -> Result<usize> {
    let mut pages = HashMap::new();
    read(site, &mut pages)?;
    let mut broken = BTreeSet::new();
    let mut links = 0;
    for (page, html) in &pages {
        for target in targets(html) {
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let mut path = match file {
                "" => page.clone(),
                file => normal(&page.with_file_name("").join(file)),
            };
            if path.is_dir() {
                path.push("index.html");
            }
            let leads = match pages.get(&path) {
                Some(html) => anchor.is_empty() || html.contains(&format!("id=\"{anchor}\"")),
                None => path.exists(),
            };
            if !leads {
                let page = page.strip_prefix(site).unwrap_or(page);
                broken.insert(format!("{}: {target}", page.display()));
            }
        }
    }
    ensure!(
        broken.is_empty(),
        "links lead nowhere:\n{}",
        broken.into_iter().collect::<Vec<_>>().join("\n")
    );
    Ok(links)
}

/// All pages below a directory.
fn read(directory: &Path, pages: &mut HashMap<PathBuf, String>) -> Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry.context("cannot read a directory")?.path();
        if path.is_dir() {
            read(&path, pages)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            let html = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            pages.insert(path, html);
        }
    }
    Ok(())
}

/// What a page links to or shows, of the site itself.
fn targets(html: &str) -> impl Iterator<Item = &str> {
    let values = ["href=\"", "src=\""]
        .into_iter()
        .flat_map(move |attribute| {
            let found = html.match_indices(attribute);
            found.filter_map(move |(at, _)| html[at + attribute.len()..].split('"').next())
        });
    values.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_link_is_found() {
        let site = initlab::TempDir::new();
        fs::create_dir(site.join("a")).expect("the directory is ours");
        let write = |name: &str, html: &str| {
            fs::write(site.join(name), html).expect("the directory is ours");
        };
        write("a/index.html", "<h2 id=\"b\">B</h2>");
        write(
            "page.html",
            "<a href=\"a\"></a><a href=\"a/index.html#b\"></a>",
        );
        assert_eq!(check(site.path()).expect("all lead somewhere"), 2);
        for broken in ["c.html", "a/index.html#c", "../page.html"] {
            write("other.html", &format!("<a href=\"{broken}\"></a>"));
            let error = check(site.path()).expect_err("it leads nowhere");
            assert!(error.to_string().contains(broken), "{error}");
        }
    }
}
