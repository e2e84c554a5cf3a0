//! The page of all programs.

use std::fmt::Write as _;

use super::entry::Entry;
use super::outcome::{Observation, Outcome};
use super::{words, write};

const INTRODUCTION: &str = "\
# Field guide: how real programs stop

<!-- Written by `cargo xtask field-guide`. -->

`docker stop` sends a signal, SIGTERM by default, waits for 10 seconds, and kills what is left. What happens in these
10 seconds depends on the program. We probed {count} programs, each as PID 1 and under tidy-init, tini and
dumb-init. This page shows how they stop, and what to write for each. For any other program, run
`initlab probe -- COMMAND` ([docs/probe.md](../probe.md)). [field-guide.json](field-guide.json) has all results.

| program | kind | version | as PID 1 | under an init | request in flight | what to write |
| --- | --- | --- | --- | --- | --- | --- |
";

const REST: &str = "
- **as PID 1**, **under an init**: the time from SIGTERM to the end, and the exit status. **10 s, killed**: the
  program does not end, `docker stop` kills it, and the status is 137.
- Here the init is tidy-init without options. It signals the whole process group, as dumb-init does; tini signals only
  the program, as tidy-init does with `-c`. The pages show all three.
- **request in flight**: whether a client that was waiting for its answer at SIGTERM got it. If there was no request,
  the page of the program says why.
- **what to write**: the recommended change. \"an init\" is tidy-init or any other, including `docker run --init`. \"drain
  it first\": no signal lets requests finish, so remove the program from the load balancer before you stop it.

## How they were probed

`cargo xtask field-guide` installs each program from Debian's package into a root file system; .NET, which is not in
Debian, comes from a PyPI package. It starts the program in
its own namespaces and in the foreground, as its authors do in a container. It waits until the program is ready and quiet,
starts a client whose request takes about two seconds, waits for half a second, sends SIGTERM to PID 1, and observes the
end: `initlab probe --root ... --request ...`. The recipes are in `xtask/field-guide/`;
`cargo xtask field-guide NAME` probes one program again. Each CI run probes a dozen of them; each page names the date of
its last probe. The times are from one run, on a small machine without other load.
";

/// The page, in Markdown.
pub fn text(pages: &[(&Entry, Outcome)]) -> String {
    let probed = || {
        pages
            .iter()
            .filter(|(_, outcome)| outcome.not_started.is_none())
    };
    let mut text = INTRODUCTION.replace("{count}", &probed().count().to_string());
    for (entry, outcome) in probed() {
        text += &row(entry, outcome);
    }
    let mut failed = pages
        .iter()
        .filter(|(_, outcome)| outcome.not_started.is_some())
        .peekable();
    if failed.peek().is_some() {
        text += "\nWe could not probe these:\n\n";
    }
    for (entry, outcome) in failed {
        let reason = outcome.not_started.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "- [{}]({}.md), {} {}: {}",
            entry.title,
            entry.name,
            outcome.package,
            outcome.package_version,
            reason.replace('\n', " ")
        );
    }
    text + REST
}

fn row(entry: &Entry, outcome: &Outcome) -> String {
    let request = outcome.under_init().and_then(|run| run.request.as_deref());
    let request = match request {
        Some("finished") => "finished",
        Some("cut") => "**cut off**",
        Some("unanswered") => "**no answer**",
        _ => "-",
    };
    format!(
        "| [{}]({}.md) | {} | {} | {} | {} | {request} | {} |\n",
        entry.title,
        entry.name,
        entry.kind,
        outcome.package_version,
        end(outcome.bare()),
        end(outcome.under_init()),
        write::in_short(entry, outcome)
    )
}

fn end(run: Option<&Observation>) -> String {
    let Some(run) = run else {
        return "-".to_owned();
    };
    match (run.after_ms, run.status) {
        (Some(after), Some(status)) if after > 10_000.0 => {
            format!("**{}**, {status}", words::time(after))
        }
        (Some(after), Some(status)) => format!("{}, {status}", words::time(after)),
        _ if run.outcome == "still_running" => "**10 s, killed**".to_owned(),
        _ => "-".to_owned(),
    }
}
