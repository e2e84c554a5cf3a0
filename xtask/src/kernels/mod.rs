//! `cargo xtask kernels`: the init as PID 1 of whole machines, on real kernels.
//!
//! Debian's kernels boot under QEMU, which emulates the processor, too: no KVM. A machine's root is
//! an initramfs of the init, a static `initlab` and a static busybox. The init is what the kernel
//! starts, `initlab machine` is its command, and the kernel's panic shows the init's status.

mod debian;
mod document;
mod guest;
mod image;
mod initramfs;
mod machine;
mod results;
mod vm;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use initlab::machine::{DONE, Mark, REFUSALS, Refusal};

use crate::arch::Arch;
use crate::{dist, harness, project};
use initramfs::Initramfs;
use machine::{MACHINES, Machine};
use vm::{Boot, Seen};

/// Boot machines with the init as their PID 1, and run the cases there.
#[derive(clap::Args)]
pub struct Args {
    /// Only machines of this architecture; repeatable.
    #[arg(long = "target", value_name = "ARCH")]
    targets: Vec<Arch>,
    /// Only machines with this kernel: 5.10, 6.1, 6.12 or sid; repeatable.
    #[arg(long = "kernel", value_name = "VERSION")]
    kernels: Vec<String>,
    /// All machines, and every fallback; write docs/kernels.md.
    #[arg(long, conflicts_with_all = ["targets", "kernels", "filter"])]
    all: bool,
    /// Boot nothing: write docs/kernels.md from the last result of each machine.
    #[arg(long, conflicts_with_all = ["all", "targets", "kernels", "filter"])]
    document: bool,
    /// With a system call refused to the init in the catalogue, by a seccomp filter; repeatable.
    #[arg(long = "refuse", value_name = "CALL", value_parser = Refusal::named)]
    refusals: Vec<Refusal>,
    /// Only the core cases; without --target and --kernel on x86_64 with 5.10 and aarch64 with 6.1,
    /// at the same time: what CI runs.
    #[arg(long, conflicts_with = "all")]
    core: bool,
    /// The catalogue for each of the init's personalities, not only for the native one.
    #[arg(long)]
    personalities: bool,
    /// Build nothing: boot what was built last.
    #[arg(long)]
    no_build: bool,
    /// Print the machines, and boot none.
    #[arg(long)]
    list: bool,
    /// Only the cases whose group/name contains one of these.
    filter: Vec<String>,
}

/// What a machine runs.
#[derive(Clone, Default)]
struct Work {
    personalities: bool,
    refusal: Option<Refusal>,
    filter: Vec<String>,
    /// Only what does not depend on what is refused is left out.
    catalogue_only: bool,
}

/// How it went on a machine.
pub struct Outcome {
    machine: &'static Machine,
    refusal: Option<Refusal>,
    /// What the machine said of itself, as key and value.
    about: HashMap<String, String>,
    passed: usize,
    skipped: Vec<(String, String)>,
    failed: Vec<(String, String)>,
    took: Duration,
    trouble: Vec<String>,
}

impl Outcome {
    fn about(&self, key: &str) -> &str {
        self.about.get(key).map_or("?", String::as_str)
    }

    fn well(&self) -> bool {
        self.failed.is_empty() && self.trouble.is_empty() && self.passed > 0
    }
}

/// An end of the machine's PID 1: what it runs, and the status with which the kernel then panics.
struct End {
    name: &'static str,
    arguments: &'static str,
    status: u32,
    /// What the console says, too. Not the init's own last line: what the driver of the console has not
    /// sent yet is lost when the kernel panics.
    says: &'static [&'static str],
}

/// Without /proc, /sys and /dev: nobody mounts them there.
const ENDS: &[End] = &[
    End {
        name: "end/leftovers-get-term-and-the-status-is-the-commands",
        arguments: "--grace 20s /bin/initlab machine leave 3 7",
        status: 7,
        says: &["1 more leftover took TERM", "3 more leftover took TERM"],
    },
    End {
        name: "end/killed-command",
        arguments: "-v /bin/initlab fixture die KILL",
        status: 128 + 9,
        says: &[],
    },
    End {
        name: "end/command-not-found",
        arguments: "/no/such/command",
        status: 127,
        says: &[],
    },
];

/// The core: the machine's own PID 1, and of the catalogue what an architecture or an old kernel
/// can break.
const CORE: &[&str] = &[
    "machine/",
    "start/",
    "signals/",
    "reaping/",
    "exit-status/",
    "odd-starts/",
];

pub fn main(args: &Args) -> Result<()> {
    let machines = selected(args)?;
    if args.list {
        for machine in machines {
            println!(
                "{}: {} of {}",
                machine.name(),
                machine.package,
                machine.suite
            );
        }
        return Ok(());
    }
    if args.document {
        return document();
    }
    if args.core && args.targets.is_empty() && args.kernels.is_empty() {
        return Core::prepare(!args.no_build)?.run();
    }
    let start = Instant::now();
    let filter = match args.core {
        true => core(),
        false => args.filter.clone(),
    };
    let plain = Work {
        personalities: args.personalities,
        filter,
        ..Work::default()
    };
    let mut outcomes = Vec::new();
    for machine in machines {
        let mut all = Vec::new();
        if args.refusals.is_empty() {
            all.push(plain.clone());
        }
        let refusals = match args.all && has_filters(machine) {
            true => REFUSALS,
            false => &args.refusals,
        };
        all.extend(refusals.iter().map(|refusal| Work {
            refusal: Some(*refusal),
            catalogue_only: true,
            ..plain.clone()
        }));
        for work in all {
            let outcome = boot(machine, &Prepared::new(machine, !args.no_build)?, &work)?;
            if work.filter.is_empty() {
                results::keep(&outcome)?;
            }
            outcomes.push(outcome);
        }
    }
    print!("{}", document::table(&outcomes));
    log::info!("in {:.0} s", start.elapsed().as_secs_f64());
    if args.all {
        document()?;
    }
    verdict(&outcomes)
}

/// The machine that runs the catalogue once for each filter, too.
fn has_filters(machine: &Machine) -> bool {
    machine.arch == Arch::X86_64 && machine.kernel == "6.1"
}

/// A machine and what is refused on it, as messages name them.
fn title(machine: &Machine, refusal: Option<Refusal>) -> String {
    match refusal {
        Some(refusal) => format!("{} without {}", machine.name(), refusal.name),
        None => machine.name(),
    }
}

fn document() -> Result<()> {
    let (mut outcomes, mut missing) = (Vec::new(), Vec::new());
    for machine in MACHINES {
        let refusals = REFUSALS.iter().filter(|_| has_filters(machine));
        for refusal in [None].into_iter().chain(refusals.copied().map(Some)) {
            match results::last(machine, refusal)? {
                Some(outcome) => outcomes.push(outcome),
                None => missing.push(title(machine, refusal)),
            }
        }
    }
    document::write(&outcomes, &missing)
}

fn core() -> Vec<String> {
    CORE.iter().map(|group| (*group).to_owned()).collect()
}

/// The machines of CI, ready to boot: x86_64 on the oldest kernel, aarch64 on that of Debian 12.
pub struct Core(Vec<(&'static Machine, Prepared)>);

impl Core {
    /// Builds and fetches what they need.
    pub fn prepare(build: bool) -> Result<Core> {
        let wanted = [(Arch::X86_64, "5.10"), (Arch::Aarch64, "6.1")];
        let machines = MACHINES
            .iter()
            .filter(|machine| wanted.contains(&(machine.arch, machine.kernel)));
        let prepare = |machine| Ok((machine, Prepared::new(machine, build)?));
        machines.map(prepare).collect::<Result<_>>().map(Core)
    }

    /// Runs the initlab that is in the machine of this architecture by itself.
    pub fn initlab_runs_alone(&self) -> Result<()> {
        harness::runs_alone(&guest::path(Arch::X86_64))
    }

    /// Boots them, both at a time, and runs the core cases.
    pub fn run(&self) -> Result<()> {
        let work = Work {
            filter: core(),
            ..Work::default()
        };
        let start = Instant::now();
        let outcomes = thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = self
                .0
                .iter()
                .map(|(machine, prepared)| scope.spawn(move || boot(machine, prepared, work)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")))
                .collect::<Result<Vec<_>>>()
        })?;
        print!("{}", document::table(&outcomes));
        log::info!("the machines ran {:.0} s", start.elapsed().as_secs_f64());
        verdict(&outcomes)
    }
}

fn selected(args: &Args) -> Result<Vec<&'static Machine>> {
    let wanted = |machine: &&Machine| {
        (args.targets.is_empty() || args.targets.contains(&machine.arch))
            && (args.kernels.is_empty() || args.kernels.iter().any(|k| k == machine.kernel))
    };
    let found: Vec<_> = MACHINES.iter().filter(wanted).collect();
    ensure!(
        !found.is_empty(),
        "there is no such machine; `cargo xtask kernels --list` shows all"
    );
    Ok(found)
}

fn verdict(outcomes: &[Outcome]) -> Result<()> {
    let bad: Vec<String> = outcomes
        .iter()
        .filter(|outcome| !outcome.well())
        .map(|outcome| {
            let what = outcome.trouble.iter().cloned();
            let failed = outcome
                .failed
                .iter()
                .map(|(id, why)| format!("{id}: {why}"));
            let all: Vec<String> = what.chain(failed).collect();
            format!("\n{}:\n  {}", outcome.machine.name(), all.join("\n  "))
        })
        .collect();
    ensure!(bad.is_empty(), "not all is well:{}", bad.concat());
    Ok(())
}

/// What a machine is booted with.
struct Prepared {
    kernel: PathBuf,
    initramfs: PathBuf,
    device_tree: Option<PathBuf>,
}

impl Prepared {
    fn new(machine: &Machine, build: bool) -> Result<Prepared> {
        debian::install_emulator(machine.qemu.package)?;
        let name = machine.arch.spec().name;
        let (init, guest) = if build {
            let init = dist::build(machine.arch)?;
            let guest = guest::build(machine.arch, &init)?;
            (init, guest)
        } else {
            let init = project::dist_dir().join(format!("tidy-init-{name}"));
            (init, guest::path(machine.arch))
        };
        let suite = debian::Suite::open(machine.suite, machine.debian)?;
        let package = machine.package;
        let packed = [
            "boot/vmlinuz-",
            "boot/vmlinux-",
            "usr/lib/modules/*/vmlinuz",
        ];
        let kernel = image::plain(&suite.file(package, &packed, package)?)?;
        let busybox = ["bin/busybox", "usr/bin/busybox"];
        let busybox = suite.file("busybox-static", &busybox, "busybox")?;
        let device_tree = machine
            .device_tree
            .map(|path| suite.file(package, &[path], &format!("{package}.dtb")))
            .transpose()?;
        let initramfs = directory("initramfs")?.join(machine.name());
        fs::write(&initramfs, root(&init, &guest, &busybox)?)
            .with_context(|| format!("cannot write {}", initramfs.display()))?;
        Ok(Prepared {
            kernel,
            initramfs,
            device_tree,
        })
    }
}

fn directory(name: &str) -> Result<PathBuf> {
    let directory = debian::cache().join(name);
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory)
}

fn root(init: &Path, guest: &Path, busybox: &Path) -> Result<Vec<u8>> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("no {}", path.display()));
    let mut root = Initramfs::default();
    for path in [
        "bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr", "usr/bin",
    ] {
        root.directory(path);
    }
    // The kernel opens it for its init before anything can be mounted.
    root.device("dev/console", 5, 1);
    root.device("dev/null", 1, 3);
    root.program("bin/tidy-init", &read(init)?);
    root.program("bin/initlab", &read(guest)?);
    root.program("bin/busybox", &read(busybox)?);
    root.link("bin/sh", "busybox");
    // What initlab copies programs by; busybox has no such applet in Debian.
    root.program("bin/install", INSTALL);
    root.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n");
    root.file("etc/group", b"root:x:0:\n");
    Ok(root.finish())
}

const INSTALL: &[u8] = b"\
#!/bin/sh
# install --mode=MODE FROM TO
cat \"$2\" > \"$3\" && chmod \"${1#--mode=}\" \"$3\"
";

fn boot(machine: &'static Machine, prepared: &Prepared, work: &Work) -> Result<Outcome> {
    let name = title(machine, work.refusal);
    log::info!("booting {name}");
    let mut arguments = "-v /bin/initlab machine run --as native".to_owned();
    if work.personalities {
        arguments += " --as dumb-init --as tini --as catatonit";
    }
    if work.catalogue_only {
        arguments += " --catalogue-only";
    }
    if let Some(refusal) = work.refusal {
        arguments += &format!(" --refuse {}", refusal.name);
    }
    for filter in &work.filter {
        arguments += &format!(" {filter}");
    }
    let logs = directory("logs")?;
    let start = |arguments: &str, log: &str| {
        Boot {
            machine,
            kernel: &prepared.kernel,
            initramfs: &prepared.initramfs,
            device_tree: prepared.device_tree.as_deref(),
            arguments,
            log: logs.join(format!("{log}.log")),
        }
        .run()
    };
    let mut seen = start(&arguments, &name.replace(' ', "-"))?;
    seen.complete();
    if seen.exit != Some(u32::try_from(DONE).unwrap_or(0) << 8) {
        let exit = seen.exit.unwrap_or(0);
        seen.trouble
            .get_or_insert(format!("PID 1 ended with the wait status {exit:#x}"));
    }
    let mut outcome = Outcome::of(machine, work.refusal, &seen);
    if seen.trouble.is_some() {
        log::error!("{name}; its console ends:\n{}", seen.tail());
    } else if !work.catalogue_only {
        for end in ENDS {
            let short = end.name.trim_start_matches("end/");
            let seen = start(end.arguments, &format!("{name}-{short}"))?;
            outcome.end(end, &seen);
        }
    }
    log::info!(
        "{name}: {} passed, {} failed, {} skipped, {:.0} s",
        outcome.passed,
        outcome.failed.len(),
        outcome.skipped.len(),
        outcome.took.as_secs_f64()
    );
    Ok(outcome)
}

impl Outcome {
    fn of(machine: &'static Machine, refusal: Option<Refusal>, seen: &Seen) -> Outcome {
        let mut outcome = Outcome {
            machine,
            refusal,
            about: HashMap::new(),
            passed: 0,
            skipped: Vec::new(),
            failed: Vec::new(),
            took: seen.took,
            trouble: seen.trouble.clone().into_iter().collect(),
        };
        for line in &seen.lines {
            let pair = || (line.what.clone(), line.more.clone());
            match line.mark {
                Mark::Hello => {
                    let pairs = line.more.split(' ').filter_map(|word| word.split_once('='));
                    let owned = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
                    outcome.about = owned.collect();
                }
                Mark::Passed => outcome.passed += 1,
                Mark::Failed => outcome.failed.push(pair()),
                Mark::Skipped => outcome.skipped.push(pair()),
                Mark::Detail | Mark::End => {}
            }
        }
        outcome
    }

    fn end(&mut self, end: &End, seen: &Seen) {
        self.took += seen.took;
        let console = seen.console.join("\n");
        let missing = end.says.iter().find(|text| !console.contains(**text));
        let why = match (&seen.trouble, missing) {
            (Some(trouble), _) => trouble.clone(),
            (None, _) if seen.exit != Some(end.status << 8) => {
                let exit = seen.exit.unwrap_or(0);
                format!("wait status {exit:#x}, not {:#x}", end.status << 8)
            }
            (None, Some(text)) => format!("the console does not say: {text}"),
            (None, None) => {
                self.passed += 1;
                return;
            }
        };
        log::error!("{}; its console ends:\n{}", end.name, seen.tail());
        self.failed.push((end.name.to_owned(), why));
    }
}
