//! The document: every fault and its outcome, rows with the same outcome in one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::calls;
use super::run::{Fault, Use};
use super::scenario::{Command, Place, SCENARIOS, Scenario, Step};
use super::{Tried, known};
use crate::soak;

const INTRODUCTION: &str = "\
# Faults and soak

Two tests check whether the init keeps its promises: when system calls fail, and under load for a long time. The faults come
first; [the soak](#the-soak) is at the end.

## A fault at every system call

This page shows what happens when a system call of the init fails. `cargo xtask faults` tries each call that the init makes,
in each of the scenarios below, with each error that the call's manual page lists, and with ENOSYS, EPERM, EINVAL and EIO,
which a seccomp filter or an unusual kernel may return for any call. It also writes this page. The tests fail when the page
is out of date, or when an outcome is not allowed.

A seccomp filter hands the calls of one kind to the harness (seccomp_unotify(2)). The harness returns the error if the init
makes the call, or its child before the exec. It does not touch the command's own calls. A run without a fault records which
calls the init makes, so nobody has to list them. The calls of the C library before `main`, execve(2) and exit_group(2) are
left out.

These outcomes are allowed: the status stays the same, or the init fails (with 125, 126 or 127; under another program's name,
with that program's 1 or 2) and reports why. The init may lose the effect of the failed call, such as a signal that kill(2)
refuses to send, if it reports that. A run must never hang or spin, fail without a message, keep a zombie while it continues,
or leave the command behind.

";

const LEGEND: &str = "\
### How to read the tables

The first column shows which calls fail: *every* call of that name, with all errors; or *each* call with one use (the same
request, signal or path), or only the *first* call with that use, with ENOSYS, EPERM, EINVAL, EIO and those errors that are
more than a failure. `(child)` means the child before its exec. EINTR and EAGAIN mean \"try again\", so the harness returns
them a hundred times at most. ESRCH, ECHILD and similar errors are answers rather than failures: the init accepts them, and
need not report them.

| outcome | meaning |
| --- | --- |
| unchanged | the same status, and the same effects as without the fault |
| reported | a line on stderr names the error |
| lines are missing | lines of `-v` could not be written |
| status N | the init ends with N |
| the signal is not delivered | TERM does not arrive at the command, which ends by itself |
| not everybody gets the signal | the command gets it, but a process in a session of its own does not |
| a process survives | a leftover is still alive after the init has ended |
| the command has ... | the command finds an unusual signal mask, session, group or terminal |

";

pub fn document(results: &[Tried]) -> String {
    let mut text = INTRODUCTION.to_owned();
    text += "### Scenarios\n\n| scenario | as | options | the command | what happens |\n| --- | --- | --- | --- | --- |\n";
    for scenario in SCENARIOS {
        text += &row(scenario);
    }
    text += "\n";
    text += LEGEND;
    text += "### The calls\n";
    let mut by_call: BTreeMap<(usize, String), Vec<&Tried>> = BTreeMap::new();
    for tried in results {
        let name = calls::name(tried.fault.number());
        let key = (calls::position(&name), name);
        by_call.entry(key).or_default().push(tried);
    }
    for ((_, name), tried) in by_call {
        text += &section(&name, &tried);
    }
    text += &known::section();
    text += "\n";
    text += soak::DESCRIPTION;
    text
}

fn row(scenario: &Scenario) -> String {
    let place = match scenario.place {
        Place::Job => "a job of a shell",
        Place::JobWithZombie => "a job with a child that has ended",
        Place::Terminal => "a session leader with a terminal",
        Place::TerminalForStderr => "a session leader with a terminal, stderr too",
        Place::Pid1 => "PID 1",
        Place::Pid1WithZombie => "PID 1 with a child that has ended",
        Place::JobWithoutNetwork => "a job in a network namespace of its own",
    };
    let options: Vec<&str> = scenario.options.to_vec();
    let options = match options.join(" ") {
        none if none.is_empty() => String::new(),
        some => format!("`{}`", some.replace("{log}", "PATH")),
    };
    let command = match scenario.command {
        Command::None => "none".to_owned(),
        Command::Missing => "does not exist".to_owned(),
        Command::Words(words) => words
            .iter()
            .map(|word| match *word {
                "wait" => "ends with 7 at TERM",
                "wait-for-end" => "does nothing about TERM",
                "ignore" => "ignores TERM",
                "member" => "has a child in its group",
                "leftover" => "has a child in a session of its own",
                "stubborn" => "has a child in a session of its own that ignores TERM",
                "reporter" => "has a child in a session of its own that handles TERM",
                other => other,
            })
            .collect::<Vec<_>>()
            .join(", "),
    };
    let step = |step: &Step| match step {
        Step::Orphan => "an orphan ends".to_owned(),
        Step::Signal(signal) => initlab::signal_name(*signal),
    };
    let steps: Vec<String> = scenario.steps.iter().map(step).collect();
    format!(
        "| {} | `{}`, {place} | {options} | {command} | {} |\n",
        scenario.name,
        scenario.called,
        steps.join(", ")
    )
}

/// Which calls fail, for the first column.
fn which(fault: &Fault) -> (u8, String) {
    let of = |of: &Use| {
        let purpose = of.purpose.as_deref().map(|p| format!(" {p}"));
        let side = if of.in_child { " (child)" } else { "" };
        let name = calls::name(of.number);
        format!("`{name}{}`{side}", purpose.unwrap_or_default())
    };
    match fault {
        Fault::Record => (0, String::new()),
        Fault::Every { number, .. } => (1, format!("every `{}`", calls::name(*number))),
        Fault::EachUse { of: this, .. } => (2, format!("each {}", of(this))),
        Fault::One { of: this, nth, .. } => {
            (3, format!("first {} ({nth})", of(this)).replace(" (0)", ""))
        }
        Fault::From { of: this, nth, .. } => (4, format!("{} from {nth} on", of(this))),
    }
}

type Names = BTreeSet<String>;

/// The table of a call. Scenarios with the same errors and outcome share a row, and so do faults.
fn section(name: &str, tried: &[&Tried]) -> String {
    let all_errors: Names = tried.iter().map(|t| error(t)).collect();
    let mut made_in: BTreeMap<_, BTreeSet<usize>> = BTreeMap::new();
    let mut tried_of: BTreeMap<_, Names> = BTreeMap::new();
    let mut seen: BTreeMap<_, BTreeMap<usize, Names>> = BTreeMap::new();
    for one in tried {
        let place = SCENARIOS.iter().position(|s| s.name == one.scenario.name);
        let place = place.unwrap_or_default();
        let fault = which(&one.fault);
        made_in.entry(fault.clone()).or_default().insert(place);
        let errors = tried_of.entry(fault.clone()).or_default();
        errors.insert(error(one));
        let places = seen.entry((fault, &one.outcome)).or_default();
        places.entry(place).or_default().insert(error(one));
    }
    // Outcome, errors and scenarios of a row, and its faults.
    let mut rows: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for ((fault, outcome), places) in seen {
        let mut by_errors: BTreeMap<Names, BTreeSet<usize>> = BTreeMap::new();
        for (place, errors) in places {
            by_errors.entry(errors).or_default().insert(place);
        }
        for (errors, places) in by_errors {
            let everywhere = places == made_in[&fault];
            let places = if everywhere { BTreeSet::new() } else { places };
            let errors = some(&errors, &tried_of[&fault]);
            let faults = rows.entry((outcome, errors, places)).or_default();
            faults.push(fault.1.clone());
        }
    }
    let mut lines: Vec<_> = rows.into_iter().collect();
    // What needs no attention comes last.
    lines.sort_by_key(|((outcome, ..), _)| (!outcome.defect, outcome.text == "unchanged"));
    let mut text = format!(
        "\n#### {name}\n\nErrors: {}.\n\n| which | errors | scenarios | outcome |\n| --- | --- | --- | --- |\n",
        list(&all_errors)
    );
    for ((outcome, errors, places), faults) in lines {
        let places: Vec<&str> = places.iter().map(|at| SCENARIOS[*at].name).collect();
        let places = match places.join("; ") {
            none if none.is_empty() => "all".to_owned(),
            some => some,
        };
        let mark = if outcome.defect { "**" } else { "" };
        let _ = writeln!(
            text,
            "| {} | {errors} | {places} | {mark}{}{mark} |",
            faults.join(", "),
            outcome.text
        );
    }
    text
}

/// Some of the errors that were tried, in few words.
fn some(errors: &Names, tried: &Names) -> String {
    let others: Names = tried.difference(errors).cloned().collect();
    match others.len() {
        0 => "all".to_owned(),
        few if few < errors.len() && errors.len() > 3 => format!("all but {}", list(&others)),
        _ => list(errors),
    }
}

fn error(tried: &Tried) -> String {
    calls::errno_name(tried.fault.errno())
}

fn list(names: &Names) -> String {
    names
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}
