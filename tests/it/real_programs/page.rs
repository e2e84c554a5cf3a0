//! The page `docs/real-programs.md`: written by the tests where `UPDATE_DOCS` is 1, else compared.

use std::{env, fmt::Write, fs, path::PathBuf, sync::Mutex};

use initlab::{Place, Sandbox, timeout};

use super::service::Outcome;
use crate::support::{PLACES, native};

/// A row of the page: what runs, and what must happen.
#[derive(Debug)]
pub struct Row {
    /// The program's name.
    pub program: &'static str,
    /// The init's options.
    pub options: &'static str,
    /// The command, as people would type it.
    pub command: &'static str,
    /// The signal that the init gets.
    pub signal: &'static str,
    /// What happens then.
    pub story: &'static str,
    /// The exit status of the init.
    pub status: i32,
    /// The time from the signal to the end is under this number of seconds.
    pub seconds: u64,
}

/// All rows, in the order of the page.
const ROWS: [&Row; 14] = [
    &super::nginx::TERM,
    &super::nginx::QUIT,
    &super::redis::TERM,
    &super::postgres::TERM,
    &super::postgres::SMART,
    &super::postgres::FAST,
    &super::python::HANDLER,
    &super::python::PLAIN,
    &super::node::HANDLER,
    &super::node::PLAIN,
    &super::bash::PLAIN,
    &super::bash::TRAP,
    &super::bash::WAIT,
    &super::bash::ALONE,
];

const HEAD: &str = "\
# Real programs under tidy-init

Each row is a program from a Debian package. It ran twice as the command of tidy-init, with these options:
once with tidy-init as PID 1 of a namespace, and once with tidy-init as an ordinary process. Once the
program answered on the loopback interface, the test sent the signal to tidy-init alone. The row says what
happened in both runs: what the program did, the exit status of tidy-init, the time from the signal to the
end of tidy-init, and the processes that were left behind.

The tests write this page with `UPDATE_DOCS=1 cargo test --test it real_programs`, and compare it on every
other run. The versions are from the last time that they wrote it.

| program | version | options | command | signal | then | status | ended | left behind |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// The index of the version among the cells of a line.
const VERSION_CELL: usize = 2;

impl Row {
    /// The init in this place with the options of the row. Add the command.
    pub fn init(&self, place: Place) -> Sandbox {
        native(place)
            .args(self.options.split_whitespace())
            .arg("--")
    }

    /// Runs the scene in both places, checks the result, and puts it on the page.
    #[track_caller]
    pub fn play(&self, version: &str, scene: impl Fn(Place) -> Outcome) {
        // Slow machines can stretch the harness's deadlines; this one is stretched as well.
        let limit = timeout().mul_f64(self.seconds as f64 / 20.0);
        for place in PLACES {
            let outcome = scene(place);
            assert!(
                outcome.status.code() == Some(self.status)
                    && outcome.took < limit
                    && outcome.left.is_empty(),
                "{place:?}: wanted status {} within {limit:?} and nothing left\n{outcome}",
                self.status
            );
        }
        record(self, version);
    }

    fn line(&self, version: &str) -> String {
        let Self {
            program,
            options,
            command,
            signal,
            story,
            status,
            seconds,
        } = self;
        let options = code(options);
        format!(
            "| {program} | {version} | {options} | `{command}` | {signal} | {story} | {status} \
             | under {seconds} s | nothing |"
        )
    }

    /// The row on the page, with any version.
    fn line_on(&self, page: &str) -> Option<String> {
        let wanted = self.line("");
        let same = |line: &&str| without_version(line) == without_version(&wanted);
        let found = page.lines().find(same);
        found.map(str::to_owned)
    }
}

fn code(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("`{text}`")
    }
}

fn without_version(line: &str) -> Vec<&str> {
    let mut cells: Vec<_> = line.split('|').map(str::trim).collect();
    if cells.len() > VERSION_CELL {
        cells.remove(VERSION_CELL);
    }
    cells
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/real-programs.md")
}

fn read() -> String {
    fs::read_to_string(path()).unwrap_or_default()
}

fn is_updating() -> bool {
    env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1")
}

#[track_caller]
fn record(row: &Row, version: &str) {
    if is_updating() {
        update(Some((row, version)));
    } else {
        let line = row.line(version);
        assert!(
            row.line_on(&read()).is_some(),
            "{} lacks this line, which UPDATE_DOCS=1 would write:\n{line}",
            path().display()
        );
    }
}

/// Writes the page with the lines that it has, and the new one.
fn update(new: Option<(&Row, &str)>) {
    static WRITER: Mutex<()> = Mutex::new(());
    let _writer = WRITER.lock();
    let old = read();
    let mut page = HEAD.to_owned();
    for row in ROWS {
        let line = match new {
            Some((changed, version)) if changed.line("") == row.line("") => Some(row.line(version)),
            _ => row.line_on(&old),
        };
        if let Some(line) = line {
            let _ = writeln!(page, "{line}");
        }
    }
    fs::write(path(), page).expect("the page can be written");
}

/// Nothing on the page is older than the tests, and no row is missing.
#[test]
fn the_page_has_its_text_and_one_line_for_every_row() {
    if is_updating() {
        update(None);
        return;
    }
    let page = read();
    let lines = page.strip_prefix(HEAD);
    let lines = lines.map(|rows| rows.lines().map(without_version).collect::<Vec<_>>());
    let wanted = ROWS.map(|row| row.line(""));
    let wanted = wanted.iter().map(|line| without_version(line)).collect();
    assert_eq!(
        lines,
        Some(wanted),
        "{} is out of date: UPDATE_DOCS=1 cargo test --test it real_programs",
        path().display()
    );
}
