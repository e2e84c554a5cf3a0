//! Rules about the sources that neither compiler nor clippy knows.

mod circles;
mod files;
mod names;
mod tokens;

use anyhow::{Context, Result};

use crate::project;

/// Crates in which no two files may need each other in a circle, and of each the files whose own
/// needs do not count yet, since their children still use what they define.
const WITHOUT_CIRCLES: &[(&str, &[&str])] = &[
    ("src", &[]),
    ("integration/src", &[]),
    ("simulation/src", &[]),
    (
        "xtask/src",
        &["release.rs", "faults/mod.rs", "kernels/mod.rs"],
    ),
];

/// Checks that the sources keep the rules.
///
/// # Errors
/// What breaks one, with the lines that do.
pub fn check() -> Result<()> {
    for (root, left_out) in WITHOUT_CIRCLES {
        circles::check(&project::root().join(root), left_out)
            .with_context(|| format!("files below {root} need each other in a circle"))?;
    }
    names::check(&project::root().join("src"))
}
