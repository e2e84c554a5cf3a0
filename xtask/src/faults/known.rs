//! Outcomes that are not allowed, and known all the same: each with the reason why it stays.

use super::{Tried, calls};

/// Faults of a call, in a part of the scenarios, that end otherwise than they should.
struct Known {
    call: &'static str,
    /// The use that fails, where it is one; also that of each call of that name.
    purpose: Option<&'static str>,
    /// A part of the scenario's name; all where it is empty.
    scenario: &'static str,
    why: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        call: "getpid",
        purpose: None,
        scenario: "",
        why: "getpid(2) cannot fail, and no filter in use refuses it: libraries would not expect that either.",
    },
    Known {
        call: "getppid",
        purpose: None,
        scenario: "",
        why: "getppid(2) cannot fail: an answer that changes means that the parent has died.",
    },
    Known {
        call: "ioctl",
        purpose: None,
        scenario: "",
        why: "Trouble with the terminal is neither fatal nor worth a line: mostly there is none. The command runs without it.",
    },
    Known {
        call: "rt_sigtimedwait",
        purpose: None,
        scenario: "pty",
        why: "The signals of a terminal that was given up are pending before the call, which then takes them: only a filter refuses it.",
    },
    Known {
        call: "rt_sigtimedwait",
        purpose: None,
        scenario: "dumb-init",
        why: "As on a pty.",
    },
    Known {
        call: "waitid",
        purpose: None,
        scenario: "pause",
        why: "ECHILD says that there are no children. The init believes it until the next SIGCHLD.",
    },
    Known {
        call: "kill",
        purpose: Some("KILL"),
        scenario: "kill",
        why: "The command is stopped before all is killed. A KILL for it cannot fail where the STOP did not.",
    },
    Known {
        call: "kill",
        purpose: None,
        scenario: "dumb-init",
        why: "The original says nothing of a signal that it cannot send.",
    },
    Known {
        call: "kill",
        purpose: None,
        scenario: "tini",
        why: "The original says nothing of a signal that it cannot send.",
    },
];

/// Whether it is known that a fault ends so.
pub fn is_known(tried: &Tried) -> bool {
    let name = calls::name(tried.fault.number());
    let purpose = tried.fault.purpose();
    KNOWN.iter().any(|known| {
        known.call == name
            && tried.scenario.name.contains(known.scenario)
            && (known.purpose.is_none() || purpose.is_none() || known.purpose == purpose)
    })
}

/// What the document says of them; nothing where there are none.
pub fn section() -> String {
    if KNOWN.is_empty() {
        return String::new();
    }
    let mut text =
        "\n### What is known\n\nOutcomes in bold are not allowed. These stay:\n\n".to_owned();
    for known in KNOWN {
        let purpose = known.purpose.map(|p| format!(" {p}")).unwrap_or_default();
        let scenario = match known.scenario {
            "" => String::new(),
            some => format!(" ({some})"),
        };
        text += &format!("- `{}{purpose}`{scenario}: {}\n", known.call, known.why);
    }
    text
}
