//! A containerd of our own, in a PID namespace: all that it starts ends with it. Docker's is left
//! alone.

use std::{fs, time::Duration};

use initlab::{Process, Running, Sandbox, TempDir, poll_until};

use prost::Message;

use super::{
    client::Client,
    image::Archive,
    messages::{Empty, ImageSpec, ImageStatusRequest, ImageStatusResponse, NamespaceMode},
    pod::Pod,
};
use crate::support::native;

const PAUSE: &str = "localhost/tidy-init-pause:test";
/// The image of the containers.
pub const TOOLS: &str = "localhost/tidy-init-tools:test";

/// Where shims have their sockets, wherever the engine has its own.
const SHIMS: &str = "/run/containerd";

pub struct Containerd {
    // First, so that it has ended when its directory goes.
    running: Running,
    client: Client,
    pub directory: TempDir,
}

impl Containerd {
    /// Starts it with our images. The init of its PID namespace is ours as well.
    #[track_caller]
    pub fn start() -> Self {
        let directory = TempDir::new();
        let config = directory.join("config.toml");
        fs::write(&config, configuration(&directory)).expect("the directory is ours");
        fs::create_dir_all(SHIMS).expect("it can be made");
        let running = native(initlab::Place::Pid1)
            .args(["--grace=5s", "--", "containerd", "--config"])
            .arg(&config)
            .tmpfs(SHIMS)
            .timeout(Duration::from_secs(60))
            .start();
        let socket = directory.join("socket");
        running.poll_until("containerd listens", || socket.exists());
        let containerd = Self {
            running,
            client: Client::new(socket),
            directory,
        };
        containerd.import(&Archive::pause(PAUSE), PAUSE);
        containerd.import(&Archive::tools(TOOLS), TOOLS);
        containerd
    }

    /// Calls a method of the CRI: `RuntimeService/Version`. Panics with containerd's log where it
    /// fails.
    #[track_caller]
    pub fn call<A: Message + Default>(&self, method: &str, request: &impl Message) -> A {
        let answer = self.client.call(method, request);
        answer.unwrap_or_else(|why| panic!("{}", self.running.failure(&format!("{method}: {why}"))))
    }

    /// As [`call`](Self::call), for a clean-up: a failure is ignored.
    pub fn try_call(&self, method: &str, request: &impl Message) {
        let _ = self.client.call::<Empty>(method, request);
    }

    #[track_caller]
    fn import(&self, archive: &Archive, name: &str) {
        Sandbox::plain("ctr")
            .arg("--address")
            .arg(self.directory.join("socket"))
            .args(["--namespace", "k8s.io", "images", "import"])
            .args(["--snapshotter", SNAPSHOTTER])
            .arg(archive.path())
            .timeout(Duration::from_secs(60))
            .run()
            .assert_code(0);
        // The CRI is told of it by an event.
        let request = ImageStatusRequest {
            image: Some(ImageSpec { image: name.into() }),
        };
        poll_until("the image is known", || {
            let answer: ImageStatusResponse = self.call("ImageService/ImageStatus", &request);
            answer.image.is_some()
        });
    }

    /// A pod whose containers have these PID namespaces.
    #[track_caller]
    pub fn run_pod(&self, pids: NamespaceMode) -> Pod<'_> {
        Pod::run(self, pids)
    }

    /// The only process below that runs this program, by the name that it was started by. The engine
    /// reports a container as running while `runc init` still executes its program: it is awaited.
    #[track_caller]
    pub fn process(&self, program: &str) -> Process {
        let runs = |process: &Process| {
            let arguments = process.arguments().unwrap_or_default();
            arguments.first().is_some_and(|first| first == program)
        };
        let mut found: Vec<Process> = Vec::new();
        self.running.poll_until(&format!("{program} runs"), || {
            found = self.running.process().descendants();
            found.retain(runs);
            !found.is_empty()
        });
        assert_eq!(found.len(), 1, "{program}\n{}", self.running.tree());
        found[0]
    }
}

/// No copy on write: it works on any file system, and the images are small.
const SNAPSHOTTER: &str = "native";

/// Nothing outside of the directory. Pods have the network of the node, so that no CNI is needed.
fn configuration(directory: &TempDir) -> String {
    let path = directory.path().display();
    format!(
        r#"
version = 2
root = "{path}/root"
state = "{path}/state"
disabled_plugins = [
    "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{path}/socket"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# Where this process may not protect anything from the OOM killer.
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{SNAPSHOTTER}"

[plugins."io.containerd.grpc.v1.cri".cni]
conf_dir = "{path}/cni"

# Imports, since containerd 2.
[plugins."io.containerd.transfer.v1.local"]
unpack_config = [{{ platform = "linux", snapshotter = "{SNAPSHOTTER}" }}]
"#
    )
}
