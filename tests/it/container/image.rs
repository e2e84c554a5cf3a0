//! The image: the static init, busybox and the fixtures on `scratch`. One for all tests.

use std::{
    fs,
    io::{self, Write},
    os::unix::{fs::symlink, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use initlab::{
    TempDir, copy_executable, find_program, fixture, missing_docker, missing_program, sys,
};

use super::docker::docker;
use crate::support;

/// What marks all that a run of the tests makes: image and containers.
pub struct Image {
    /// Its name.
    pub name: String,
    /// The label of the image and of each container, as `--label` wants it.
    pub label: String,
}

const DOCKERFILE: &str = "\
FROM scratch
COPY root/ /
ENTRYPOINT [\"/tidy-init\", \"--\"]
";

/// Why there can be no image; `None` when there can.
pub fn missing() -> Option<String> {
    if std::env::var_os("TIDY_INIT").is_none() || !is_static(&support::init()) {
        return Some("needs a static init in TIDY_INIT: run `cargo xtask test`".to_owned());
    }
    missing_docker()
        .or_else(|| missing_program("busybox"))
        .or_else(|| {
            let fits = find_program("busybox").is_some_and(|busybox| is_static(&busybox));
            (!fits).then(|| "needs a static busybox: install busybox-static".to_owned())
        })
}

/// The image, which is built once. It goes when the process ends.
#[track_caller]
pub fn image() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(build)
}

#[track_caller]
fn build() -> Image {
    let context = TempDir::new();
    // The directory's name is unique, and so is what is named after it.
    let unique = context.path().file_name().and_then(|name| name.to_str());
    let unique = unique.expect("a temporary directory has a name in ASCII");
    let image = Image {
        name: format!("tidy-init-test:{unique}"),
        label: format!("tidy-init-test={unique}"),
    };
    Janitor::hire(&image, context.path()).expect("a shell can be started");
    fill(&context.join("root")).expect("the files can be copied");
    fs::write(context.join("Dockerfile"), DOCKERFILE).expect("the directory is ours");
    let directory = context.path().to_str().expect("its name is ASCII");
    docker(&[
        "build",
        "--quiet",
        "--label",
        &image.label,
        "--tag",
        &image.name,
        directory,
    ]);
    image
}

fn fill(root: &Path) -> io::Result<()> {
    let bin = root.join("bin");
    fs::create_dir_all(&bin)?;
    copy_executable(&support::init(), &root.join("tidy-init"), 0o755)?;
    copy_with_libraries(&fixture(), root, "initlab")?;
    let busybox = find_program("busybox").ok_or(io::ErrorKind::NotFound)?;
    let list = Command::new(&busybox).arg("--list").output()?.stdout;
    for applet in String::from_utf8_lossy(&list).lines() {
        if applet != "busybox" {
            symlink("busybox", bin.join(applet))?;
        }
    }
    copy_executable(&busybox, &bin.join("busybox"), 0o755)?;
    fs::write(root.join("not-executable"), "")
}

/// Copies a program into the root directory, and the libraries that ldd(1) names to where they are
/// here.
fn copy_with_libraries(program: &Path, root: &Path, name: &str) -> io::Result<()> {
    copy_executable(program, &root.join(name), 0o755)?;
    if is_static(program) {
        return Ok(());
    }
    let list = Command::new("ldd").arg(program).output()?.stdout;
    let list = String::from_utf8_lossy(&list).into_owned();
    for library in list.split_whitespace().filter(|word| word.starts_with('/')) {
        let copy = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(copy.parent().unwrap_or(root))?;
        copy_executable(Path::new(library), &copy, 0o755)?;
    }
    Ok(())
}

/// Whether a program needs no dynamic linker: its ELF file has no segment PT_INTERP. See elf(5).
fn is_static(program: &Path) -> bool {
    const PT_INTERP: u64 = 3;
    let bytes = fs::read(program).unwrap_or_default();
    let number = |at: usize, size: usize| {
        let bytes = bytes.get(at..at + size)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |sum, b| sum << 8 | u64::from(*b)),
        )
    };
    let segments = || {
        let (table, size, count) = match (bytes.get(..4)?, number(4, 1)?) {
            (b"\x7fELF", 1) => (number(28, 4)?, number(42, 2)?, number(44, 2)?),
            (b"\x7fELF", 2) => (number(32, 8)?, number(54, 2)?, number(56, 2)?),
            _ => return None,
        };
        let kind = |index: u64| number((table + index * size) as usize, 4);
        (0..count).map(kind).collect::<Option<Vec<_>>>()
    };
    segments().is_some_and(|kinds| !kinds.contains(&PT_INTERP))
}

/// A shell that removes image, containers and context when this process has ended, however that
/// was: it waits for the end of a pipe.
struct Janitor(Child);

static JANITOR: Mutex<Option<Janitor>> = Mutex::new(None);

/// Where this process has been killed, the engine may be making one of them still: hence the
/// rounds.
const CLEAN: &str = "
trap '' HUP INT TERM
read -r orderly && rounds=1 || rounds='1 2 3 4 5 6 7 8 9 10'
for round in $rounds; do
    docker ps --all --quiet --filter label=$1 | xargs -r docker rm --force --volumes
    docker rmi --force \"$2\"
    [ -n \"$orderly\" ] || sleep 1
done
rm -rf -- \"$3\"
";

impl Janitor {
    fn hire(image: &Image, context: &Path) -> io::Result<()> {
        let mut shell = Command::new("sh");
        shell.args(["-c", CLEAN, "sh", &image.label, &image.name]);
        shell.arg(context);
        // In a group of its own: a Ctrl-C for the tests is not meant for it.
        shell.process_group(0);
        shell.stdin(Stdio::piped());
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        let janitor = Self(shell.spawn()?);
        *JANITOR.lock().unwrap_or_else(PoisonError::into_inner) = Some(janitor);
        sys::at_exit(dismiss);
        Ok(())
    }
}

extern "C" fn dismiss() {
    let janitor = JANITOR.lock().map(|mut janitor| janitor.take());
    if let Ok(Some(Janitor(mut shell))) = janitor {
        if let Some(pipe) = &mut shell.stdin {
            let _ = pipe.write_all(b"orderly\n");
        }
        // Waiting closes the pipe first.
        let _ = shell.wait();
    }
}

/// The words that run a fixture in a container.
pub fn fixture_command<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["/initlab", "fixture"], words].concat()
}
