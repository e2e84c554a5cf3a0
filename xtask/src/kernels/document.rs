//! The tables: what ran where.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};

use super::Outcome;
use crate::project;

const DOCUMENT: &str = "docs/kernels.md";

const INTRODUCTION: &str = "\
# Kernels

How tidy-init does as PID 1 of whole machines, on Debian's kernels: no namespace around it, no process above it, and a
kernel that panics when it ends. Written by `cargo xtask kernels --all`.

QEMU emulates each machine and its processor (no KVM). Its root is an initramfs of the binary of `cargo xtask
dist`, a static `initlab`, and Debian's static busybox; nothing else runs there. The cases are

- `machine/`: for the machine's real PID 1. It has no parent and no controlling terminal, blocks all 64 signals, forwards
  each that can be caught, survives KILL and STOP, passes a stop and a CONT on, adopts and reaps orphans, never wakes up
  while idle, holds no descriptor, and writes the right year after 2038, where time has 32 bits, too. In a cgroup of
  version 2 with a limit, `--termination-log` names the OOM kill;
- `end/`: three more boots, in which nobody mounts /proc: the kernel's panic shows that PID 1 exited with the command's
  status, with 137 where KILL killed it, and with 127 where there is none. With `--grace`, leftovers in sessions of their
  own get TERM first;
- the catalogue of [conformance.md](conformance.md), in namespaces.

`cargo xtask test`, and so CI, boots two of these machines, with the core of the cases: x86_64 on 5.10 and aarch64 on 6.1.

";

const NOT_HAD: &str = "\
## What is missing

- **arm64 with pages of 64 kB**: Debian has no such kernel. It has one with 16 kB. Debian 12 has 64 kB on powerpc64le.
- **x86_64 before 5.10**: Debian's mirrors keep nothing older. What older kernels refuse is refused by filters, as above.
- **QEMU's boards are not all there**: on the Raspberry Pi Zero (arm, that is, ARMv6) the driver for the power
  controller is left out, on LoongArch the one for a keyboard controller; both would end the kernel before PID 1 starts.
- **Seconds** are those of a shared machine with two processors. They compare nothing.
";

/// For people, in Markdown.
pub fn table<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> String {
    let mut text = String::from(
        "| architecture | kernel | bits, byte order | page | passed | failed | skipped | seconds to start | in all |\n\
         | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for outcome in outcomes {
        let page = outcome.about("page").parse::<u32>().map_or(0, |p| p / 1024);
        let without = outcome
            .refusal
            .map_or_else(String::new, |refusal| format!(", without {}", refusal.name));
        let _ = writeln!(
            text,
            "| {}{without} | {} | {}, {} | {page} kB | {} | {} | {} | {} | {:.0} |",
            outcome.machine.arch.spec().name,
            outcome.about("kernel"),
            outcome.about("bits"),
            outcome.about("endian"),
            outcome.passed,
            outcome.failed.len(),
            outcome.skipped.len(),
            outcome.about("up"),
            outcome.took.as_secs_f64(),
        );
    }
    text
}

/// How each fallback came to run: by a kernel that lacks the call, or by a filter.
fn fallbacks(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "## Fallbacks\n\nWhat an old kernel or a sandbox refuses, and what refused it here. A filter is seccomp's, around the init \
         and all\nbelow it, on x86_64; the whole catalogue runs.\n\n\
         | without | by | passed | failed |\n| --- | --- | ---: | ---: |\n",
    );
    for outcome in outcomes {
        if let Some(refusal) = outcome.refusal {
            let (passed, failed) = (outcome.passed, outcome.failed.len());
            let kernel = outcome.about("kernel");
            let _ = writeln!(
                text,
                "| {} | a filter, on {kernel} | {passed} | {failed} |",
                refusal.shows
            );
        }
    }
    let lacking = outcomes
        .iter()
        .filter(|o| o.refusal.is_none() && o.about("nowait") == "false");
    let names: Vec<String> = lacking.map(|o| o.machine.name()).collect();
    if !names.is_empty() {
        let _ = writeln!(
            text,
            "| the same | the kernels themselves: {} | above | above |",
            names.join(", ")
        );
    }
    text.push_str(
        "| /proc | every machine: nobody mounts it in the three boots of `end/` | above | above |\n",
    );
    text
}

fn failures(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let name = super::title(outcome.machine, outcome.refusal);
        for trouble in &outcome.trouble {
            let _ = writeln!(text, "- {name}: {trouble}");
        }
        for (id, why) in &outcome.failed {
            let _ = writeln!(text, "- {name}, failed, `{id}`: {why}");
        }
        for (id, why) in &outcome.skipped {
            let _ = writeln!(text, "- {name}, skipped, `{id}`: {why}");
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("## Failed and skipped\n\n{text}\n"),
    }
}

pub fn write(outcomes: &[Outcome], missing: &[String]) -> Result<()> {
    let document = project::root().join(DOCUMENT);
    let plain = outcomes.iter().filter(|o| o.refusal.is_none());
    let mut text = format!(
        "{INTRODUCTION}{}\n{}\n{}{NOT_HAD}",
        table(plain),
        fallbacks(outcomes),
        failures(outcomes),
    );
    if !missing.is_empty() {
        let _ = writeln!(text, "- **Not run this time**: {}.", missing.join(", "));
    }
    fs::write(&document, text).with_context(|| format!("cannot write {}", document.display()))?;
    log::info!("{DOCUMENT} is written");
    Ok(())
}
