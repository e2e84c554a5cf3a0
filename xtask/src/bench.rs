//! `cargo xtask bench`: `docs/benchmarks.md` with its plots, and the README's figures, from one
//! measurement.

use std::fs;

use anyhow::{Context, Result};
use initlab::bench::Report;
use initlab::output::Table;

use crate::measure::{self, beside_peers, host};
use crate::{apt, dist, project};

/// The peers, and the program that counts system calls.
const PACKAGES: &[&str] = &["catatonit", "dumb-init", "strace", "tini"];

/// How many storms there are under each, and of how many orphans. The processor time of one depends
/// on how often the init finds several zombies at once, so a few would show chance.
const STORMS: usize = 21;
const ORPHANS: usize = 5000;

/// The lines of the README that enclose its figures.
const BEGIN: &str = "<!-- figures: cargo xtask bench -->\n";
const END: &str = "<!-- end of figures -->\n";

/// Measure everything beside the peers; write docs/benchmarks.md, its plots, and the README's table.
///
/// The machine should have nothing else to do.
#[derive(clap::Args)]
pub struct Args {
    /// How often each is started, and sent a signal.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    rounds: usize,
}

pub fn main(args: &Args) -> Result<()> {
    apt::install(PACKAGES, "the comparison")?;
    let binary = dist::build(host()?)?;
    let plan = beside_peers(&binary)?
        .rounds(args.rounds)
        .storms(STORMS, ORPHANS);
    let report = measure::run(&plan)?;
    let docs = project::root().join("docs");
    report.write_plots(&docs.join("img"))?;
    write("docs/benchmarks.md", &page(&report))?;
    let readme = read("README.md")?;
    write("README.md", &with_figures(&readme, &summary(&report))?)?;
    print!("{}", report.to_text());
    Ok(())
}

fn read(name: &str) -> Result<String> {
    fs::read_to_string(project::root().join(name)).with_context(|| format!("cannot read {name}"))
}

fn write(name: &str, text: &str) -> Result<()> {
    fs::write(project::root().join(name), text).with_context(|| format!("cannot write {name}"))
}

fn page(report: &Report) -> String {
    let figures = report.to_markdown();
    format!(
        "\
# Benchmarks

`cargo xtask bench` writes this page with `initlab bench`: do not edit it.

{figures}
## What the figures mean

- **Ratios** are ratios of medians, with a 95 % interval from a bootstrap: a thousand samples of the rounds, with the
  same rounds for both sides. The timed runs are interleaved, so that other activity on the machine affects all
  inits alike. Starts and signals have another order in each round, since each leaves warm caches to the next.
- **Start to end** is the time from starting an init with a command that does nothing until the init has ended, both on
  one processor. With an init, two programs start instead of one, so two bare execs are the lower bound.
- **A signal** goes to a sleeping init; the command, which also sleeps, records the time at which it gets the signal.
  \"no init\" is a signal that goes directly to the command. Each init takes part with 20 processes, one after the other:
  where the kernel puts a process makes it faster or slower all its life.
- **A storm** is a command that creates orphans, at most 64 alive at a time, each of which ends at once. The benchmark
  counts the zombies every 2 ms; the processor time is the init's alone.
- **PSS** is the memory of an idle init, including its proportional share of shared pages; **private** is the memory
  that it does not share; both are medians of 25 starts, because the kernel places the start of the stack at random
  within two pages. **Wake-ups** are its context switches while idle.
- **The C reference** ([init.c](../integration/reference/init.c)) makes the system calls that an init has to make, and
  does nothing else. It is a static binary with musl. In storms, its column compares the processor time.
- **System calls**: strace counts those of the init alone, from `execve` to `exit_group`, with an empty command. The
  figure is the lowest of three runs.

![Start to end of an empty command](img/bench-startup.svg)

![From sending a signal to its arrival](img/bench-latency.svg)

![Zombies in a storm of orphans](img/bench-storm.svg)

## As JSON

`initlab bench --format json` prints one object with `format`, which is `initlab-bench`, and `version`, which is 1 and
changes when a field is removed or changes its meaning. A value that was not measured is null; a ratio has `value`,
`low` and `high`.

| field | what it is |
| --- | --- |
| `machine` | `processor`, `processors`, `kernel` |
| `rounds`, `storms`, `orphans`, `window_s` | how much was measured |
| `bare_exec_us`, `two_bare_execs_us`, `bare_latency` | the times without an init |
| `inits[]` | `name`, `path`, `version`, `bytes`, `dynamic`, `syscalls`, and: |
| `inits[].startup` | `median_us`, `to_two_execs`, `to_first`, `to_reference` |
| `inits[].latency` | `p50_us`, `p99_us`, `p999_us`, `to_first`, `to_reference` |
| `inits[].storm` | `reaped_per_second`, `to_first`, `backlog`, `cpu_ms_per_1000`, `cpu_to_reference`; `each` storm |
| `inits[].idle` | `pss_kb`, `private_kb`, `wake_ups` |
| `reference` | the C reference, as `inits[]`: start-up, latency and storms; null without one |
| `left_out[]` | measurements that failed: `init`, `measure`, `why` |
"
    )
}

/// The figures that the README has.
fn summary(report: &Report) -> String {
    let head = [
        "",
        "bytes",
        "system calls",
        "idle memory (PSS), kB",
        "wake-ups in 10 s",
        "start-up, two bare execs = 1",
    ];
    let mut table = Table::new(head).numbers();
    let shown = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    for init in &report.inits {
        let startup = init.startup.map(|startup| startup.to_two_execs.value);
        table.row([
            measure::name(init),
            shown(init.bytes),
            shown(init.syscalls),
            shown(init.idle.map(|idle| idle.pss_kb)),
            shown(init.idle.map(|idle| idle.wake_ups)),
            startup.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
        ]);
    }
    table.to_markdown()
}

/// The text with these figures instead of the old ones.
fn with_figures(readme: &str, figures: &str) -> Result<String> {
    let (before, rest) = readme
        .split_once(BEGIN)
        .with_context(|| format!("README.md has no line {}", BEGIN.trim()))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("README.md has no line {}", END.trim()))?;
    Ok(format!("{before}{BEGIN}\n{figures}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_a_place_for_the_figures() {
        let readme = read("README.md").unwrap();
        let filled = with_figures(&readme, "| new |\n").unwrap();
        assert!(filled.contains(&format!("{BEGIN}\n| new |\n\n{END}")));
        assert_eq!(with_figures(&filled, "| new |\n").unwrap(), filled);
        assert!(with_figures("no marks", "").is_err());
    }
}
