//! `cargo xtask conformance`: how the init and its peers behave, case by case.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use initlab::conform::{self, Outcome, Plan, Report};
use initlab::output::Output;
use initlab::{Init, Personality};

use crate::arch::Arch;
use crate::{apt, dist, project};

/// Debian's packages of the peers, `initlab::PEERS`.
const PACKAGES: &[&str] = &["catatonit", "dumb-init", "tini"];

/// Our personalities; each has a column.
const PERSONALITIES: &[Personality] = &[
    Personality::Native,
    Personality::DumbInit,
    Personality::Tini,
    Personality::Catatonit,
];

/// Cases that a personality of ours is known to fail: a column, a case, and the reason.
const KNOWN: &[(&str, &str, &str)] = &[(
    "tidy-init=dumb-init",
    "terminal/interrupt-key-arrives-once-at-a-single-child",
    "dumb-init -c forwards what the terminal has sent, and the personality is dumb-init",
)];

/// The document, from the root of the repository.
const DOCUMENT: &str = "docs/conformance.md";

const INTRODUCTION: &str = "\
# Conformance

This page shows how inits behave, case by case. `initlab conform` ([integration/README.md](../integration/README.md))
runs each case with real processes in its own PID namespace. `cargo xtask conformance` writes the page; the peers are
Debian's packages. The tests fail when the column of tidy-init changes.

`yes` means that the init passes the case. **no** means that it does not; the observation is below. `-` means that the
case does not apply: the init has no such option, or behaves differently on purpose. `tidy-init=tini` is tidy-init
called by the name tini, and so on.

";

/// Run every behaviour case against the init and its peers, and write docs/conformance.md.
#[derive(clap::Args)]
pub struct Args {}

pub fn main(_: &Args) -> Result<()> {
    apt::install(PACKAGES, "the comparison")?;
    let binary = dist::build(Arch::host().context("tidy-init is not built for this machine")?)?;
    let mut inits = ours(&binary)?;
    let (peers, missing) = Init::peers();
    ensure!(missing.is_empty(), "not installed: {}", missing.join(", "));
    inits.extend(peers);
    let report = plan(inits).run(Output::default());
    write(&report)?;
    no_failures(&report)
}

/// Runs every case against ours; fails when one fails, or when the document has another result. A
/// case that cannot be run here, as an ordinary user, say, is compared with nothing.
pub fn check(binary: &Path) -> Result<()> {
    let report = plan(ours(binary)?).run(Output { quiet: true });
    no_failures(&report)?;
    let document = project::root().join(DOCUMENT);
    let text = fs::read_to_string(&document)
        .with_context(|| format!("cannot read {}", document.display()))?;
    let mut skipped = BTreeSet::new();
    for (column, init) in report.inits.iter().enumerate() {
        let mut written = marks(&text, &init.name);
        let mut differ = Vec::new();
        for (case, outcome) in report.outcomes_of(column) {
            let written = written.remove(&case.id());
            if let Outcome::Skipped(reason) = outcome {
                skipped.insert(format!("{}: {reason}", case.id()));
            } else if written.as_deref() != Some(outcome.mark()) {
                differ.push(case.id());
            }
        }
        differ.extend(written.into_keys());
        ensure!(
            differ.is_empty(),
            "{DOCUMENT} has other results for {}; `cargo xtask conformance` writes it again: {}",
            init.name,
            differ.join(", ")
        );
    }
    for case in &skipped {
        log::warn!("skipped: {case}");
    }
    let run = report.rows.len() - skipped.len();
    log::info!("{run} cases have the results that {DOCUMENT} shows");
    Ok(())
}

/// Our init under its own name, whatever the file in `dist/` is called, once for each personality.
fn ours(binary: &Path) -> Result<Vec<Init>> {
    let directory = project::work_dir().join("conformance");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let copy: PathBuf = directory.join("tidy-init");
    initlab::copy_executable(binary, &copy, 0o755)
        .with_context(|| format!("cannot copy {}", binary.display()))?;
    let init = |personality: &Personality| Init::new(&copy, Some(*personality));
    Ok(PERSONALITIES.iter().map(init).collect())
}

/// All cases, with time for a machine that does other things as well: what passes does not wait for it.
fn plan(inits: Vec<Init>) -> Plan {
    let mut plan = Plan::new(inits, conform::cases());
    plan.limit *= 4;
    plan
}

fn write(report: &Report) -> Result<()> {
    let document = project::root().join(DOCUMENT);
    let known: String = KNOWN
        .iter()
        .map(|(init, case, why)| format!("- {init}, `{case}`: {why}\n"))
        .collect();
    let text = format!(
        "{INTRODUCTION}{}\n## What is known of ours\n\n{known}",
        report.to_markdown()
    );
    fs::write(&document, text).with_context(|| format!("cannot write {}", document.display()))?;
    log::info!("{DOCUMENT} is written");
    Ok(())
}

fn no_failures(report: &Report) -> Result<()> {
    for (column, init) in report.inits.iter().take(PERSONALITIES.len()).enumerate() {
        let outcomes = report.outcomes_of(column);
        let failed: Vec<String> = outcomes
            .filter(|(_, outcome)| outcome.is_failure())
            .filter(|(case, _)| !is_known(&init.name, &case.id()))
            .map(|(case, outcome)| {
                format!(
                    "\n  {}: {}",
                    case.id(),
                    outcome.reason().unwrap_or_default()
                )
            })
            .collect();
        ensure!(
            failed.is_empty(),
            "cases of {} failed:{}",
            init.name,
            failed.concat()
        );
    }
    Ok(())
}

fn is_known(init: &str, case: &str) -> bool {
    KNOWN
        .iter()
        .any(|(known, id, _)| *known == init && *id == case)
}

/// The column of one init in the document: case by case.
fn marks(document: &str, init: &str) -> BTreeMap<String, String> {
    let mut marks = BTreeMap::new();
    let (mut group, mut column) = ("", None);
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            (group, column) = (heading, None);
        }
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if cells.first() == Some(&"case") {
            column = cells.iter().position(|cell| *cell == init);
        } else if let (Some(column), [name, ..]) = (column, &cells[..])
            && let Some(name) = name
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'))
            && let Some(mark) = cells.get(column)
        {
            marks.insert(format!("{group}/{name}"), (*mark).to_owned());
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_case_in_every_column_of_ours() {
        let text = fs::read_to_string(project::root().join(DOCUMENT)).expect("it is checked in");
        let ids: Vec<String> = conform::cases().iter().map(conform::Case::id).collect();
        for init in ["tidy-init", "tidy-init=dumb-init", "tini", "catatonit"] {
            let marks = marks(&text, init);
            assert!(ids.iter().all(|id| marks.contains_key(id)), "{init}");
            assert_eq!(marks.len(), ids.len(), "{init}");
        }
        for (init, case, _) in KNOWN {
            assert_eq!(
                marks(&text, init).get(*case).map(String::as_str),
                Some("**no**")
            );
        }
    }

    #[test]
    fn a_column_is_read_by_its_name() {
        let document = "\
## start

| case | shows | tidy-init | tini |
|------|-------|-----------|------|
| `a`  | It \\| runs. | yes | **no** |

## What was seen of tini

- `start/a`: nothing
";
        let column = |name: &str| marks(document, name);
        assert_eq!(
            column("tini"),
            [("start/a".to_owned(), "**no**".to_owned())].into()
        );
        assert!(column("catatonit").is_empty());
    }
}
