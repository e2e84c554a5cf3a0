//! How long an empty command takes from start to end, with and without an init around it.

use std::{
    ffi::{CString, OsString},
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::Path,
    time::Instant,
};

use nix::unistd::dup2_stderr;

use super::{going_on, pinned::Pinned};
use crate::{exit::Trouble, init::Init, status::WaitStatus, sys::Spawn};

/// Microseconds of each round.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    /// The empty command by itself.
    pub bare: Vec<f64>,
    /// The empty command twice in a row: what starting two programs costs without an init.
    pub twice: Vec<f64>,
    /// The empty command under each of the inits.
    pub inits: Vec<Vec<f64>>,
}

/// Starts each in turn, `rounds` times, on one processor.
///
/// Interleaved, so that what changes on the machine meanwhile meets all of them alike; on one
/// processor, because a process that wakes on another one pays for a cold cache at random.
pub(super) fn measure(empty: &Path, inits: &[Init], rounds: usize) -> Result<Samples, Trouble> {
    let mut bare = Program::new("the empty command", vec![empty.into()])?;
    let mut programs = Vec::new();
    for init in inits {
        let mut words = vec![init.arg0()];
        words.extend(init.arguments(&[], [empty]));
        programs.push(Program::at(init.path(), init.name(), words)?);
    }
    let pinned = Pinned::new()?;
    let silenced = Silenced::new()?;
    let none = || Vec::with_capacity(rounds);
    let mut samples = Samples {
        bare: none(),
        twice: none(),
        inits: programs.iter().map(|_| none()).collect(),
    };
    for _ in 0..rounds {
        going_on()?;
        samples.bare.push(time(|| bare.run())?);
        let twice = time(|| bare.run().and_then(|()| bare.run()))?;
        samples.twice.push(twice);
        for (program, samples) in programs.iter_mut().zip(&mut samples.inits) {
            samples.push(time(|| program.run())?);
        }
    }
    drop((pinned, silenced));
    Ok(samples)
}

struct Program {
    name: String,
    spawn: Spawn,
}

impl Program {
    fn new(name: &str, words: Vec<OsString>) -> Result<Self, Trouble> {
        let path = words.first().cloned().unwrap_or_default();
        Self::at(path.as_ref(), name, words)
    }

    fn at(path: &Path, name: &str, words: Vec<OsString>) -> Result<Self, Trouble> {
        let text = |word: OsString| CString::new(word.into_vec());
        let nul = |_| Trouble(format!("there is a NUL byte in the arguments of {name}"));
        let words = words.into_iter().map(text).collect::<Result<_, _>>();
        let path = text(path.into()).map_err(nul)?;
        Ok(Self {
            name: name.to_owned(),
            spawn: Spawn::new(path, words.map_err(nul)?),
        })
    }

    /// Starts the program and waits for its end, which has to be a success.
    fn run(&mut self) -> Result<(), Trouble> {
        let Self { name, spawn } = self;
        let status = spawn.run();
        let status = status.map_err(|e| Trouble(format!("cannot start {name}: {e}")))?;
        let status = WaitStatus::from_raw(status);
        if status.code() == Some(0) {
            return Ok(());
        }
        Err(Trouble(format!(
            "{name} was to run a command that does nothing, and {status}"
        )))
    }
}

/// Keeps our standard error, and that of what we start, off the terminal until it is dropped:
/// inits that are not PID 1 complain there, and the terminal's work would be timed.
struct Silenced(OwnedFd);

impl Silenced {
    fn new() -> Result<Self, Trouble> {
        let silence = || {
            let stderr = io::stderr().as_fd().try_clone_to_owned()?;
            dup2_stderr(File::options().write(true).open("/dev/null")?)?;
            Ok::<_, io::Error>(Self(stderr))
        };
        silence().map_err(|e| Trouble(format!("cannot replace stderr: {e}")))
    }
}

impl Drop for Silenced {
    fn drop(&mut self) {
        // Without stderr, there is nobody to be told of a failure.
        let _ = dup2_stderr(&self.0);
    }
}

/// Microseconds, by the monotonic clock.
fn time(work: impl FnOnce() -> Result<(), Trouble>) -> Result<f64, Trouble> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}
