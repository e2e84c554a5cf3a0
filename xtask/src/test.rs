//! `cargo xtask test`: everything that CI runs.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::arch::Arch;
use crate::command::step;
use crate::{apt, check, command, conformance, dist, measure, reproduce, smoke};

/// What the tests start: the peers, tools to watch with, and real programs to be PID 1's command.
const PACKAGES: &[&str] = &[
    "busybox-static",
    "catatonit",
    "docker-compose",
    "dumb-init",
    "mmdebstrap",
    "nginx-light",
    "nodejs",
    "podman",
    "postgresql",
    "procps",
    "python3",
    "redis-server",
    "runc",
    "strace",
    "stress-ng",
    "tini",
    "util-linux",
];

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

pub fn main(args: &Args) -> Result<()> {
    let start = Instant::now();
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    if !args.quick {
        step("set-up", || set_up(ci))?;
    }
    step("fmt", || {
        command::run(command::cargo().args(["fmt", "--all", "--check"]))
    })?;
    step("clippy", || {
        command::run(
            command::cargo()
                .args(["clippy", "--quiet", "--workspace", "--all-targets"])
                .args(["--", "--deny", "warnings"]),
        )
    })?;
    let binary = step("dist", || {
        let binary = dist::build(Arch::X86_64)?;
        check::size(&binary, Arch::X86_64)?;
        Ok(binary)
    })?;
    step("test", || tests(&binary, &args.filter, ci))?;
    step("conformance", || conformance::check(&binary))?;
    if !args.quick {
        step("smoke", || smoke::build_and_run(Arch::Aarch64))?;
        step("reproduce", || reproduce::check(&binary, Arch::X86_64))?;
        step("measure", || measure::check(&binary))?;
    }
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

fn tests(binary: &Path, filter: &[OsString], ci: bool) -> Result<()> {
    let mut cargo = command::cargo();
    cargo
        .args(["test", "--workspace", "--"])
        .args(filter)
        .env("TIDY_INIT", binary);
    if ci {
        cargo.env("TIDY_INIT_NO_SKIP", "1");
    }
    command::run(&mut cargo)
}
