//! The last bytes of a download: what is in the send buffers when nginx has ended.

use std::{fs, os::unix::fs::PermissionsExt};

use initlab::{TempDir, poll_until, skip};

use super::{
    container::docker::Container,
    images,
    scene::{Row, Scene, Under},
};
use crate::{
    download::{Download, SIZE},
    support,
};

pub const DOWNLOAD: Scene = Scene {
    name: "A download from nginx",
    story: "The Docker engine runs a container with nginx and stops it with QUIT, nginx's \
            graceful stop. A client outside has requested 300,000 bytes and reads slowly. nginx \
            has written all of them, so it ends at once, but the last bytes are still in the \
            kernel's buffers. When the init has ended, the engine removes the network interface.",
    rows: &[
        Row::cut_off(Under::DumbInit, "", 0),
        Row::cut_off(Under::Tini, "", 0),
        Row::cut_off(Under::TidyInit, "", 0),
        Row::cut_off(Under::TidyInit, "--grace 10s", 0),
        Row::finished(Under::TidyInit, "--linger 10s", 0),
        Row::finished(Under::TidyInit, "--linger 10s --grace 10s -k 10s", 0),
    ],
};

#[test]
fn a_download_arrives_with_linger_and_only_then() {
    if let Some(reason) = images::base::missing() {
        skip!("{reason}");
    }
    let site = TempDir::new();
    fs::write(site.join("download"), vec![b'x'; SIZE]).expect("the directory is ours");
    let readable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(site.path(), readable).expect("the directory is ours");
    let mount = |from: &std::path::Path, to: &str| format!("--volume={}:{to}:ro", from.display());
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/nginx/nginx.conf");
    let mounts = [
        mount(site.path(), "/srv"),
        mount(config.as_ref(), "/etc/nginx/nginx.conf"),
        mount(&support::init(), "/bin/tidy-init"),
    ];
    for row in DOWNLOAD.rows {
        let entry = format!("--entrypoint={}", row.under.name());
        let mut options = vec!["--stop-signal=QUIT", "--user=65532:65532", &*entry];
        options.extend(mounts.iter().map(String::as_str));
        let mut command: Vec<&str> = row.options.split_whitespace().collect();
        if row.under == Under::TidyInit {
            command.push("-v");
        }
        command.extend(["--", "nginx", "-e", "stderr", "-g", "daemon off;"]);
        let container = Container::detached(images::base::base(), &options, &command);
        let download = Download::start(&container, 8080, "/download");
        let logged = |text: &str| {
            let logs = container.logs();
            (logs.stdout_text() + &logs.stderr_text()).contains(text)
        };
        poll_until("nginx has written all", || {
            logged("\"GET /download HTTP/1.0\" 200")
        });
        let (container, logged) = (&container, &logged);
        std::thread::scope(|scope| {
            let stop = scope.spawn(|| container.stop("20"));
            poll_until("it waits, or has ended", || {
                logged("for sent TCP data to arrive")
                    || container.state().as_deref() == Some("exited")
            });
            let got = download.finish();
            let took = stop.join().expect("it stops");
            let status = container.inspect("{{.State.ExitCode}}");
            assert!(
                (got == SIZE) == row.finished
                    && status == row.status.to_string()
                    && took < initlab::timeout() / 2,
                "{row:?}: {got} of {SIZE} bytes, status {status}, after {took:?}\n{}",
                container.logs()
            );
        });
    }
}
