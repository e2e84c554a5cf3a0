//! Running other programs, and telling the user about it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::project;

/// One line per message to stderr, and no time stamps: this is a tool for a terminal. `RUST_LOG`
/// overrides the level as usual.
pub fn init_log() {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .format(|out, record| match record.level() {
            log::Level::Error => writeln!(out, "xtask: error: {}", record.args()),
            log::Level::Warn => writeln!(out, "xtask: warning: {}", record.args()),
            _ => writeln!(out, "xtask: {}", record.args()),
        })
        .init();
}

/// Announces a step, and says how long it took.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    log::info!("== {name}");
    let start = Instant::now();
    let done = work().with_context(|| format!("step {name} has failed"))?;
    log::info!("== {name}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(done)
}

/// The cargo that runs us, in the root of the repository.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(project::root());
    command
}

/// The command as one would type it, for messages.
pub fn display(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs the command; a failure is an error that names it.
pub fn run(command: &mut Command) -> Result<()> {
    log::debug!("{}", display(command));
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", display(command)))?;
    succeeded(command, status)
}

/// Runs the command; of what it writes to stderr, the lines that are wanted go to ours. A failure is
/// an error that names it.
pub fn run_relayed(command: &mut Command, wanted: impl Fn(&str) -> bool) -> Result<()> {
    log::debug!("{}", display(command));
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", display(command)))?;
    for line in BufReader::new(child.stderr.take().context("stderr is piped")?).lines() {
        let line = line.with_context(|| format!("cannot read from {}", display(command)))?;
        if wanted(&line) {
            eprintln!("{line}");
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for {}", display(command)))?;
    succeeded(command, status)
}

/// Runs the command and gives its trimmed standard output; a failure is an error that names it
/// and holds what it wrote to stderr.
pub fn output(command: &mut Command) -> Result<String> {
    log::debug!("{}", display(command));
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", display(command)))?;
    succeeded(command, output.status)
        .with_context(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs the command with its output thrown away, for at most `limit`; tells whether it succeeded
/// within it.
pub fn succeeds_within(command: &mut Command, limit: Duration) -> Result<bool> {
    log::debug!("{}", display(command));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}", display(command)))?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a child")? {
            return Ok(status.success());
        }
        if Instant::now() >= deadline {
            // It may have ended meanwhile, which is fine too.
            let _ = child.kill();
            child.wait().context("cannot wait for a child")?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether there is an executable file of that name in `PATH`.
pub fn exists(program: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|dir| {
            dir.join(program)
                .metadata()
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
    })
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{}: {status}", display(command));
    }
    Ok(())
}
