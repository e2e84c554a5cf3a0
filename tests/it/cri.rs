//! Kubernetes' way without Kubernetes: containerd's CRI, asked as the kubelet asks it. The pod's own
//! process is our `--pause`, and each container's is the init.

mod client;
mod containerd;
mod image;
mod messages;
mod pod;

use std::{fs, time::Duration};

use initlab::{missing_namespaces, missing_program, missing_root, poll_until, timeout};

use crate::container::image::missing_static;

use containerd::Containerd;
use messages::NamespaceMode;

const PROGRAMS: &[&str] = &[
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "curl",
    "runc",
    "sha256sum",
    "tar",
];

/// Why no containerd can be started here; `None` when one can.
fn missing() -> Option<String> {
    let program = || PROGRAMS.iter().find_map(|program| missing_program(program));
    missing_root()
        .or_else(missing_namespaces)
        .or_else(program)
        .or_else(missing_static)
}

/// More time than any stop here takes, and less than the time until KILL.
const PATIENCE: i64 = 60;

#[test]
fn a_pod_runs_and_stops_as_the_kubelet_does_it() {
    if let Some(reason) = missing() {
        initlab::skip!("{reason}");
    }
    let containerd = Containerd::start();
    for pids in [NamespaceMode::Container, NamespaceMode::Pod] {
        let shared = pids == NamespaceMode::Pod;
        let pod = containerd.run_pod(pids);
        let pause = containerd.process("/pause");
        let ids = pause.status_field("Uid").expect("it runs");
        assert_eq!(ids.split_whitespace().next(), Some("65535"), "{ids}");
        assert_eq!(pause.inner_pid(), Some(1));

        // What the hook has done is there when the signal comes.
        let server = pod.start("server", &[], SERVER);
        let stubborn = pod.start("stubborn", STUBBORN, IGNORING);
        let deaf = pod.start("deaf", &[], IGNORING);
        let first = if shared {
            "/pause\0"
        } else {
            "/bin/tidy-init\0"
        };
        for container in [&server, &stubborn] {
            let (status, name) = container.exec(&["cat", "/proc/1/cmdline"]);
            assert!(status == 0 && name.starts_with(first), "{name:?}");
        }
        let hook = server.exec(&["sh", "-c", "touch /tmp/drained; exit 5"]);
        assert_eq!(hook.0, 5, "the hook's own status");
        let took = server.stop(PATIENCE);
        assert_eq!(server.exit_code(), 3);
        assert!(took < timeout(), "{took:?}");

        // It says why it was killed, before the engine had to do it.
        let took = stubborn.stop(PATIENCE);
        assert_eq!(stubborn.exit_code(), 137);
        assert!(took < timeout(), "{took:?}");
        let line = fs::read_to_string(stubborn.termination_log()).expect("the file is ours");
        assert!(line.starts_with("/bin/busybox (pid "), "{line:?}");
        assert!(line.contains(") was killed by SIGKILL"), "{line:?}");

        // The engine's time is up: it kills the init, and what that leaves.
        let took = deaf.stop(1);
        assert!(took >= Duration::from_secs(1), "{took:?}");
        assert_eq!(deaf.exit_code(), 137);

        // Where the pod shares its processes, they have come to the pause process.
        poll_until("nothing is left", || pause.children().is_empty());
        poll_until("it sleeps", || pause.waits_for_signals());
        pod.stop();
        poll_until("the pause process is gone", || !pause.exists());
    }
}

/// Ends with 3 where the hook was there before the signal, else with 4.
const SERVER: &str = "
trap 'test -e /tmp/drained && exit 3; exit 4' TERM
echo ready
while :; do sleep 1000 & wait; done";

const STUBBORN: &[&str] = &["--kill-after=1s", "--termination-log=/dev/termination-log"];
const IGNORING: &str = "
trap '' TERM
echo ready
while :; do sleep 1000 & wait; done";
