//! Start-up time: an empty command from start to end, with and without an init.

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

use nix::unistd::{dup2_stderr, dup2_stdin};

use super::{
    measure::{Turns, going_on},
    pinned::Pinned,
};
use crate::{exit::Trouble, init::Init, status::WaitStatus, sys::Spawn};

/// Microseconds of each round.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    /// The empty command by itself.
    pub bare: Vec<f64>,
    /// The empty command twice in a row: the cost of starting two programs without an init.
    pub twice: Vec<f64>,
    /// The empty command under each init.
    pub inits: Vec<Vec<f64>>,
}

/// Starts each once in each of `rounds`, on one processor.
///
/// The rounds are interleaved, so that other load on the machine affects all of them alike. A single
/// processor is used because a process that wakes on another one pays for a cold cache, at random.
pub(super) fn measure(empty: &Path, inits: &[Init], rounds: usize) -> Result<Samples, Trouble> {
    let mut bare = Program::new("the empty command", vec![empty.into()])?;
    let mut programs = Vec::new();
    for init in inits {
        let mut words = vec![init.arg0()];
        words.extend(init.arguments(&[], [empty]));
        programs.push(Program::at(init.path(), init.name(), words)?);
    }
    let pinned = Pinned::new()?;
    let detached = Detached::new()?;
    let none = || Vec::with_capacity(rounds);
    let mut samples = Samples {
        bare: none(),
        twice: none(),
        inits: programs.iter().map(|_| none()).collect(),
    };
    let mut turns = Turns::of(programs.len() + 2);
    for _ in 0..rounds {
        going_on()?;
        for at in turns.round() {
            match at {
                0 => samples.bare.push(time(|| bare.run())?),
                1 => {
                    let twice = time(|| bare.run().and_then(|()| bare.run()))?;
                    samples.twice.push(twice);
                }
                at => {
                    let init = at - 2;
                    samples.inits[init].push(time(|| programs[init].run())?);
                }
            }
        }
    }
    drop((pinned, detached));
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

    /// Runs the program, which has to succeed.
    fn run(&mut self) -> Result<(), Trouble> {
        let Self { name, spawn } = self;
        let status = spawn.run();
        let status = status.map_err(|e| Trouble(format!("cannot start {name}: {e}")))?;
        let status = WaitStatus::from_raw(status);
        if status.code() == Some(0) {
            return Ok(());
        }
        Err(Trouble(format!(
            "{name}, running a command that does nothing, {status}"
        )))
    }
}

/// Replaces our standard input and standard error by /dev/null until it is dropped, and so those of
/// the inits that we start: what an init does with a terminal there is not part of the figures, and
/// neither is the terminal's work when an init that is not PID 1 complains.
struct Detached {
    stdin: OwnedFd,
    stderr: OwnedFd,
}

impl Detached {
    fn new() -> Result<Self, Trouble> {
        let detach = || {
            let before = Self {
                stdin: io::stdin().as_fd().try_clone_to_owned()?,
                stderr: io::stderr().as_fd().try_clone_to_owned()?,
            };
            let null = File::options().read(true).write(true).open("/dev/null")?;
            dup2_stdin(&null)?;
            dup2_stderr(&null)?;
            Ok::<_, io::Error>(before)
        };
        detach().map_err(|e| Trouble(format!("cannot replace standard input and error: {e}")))
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        // Without standard error there is nobody to tell of a failure.
        let _ = dup2_stdin(&self.stdin);
        let _ = dup2_stderr(&self.stderr);
    }
}

/// How long `work` takes, in microseconds of the monotonic clock.
fn time(work: impl FnOnce() -> Result<(), Trouble>) -> Result<f64, Trouble> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}
