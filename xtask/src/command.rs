//! Running other programs, and logging it.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

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

/// The command as typed, for messages.
pub fn display(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The programs that run now, and whether no more may be started.
static RUNNING: Mutex<Running> = Mutex::new(Running {
    pids: Vec::new(),
    ended: false,
});

struct Running {
    pids: Vec<Pid>,
    ended: bool,
}

/// Ends all programs that run, with what they have started, and lets no other start: after a failure
/// nobody needs them.
pub fn end_all() {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.ended = true;
    for pid in &running.pids {
        // They are not reaped while we hold the lock, so that no ID is another program's. A cargo
        // that dies of the signal leaves the programs under it running.
        let below = initlab::Process::new(pid.as_raw()).descendants();
        let below = below.iter().map(|process| Pid::from_raw(process.pid));
        for pid in [*pid].into_iter().chain(below) {
            let _ = kill(pid, Signal::SIGTERM);
        }
    }
}

fn start(command: &mut Command) -> Result<Child> {
    log::debug!("{}", display(command));
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if running.ended {
        bail!("not started after a failure: {}", display(command));
    }
    let child = command
        .spawn()
        .with_context(|| format!("cannot run {}", display(command)))?;
    running.pids.push(pid(&child));
    Ok(child)
}

fn wait(command: &Command, child: &mut Child) -> Result<ExitStatus> {
    let pid = pid(child);
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    // Where this fails, the wait below fails as well, and says so.
    while waitid(Id::Pid(pid), ended) == Err(nix::errno::Errno::EINTR) {}
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.pids.retain(|other| *other != pid);
    child
        .wait()
        .with_context(|| format!("cannot wait for {}", display(command)))
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Runs the command; a failure is an error that names it.
pub fn run(command: &mut Command) -> Result<()> {
    let mut child = start(command)?;
    let status = wait(command, &mut child)?;
    succeeded(command, status)
}

/// Runs the command; of what it writes to stderr, the lines that are wanted go to ours. A failure is
/// an error that names it.
pub fn run_relayed(command: &mut Command, wanted: impl Fn(&str) -> bool) -> Result<()> {
    let mut child = start(command.stderr(Stdio::piped()))?;
    for line in BufReader::new(child.stderr.take().context("stderr is piped")?).lines() {
        let line = line.with_context(|| format!("cannot read from {}", display(command)))?;
        if wanted(&line) {
            eprintln!("{line}");
        }
    }
    let status = wait(command, &mut child)?;
    succeeded(command, status)
}

/// How long the output of a program may stay open after its end. What a failed test leaves behind may hold
/// it for minutes.
const OUTPUT_LIMIT: Duration = Duration::from_secs(10);

/// Runs the command with nothing to read, and gives all that it writes, both streams in one. Lines
/// that are wanted also go to our stderr at once. A failure is an error that names it, after its
/// output.
pub fn run_held(
    command: &mut Command,
    wanted: impl Fn(&str) -> bool + Send + 'static,
) -> Result<String> {
    let (output, input) = io::pipe().context("cannot make a pipe")?;
    let same = input.try_clone().context("cannot copy a descriptor")?;
    let mut child = start(command.stdin(Stdio::null()).stdout(input).stderr(same))?;
    // The command holds our ends of the pipe until it is given others.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let text = Arc::new(Mutex::new(String::new()));
    let (done, ended) = mpsc::channel();
    thread::spawn({
        let text = Arc::clone(&text);
        // Nobody receives the result after the limit.
        move || done.send(collect(output, &text, wanted))
    });
    let status = wait(command, &mut child)?;
    match ended.recv_timeout(OUTPUT_LIMIT) {
        Ok(read) => read.with_context(|| format!("cannot read from {}", display(command)))?,
        Err(_) => log::warn!("a process that it started survives {}", display(command)),
    }
    let text = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
    succeeded(command, status).with_context(|| text.trim_end().to_owned())?;
    Ok(text)
}

/// Adds what can be read to `text`, line by line, and shows the lines that are wanted.
fn collect(from: impl Read, text: &Mutex<String>, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        let shown = String::from_utf8_lossy(&line);
        if wanted(&shown) {
            eprint!("{shown}");
        }
        let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&shown);
        drop(text);
        line.clear();
    }
    Ok(())
}

/// Runs the command and gives its trimmed standard output; a failure is an error that names it
/// and holds what it wrote to stderr.
pub fn output(command: &mut Command) -> Result<String> {
    let pipes = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = start(pipes.stdin(Stdio::null()))?;
    let stderr = child.stderr.take().context("stderr is piped")?;
    let stderr = thread::spawn(move || text_of(stderr));
    let stdout = text_of(child.stdout.take().context("stdout is piped")?);
    let status = wait(command, &mut child)?;
    succeeded(command, status).with_context(|| stderr.join().unwrap_or_default())?;
    Ok(stdout)
}

/// What can be read until the end, trimmed.
fn text_of(mut stream: impl Read) -> String {
    let mut text = Vec::new();
    // An error ends the text: the status of the program says the rest.
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).trim().to_owned()
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
