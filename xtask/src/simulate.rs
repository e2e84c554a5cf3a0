//! `cargo xtask simulate`: the init's loop in a kernel in memory, world after world; and, with `--defects`, the proof
//! that the worlds find what they are there for.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::{command, project};

/// The document, from the root of the repository.
const DOCUMENT: &str = "docs/simulation.md";
/// Where the table of defects stands in it.
const BEGIN: &str = "<!-- defects: begin -->\n";
const END: &str = "<!-- defects: end -->\n";

/// So many worlds are run in CI, from this seed.
const WORLDS: &str = "1000000";
const SEED: &str = "1";

/// Run the init's loop in simulated worlds; docs/simulation.md says what they are.
#[derive(clap::Args)]
pub struct Args {
    /// Run random worlds for so long.
    #[arg(long, value_name = "N", conflicts_with = "worlds")]
    minutes: Option<u64>,
    /// Run so many random worlds.
    #[arg(long, value_name = "N")]
    worlds: Option<u64>,
    /// Begin with this seed; else the time gives one.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Explore every small world in which so many things happen that need not.
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// Show the world of these choices.
    #[arg(long, value_name = "LIST")]
    replay: Option<String>,
    /// It is a small world.
    #[arg(long, requires = "replay")]
    small: bool,
    /// Put defects of the past back, one by one, and write down what finds them.
    #[arg(long, exclusive = true)]
    defects: bool,
}

pub fn main(args: &Args) -> Result<()> {
    if args.defects {
        return defects();
    }
    let mut options: Vec<OsString> = Vec::new();
    if let Some(list) = &args.replay {
        options.extend(["--replay".into(), list.into()]);
        if args.small {
            options.push("--small".into());
        }
    } else {
        let seed = args.seed.unwrap_or_else(|| {
            let time = SystemTime::now().duration_since(UNIX_EPOCH);
            time.unwrap_or_default().as_secs()
        });
        options.extend(["--seed".into(), seed.to_string().into()]);
    }
    for (name, value) in [
        ("--minutes", args.minutes),
        ("--worlds", args.worlds),
        ("--events", args.events),
    ] {
        if let Some(value) = value {
            options.extend([name.into(), value.to_string().into()]);
        }
    }
    simulate(&options)
}

/// Runs as many worlds as CI has time for.
pub fn check() -> Result<()> {
    simulate(&["--seed", SEED, "--worlds", WORLDS].map(OsString::from))
}

fn simulate(options: &[OsString]) -> Result<()> {
    let mut cargo = command::cargo();
    cargo
        .args(["run", "--quiet", "--profile", "simulation"])
        .args(["--package", "simulation", "--"])
        .args(options);
    command::run(&mut cargo)
}

/// A defect of the past, as a change to today's source.
struct Defect {
    /// What is wrong.
    what: &'static str,
    /// The file, below `src/`.
    file: &'static str,
    /// What is replaced in it, and by what.
    changes: &'static [(&'static str, &'static str)],
}

const DEFECTS: &[Defect] = &[
    Defect {
        what: "A process whose parent dies while the walk reads it counts as a stranger",
        file: "init/descendants.rs",
        changes: &[(
            "Descent::Disturbed => Relation::Disturbed,",
            "Descent::Disturbed => Relation::Stranger,",
        )],
    },
    Defect {
        what: "If pidfds work but another reaper adopts orphans, the command's group gets no signal",
        file: "init/descendants.rs",
        changes: &[
            (
                "let member = stat.group.is_some() && stat.group == self.leader;",
                "let member = false;",
            ),
            (
                "let _ = self.kernel.send(self.signal, Recipient::Group(leader));",
                "",
            ),
        ],
    },
    Defect {
        what: "Every error of waitid(2) means that there are no children",
        file: "init/run.rs",
        changes: &[(
            "let children = self.kernel.peek()?;",
            "let children = self.kernel.peek().unwrap_or(Children::None);",
        )],
    },
    Defect {
        what: "The init logs each signal, even the SIGPIPE that its last line has raised",
        file: "init/run.rs",
        changes: &[(
            "if received.is_raised_by_our_line() {\n            return;",
            "if received.is_raised_by_our_line() {\n            self.say(Event::NothingToReap {});\n            return;",
        )],
    },
    Defect {
        what: "The init stops itself with STOP, even if its process group is orphaned",
        file: "init/run.rs",
        changes: &[
            (
                "self.kernel.stop_ourselves(self.stop);",
                "let ourselves = Recipient::Process(self.kernel.ourselves());
                 let _ = self.kernel.send(Signal::STOP, ourselves);",
            ),
            (
                "self.namespace_init || group_is_orphaned(self.kernel)",
                "self.namespace_init",
            ),
        ],
    },
    Defect {
        what: "A stop signal that was ignored before the start sets the deadline of the kill",
        file: "init/run.rs",
        changes: &[("if kernel.is_ignored(signal) {", "if false {")],
    },
    Defect {
        what: "If /proc cannot be read, the command does not get signals for all",
        file: "init/descendants.rs",
        changes: &[(
            "if let Some(leader) = leader {\n            walk.end_with(leader);",
            "if let (Some(leader), None) = (leader, walk.failed) {\n            walk.end_with(leader);",
        )],
    },
    Defect {
        what: "As PID 1, the init forwards a stop that the terminal sent before it belonged to the command",
        file: "init/run.rs",
        changes: &[(
            "self.namespace_init || group_is_orphaned(self.kernel)",
            "!self.namespace_init && group_is_orphaned(self.kernel)",
        )],
    },
    Defect {
        what: "The init continues the command only when it takes CONT off the queue",
        file: "supervisor.rs",
        changes: &[(
            "let resume = (config.behaviour.stops == Stops::WithCommand).then_some(to);",
            "let resume = None;",
        )],
    },
    Defect {
        what: "CONT does not cancel a held stop",
        file: "supervisor.rs",
        changes: &[("                    running.forget_stops();\n", "")],
    },
    Defect {
        what: "A dropped signal waits for the pre-stop program, and a second one ends the wait of others",
        file: "config.rs",
        changes: &[(
            "self.is_stop_signal(signal) && self.delivered(signal).is_some()",
            "self.is_stop_signal(signal)",
        )],
    },
    Defect {
        what: "The end of the pre-stop program releases nothing",
        file: "supervisor.rs",
        changes: &[(
            "                running.end_pre_stop();\n                actions",
            "                actions",
        )],
    },
    Defect {
        what: "The wait for TCP data has no end",
        file: "init/linger.rs",
        changes: &[(
            "left = pause.until(left).min(kernel.now().until(until));",
            "let _ = until;",
        )],
    },
];

/// How many seeds each is looked for with, and how many worlds of each.
const SEEDS: u64 = 5;
const MOST_WORLDS: &str = "3000000";

fn defects() -> Result<()> {
    let directory = project::work_dir().join("simulate");
    let copy = directory.join("copy");
    copy_sources(&copy)?;
    let mut rows = String::new();
    for defect in DEFECTS {
        let file = copy.join("src").join(defect.file);
        let sound =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        write(&file, &break_it(defect, &sound)?)?;
        let found = find(&copy, &directory.join("target"))
            .with_context(|| format!("the defect: {}", defect.what))?;
        write(&file, &sound)?;
        log::info!(
            "{}: {} after {}",
            defect.what,
            found.property,
            found.median()
        );
        rows += &format!(
            "| {} | `{}` | {} ({} to {}) |\n",
            defect.what,
            found.property,
            found.median(),
            found.worlds.first().copied().unwrap_or_default(),
            found.worlds.last().copied().unwrap_or_default(),
        );
    }
    let document = project::root().join(DOCUMENT);
    let text = fs::read_to_string(&document)
        .with_context(|| format!("cannot read {}", document.display()))?;
    let (before, rest) = text
        .split_once(BEGIN)
        .context("the document has no table")?;
    let (_, after) = rest.split_once(END).context("the table has no end")?;
    let head = "| defect | property | worlds until it is found: median (least to most) |\n|---|---|---:|\n";
    write(
        &document,
        &format!("{before}{BEGIN}{head}{rows}{END}{after}"),
    )
}

fn break_it(defect: &Defect, sound: &str) -> Result<String> {
    let mut broken = sound.to_owned();
    for (from, to) in defect.changes {
        ensure!(
            broken.matches(from).count() == 1,
            "{}: not found once in {}: {from}",
            defect.what,
            defect.file
        );
        broken = broken.replace(from, to);
    }
    Ok(broken)
}

/// What finds a defect.
struct Found {
    /// The property that most worlds show to be broken.
    property: String,
    /// The number of worlds until then, for each seed, in order.
    worlds: Vec<u64>,
}

impl Found {
    fn median(&self) -> u64 {
        self.worlds
            .get(self.worlds.len() / 2)
            .copied()
            .unwrap_or_default()
    }
}

fn find(copy: &Path, target: &Path) -> Result<Found> {
    let mut cargo = command::cargo();
    cargo
        .args(["build", "--quiet", "--profile", "simulation"])
        .args(["--package", "simulation"])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", target);
    command::run(&mut cargo)?;
    let mut worlds = Vec::new();
    let mut properties: Vec<String> = Vec::new();
    for seed in 1..=SEEDS {
        let output = Command::new(target.join("simulation/simulation"))
            .args(["--events", "0", "--property", "--worlds", MOST_WORLDS])
            .args(["--seed", &seed.to_string()])
            .output()
            .context("cannot run the simulation")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().last().unwrap_or_default();
        let Some((property, count)) = line.split_once(" after ") else {
            bail!("{MOST_WORLDS} worlds of seed {seed} do not find it");
        };
        let count = count.trim_end_matches(" worlds");
        worlds.push(
            count
                .parse()
                .with_context(|| format!("a number: {count}"))?,
        );
        properties.push(property.to_owned());
    }
    worlds.sort_unstable();
    let count = |property: &String| properties.iter().filter(|other| *other == property).count();
    let property = properties.iter().max_by_key(|property| count(property));
    Ok(Found {
        property: property.cloned().unwrap_or_default(),
        worlds,
    })
}

/// Copies what git knows of, as it stands.
fn copy_sources(copy: &Path) -> Result<()> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(project::root());
    let files = command::output(&mut git)?;
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("cannot remove {}", copy.display()))?;
    }
    for file in files.lines().map(PathBuf::from) {
        let from = project::root().join(&file);
        // A file that was removed and not committed is still listed.
        if !from.is_file() {
            continue;
        }
        let to = copy.join(&file);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of the source must not leave a defect behind that can no longer be put back.
    #[test]
    fn each_defect_can_be_put_back() {
        for defect in DEFECTS {
            let file = project::root().join("src").join(defect.file);
            let sound = fs::read_to_string(file).expect("it is a source file");
            break_it(defect, &sound).expect("its lines are there");
        }
    }
}
