//! The last bytes of a download: what is in the send buffers when nginx has ended.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread};

use initlab::{TempDir, poll_until, skip, timeout};

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

/// nginx with a file to download, in containers.
struct Site {
    _files: TempDir,
    mounts: [String; 2],
    /// The mount of the init.
    init: String,
}

impl Site {
    #[track_caller]
    fn new() -> Self {
        let site = TempDir::new();
        fs::write(site.join("download"), vec![b'x'; SIZE]).expect("the directory is ours");
        let readable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(site.path(), readable).expect("the directory is ours");
        let mount = |from: &Path, to: &str| format!("--volume={}:{to}:ro", from.display());
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/nginx/nginx.conf");
        let mounts = [
            mount(site.path(), "/srv"),
            mount(config.as_ref(), "/etc/nginx/nginx.conf"),
        ];
        Self {
            _files: site,
            mounts,
            init: mount(&support::init(), "/bin/tidy-init"),
        }
    }

    /// Starts nginx under an init in a container with these options of the engine.
    #[track_caller]
    fn start(&self, under: Under, options: &str, engine: &[&str]) -> Container {
        let entry = format!("--entrypoint={}", under.name());
        let mut all = vec![
            "--stop-signal=QUIT",
            "--user=65532:65532",
            &*entry,
            &*self.init,
        ];
        all.extend(self.mounts.iter().map(String::as_str));
        all.extend(engine);
        let mut command: Vec<&str> = options.split_whitespace().collect();
        if under == Under::TidyInit {
            command.push("-v");
        }
        command.extend(["--", "nginx", "-e", "stderr", "-g", "daemon off;"]);
        Container::detached(images::base::base(), &all, &command)
    }
}

fn logged(container: &Container, text: &str) -> bool {
    let logs = container.logs();
    (logs.stdout_text() + &logs.stderr_text()).contains(text)
}

/// Waits until nginx has written the whole answer: what has not arrived is in the kernel's buffers.
#[track_caller]
fn wait_written(container: &Container) {
    poll_until("nginx has written all", || {
        logged(container, "\"GET /download HTTP/1.0\" 200")
    });
}

/// Waits until the init lingers, or has ended.
#[track_caller]
fn wait_lingering_or_ended(container: &Container) {
    poll_until("it waits, or has ended", || {
        logged(container, "for sent TCP data to arrive")
            || container.state().as_deref() == Some("exited")
    });
}

#[test]
fn a_download_arrives_with_linger_and_only_then() {
    if let Some(reason) = images::base::missing() {
        skip!("{reason}");
    }
    let site = Site::new();
    for row in DOWNLOAD.rows {
        let container = site.start(row.under, row.options, &[]);
        let download = Download::start(&container, 8080, "/download");
        wait_written(&container);
        let container = &container;
        thread::scope(|scope| {
            let stop = scope.spawn(|| container.stop("20"));
            wait_lingering_or_ended(container);
            let got = download.finish();
            let took = stop.join().expect("it stops");
            let status = container.inspect("{{.State.ExitCode}}");
            assert!(
                (got == SIZE) == row.finished
                    && status == row.status.to_string()
                    && took < timeout() / 2,
                "{row:?}: {got} of {SIZE} bytes, status {status}, after {took:?}\n{}",
                container.logs()
            );
        });
    }
}

/// In a pod the pause process holds the network. What runs the pod stops its containers first, and
/// the pause process when they have ended: the interface goes with that.
#[test]
fn a_download_from_a_pod_arrives_with_linger_and_only_then() {
    if let Some(reason) = images::base::missing() {
        skip!("{reason}");
    }
    let site = Site::new();
    for (options, finished) in [("", false), ("--linger 10s", true)] {
        let holder = [&*site.init, "--entrypoint=tidy-init"];
        let holder = Container::detached(images::base::base(), &holder, &["--pause"]);
        let network = format!("--network=container:{}", holder.name());
        let server = site.start(Under::TidyInit, options, &[&network]);
        let download = Download::start_in(&holder, &server, 8080, "/download");
        wait_written(&server);
        thread::scope(|scope| {
            let stop = scope.spawn(|| {
                server.stop("20");
                holder.stop("20");
            });
            wait_lingering_or_ended(&server);
            if !finished {
                poll_until("the network has gone", || {
                    holder.state().as_deref() == Some("exited")
                });
            }
            let got = download.finish();
            stop.join().expect("they stop");
            assert!(
                (got == SIZE) == finished,
                "{options:?}: {got} of {SIZE} bytes\n{}",
                server.logs()
            );
        });
        assert_eq!(holder.inspect("{{.State.ExitCode}}"), "0");
        assert_eq!(server.inspect("{{.State.ExitCode}}"), "0");
    }
}
