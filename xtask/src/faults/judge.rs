//! What became of a run: what the document says of it, and whether the init may do that.

use std::collections::BTreeSet;

use initlab::{WaitStatus, signal_name};

use super::calls;
use super::run::{Fault, Seen};
use super::scenario::Scenario;

/// How a run went without a fault.
pub struct Usual {
    pub status: i32,
    lines: BTreeSet<String>,
    told: BTreeSet<String>,
    log: bool,
}

impl Usual {
    pub fn of(seen: &Seen) -> Option<Usual> {
        let sound = !seen.hangs && !seen.spins && !seen.zombie && !seen.released;
        Some(Usual {
            status: seen.status.filter(|_| sound && seen.survivors == 0)?,
            lines: lines(&seen.stderr),
            told: told(&seen.stdout),
            log: !seen.log.is_empty(),
        })
    }
}

/// What the document says of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    pub text: String,
    /// The init must not do that.
    pub defect: bool,
}

/// The status of the command where it ends by itself.
const OWN_STATUS: i32 = 7 << 8;

pub fn judge(scenario: &Scenario, usual: &Usual, seen: &Seen, fault: &Fault) -> Outcome {
    let mut defects = Vec::new();
    let mut effects = Vec::new();
    let errno = fault.errno();
    let is_answer = calls::is_answer(fault.number(), errno);
    let said = speech(usual, seen, errno);
    let told = told(&seen.stdout);
    if seen.hangs && seen.stopped && said == Speech::Why {
        effects.push("a process stays stopped".to_owned());
    } else if seen.hangs {
        defects.push("hangs".to_owned());
    }
    if seen.spins {
        defects.push("spins".to_owned());
    }
    if seen.zombie {
        defects.push("leaves a zombie while it runs".to_owned());
    }
    let changed = seen.status.filter(|status| *status != usual.status);
    let failed = |status| scenario.failures().iter().any(|code| status == code << 8);
    let failed = changed.is_some_and(failed);
    if let Some(status) = changed {
        let truth = told.contains("released") && status == OWN_STATUS;
        // `-x` that is not possible gives the number of the signal.
        let by_number = status == (128 + (usual.status & 0x7f)) << 8 && usual.status & 0x7f != 0;
        if truth || by_number || failed || is_answer {
            effects.push(show(status));
        } else {
            defects.push(show(status));
        }
    }
    if seen.command_lives && !is_answer {
        defects.push("the command survives".to_owned());
    } else if seen.survivors > 0 && !failed {
        effects.push("a process survives".to_owned());
    }
    // Where the init has failed, the command is not expected to have had all.
    for missing in usual.told.difference(&told).filter(|_| !failed) {
        effects.extend(match missing.as_str() {
            "TERM" => Some("the signal is not delivered".to_owned()),
            "reporter TERM" => Some("not everybody gets the signal".to_owned()),
            given => difference(given, &told),
        });
    }
    if usual.log && seen.log.is_empty() && !failed {
        effects.push("no termination log".to_owned());
    }
    let must_be_said = !effects.is_empty() && !is_answer || failed;
    match said {
        _ if !must_be_said => {}
        Speech::Why => {}
        Speech::Nothing => defects.push("without a line".to_owned()),
        // The words are the originals', which do not always name the error.
        Speech::Other if is_answer || !scenario.is_native() => {}
        Speech::Other => defects.push("with a line that does not say why".to_owned()),
    }
    let defect = !defects.is_empty();
    let mut parts = defects;
    parts.append(&mut effects);
    if parts.is_empty() {
        parts.push("unchanged".to_owned());
    }
    if said == Speech::Why {
        parts.push("reported".to_owned());
    } else if !usual.lines.is_subset(&lines(&seen.stderr)) && !failed && !seen.hangs {
        parts.push("lines are missing".to_owned());
    }
    Outcome {
        text: parts.join(", "),
        defect,
    }
}

/// What the init says that it does not say without the fault.
#[derive(PartialEq, Eq)]
enum Speech {
    Nothing,
    /// A line without the error.
    Other,
    Why,
}

fn show(status: i32) -> String {
    match WaitStatus::from_raw(status).signal() {
        Some(signal) => format!("killed by {}", signal_name(signal)),
        None => format!("status {}", status >> 8),
    }
}

fn speech(usual: &Usual, seen: &Seen, errno: i32) -> Speech {
    let reason = calls::errno_text(errno);
    let number = format!("error {errno}");
    let new = |line: &&str| !usual.lines.contains(&without_numbers(line));
    let lines: Vec<&str> = seen.stderr.lines().filter(new).collect();
    let says_why = |line: &&str| line.contains(&reason) || line.contains(&number);
    if lines.iter().any(says_why) {
        Speech::Why
    } else if lines.is_empty() {
        Speech::Nothing
    } else {
        Speech::Other
    }
}

/// The lines, with N for each number: process IDs and times differ from run to run.
fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(without_numbers).collect()
}

fn without_numbers(line: &str) -> String {
    let mut out = String::new();
    for c in line.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('N') {
            out.push('N');
        }
    }
    out
}

fn told(stdout: &str) -> BTreeSet<String> {
    stdout.lines().map(str::to_owned).collect()
}

/// What the command is given otherwise than usual; `None` where it ended before it could tell.
fn difference(usual: &str, told: &BTreeSet<String>) -> Option<String> {
    let given = told.iter().find(|line| line.starts_with("given: "))?;
    let (usual, given): (Vec<_>, Vec<_>) = (parts(usual), parts(given));
    let changed = given.iter().filter(|part| !usual.contains(part));
    let changed: Vec<&str> = changed.map(|part| in_words(part)).collect();
    Some(format!("the command has {}", changed.join(" and ")))
}

fn parts(line: &str) -> Vec<&str> {
    line.trim_start_matches("given: ").split(", ").collect()
}

fn in_words(part: &str) -> &str {
    match part {
        "session inherited" => "no session of its own",
        "group inherited" => "no group of its own",
        "in the background" => "not the terminal's foreground",
        mask if mask.starts_with("mask ") => "signals blocked",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::scenario::SCENARIOS;

    /// A run of the first scenario as it should be.
    fn usual() -> Seen {
        Seen {
            status: Some(OWN_STATUS),
            stdout: "given: mask 0, session own, group own\nTERM\n".to_owned(),
            ..Seen::default()
        }
    }

    /// What is said of a run that is as usual but for this.
    fn judged(number: i64, errno: i32, change: impl FnOnce(&mut Seen)) -> (String, bool) {
        let mut seen = usual();
        change(&mut seen);
        let usual = Usual::of(&usual()).expect("it is sound");
        let outcome = judge(
            &SCENARIOS[0],
            &usual,
            &seen,
            &Fault::Every { number, errno },
        );
        (outcome.text, outcome.defect)
    }

    #[test]
    fn nothing_is_silent_but_what_is_as_ever() {
        let kill = |change: &dyn Fn(&mut Seen)| judged(libc::SYS_kill, libc::EPERM, change);
        assert_eq!(kill(&|_| {}), ("unchanged".to_owned(), false));
        let lost = "given: mask 0, session own, group own\nreleased\n";
        let text = "the signal is not delivered";
        assert_eq!(
            kill(&|seen| seen.stdout = lost.to_owned()),
            (format!("without a line, {text}"), true)
        );
        assert_eq!(
            kill(&|seen| {
                seen.stdout = lost.to_owned();
                seen.stderr = "cannot send: Operation not permitted".to_owned();
            }),
            (format!("{text}, reported"), false)
        );
        assert_eq!(
            kill(&|seen| {
                seen.stdout = lost.to_owned();
                seen.stderr = "cannot send: No such process".to_owned();
            }),
            (format!("with a line that does not say why, {text}"), true)
        );
    }

    #[test]
    fn an_answer_is_believed() {
        let lost = |seen: &mut Seen| seen.stdout = seen.stdout.replace("TERM", "released");
        let text = "the signal is not delivered".to_owned();
        assert_eq!(judged(libc::SYS_kill, libc::ESRCH, lost), (text, false));
    }

    #[test]
    fn a_failed_init_says_why_and_leaves_no_command_behind() {
        let wait = |change: fn(&mut Seen)| judged(libc::SYS_waitid, libc::EIO, change);
        let line = "cannot wait: Input/output error".to_owned();
        let failed = |seen: &mut Seen| seen.status = Some(125 << 8);
        let (text, defect) = judged(libc::SYS_waitid, libc::EIO, |seen| {
            failed(seen);
            seen.stderr = line;
        });
        assert_eq!((text.as_str(), defect), ("status 125, reported", false));
        assert_eq!(
            wait(|seen| seen.status = Some(125 << 8)),
            ("without a line, status 125".to_owned(), true)
        );
        assert!(wait(|seen| seen.status = Some(3 << 8)).1);
        assert!(wait(|seen| seen.command_lives = true).1);
    }

    #[test]
    fn hangs_spins_and_zombies_are_defects_whatever_is_said() {
        let said = "cannot wait: Input/output error";
        let changes: [fn(&mut Seen); 3] = [
            |seen| seen.hangs = true,
            |seen| seen.spins = true,
            |seen| seen.zombie = true,
        ];
        for change in changes {
            let (_, defect) = judged(libc::SYS_waitid, libc::EIO, |seen| {
                change(seen);
                seen.stderr = said.to_owned();
            });
            assert!(defect);
        }
    }
}
