//! What to write into a Dockerfile.

use super::entry::Entry;
use super::outcome::Outcome;
use super::words;

/// The lines.
pub fn dockerfile(entry: &Entry, outcome: &Outcome) -> String {
    if let Some(lines) = &entry.dockerfile {
        return lines.trim().to_owned();
    }
    let mut lines = Vec::new();
    lines.extend(entry.user.as_ref().map(|user| format!("USER {user}")));
    if needs_init(outcome) {
        let mut words = vec!["/bin/tidy-init".to_owned()];
        words.extend(outcome.init_options.iter().cloned());
        words.push("--".to_owned());
        lines.push(format!("ENTRYPOINT {}", words::list(&words)));
    }
    lines.push(format!("CMD {}", words::list(&entry.command)));
    let signal = outcome.graceful_or(entry.graceful.as_deref());
    lines.extend(signal.map(|signal| format!("STOPSIGNAL SIG{signal}")));
    lines.join("\n")
}

/// The same in a few words, for a table.
pub fn in_short(entry: &Entry, outcome: &Outcome) -> String {
    let mut parts = Vec::new();
    let lines = dockerfile(entry, outcome);
    if let Some(words) = lines
        .lines()
        .find_map(|line| line.strip_prefix("ENTRYPOINT "))
    {
        let words: Vec<String> = serde_json::from_str(words).unwrap_or_default();
        let options = words.iter().skip(1).take_while(|word| *word != "--");
        let options = options.cloned().collect::<Vec<_>>().join(" ");
        parts.push(match options.is_empty() {
            true => "an init".to_owned(),
            false => format!("an init, `{options}`"),
        });
    }
    parts.extend(
        outcome
            .graceful_or(entry.graceful.as_deref())
            .map(|signal| format!("`STOPSIGNAL SIG{signal}`")),
    );
    let more = [
        ("skip-npm", "start the program itself"),
        ("exec", "`exec`"),
        ("shell-goes-on", "`exec`"),
        ("slow", "a longer timeout"),
        ("needs-longer", "a longer timeout"),
        ("does-not-stop", "a longer timeout, or `-k`"),
        ("request-cut", "drain it first"),
        ("pre-stop", "a command before the signal"),
    ];
    let given = more.into_iter().filter(|(id, _)| outcome.has_advice(id));
    parts.extend(given.map(|(_, words)| words.to_owned()));
    match parts.is_empty() {
        true => "nothing".to_owned(),
        false => parts.join("; "),
    }
}

fn needs_init(outcome: &Outcome) -> bool {
    outcome.has_advice("needs-init")
        || outcome.has_advice("zombies")
        || !outcome.init_options.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_what_to_write() {
        let entries = super::super::entry::all().expect("the recipes are right");
        let outcomes = super::super::outcome::Outcomes::read().expect("it is checked in");
        for entry in &entries {
            let outcome = &outcomes.programs[&entry.name];
            let lines = dockerfile(entry, outcome);
            assert!(lines.contains("CMD ["), "{}", entry.name);
            if let Some(signal) = outcome.graceful_or(entry.graceful.as_deref()) {
                assert!(
                    entry.dockerfile.is_some()
                        || lines.ends_with(&format!("STOPSIGNAL SIG{signal}"))
                );
            }
            // A delay helps only those who drain it first, and a status that is no signal's hides
            // failures: neither is to be pasted unread.
            let unwanted = |word: &String| word == "-d" || word == "1";
            assert!(!outcome.init_options.iter().any(unwanted), "{}", entry.name);
        }
    }
}
