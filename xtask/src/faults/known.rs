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
        why: "getpid(2) cannot fail, and no filter in use rejects it, because libraries do not expect it to fail.",
    },
    Known {
        call: "getppid",
        purpose: None,
        scenario: "",
        why: "getppid(2) cannot fail. If its result changes, the parent has died.",
    },
    Known {
        call: "ioctl",
        purpose: None,
        scenario: "",
        why: "Most runs have no terminal, so an error of the terminal is neither fatal nor reported. The command runs without a terminal.",
    },
    Known {
        call: "rt_sigtimedwait",
        purpose: None,
        scenario: "pty",
        why: "The signals from giving up the terminal are pending before the call, which takes them. Only a filter can make it fail.",
    },
    Known {
        call: "rt_sigtimedwait",
        purpose: None,
        scenario: "dumb-init",
        why: "The same as on a pty.",
    },
    Known {
        call: "waitid",
        purpose: None,
        scenario: "pause",
        why: "ECHILD means that there are no children. The init accepts that until the next SIGCHLD.",
    },
    Known {
        call: "kill",
        purpose: Some("KILL"),
        scenario: "kill",
        why: "The init stops the command before it kills all processes. If the STOP for the command succeeded, the KILL cannot fail.",
    },
    Known {
        call: "kill",
        purpose: None,
        scenario: "dumb-init",
        why: "The original does not report a signal that it cannot send.",
    },
    Known {
        call: "kill",
        purpose: None,
        scenario: "tini",
        why: "The original does not report a signal that it cannot send.",
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
        "\n### Known exceptions\n\nOutcomes in bold are not allowed. We accept these:\n\n"
            .to_owned();
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
