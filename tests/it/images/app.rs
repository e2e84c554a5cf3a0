//! An application on the image `minimal`: a static server, `app/server.rs`.

use std::{fs, path::Path, sync::OnceLock, time::Duration};

use initlab::{Sandbox, find_program, missing_program};

use super::{
    build::Builder,
    container::janitor::mark,
    server::Server,
    stages::{ROOT, minimal},
};

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

/// `docker run` of it with these options. It answers then.
#[track_caller]
pub fn run(options: &[&str]) -> Server {
    Server::run(image(), options, &[])
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
        // Without cargo: it needs no crate, and flags of its own would have all others built again.
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
        Builder::usual().build(&name, &["--build-arg", &base], &context);
        name
    })
}
