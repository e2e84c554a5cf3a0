//! How long an empty command takes from start to end, with and without an init around it.

use std::ffi::{CString, c_char};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null;
use std::time::Instant;
use std::{fmt, io};

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, CpuSet, clone, sched_getaffinity, sched_setaffinity};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr};

use super::subject::Subject;

/// For a child that only calls execve(2).
const STACK: usize = 64 * 1024;

/// Medians, in microseconds.
pub struct Times {
    /// The empty command by itself.
    pub bare: f64,
    /// The empty command twice in a row: what starting two programs costs without an init.
    pub twice: f64,
    /// The empty command under each of the inits.
    pub inits: Vec<f64>,
}

/// Starts each in turn, `rounds` times, on one processor.
///
/// Interleaved, so that what changes on the machine meanwhile meets all of them alike; on one
/// processor, because a process that wakes on another one pays for a cold cache at random.
pub fn measure(empty: &Path, subjects: &[Subject], rounds: usize) -> Result<Times> {
    log::info!("starting an empty command {rounds} times under each init");
    let bare = Program::new(&[empty])?;
    let inits = subjects
        .iter()
        .map(|subject| Program::new(&[&subject.path, Path::new("--"), empty]))
        .collect::<Result<Vec<_>>>()?;
    let mut stack = vec![0; STACK];

    let pinned = Pinned::new()?;
    let silenced = Silenced::new()?;
    let mut samples = vec![Vec::with_capacity(rounds); inits.len() + 2];
    for _ in 0..rounds {
        samples[0].push(time(|| bare.run(&mut stack))?);
        samples[1].push(time(|| {
            bare.run(&mut stack).and_then(|()| bare.run(&mut stack))
        })?);
        for (init, samples) in inits.iter().zip(&mut samples[2..]) {
            samples.push(time(|| init.run(&mut stack))?);
        }
    }
    drop((pinned, silenced));

    let mut medians = samples.into_iter().map(median);
    Ok(Times {
        bare: medians.next().unwrap_or_default(),
        twice: medians.next().unwrap_or_default(),
        inits: medians.collect(),
    })
}

/// A program with its arguments, ready to be started.
struct Program {
    arguments: Vec<CString>,
    /// Those, as execve(2) wants them: ended by a null pointer.
    pointers: Vec<*const c_char>,
}

impl Program {
    fn new(arguments: &[&Path]) -> Result<Program> {
        let arguments = arguments
            .iter()
            .map(|argument| CString::new(argument.as_os_str().as_bytes()))
            .collect::<Result<Vec<_>, _>>()
            .context("a NUL byte in an argument")?;
        let pointers = arguments
            .iter()
            .map(|argument| argument.as_ptr())
            .chain([null()])
            .collect();
        Ok(Program {
            arguments,
            pointers,
        })
    }

    /// Starts the program and waits for its end, which has to be a success.
    ///
    /// By hand, with the fewest system calls possible: posix_spawn(3) asks for the disposition of
    /// each of the 64 signals, and two bare execs would pay for that twice, an init once. As with
    /// vfork(2), the size of this process has no part in what is measured.
    fn run(&self, stack: &mut [u8]) -> Result<()> {
        let environment: *const c_char = null();
        let child = || {
            // SAFETY: path and arguments are NUL-terminated strings, and the lists end with a null
            // pointer; they live as long as `self`. `_exit` ends this process alone.
            unsafe {
                libc::execve(
                    self.pointers[0],
                    self.pointers.as_ptr(),
                    &raw const environment,
                );
                libc::_exit(127)
            }
        };
        let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
        // SAFETY: this thread sleeps until the child has exec'd or ended, so nobody else uses its
        // memory, and `stack`, meanwhile; the child only calls execve(2) and _exit(2), on a stack
        // that is large enough for that.
        let pid = unsafe { clone(Box::new(child), stack, flags, Some(libc::SIGCHLD)) }
            .with_context(|| format!("cannot start {self}"))?;
        let status = waitpid(pid, None).with_context(|| format!("cannot wait for {self}"))?;
        ensure!(
            status == WaitStatus::Exited(pid, 0),
            "{self} ended with {status:?}"
        );
        Ok(())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arguments[0].to_string_lossy().fmt(f)
    }
}

/// Keeps our standard error, and that of what we start, off the terminal until it is dropped:
/// inits that are not PID 1 complain there, and the terminal's work would be timed.
struct Silenced {
    stderr: OwnedFd,
}

impl Silenced {
    fn new() -> Result<Silenced> {
        let stderr = io::stderr()
            .as_fd()
            .try_clone_to_owned()
            .context("cannot duplicate stderr")?;
        let null = File::options()
            .write(true)
            .open("/dev/null")
            .context("cannot open /dev/null")?;
        dup2_stderr(null).context("cannot replace stderr")?;
        Ok(Silenced { stderr })
    }
}

impl Drop for Silenced {
    fn drop(&mut self) {
        // Without stderr, there is nobody to be told of a failure.
        let _ = dup2_stderr(&self.stderr);
    }
}

/// Keeps this thread and its children on one processor, until it is dropped.
struct Pinned {
    before: CpuSet,
}

impl Pinned {
    fn new() -> Result<Pinned> {
        let this_thread = Pid::from_raw(0);
        let before = sched_getaffinity(this_thread).context("sched_getaffinity")?;
        // The last one: interrupts are mostly handled on the first.
        let processor = (0..CpuSet::count())
            .rev()
            .find(|&number| before.is_set(number).unwrap_or(false))
            .context("no processor to run on")?;
        let mut one = CpuSet::new();
        one.set(processor).context("CPU_SET")?;
        sched_setaffinity(this_thread, &one).context("sched_setaffinity")?;
        Ok(Pinned { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = sched_setaffinity(Pid::from_raw(0), &self.before) {
            log::warn!("still on one processor: {error}");
        }
    }
}

/// Microseconds, by the monotonic clock.
fn time(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    match samples.len() % 2 {
        0 => (samples[middle - 1] + samples[middle]) / 2.0,
        _ => samples[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
