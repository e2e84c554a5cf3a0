//! Who may ask which personality it is.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{files, tokens};

/// What the files below `src` must not name, except where personalities are made and chosen.
const PERSONALITY: &str = "Personality";

/// Checks that the code asks a personality's behaviour and not its name, as soon as there is a
/// folder for personalities.
pub fn check(root: &Path) -> Result<()> {
    if !root.join("personality").is_dir() {
        return Ok(());
    }
    let mut found = String::new();
    for path in files::below(root)? {
        let name = path.strip_prefix(root).unwrap_or(&path);
        let is_allowed = name.starts_with("personality")
            || name == Path::new("personality.rs")
            || name == Path::new("main.rs");
        if is_allowed {
            continue;
        }
        for line in lines(&files::read(&path)?) {
            found += &format!("\n  {}:{line}", path.display());
        }
    }
    ensure!(
        found.is_empty(),
        "`{PERSONALITY}::` outside src/personality and src/main.rs:{found}"
    );
    Ok(())
}

/// The lines that have it.
fn lines(source: &str) -> Vec<usize> {
    let tokens = tokens::of(source);
    let pairs = tokens.windows(2);
    pairs
        .filter(|pair| pair[0].text == PERSONALITY && pair[1].text == "::")
        .map(|pair| pair[0].line)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use initlab::TempDir;

    use super::*;

    #[test]
    fn only_the_folder_and_the_entry_point_may_name_a_personality() {
        let root = TempDir::new();
        let code = "// Personality::Tini\nfn f(p: &Personality) {\n    p == Personality::Tini\n}\n";
        fs::write(root.join("main.rs"), code).unwrap();
        fs::write(root.join("run.rs"), code).unwrap();
        assert!(check(root.path()).is_ok(), "there is no folder yet");
        fs::create_dir(root.join("personality")).unwrap();
        fs::write(root.join("personality/tini.rs"), code).unwrap();
        let error = check(root.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("/run.rs:3") && error.lines().count() == 2,
            "{error}"
        );
        fs::write(root.join("run.rs"), "").unwrap();
        assert!(check(root.path()).is_ok());
    }
}
