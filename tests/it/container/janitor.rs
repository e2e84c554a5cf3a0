//! Removes everything that the tests make in the engine and on disk when they end, even if they are
//! killed.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use initlab::{TempDir, sys};

/// The mark of everything that a run of the tests makes: images, containers, networks, directories.
pub struct Mark {
    /// A name that no other run has: letters, digits and hyphens.
    pub name: String,
    /// The label of each image and container, as `--label` wants it.
    pub label: String,
    directory: TempDir,
}

impl Mark {
    /// The path of `name` in a directory that is removed with the rest.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }
}

/// The mark of this run. Everything that bears it is removed when the process ends.
#[track_caller]
pub fn mark() -> &'static Mark {
    static MARK: OnceLock<Mark> = OnceLock::new();
    MARK.get_or_init(|| {
        let directory = TempDir::new();
        // The directory's name is unique, and so is what is named after it.
        let name = directory.path().file_name().and_then(|name| name.to_str());
        let name = name.expect("a temporary directory has a name in ASCII");
        let mark = Mark {
            name: name.to_owned(),
            label: format!("tidy-init-test={name}"),
            directory,
        };
        Janitor::hire(&mark).expect("a shell can be started");
        mark
    })
}

/// A shell that removes all that bears the mark when this process has ended in any way, which it
/// sees by the end of a pipe.
struct Janitor(Child);

static JANITOR: Mutex<Option<Janitor>> = Mutex::new(None);

/// An image that still has children cannot be removed, and after this process was killed the engine
/// may still be making something: hence the rounds.
const CLEAN: &str = "
trap '' HUP INT TERM
read -r orderly && rounds='1 2 3 4' || rounds='1 2 3 4 5 6 7 8 9 10'
for round in $rounds; do
    docker ps --all --quiet --filter label=$1 | xargs -r docker rm --force --volumes
    docker network ls --quiet --filter label=com.docker.compose.project=$2 |
        xargs -r docker network rm
    images=$(docker images --all --quiet --filter label=$1 | sort -u)
    [ -n \"$images\" ] || [ -z \"$orderly\" ] || break
    [ -z \"$images\" ] || docker rmi --force $images
    [ -n \"$orderly\" ] || sleep 1
done
rm -rf -- \"$3\"
";

impl Janitor {
    fn hire(mark: &Mark) -> io::Result<()> {
        let mut shell = Command::new("sh");
        shell.args(["-c", CLEAN, "sh", &mark.label, &mark.name]);
        shell.arg(mark.directory.path());
        // In a group of its own, so that Ctrl-C ends the tests and not the shell.
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
