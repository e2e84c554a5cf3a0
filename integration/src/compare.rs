//! `initlab compare`: what two results of `initlab conform` or `initlab probe` differ in.
//!
//! The same comparison makes a baseline: an earlier result whose failures are known.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use serde_json::Value;

use crate::{
    exit::{self, Trouble},
    output::{self, style, styled},
};

/// Compare two JSON results of `initlab conform` or `initlab probe`; 1 if the second has new failures
#[derive(clap::Args)]
pub struct Args {
    /// The earlier result, written with --format json
    old: PathBuf,
    /// The later result
    new: PathBuf,
}

/// What a result reports: failed cases, or advice and unmet expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    format: String,
    all: BTreeMap<String, String>,
}

/// Findings that only one of two results has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Those of the later result, each with what was seen.
    pub new: Vec<(String, String)>,
    /// Those of the earlier result.
    pub gone: Vec<String>,
}

impl Findings {
    /// Reads a result from a file.
    ///
    /// # Errors
    /// When the file cannot be read, or is no result.
    pub fn read(path: &PathBuf) -> Result<Self, Trouble> {
        let failed = |why: String| Trouble(format!("cannot read {}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
        Self::parse(&text).map_err(failed)
    }

    /// Takes the findings from a JSON document.
    ///
    /// # Errors
    /// When it is not a result of `conform` or `probe`, in a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let format = word(&document["format"]);
        let all = match (format.as_str(), document["version"].as_u64()) {
            ("initlab-conform", Some(1)) => failed_cases(&document),
            ("initlab-probe", Some(1)) => advice(&document),
            _ => return Err("not a result of `initlab conform` or `initlab probe`".to_owned()),
        };
        Ok(Self { format, all })
    }

    /// What this later result has and the earlier one has not, and the other way round.
    ///
    /// # Errors
    /// When they are results of different commands.
    pub fn since(&self, earlier: &Self) -> Result<Difference, Trouble> {
        if self.format != earlier.format {
            return Err(Trouble(format!(
                "cannot compare {} with {}",
                earlier.format, self.format
            )));
        }
        let new = self.all.iter();
        let new = new.filter(|(key, _)| !earlier.all.contains_key(*key));
        let gone = earlier.all.keys();
        let gone = gone.filter(|key| !self.all.contains_key(*key));
        Ok(Difference {
            new: new.map(|(key, seen)| (key.clone(), seen.clone())).collect(),
            gone: gone.cloned().collect(),
        })
    }
}

impl Difference {
    /// The difference for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (what, seen) in &self.new {
            let _ = writeln!(text, "{} {what}: {seen}", styled(style::BAD, "new:"));
        }
        for what in &self.gone {
            let _ = writeln!(text, "{} {what}", styled(style::GOOD, "gone:"));
        }
        if text.is_empty() {
            text.push_str("no difference\n");
        }
        text
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn failed_cases(document: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for case in list(&document["cases"]) {
        for result in list(&case["results"]) {
            if result["outcome"] == "failed" {
                let key = format!("{} {}", word(&result["init"]), word(&case["id"]));
                all.insert(key, word(&result["seen"]));
            }
        }
    }
    all
}

fn advice(document: &Value) -> BTreeMap<String, String> {
    let advice = list(&document["advice"]).iter();
    let advice = advice.filter(|advice| advice["id"] != "all-is-well");
    let advice = advice.map(|advice| (word(&advice["id"]), word(&advice["text"])));
    let unmet = list(&document["unmet"]).iter();
    let unmet = unmet.map(|unmet| {
        let key = format!("expectation of {}", word(&unmet["run"]));
        (key, word(&unmet["what"]))
    });
    advice.chain(unmet).collect()
}

/// Runs the command, and returns its exit status.
pub fn main(args: &Args) -> Result<i32, Trouble> {
    let [old, new] = [&args.old, &args.new].map(Findings::read);
    let difference = new?.since(&old?)?;
    output::print(&difference.to_text())?;
    Ok(match difference.new.is_empty() {
        true => exit::OK,
        false => exit::FAILED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conform(failed: &str) -> Findings {
        let text = format!(
            r#"{{"format": "initlab-conform", "version": 1, "cases": [
                {{"id": "a/b", "results": [{{"init": "x", "outcome": "passed"}}]}},
                {{"id": "a/c", "results": [{{"init": "{failed}", "outcome": "failed", "seen": "s"}}]}}
            ]}}"#
        );
        Findings::parse(&text).unwrap()
    }

    #[test]
    fn what_is_new_and_what_is_gone() {
        let (old, new) = (conform("x"), conform("y"));
        let difference = new.since(&old).unwrap();
        assert_eq!(difference.new, [("y a/c".to_owned(), "s".to_owned())]);
        assert_eq!(difference.gone, ["x a/c"]);
        assert_eq!(old.since(&old).unwrap(), Difference::default());
    }

    #[test]
    fn only_results_of_the_same_command_can_be_compared() {
        let probe = r#"{"format": "initlab-probe", "version": 1,
            "advice": [{"id": "all-is-well", "text": ""}, {"id": "slow", "text": "t"}]}"#;
        let probe = Findings::parse(probe).unwrap();
        assert_eq!(probe.all.keys().collect::<Vec<_>>(), ["slow"]);
        assert!(probe.since(&conform("x")).is_err());
        assert!(Findings::parse("{}").is_err());
    }
}
