//! The cases can fail: each broken init is caught by some.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use initlab::{
    Init,
    conform::{self, Case, Outcome, Plan},
    output::Output,
    require_namespaces, require_root,
    toy::TOYS,
};

/// Each toy, and the cases that have to fail for it.
const CATCHES: &[(&str, &[&str])] = &[
    (
        "sound",
        // The toy takes tidy-init's options and ignores them.
        &[
            "start/single-child-shares-the-group",
            "signals/child-alone-gets-signals",
            "signals/single-child-alone-gets-signals",
            "signals/all-get-signals",
            "signals/rewrite",
            "signals/rewrite-is-no-chain",
            "signals/drop",
            "signals/delay",
            "signals/delay-ends-at-the-second",
            "shutdown/grace-lets-leftovers-finish",
            "shutdown/grace-reaches-other-sessions",
            "shutdown/grace-has-an-end",
            "shutdown/kill-after",
            "shutdown/pre-stop-comes-first",
            "shutdown/pre-stop-ends-at-the-second",
            "shutdown/linger-waits-for-the-network",
            "shutdown/linger-has-an-end",
            "shutdown/parent-death",
            "shutdown/pause-holds-and-ends",
            "exit-status/exit-map",
            "exit-status/exit-by-signal",
        ],
    ),
    (
        "takes-any-option",
        &["exit-status/unknown-option-starts-nothing"],
    ),
    (
        "adds-to-environment",
        &[
            "start/environment-byte-for-byte",
            "odd-starts/empty-environment",
        ],
    ),
    ("utf8-arguments", &["start/arguments-byte-for-byte"]),
    ("changes-directory", &["start/directory-is-kept"]),
    ("no-path-search", &["start/path-is-searched"]),
    (
        "no-script-fallback",
        &["start/script-without-interpreter-line"],
    ),
    (
        "takes-commands-options",
        &["start/command-options-are-its-own"],
    ),
    (
        "loses-early-signals",
        &[
            "start/pending-term-reaches-the-command",
            "start/pending-term-reaches-the-group",
            "start/pending-real-time-reaches-the-command",
        ],
    ),
    (
        "inherits-ignored-child",
        &["odd-starts/ignored-chld-is-survived"],
    ),
    (
        "fills-closed-descriptors",
        &["odd-starts/closed-descriptors-stay-closed"],
    ),
    (
        "needs-privileges",
        &[
            "odd-starts/as-an-ordinary-user",
            "odd-starts/no-new-privileges",
        ],
    ),
    ("needs-proc", &["odd-starts/without-proc"]),
    (
        "keeps-the-mask",
        &[
            "odd-starts/mask-is-handed-on",
            "odd-starts/nothing-is-blocked",
            "shutdown/term-ends-an-ordinary-program",
        ],
    ),
    (
        "resets-signals",
        &["odd-starts/ignored-signals-are-handed-on"],
    ),
    ("ignores-pipe", &["odd-starts/nothing-is-ignored"]),
    (
        "reads-stdin",
        &["odd-starts/standard-input-is-the-commands"],
    ),
    ("lowers-limits", &["resources/limits-are-handed-on"]),
    (
        "leaks-into-command",
        &["resources/command-gets-no-descriptors"],
    ),
    (
        "no-forwarding",
        &[
            "signals/term-arrives-once",
            "signals/burst-is-not-lost",
            "signals/second-term-arrives",
            "signals/stopped-command-is-not-forgotten",
            "signals/not-pid-1-survives-signals",
            "signals/abrt-does-not-end-the-init",
            "odd-starts/below-itself",
        ],
    ),
    (
        "forwards-twice",
        &[
            "signals/term-arrives-once",
            "signals/int-arrives-once",
            "signals/ordinary-signals-arrive",
            "signals/fault-signals-arrive",
        ],
    ),
    ("child-only", &["signals/group-gets-signals"]),
    (
        "standard-only",
        &[
            "signals/real-time-signals-arrive",
            "signals/queued-signals-all-arrive",
        ],
    ),
    (
        "hides-32-to-34",
        &[
            "signals/signal-34-arrives",
            "signals/signals-32-and-33-arrive",
        ],
    ),
    ("forwards-child", &["signals/chld-is-not-forwarded"]),
    ("forwards-raw-stops", &["signals/stop-and-continue"]),
    (
        "exits-on-refusal",
        &["signals/refusal-does-not-end-the-init"],
    ),
    (
        "kills-at-once",
        &["shutdown/kill-after-waits-for-a-stop-signal"],
    ),
    (
        "exits-on-term",
        &["shutdown/waits-for-the-command", "odd-starts/below-itself"],
    ),
    (
        "no-session",
        &[
            "start/own-process-group",
            "start/own-session",
            "terminal/interrupt-key-arrives-once",
            "terminal/interrupt-key-arrives-once-at-a-single-child",
            "terminal/quit-key-arrives-once",
        ],
    ),
    (
        "no-foreground",
        &[
            "terminal/suspend-key-arrives",
            "terminal/window-size-arrives",
            "terminal/hang-up-arrives-once",
            "terminal/command-is-in-the-foreground",
            "terminal/command-has-a-controlling-terminal",
        ],
    ),
    (
        "forwards-own-hang-up",
        &["terminal/nothing-arrives-at-the-start"],
    ),
    (
        "steals-terminal",
        &["terminal/foreign-terminal-is-not-taken"],
    ),
    (
        "complains-of-terminals",
        &["terminal/no-terminal-no-complaint"],
    ),
    (
        "never-reaps",
        &[
            "reaping/orphan-is-reaped",
            "reaping/thirty-at-once-are-reaped",
            "reaping/storm-leaves-no-zombie",
            "reaping/other-sessions-are-reaped",
            "reaping/other-groups-are-reaped",
            "reaping/inherited-zombies-are-reaped",
            "reaping/orphan-killed-by-real-time-signal",
            "reaping/subreaper-reaps",
        ],
    ),
    ("reaps-once", &["reaping/thirty-at-once-are-reaped"]),
    (
        "any-child-ends-it",
        &[
            "reaping/inherited-child-is-not-the-command",
            "reaping/orphan-status-is-not-the-commands",
            "reaping/status-survives-a-crowd",
        ],
    ),
    (
        "stop-is-the-end",
        &["reaping/stopped-command-holds-up-nobody"],
    ),
    (
        "waits-for-stopped",
        &[
            "reaping/stopped-child-holds-up-nobody",
            "exit-status/stop-is-no-end",
        ],
    ),
    ("no-subreaper", &["reaping/subreaper"]),
    (
        "gives-up-on-real-time",
        &["exit-status/real-time-signal-is-128-and-the-number"],
    ),
    ("waits-for-all", &["shutdown/ends-with-the-command"]),
    (
        "ends-late",
        &[
            "shutdown/ends-soon",
            "shutdown/linger-does-not-wait-in-vain",
        ],
    ),
    ("leaves-the-group", &["shutdown/group-is-told-of-the-end"]),
    ("hasty-pre-stop", &["shutdown/pre-stop-comes-first"]),
    ("needs-pre-stop", &["shutdown/pre-stop-may-fail"]),
    (
        "always-zero",
        &[
            "exit-status/codes-pass-through",
            "exit-status/exit-map-leaves-others",
            "odd-starts/not-pid-1",
            "odd-starts/all-descriptors-closed",
            "odd-starts/deleted-directory",
            "terminal/command-reads-its-terminal",
        ],
    ),
    (
        "signal-is-one",
        &["exit-status/signal-is-128-and-the-number"],
    ),
    (
        "exec-failure-is-one",
        &[
            "exit-status/not-found",
            "exit-status/not-executable",
            "exit-status/directory-as-command",
            "exit-status/interpreter-not-found",
        ],
    ),
    (
        "silent-failure",
        &[
            "exit-status/failed-start-is-explained",
            "exit-status/no-command-is-an-error",
        ],
    ),
    ("retries-fork", &["exit-status/failed-fork-is-an-error"]),
    ("polls", &["resources/no-wake-ups"]),
    ("leaks-descriptors", &["resources/descriptors-are-let-go"]),
    ("stays-in-directory", &["resources/directory-is-let-go"]),
    ("has-a-thread", &["resources/one-thread"]),
    ("is-fat", &["resources/little-memory"]),
    (
        "writes-to-stdout",
        &[
            "resources/standard-output-is-the-commands",
            "resources/standard-output-is-the-commands-when-verbose",
        ],
    ),
    (
        "writes-to-stderr",
        &[
            "resources/quiet-when-all-is-well",
            "resources/full-stderr-blocks-nothing",
            "resources/closed-stderr-does-no-harm",
        ],
    ),
    ("hangs", &["start/command-runs"]),
    (
        "ends-early",
        &["start/command-runs", "shutdown/short-commands-are-seen"],
    ),
    ("prints", &["start/command-runs"]),
    ("forks", &["start/command-runs"]),
];

fn cases(ids: &[&str]) -> Vec<Case> {
    let mut cases = conform::cases();
    cases.retain(|case| ids.contains(&case.id().as_str()));
    assert_eq!(cases.len(), ids.len(), "some of {ids:?} do not exist");
    cases
}

#[test]
fn every_case_is_caught_failing_by_a_toy_and_every_toy_is_caught() {
    let caught: BTreeSet<String> = CATCHES
        .iter()
        .flat_map(|(_, ids)| ids.iter().map(|id| (*id).to_owned()))
        .collect();
    let all: BTreeSet<String> = conform::cases().iter().map(Case::id).collect();
    assert_eq!(caught, all);
    let named: BTreeSet<&str> = CATCHES.iter().map(|(name, _)| *name).collect();
    let toys: BTreeSet<&str> = TOYS.iter().map(|toy| toy.name).collect();
    assert_eq!(named, toys);
}

#[test]
fn each_toy_is_caught_by_the_cases_that_look_for_its_defect() {
    // Some cases, and some defects, need root.
    require_root!();
    require_namespaces!();
    let next = AtomicUsize::new(0);
    let mut wrong = Vec::new();
    thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            while let Some((name, ids)) = CATCHES.get(next.fetch_add(1, Ordering::Relaxed)) {
                wrong.extend(not_caught(name, ids));
            }
            wrong
        };
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            wrong.extend(worker.join().expect("no case panics"));
        }
    });
    assert!(wrong.is_empty(), "not caught:\n{}", wrong.join("\n"));
}

/// Some defects show only when two things happen in an unlucky order: a case may miss them, but not
/// every time.
const TRIES: usize = 3;

/// The cases that do not catch the toy, and what they saw last.
fn not_caught(name: &str, ids: &[&str]) -> Vec<String> {
    let mut left: Vec<&str> = ids.to_vec();
    let mut wrong = Vec::new();
    for _ in 0..TRIES {
        if left.is_empty() {
            break;
        }
        let mut plan = Plan::new(vec![Init::toy(name)], cases(&left));
        // Short, since cases that have to fail wait for the deadline.
        plan.limit = Duration::from_secs(1);
        let report = plan.run(Output { quiet: true });
        wrong.clear();
        let mut missed = Vec::new();
        for (case, outcome) in report.outcomes_of(0) {
            let seen = outcome.reason().unwrap_or_default();
            if !outcome.is_failure() || seen.starts_with("the harness failed") {
                wrong.push(format!("{name}, {}: {outcome} {seen}", case.id()));
                missed.push(case.id());
            }
        }
        left.retain(|id| missed.iter().any(|missed| missed == id));
    }
    wrong
}

#[test]
fn the_sound_toy_passes_all_cases_but_those_of_options() {
    require_namespaces!();
    let (_, not) = CATCHES[0];
    let mut cases = conform::cases();
    cases.retain(|case| !not.contains(&case.id().as_str()));
    let report = Plan::new(vec![Init::toy("sound")], cases).run(Output { quiet: true });
    let failed: Vec<_> = report
        .outcomes_of(0)
        .filter_map(|(case, outcome)| match outcome {
            Outcome::Failed(fact) => Some(format!("{}: {}\n{}", case.id(), fact.seen, fact.detail)),
            _ => None,
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
