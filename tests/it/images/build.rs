//! `docker build`, by each of the two builders.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use initlab::{Ended, Sandbox, find_program};

use super::container::janitor::mark;

/// What builds an image.
#[derive(Clone, Copy, Debug)]
pub enum Builder {
    /// That of the engine, one instruction after the other.
    Classic,
    /// The one that became the default in Docker 23.
    BuildKit,
}

impl Builder {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Classic, Self::BuildKit];

    /// BuildKit, where it is: the classic builder looks through all files for changes after every
    /// instruction, which takes several times as long.
    pub fn usual() -> Self {
        match missing_buildkit() {
            None => Self::BuildKit,
            Some(_) => Self::Classic,
        }
    }

    /// `docker build` with these options of this directory, the image to have this name. No network
    /// is there while it builds.
    #[track_caller]
    pub fn try_build(self, name: &str, options: &[&str], directory: &Path) -> Ended {
        let (client, buildkit) = match self {
            Self::Classic => (find_program("docker"), "0"),
            Self::BuildKit => (buildkit_client().cloned(), "1"),
        };
        Sandbox::plain(client.expect("it has answered before"))
            .env("DOCKER_BUILDKIT", buildkit)
            .args(["build", "--network", "none", "--force-rm"])
            .args(["--label", &mark().label, "--tag", name])
            .args(options)
            .arg(directory)
            .timeout(Duration::from_secs(120))
            .run()
    }

    /// As [`try_build`](Self::try_build). Panics where it fails.
    #[track_caller]
    pub fn build(self, name: &str, options: &[&str], directory: &Path) {
        self.try_build(name, options, directory).assert_code(0);
    }
}

/// Why there is no BuildKit; `None` where there is.
pub fn missing_buildkit() -> Option<String> {
    let missing = buildkit_client().is_none();
    missing.then(|| "needs a Docker client with BuildKit: install docker-buildx".to_owned())
}

/// The first client that can have BuildKit build: by the plugin buildx, or by itself, before
/// Docker 23.
pub fn buildkit_client() -> Option<&'static PathBuf> {
    static CLIENT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let can = |client: &PathBuf| {
        let ask = |words: &[&str]| {
            let answer = Command::new(client).args(words).output().ok()?;
            let said = String::from_utf8_lossy(&answer.stdout).into_owned();
            answer.status.success().then_some(said)
        };
        let old = || {
            let version = ask(&["version", "--format", "{{.Client.Version}}"])?;
            let major: u32 = version.split('.').next()?.parse().ok()?;
            Some((18..23).contains(&major))
        };
        ask(&["buildx", "version"]).is_some() || old() == Some(true)
    };
    let find = || {
        let path = std::env::var_os("PATH")?;
        let clients = std::env::split_paths(&path).map(|directory| directory.join("docker"));
        clients.filter(|client| client.is_file()).find(can)
    };
    CLIENT.get_or_init(find).as_ref()
}
