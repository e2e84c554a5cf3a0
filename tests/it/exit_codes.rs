//! The run-book `docs/exit-codes.md`: its examples do what it says, in real containers, and so do
//! those of `docs/shutdown.md`.

use std::{
    ffi::OsString,
    fmt::Write,
    fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use initlab::{
    Process, Sandbox, TempDir, copy_executable, find_program, skip, timeout, try_poll_until,
};

use crate::container::{docker::docker, image};
use crate::support;

/// The headings of each section that explains a status, in this order.
const HEADINGS: [&str; 4] = [
    "**From:** ",
    "**Causes:** ",
    "**Look next:** ",
    "**Example:**",
];

/// How many examples run at the same time.
const WORKERS: usize = 4;

fn read(page: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The title and the text of each part with a title.
fn sections(page: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = page.split("\n## ").skip(1);
    parts.filter_map(|part| part.split_once('\n'))
}

/// The code blocks in this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("\n```{language}\n");
    let parts = text.split(&fence[..]).skip(1);
    parts
        .filter_map(|part| part.split("\n```").next())
        .collect()
}

/// The statuses in a title: `137`, `128 + n`, `162 to 192`; none for another title.
fn statuses(title: &str) -> Option<Vec<u8>> {
    if title == "128 + n" {
        return Some((129..=192).collect());
    }
    match title.split_once(" to ") {
        Some((from, to)) => Some((from.parse().ok()?..=to.parse().ok()?).collect()),
        None => Some(vec![title.parse().ok()?]),
    }
}

#[test]
fn every_status_of_the_table_has_a_section_with_the_same_headings_and_an_example() {
    let page = read("exit-codes.md");
    let explained = sections(&page).filter(|(title, _)| statuses(title).is_some());
    let explained: Vec<_> = explained.collect();
    let titles: Vec<_> = explained.iter().map(|(title, _)| *title).collect();
    let rows = page.lines().filter_map(|line| {
        let (title, rest) = line.strip_prefix("| [")?.split_once("](#")?;
        // The anchor is the title in lower case, without signs, with a dash for each space.
        let anchor = title.replace('+', "").replace(' ', "-");
        assert!(rest.starts_with(&format!("{anchor})")), "{line}");
        Some(title)
    });
    assert_eq!(rows.collect::<Vec<_>>(), titles);
    let needed = [0, 1, 2, 125, 126, 127, 137, 139, 143, 255];
    for status in needed {
        assert!(titles.contains(&&*status.to_string()), "{status}");
    }

    for (title, text) in explained {
        let mut rest = text;
        for heading in HEADINGS {
            let found = rest.split_once(&format!("\n{heading}"));
            rest = found.unwrap_or_else(|| panic!("{title}: no {heading}")).1;
        }
        let statuses = statuses(title).unwrap_or_default();
        let shows_it = blocks(text, "console").iter().any(|block| {
            let mut lines = block.lines();
            lines.any(|line| line.parse().is_ok_and(|status| statuses.contains(&status)))
        });
        assert!(shows_it, "{title}: no example of it");
    }
}

#[test]
fn every_example_prints_what_its_page_shows() {
    if let Some(reason) = image::missing() {
        skip!("{reason}");
    }
    let page = read("exit-codes.md");
    let other = read("shutdown.md");
    let examples = [blocks(&page, "console"), blocks(&other, "console")].concat();
    assert!(
        examples.len() > 20,
        "{} examples were found",
        examples.len()
    );
    let demo = Demo::new(blocks(&page, "dockerfile")[0]);
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(String::new());
    let work = || {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(example) = examples.get(number)
        {
            let printed = demo.play(number, example);
            let (expected, seen) = (simplified(example), simplified(&printed));
            if !matches(&expected, &seen) && !matches(&by_writer(&expected), &by_writer(&seen)) {
                let mut failures = failures.lock().expect("no thread panics with it");
                let _ = write!(
                    failures,
                    "\n--- the page ---\n{example}\n--- in fact ---\n{printed}\n"
                );
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().expect("no thread panics with it");
    assert!(failures.is_empty(), "{failures}");
}

/// The image of the page. It is removed with the value, and so are its containers.
struct Demo {
    name: String,
    label: String,
}

impl Demo {
    #[track_caller]
    fn new(dockerfile: &str) -> Self {
        let busybox = find_program("busybox").expect("it has been looked for");
        let context = TempDir::new();
        let programs = [(support::init(), "tidy-init"), (busybox, "busybox")];
        for (program, name) in programs {
            copy_executable(&program, &context.join(name), 0o755).expect("the directory is ours");
        }
        fs::write(context.join("Dockerfile"), dockerfile).expect("the directory is ours");
        let directory = context.path().to_str().expect("its name is ASCII");
        let unique = directory.rsplit('/').next().unwrap_or_default();
        let demo = Self {
            name: format!("tidy-init-demo:{unique}"),
            label: format!("tidy-init-demo={unique}"),
        };
        docker(&["build", "--quiet", "--tag", &demo.name, directory]);
        demo
    }

    /// Runs the lines of an example, and returns them with their output.
    fn play(&self, number: usize, example: &str) -> String {
        let container = format!("{}-{number}", self.name.replace(':', "-"));
        let mut transcript = String::new();
        for command in example.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let run = format!("docker run --label {} ", self.label);
            let line = command
                .replace("docker run ", &run)
                .replace(" demo ", &format!(" {} ", self.name))
                .replace(" demo;", &format!(" {};", self.name))
                .replace(" example", &format!(" {container}"));
            // The shell's stderr goes to its stdout, so that the lines keep their order.
            let ended = Sandbox::plain("sh").args(["-c", &format!("exec 2>&1; {line}")]);
            let printed = ended.run().stdout_text();
            let _ = writeln!(transcript, "$ {command}");
            transcript.push_str(&printed.replace(&container, "example"));
            if command.contains(" --detach ") && !becomes_ready(&container) {
                transcript.push_str("(it does not get ready)");
            }
        }
        transcript.trim_end().to_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let filter = format!("label={}", self.label);
        let containers = docker(&["ps", "--all", "--quiet", "--filter", &filter]);
        for container in containers.lines() {
            docker(&["rm", "--force", container]);
        }
        docker(&["rmi", "--force", &self.name]);
    }
}

/// Waits until the command has set its trap, since a test sends signals sooner than people do.
/// Returns whether it has.
fn becomes_ready(container: &str) -> bool {
    let pid = docker(&["inspect", "--format", "{{.State.Pid}}", container]);
    let init = Process::new(pid.parse().expect("it is a number"));
    try_poll_until(timeout(), || {
        let everybody = init.descendants();
        let mut commands = everybody.iter().filter_map(|process| process.arguments());
        let sleeps = |arguments: Vec<OsString>| arguments.first().is_some_and(|it| it == "sleep");
        init.waits_for_signals() && commands.any(sleeps)
    })
}

/// A text in which all process IDs are the same.
fn simplified(text: &str) -> String {
    let mut parts = text
        .split_inclusive("pid ")
        .flat_map(|part| part.split_inclusive("group "));
    let mut simple = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() < part.len() && !part.starts_with('0') {
            simple.push('N');
            simple.push_str(rest);
        } else {
            simple.push_str(part);
        }
    }
    simple
}

/// A text in which, of what each command prints, the lines of the init come first: it and the
/// processes under it write to the same pipe at the same time.
fn by_writer(text: &str) -> String {
    let mut sorted = Vec::new();
    let mut others = Vec::new();
    for line in text.lines() {
        if line.starts_with("$ ") {
            sorted.append(&mut others);
        }
        if line.starts_with("$ ") || line.starts_with("[tidy-init] ") {
            sorted.push(line);
        } else {
            others.push(line);
        }
    }
    sorted.append(&mut others);
    sorted.join("\n")
}

/// Whether the text is what the pattern says, in which `...` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.trim_end().split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    // The last part has to be at the end of the text.
    rest.is_empty() || last.is_some_and(|part| part.is_empty() || text.ends_with(part))
}

#[test]
fn the_order_of_lines_counts_within_a_command_and_for_each_writer() {
    let page = "$ run\n[tidy-init] a\n[tidy-init] b\nwritten\n3\n$ next\n4";
    for (text, same) in [
        (page, true),
        (
            "$ run\n[tidy-init] a\nwritten\n[tidy-init] b\n3\n$ next\n4",
            true,
        ),
        (
            "$ run\nwritten\n[tidy-init] a\n[tidy-init] b\n3\n$ next\n4",
            true,
        ),
        (
            "$ run\n[tidy-init] b\n[tidy-init] a\nwritten\n3\n$ next\n4",
            false,
        ),
        (
            "$ run\n[tidy-init] a\n[tidy-init] b\n3\nwritten\n$ next\n4",
            false,
        ),
        (
            "$ run\n[tidy-init] a\n[tidy-init] b\nwritten\n$ next\n3\n4",
            false,
        ),
        (
            "$ run\n[tidy-init] a\nwritten\n3\n$ next\n[tidy-init] b\n4",
            false,
        ),
    ] {
        assert_eq!(by_writer(text) == by_writer(page), same, "{text}");
    }
}

#[test]
fn what_is_compared_is_everything_but_process_ids_and_dots() {
    assert_eq!(
        simplified("pid 7) group 12, pid 0 (uid 0)\n137"),
        "pid N) group N, pid 0 (uid 0)\n137"
    );
    for (pattern, text, same) in [
        ("a\n1", "a\n1", true),
        ("a\n1", "a\n2", false),
        ("a\n1", "a\n1\nb", false),
        ("a ...\n1", "a b\nc\n1", true),
        ("a ...\n1", "a b\n2", false),
        ("a ...\n1", "a b\n1\n1", true),
        ("a ...\n1", "a b\n1\n2", false),
        ("a ...", "a b", true),
        ("a ...", "b", false),
    ] {
        assert_eq!(matches(pattern, text), same, "{pattern:?} {text:?}");
    }
}
