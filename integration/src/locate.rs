//! Finding programs, including the fixture.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use crate::{sys, temp::TempDir};

/// The `initlab` binary, whose `fixture NAME` subcommands the tests run.
///
/// `INITLAB` names it; otherwise it is the one beside the running test in cargo's target directory.
/// Under cargo it is built first, once per process, so that it is never stale. Every user can reach
/// the returned path: if a parent directory is closed (like `/root`), it is a copy in a temporary
/// directory that is removed when the process ends.
///
/// # Panics
/// When there is none, with a hint.
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
                "{}: no such file; `cargo build -p initlab` builds it",
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

/// Whether this program contains the fixtures.
static OWN: AtomicBool = AtomicBool::new(false);

/// Tells [`fixture`] that this program is `initlab`, whatever its name. For its `main` only.
#[doc(hidden)]
pub fn use_own_fixtures() {
    OWN.store(true, Ordering::Relaxed);
}

fn this_program() -> Result<PathBuf, String> {
    env::current_exe().map_err(|e| format!("cannot determine the path of this program: {e}"))
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

/// Cargo releases its locks before it runs tests, so a test can call it.
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
    // Cargo marks its target directory with this file. Below it there may be a directory for the
    // target triple.
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

/// A path of the program that every user can reach, and whose directories a shell script can name
/// without quotes: the given one, or a copy of the same name in a temporary directory that is removed
/// when the process ends.
pub fn reachable(program: &Path) -> io::Result<PathBuf> {
    let program = fs::canonicalize(program)?;
    let open = |path: &Path| fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o001 != 0);
    let plain = |byte: &u8| !byte.is_ascii_whitespace();
    if program.ancestors().all(open) && program.as_os_str().as_bytes().iter().all(plain) {
        return Ok(program);
    }
    // One for each program, as it is now: it may be built anew.
    static COPIES: Mutex<BTreeMap<(PathBuf, SystemTime), PathBuf>> = Mutex::new(BTreeMap::new());
    let of = (program.clone(), fs::metadata(&program)?.modified()?);
    let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(copy) = copies.get(&of) {
        return Ok(copy.clone());
    }
    let directory = TempDir::try_new()?;
    let copy = directory.join(program.file_name().unwrap_or_else(|| OsStr::new("program")));
    copy_executable(&program, &copy, 0o755)?;
    remove_at_exit(directory);
    copies.insert(of, copy.clone());
    Ok(copy)
}

/// Copies a program and sets the mode of the copy: `0o4755` for a setuid program. It can be executed
/// at once.
pub fn copy_executable(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    write_executable(to, fs::read(from)?, mode)
}

/// Writes an executable script or program with this mode; like [`copy_executable`].
pub fn write_executable(to: &Path, content: impl AsRef<[u8]>, mode: u32) -> io::Result<()> {
    sys::write_apart(to, content.as_ref(), mode)
}

/// tidy-init as a file, if it is built into this program, in a temporary directory that is removed when
/// the process ends.
pub(crate) fn embedded_init() -> io::Result<Option<PathBuf>> {
    static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);
    let Some(program) = EMBEDDED_INIT else {
        return Ok(None);
    };
    let mut file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    if file.is_none() {
        let directory = TempDir::try_new()?;
        let path = directory.join("tidy-init");
        write_executable(&path, program, 0o755)?;
        remove_at_exit(directory);
        *file = Some(path);
    }
    Ok(file.clone())
}

/// `cargo xtask release` embeds the init of the same architecture; other builds embed none.
#[cfg(embedded_init)]
const EMBEDDED_INIT: Option<&[u8]> = Some(include_bytes!(env!("INITLAB_EMBED")));
#[cfg(not(embedded_init))]
const EMBEDDED_INIT: Option<&[u8]> = None;

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

/// The path of a program: unchanged if the name has a slash, else looked up in `PATH` and in the
/// directories of system programs, which an ordinary user's `PATH` may lack.
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
