//! Finding programs, the fixture among them.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{sys, temp::TempDir};

/// The `initlab` binary, whose `fixture NAME` subcommands are what the tests run.
///
/// It is the one that `INITLAB` names, else the one beside the running test in cargo's target
/// directory. Under cargo that one is built first, once per process, so that it is never stale. The
/// path can be reached by every user: where a directory above it is closed (`/root` is), it is a
/// copy in a temporary directory that goes when the process ends.
///
/// # Panics
/// Where there is none, with what to do about it.
#[must_use]
#[track_caller]
pub fn fixture() -> PathBuf {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let binary = match env::var_os("INITLAB") {
            Some(path) => PathBuf::from(path),
            None if OWN.load(Ordering::Relaxed) => this_program()?,
            None => sibling()?,
        };
        if !binary.is_file() {
            return Err(format!(
                "{}: no such file; `cargo build -p initlab` makes it",
                binary.display()
            ));
        }
        reachable(&binary).map_err(|e| format!("cannot copy {}: {e}", binary.display()))
    });
    match found {
        Ok(path) => path.clone(),
        Err(error) => panic!("{error}"),
    }
}

/// Whether this program has the fixtures in itself.
static OWN: AtomicBool = AtomicBool::new(false);

/// Tells [`fixture`] that this very program is `initlab`, by whatever name it is called. For its
/// `main` only.
#[doc(hidden)]
pub fn use_own_fixtures() {
    OWN.store(true, Ordering::Relaxed);
}

fn this_program() -> Result<PathBuf, String> {
    env::current_exe().map_err(|e| format!("cannot tell which program this is: {e}"))
}

/// The binary that belongs to the running test: `target/PROFILE/initlab` for
/// `target/PROFILE/deps/it-HASH`.
fn sibling() -> Result<PathBuf, String> {
    let test = this_program()?;
    let directory = test.parent().unwrap_or(&test);
    let profile_directory = if directory.ends_with("deps") {
        directory.parent().unwrap_or(directory)
    } else {
        directory
    };
    if let Some(cargo) = env::var_os("CARGO") {
        build(&cargo, profile_directory)?;
    }
    Ok(profile_directory.join("initlab"))
}

/// Cargo lets go of its locks before it runs tests, so that it can be called from one.
fn build(cargo: &OsStr, profile_directory: &Path) -> Result<(), String> {
    let profile = match profile_directory.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let above = profile_directory.parent().unwrap_or(profile_directory);
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "--package",
        "initlab",
        "--bin",
        "initlab",
        "--profile",
        profile,
    ]);
    command
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    // Cargo marks its target directory with this file; below it, a directory for the target may
    // come first.
    if above.join("CACHEDIR.TAG").is_file() {
        command.arg("--target-dir").arg(above);
    } else if let (Some(target), Some(top)) = (above.file_name(), above.parent()) {
        command
            .arg("--target")
            .arg(target)
            .arg("--target-dir")
            .arg(top);
    }
    let output = command
        .output()
        .map_err(|e| format!("cannot execute {}: {e}", cargo.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "`cargo build -p initlab` failed, {}:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// A path for the same program that every user can reach: the one given, or a copy in a temporary
/// directory that goes when the process ends.
pub fn reachable(program: &Path) -> io::Result<PathBuf> {
    let program = fs::canonicalize(program)?;
    let open = |path: &Path| fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o001 != 0);
    if program.ancestors().all(open) {
        return Ok(program);
    }
    let directory = TempDir::try_new()?;
    let copy = directory.join(program.file_name().unwrap_or_else(|| OsStr::new("program")));
    copy_executable(&program, &copy, 0o755)?;
    remove_at_exit(directory);
    Ok(copy)
}

/// Copies a program and gives the copy this mode: `0o4755` for a setuid one.
///
/// Another process writes the copy. If this one did, a child that some other thread makes at that
/// moment would hold the file open for writing until its exec, and executing the copy would fail
/// with ETXTBSY now and then.
pub fn copy_executable(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    install(
        Command::new("install")
            .arg(format!("--mode={mode:o}"))
            .arg(from)
            .arg(to),
        b"",
    )
}

/// Writes a script or a program that is to be executed, with this mode; by another process, as
/// [`copy_executable`].
pub fn write_executable(to: &Path, content: impl AsRef<[u8]>, mode: u32) -> io::Result<()> {
    install(
        Command::new("install")
            .arg(format!("--mode={mode:o}"))
            .arg("/dev/stdin")
            .arg(to),
        content.as_ref(),
    )
}

fn install(command: &mut Command, input: &[u8]) -> io::Result<()> {
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // If it ends before it has read all, its own message says more than the broken pipe.
    let written = child
        .stdin
        .take()
        .map_or(Ok(()), |mut stdin| stdin.write_all(input));
    let output = child.wait_with_output()?;
    if output.status.success() {
        return written;
    }
    Err(io::Error::other(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}

/// The directories that the process removes when it exits.
static AT_EXIT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn remove_at_exit(directory: TempDir) {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| sys::at_exit(remove_all));
    if let Ok(mut list) = AT_EXIT.lock() {
        list.push(directory.keep());
    }
}

extern "C" fn remove_all() {
    for directory in AT_EXIT
        .lock()
        .map(|mut list| std::mem::take(&mut *list))
        .unwrap_or_default()
    {
        let _ = fs::remove_dir_all(directory);
    }
}

/// The path of a program: as given where it has a slash, else found along `PATH` and in the
/// directories of system programs, which an ordinary user's `PATH` may lack. `None` where there is
/// none.
#[must_use]
pub fn find_program(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = Path::new(name.as_ref());
    if name.components().count() > 1 {
        return Some(name.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let system = [
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
    ]
    .map(PathBuf::from);
    let executable = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&path)
        .chain(system)
        .map(|directory| directory.join(name))
        .find(executable)
}
