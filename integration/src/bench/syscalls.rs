//! System calls from start to end.

use std::{fs, path::Path};

use super::measure::going_on;
use crate::{
    exit::Trouble,
    init::Init,
    sandbox::{Sandbox, Stdio},
    strace::traced_calls,
    temp::TempDir,
};

/// When the command happens to be slow, an init may have to wait once more.
const RUNS: usize = 3;

/// The number of system calls that each init makes from its `execve` to its `exit_group`, both
/// included, with an empty command: the fewest of three runs.
pub(super) fn count(inits: &[Init], empty: &Path) -> Result<Vec<u64>, Trouble> {
    let fewest = |init: &Init| {
        let mut counts = Vec::new();
        for _ in 0..RUNS {
            going_on()?;
            counts.push(count_once(init, empty)?);
        }
        Ok(counts.into_iter().min().unwrap_or_default())
    };
    inits.iter().map(fewest).collect()
}

fn count_once(init: &Init, empty: &Path) -> Result<u64, Trouble> {
    let failed = |what: String| Trouble(format!("cannot trace {}: {what}", init.name()));
    let directory = TempDir::try_new().map_err(|e| failed(e.to_string()))?;
    let log = directory.join("strace");
    let traced = Sandbox::plain(init.path())
        .arg0(init.arg0())
        .args(init.arguments(&[], [empty]))
        // Cargo sets LD_LIBRARY_PATH, and a dynamic linker would search all its directories.
        .env_clear()
        // An init that is not PID 1 complains on stderr.
        .stdout(Stdio::Null)
        .stderr(Stdio::Null)
        .strace(&log, &[])
        .try_start();
    let mut traced = traced.map_err(|e| failed(e.line(init.path())))?;
    let ended = traced.try_wait();
    ended.map_err(|_| failed("it does not end".to_owned()))?;
    let text = fs::read_to_string(&log).map_err(|e| failed(e.to_string()))?;
    match traced_calls(&text).len() as u64 {
        0 => Err(failed("strace has logged no execve".to_owned())),
        count => Ok(count),
    }
}
