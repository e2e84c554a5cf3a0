//! `cargo xtask run`: a command under the static binary, as a container would run it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use initlab::{Running, Sandbox, StartError, Stdio};
use nix::errno::Errno;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::Signals;

use crate::arch::Arch;
use crate::dist;

/// The signals that are passed on to the init.
const FORWARDED: [i32; 7] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH];

/// Run a command under the static binary as PID 1 of a fresh PID namespace.
///
/// Exits with the status of the init; 128 + n when signal n killed it.
#[derive(clap::Args)]
pub struct Args {
    /// The command and its arguments.
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub fn main(args: &Args) -> Result<ExitCode> {
    let arch = Arch::host().context("tidy-init is not built for this machine's architecture")?;
    let binary = dist::build(arch)?;
    // Registered before the start, so that neither a signal nor the init's end is missed.
    let mut signals =
        Signals::new(FORWARDED.iter().chain(&[SIGCHLD])).context("cannot take signals")?;
    let mut init = Sandbox::new(binary)
        .arg("--")
        .args(&args.command)
        .stdin(Stdio::Inherit)
        .stdout(Stdio::Inherit)
        .stderr(Stdio::Inherit)
        .timeout(Duration::MAX)
        .try_start()
        .map_err(explain)?;
    let status = wait(&mut init, &mut signals)?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX)))
}

/// Passes signals on until the init ends; gives the status that a shell would show.
fn wait(init: &mut Running, signals: &mut Signals) -> Result<i32> {
    for signal in signals.forever() {
        if signal != SIGCHLD {
            init.kill(signal);
        } else if let Some(status) = init.try_status() {
            return Ok(status.shell());
        }
    }
    bail!(
        "signals cannot be waited for: {}",
        io::Error::last_os_error()
    )
}

/// What a kernel may have set against user namespaces: Linux itself, Debian, Ubuntu since 23.10.
const SETTINGS: [(&str, &str); 3] = [
    ("user/max_user_namespaces", "10000"),
    ("kernel/unprivileged_userns_clone", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "0"),
];

/// Those that this kernel has, as sysctl(8) sets them; their directory is `/proc/sys`.
fn settings(directory: &Path) -> String {
    SETTINGS
        .iter()
        .filter(|(name, _)| directory.join(name).exists())
        .map(|(name, value)| format!(" {}={value}", name.replace('/', ".")))
        .collect()
}

/// One line that says what to do where a permission is missing.
fn explain(error: StartError) -> anyhow::Error {
    const NOT_ALLOWED: [Errno; 3] = [Errno::EPERM, Errno::EACCES, Errno::ENOSPC];
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    match error.errno() {
        Some(errno) if NOT_ALLOWED.contains(&Errno::from_raw(errno)) => anyhow!(
            "{line}; run as root (in a container: with --privileged), or allow user namespaces: sysctl{}",
            settings(Path::new("/proc/sys"))
        ),
        _ => anyhow!("{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_names_the_settings_that_the_kernel_has() {
        let kernel = initlab::TempDir::new();
        for directory in ["user", "kernel"] {
            std::fs::create_dir(kernel.join(directory)).expect("the directory is ours");
        }
        assert_eq!(settings(kernel.path()), "");
        for name in [
            "user/max_user_namespaces",
            "kernel/apparmor_restrict_unprivileged_userns",
        ] {
            std::fs::write(kernel.join(name), "").expect("the directory is ours");
        }
        assert_eq!(
            settings(kernel.path()),
            " user.max_user_namespaces=10000 kernel.apparmor_restrict_unprivileged_userns=0"
        );
    }
}
