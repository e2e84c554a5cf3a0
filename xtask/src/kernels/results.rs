//! The last result of each machine, kept below `target/`: the document is made of them, and the
//! machines need not all run at once.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use initlab::machine::Refusal;
use serde_json::{Value, json};

use super::machine::Machine;
use super::{Outcome, directory};

/// Keeps a result, in place of the one before.
pub fn keep(outcome: &Outcome) -> Result<()> {
    let path = path(outcome.machine, outcome.refusal)?;
    let value = json!({
        "about": outcome.about,
        "passed": outcome.passed,
        "skipped": outcome.skipped,
        "failed": outcome.failed,
        "seconds": outcome.took.as_secs(),
        "trouble": outcome.trouble,
    });
    fs::write(&path, value.to_string()).with_context(|| format!("cannot write {}", path.display()))
}

/// The last result; `None` where the machine was not booted yet.
pub fn last(machine: &'static Machine, refusal: Option<Refusal>) -> Result<Option<Outcome>> {
    let path = path(machine, refusal)?;
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(None);
    };
    let value: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |key: &str| value[key].as_array().cloned().unwrap_or_default();
    let pairs = |key: &str| {
        let pair = |value: &Value| (text(&value[0]), text(&value[1]));
        list(key).iter().map(pair).collect()
    };
    let about = value["about"].as_object().cloned().unwrap_or_default();
    Ok(Some(Outcome {
        machine,
        refusal,
        about: about
            .iter()
            .map(|(key, v)| (key.clone(), text(v)))
            .collect(),
        passed: value["passed"].as_u64().unwrap_or(0) as usize,
        skipped: pairs("skipped"),
        failed: pairs("failed"),
        took: Duration::from_secs(value["seconds"].as_u64().unwrap_or(0)),
        trouble: list("trouble").iter().map(text).collect(),
    }))
}

fn path(machine: &Machine, refusal: Option<Refusal>) -> Result<PathBuf> {
    let name = match refusal {
        Some(refusal) => format!("{}-without-{}.json", machine.name(), refusal.name),
        None => format!("{}.json", machine.name()),
    };
    Ok(directory("results")?.join(name))
}
