//! `cargo xtask test`: everything that CI runs.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::arch::Arch;
use crate::kernels::Core;
use crate::steps::Steps;
use crate::suite::{self, Built, Part, Settings};
use crate::{
    apt, check, command, conformance, dist, faults, field_guide, measure, project, reproduce,
    simulate, smoke, soak, source,
};

/// What the tests start: the peers, tools to watch with, and real programs to be PID 1's command.
const PACKAGES: &[&str] = &[
    "bind9",
    "busybox-static",
    "catatonit",
    "containerd",
    "cron",
    "curl",
    "dnsmasq-base",
    "docker-compose",
    "dumb-init",
    "gunicorn",
    "haproxy",
    "iproute2",
    "mariadb-server-core",
    "memcached",
    "mmdebstrap",
    "mosquitto",
    "nginx-light",
    "nodejs",
    "podman",
    "postgresql",
    "procps",
    "python3",
    "redis-server",
    "runc",
    "squid",
    "strace",
    "stress-ng",
    "tini",
    "unbound",
    "util-linux",
];

/// The tests that wait for a container engine most of the time.
const WITH_ENGINE: &[&str] = &[
    "action::",
    "container::",
    "cri::",
    "exit_codes::",
    "images::",
    "tidy_shutdown::nginx::",
];
const CONTAINERS: Part = Part {
    of: ["tidy-init", "it"],
    only: WITH_ENGINE,
    skip: &[],
    threads: 2,
};
const INIT: Part = Part {
    of: ["tidy-init", "it"],
    only: &[],
    skip: WITH_ENGINE,
    threads: 2,
};

/// One test runs all the others again as an ordinary user: it takes as long as they do.
const AS_USER: &[&str] = &["user::"];
const HARNESS_AS_USER: Part = Part {
    of: ["initlab", "it"],
    only: AS_USER,
    skip: &[],
    threads: 2,
};
const HARNESS: Part = Part {
    of: ["initlab", "it"],
    only: &[],
    skip: AS_USER,
    threads: 2,
};

/// Run everything that CI runs: format, clippy, dist, tests, figures; stop at the first failure.
///
/// With CI=true in the environment a test that has to be skipped fails.
#[derive(clap::Args)]
pub struct Args {
    /// Install nothing, and leave out the figures.
    #[arg(long)]
    quick: bool,
    /// Given to the test binaries: a part of the names of the tests to run, or an option of theirs.
    #[arg(last = true, value_name = "FILTER")]
    filter: Vec<OsString>,
}

/// What steps hand on to later ones.
#[derive(Default)]
struct Made {
    binary: OnceLock<PathBuf>,
    tests: OnceLock<Built>,
    machines: OnceLock<Core>,
}

impl Made {
    fn binary(&self) -> Result<&PathBuf> {
        self.binary.get().context("`dist` has not run")
    }

    fn tests(&self) -> Result<&Built> {
        self.tests.get().context("`build` has not run")
    }
}

/// A new check is a step here. It names the steps that it needs; `add_in_background` is for those
/// that keep processors busy and can wait for their results.
pub fn main(args: &Args) -> Result<()> {
    let start = Instant::now();
    // The steps that use initlab as a library need its fixtures, which the step `build` builds.
    // Otherwise initlab would have cargo build them again, with other features.
    let fixtures = project::target_dir().join("debug/initlab");
    // SAFETY: this is the only thread yet, so that nobody reads the environment at the same time.
    unsafe { env::set_var("INITLAB", fixtures) };
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    let made = Arc::new(Made::default());
    let settings = {
        let filter = args.filter.clone();
        move |made: &Made| -> Result<Settings> {
            Ok(Settings {
                init: Some(made.binary()?.clone()),
                no_skip: ci,
                filter: filter.clone(),
                ..Settings::default()
            })
        }
    };
    // A step that is given what the others have made.
    let with = |work: fn(&Made) -> Result<()>| {
        let made = Arc::clone(&made);
        move || work(&made)
    };
    let machines = {
        let made = Arc::clone(&made);
        move || prepare_machines(&made, ci)
    };
    let tested = |work: fn(&Built, &Settings) -> Result<()>| {
        let (made, settings) = (Arc::clone(&made), settings.clone());
        move || work(made.tests()?, &settings(&made)?)
    };

    let mut steps = Steps::default();
    let quick = args.quick;
    steps.add(
        "set-up",
        &[],
        move || if quick { Ok(()) } else { set_up(ci) },
    );
    steps.add("fmt", &[], || {
        command::run(command::cargo().args(["fmt", "--all", "--check"]))
    });
    steps.add("source", &[], source::check);
    steps.add(
        "dist",
        &[],
        with(|made| {
            let binary = dist::build(Arch::X86_64)?;
            check::size(&binary, Arch::X86_64)?;
            made.binary.get_or_init(|| binary);
            Ok(())
        }),
    );
    steps.add(
        "build",
        &[],
        with(|made| {
            let built = suite::build()?;
            made.tests.get_or_init(|| built);
            Ok(())
        }),
    );
    let ready = &["set-up", "dist", "build"];
    let after_harness = &["tests of the harness"];
    if args.filter.is_empty() {
        // Most tests wait for most of their time: so many together keep the processors busy.
        let mut part = |name, after, work| steps.add(name, after, tested(work));
        part("tests of the init", ready, |b, s| b.run(&INIT, s));
        part("tests with containers", ready, |b, s| b.run(&CONTAINERS, s));
        part("tests of the harness", ready, |b, s| b.run(&HARNESS, s));
        part("tests of the harness as a user", after_harness, |b, s| {
            b.run(&HARNESS_AS_USER, s)
        });
        part("other tests", after_harness, |b, s| {
            b.run_others(&[&INIT, &HARNESS], s)
        });
    } else {
        // The chosen tests, of whichever binary.
        steps.add(after_harness[0], ready, tested(|b, s| b.run_others(&[], s)));
    }
    steps.add(
        "tests in documentation",
        after_harness,
        tested(|_, settings| suite::documentation(settings)),
    );
    steps.add("simulation", after_harness, simulate::check);
    steps.add(
        "soak",
        &["simulation"],
        with(|made| soak::check(made.binary()?)),
    );
    steps.add(
        "faults",
        &["soak"],
        with(|made| faults::check(made.binary()?)),
    );
    steps.add(
        "field guide",
        &["conformance"],
        with(|made| field_guide::check(made.binary()?)),
    );
    steps.add(
        "conformance",
        after_harness,
        with(|made| conformance::check(made.binary()?)),
    );
    if !args.quick {
        steps.add_in_background(
            "smoke",
            ready,
            with(|made| smoke::build_and_run(made.tests()?, Arch::Aarch64)),
        );
        steps.add_in_background(
            "machines",
            // Both build for aarch64.
            &["smoke"],
            machines,
        );
        steps.add(
            "initlab alone",
            &["machines", after_harness[0]],
            with(|made| {
                let machines = made.machines.get();
                machines.map_or(Ok(()), Core::initlab_runs_alone)
            }),
        );
        // An emulator that gets no time looks like a machine that hangs.
        steps.add(
            "kernels",
            &["machines", after_harness[0]],
            with(|made| made.machines.get().map_or(Ok(()), Core::run)),
        );
        steps.add_in_background(
            "reproduce",
            ready,
            with(|made| reproduce::check(made.binary()?, Arch::X86_64)),
        );
        steps.add(
            "measure",
            ready,
            with(|made| measure::check(made.binary()?)),
        );
    }
    steps.run(command::end_all)?;
    log::info!("all is well, in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Installs what the tests need. Where that cannot be done, tests are skipped; in CI it is an error.
fn set_up(ci: bool) -> Result<()> {
    match apt::install(PACKAGES, "the tests") {
        Err(error) if !ci => log::warn!("some tests will be skipped: {error:#}"),
        result => result?,
    }
    if let Some(reason) = initlab::missing_docker() {
        log::warn!("the container tests cannot run: {reason}; install docker and start its engine");
    }
    Ok(())
}

/// Builds and fetches what the whole machines are made of. Where that cannot be had, they are left out;
/// in CI it is an error.
fn prepare_machines(made: &Made, ci: bool) -> Result<()> {
    match Core::prepare(true) {
        Err(error) if !ci => log::warn!("no machine will be booted: {error:#}"),
        machines => {
            let machines = machines?;
            made.machines.get_or_init(|| machines);
        }
    }
    Ok(())
}
