//! An application on the image `minimal`: a static server, `app/server.rs`.

use std::{fs, io, path::Path, sync::OnceLock, time::Duration};

use initlab::{Network, Sandbox, find_program, missing_program};

use super::{
    build::Builder,
    container::{docker::Container, janitor::mark},
    service,
    stages::{ROOT, minimal},
};

/// The port that it answers on.
pub const PORT: u16 = 8080;

/// Why it cannot be built; `None` when it can.
pub fn missing() -> Option<String> {
    super::base::missing().or_else(|| missing_program("rustc"))
}

/// Skips the running test unless the application can be built.
macro_rules! require_app {
    () => {
        if let Some(reason) = $crate::images::app::missing() {
            initlab::skip!("{reason}");
        }
    };
}
pub(super) use require_app;

/// A container of it, from the moment that it answers.
pub struct App {
    /// The container.
    pub container: Container,
    network: Network,
}

impl App {
    /// `docker run` with these options.
    #[track_caller]
    pub fn run(options: &[&str]) -> Self {
        let mut container = Container::of(image(), options, &[], |client| client);
        container.expect("listening");
        let network = Network::of(container.init()).expect("it runs");
        Self { container, network }
    }

    /// The body of what it answers to a request for this path. Panics where it does not.
    #[track_caller]
    pub fn get(&self, path: &str) -> String {
        let answer = self.try_get(path);
        answer
            .unwrap_or_else(|error| panic!("{}", self.container.client.failure(&error.to_string())))
    }

    /// As [`get`](Self::get), with an error where there is no answer.
    pub fn try_get(&self, path: &str) -> io::Result<String> {
        service::http_get(&self.network, PORT, path)
    }

    /// The network that it is in.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

/// The name of its image.
#[track_caller]
pub fn image() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let sources = Path::new(ROOT).join("tests/it/images/app");
        let context = mark().path("app");
        fs::create_dir(&context).expect("the directory is ours");
        fs::copy(sources.join("Dockerfile"), context.join("Dockerfile")).expect("it is there");
        // No crate is needed, so neither is cargo: a compiler of its own flags would build the
        // standard library's users again.
        let rustc = find_program("rustc").expect("it has been there");
        Sandbox::plain(rustc)
            .args(["--edition=2024", "-Copt-level=s", "-Cpanic=abort"])
            .args(["-Ctarget-feature=+crt-static", "-Cstrip=symbols"])
            .arg(sources.join("server.rs"))
            .arg("-o")
            .arg(context.join("server"))
            .timeout(Duration::from_secs(120))
            .run()
            .assert_code(0);
        let name = format!("tidy-init-test-app:{}", mark().name);
        let base = format!("BASE={}", minimal());
        Builder::Classic.build(&name, &["--build-arg", &base], &context);
        name
    })
}
