//! The page `docs/tidy-shutdown-results.md`: written by the test where `UPDATE_DOCS` is 1, else
//! compared.

use std::{env, fmt::Write, fs, path::PathBuf};

use super::scene::{Row, Scene, read};

/// All scenes, in the order of the page.
const SCENES: [&Scene; 5] = [
    &super::postgres::ARCHIVER,
    &super::node::SHELL,
    &super::node::NPM,
    &super::node::NPM_EXEC,
    &super::jobs::JOB,
];

const HEAD: &str = "\
# Tidy shutdown: before and after

Each line is a container's worth of processes in a PID namespace, with the init as PID 1. The init,
and nobody else, gets TERM, as with `docker stop`. What needs a moment writes a file, and the line
says whether the file was finished, and the exit status of the init. dumb-init and tini are Debian's.
With `--grace` it is the same where tidy-init is not PID 1, and it never waits for its 10 seconds.

The tests hold each line, and write this page (`UPDATE_DOCS=1 cargo test --test it tidy_shutdown`).
[shutdown.md](shutdown.md) explains the options.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for Scene { name, story, rows } in SCENES {
        let _ = write!(page, "\n## {name}\n\n{story}\n\n");
        page.push_str("| init | options | the rest | status |\n| --- | --- | --- | --- |\n");
        for row in *rows {
            page.push_str(&line(row));
        }
    }
    page
}

fn line(row: &Row) -> String {
    let options = match row.options {
        "" => String::new(),
        options => format!("`{options}`"),
    };
    let rest = match row.finished {
        true => "**finished**",
        false => "cut off",
    };
    let name = row.under.name();
    format!("| {name} | {options} | {rest} | {} |\n", row.status)
}

#[test]
fn the_page_says_what_the_tests_hold() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/tidy-shutdown-results.md");
    if env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, page()).expect("the page can be written");
    }
    assert_eq!(
        read(&path),
        page(),
        "{} is out of date: UPDATE_DOCS=1 cargo test --test it tidy_shutdown",
        path.display()
    );
}
