//! Skipping tests that cannot run here. With `TIDY_INIT_NO_SKIP`, set where everything is
//! installed, they fail instead.

use std::{env, process::Command, sync::OnceLock, thread};

use crate::{Sandbox, find_program, sys};

/// Reports that the running test is skipped, bypassing the test runner's capture of output. Panics
/// if the environment variable `TIDY_INIT_NO_SKIP` is set and not empty. The macro
/// [`skip!`](crate::skip!) calls it and returns.
#[track_caller]
pub fn skipped(reason: &str) {
    let test = thread::current().name().unwrap_or("?").to_owned();
    assert!(
        env::var_os("TIDY_INIT_NO_SKIP").is_none_or(|v| v.is_empty()),
        "{test} would be skipped, which TIDY_INIT_NO_SKIP forbids: {reason}"
    );
    let _ = sys::write_all(2, format!("skipped: {test}: {reason}\n").as_bytes());
}

/// Skips the running test: prints the reason and returns.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        $crate::skipped(&format!($($reason)*));
        return;
    }};
}

/// Skips the running test unless it runs as root.
#[macro_export]
macro_rules! require_root {
    () => {
        if let Some(reason) = $crate::missing_root() {
            $crate::skip!("{reason}");
        }
    };
}

/// Skips the running test unless each of the programs is installed.
#[macro_export]
macro_rules! require_program {
    ($($name:expr),+ $(,)?) => {
        $(if let Some(reason) = $crate::missing_program($name) {
            $crate::skip!("{reason}");
        })+
    };
}

/// Skips the running test unless a Docker engine answers.
#[macro_export]
macro_rules! require_docker {
    () => {
        if let Some(reason) = $crate::missing_docker() {
            $crate::skip!("{reason}");
        }
    };
}

/// Skips the running test unless a sandbox with namespaces can be created here.
#[macro_export]
macro_rules! require_namespaces {
    () => {
        if let Some(reason) = $crate::missing_namespaces() {
            $crate::skip!("{reason}");
        }
    };
}

/// Why the test cannot run as root; `None` when it does.
#[must_use]
pub fn missing_root() -> Option<String> {
    (sys::identity_of_self().euid != 0).then(|| "needs root".to_owned())
}

/// Why the program cannot be run; `None` when it is installed.
#[must_use]
pub fn missing_program(name: &str) -> Option<String> {
    let found = find_program(name).is_some_and(|path| path.exists());
    (!found).then(|| format!("needs {name}, which is not installed"))
}

/// Why Docker cannot be used; `None` when its engine answers. Asked once per process.
#[must_use]
pub fn missing_docker() -> Option<String> {
    static ANSWER: OnceLock<Option<String>> = OnceLock::new();
    let ask = || {
        let asked = Command::new("docker")
            .args(["version", "--format", "{{.Server.Version}}"])
            .output();
        match asked {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(format!(
                "needs Docker: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )),
            Err(error) => Some(format!("needs Docker: cannot execute docker: {error}")),
        }
    };
    ANSWER.get_or_init(ask).clone()
}

/// Why no sandbox with a PID namespace can be created; `None` when one can. Tried once per process.
#[must_use]
pub fn missing_namespaces() -> Option<String> {
    static ANSWER: OnceLock<Option<String>> = OnceLock::new();
    let ask = || match Sandbox::new("true").try_start() {
        Ok(mut running) => running.try_wait().err().map(|failure| failure.to_string()),
        Err(error) => Some(format!("needs namespaces: {error}")),
    };
    ANSWER.get_or_init(ask).clone()
}
