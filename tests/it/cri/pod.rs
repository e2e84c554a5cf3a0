//! A pod and its containers.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use initlab::poll_until;

use super::{
    containerd::{Containerd, TOOLS},
    messages::{
        ContainerConfig, ContainerId, ContainerMetadata, ContainerStatus, ContainerStatusResponse,
        CreateContainerRequest, Empty, ExecSyncRequest, ExecSyncResponse, ImageSpec,
        LinuxContainerConfig, LinuxContainerSecurityContext, LinuxPodSandboxConfig,
        LinuxSandboxSecurityContext, Mount, NamespaceMode, NamespaceOption, PodSandboxConfig,
        PodSandboxId, PodSandboxMetadata, RunPodSandboxRequest, StopContainerRequest,
    },
};

pub struct Pod<'a> {
    containerd: &'a Containerd,
    config: PodSandboxConfig,
    namespaces: NamespaceOption,
    id: PodSandboxId,
}

impl<'a> Pod<'a> {
    #[track_caller]
    pub fn run(containerd: &'a Containerd, pids: NamespaceMode) -> Self {
        let name = format!("{pids:?}").to_lowercase();
        let logs = containerd.directory.join(&name);
        fs::create_dir(&logs).expect("the directory is ours");
        let namespaces = NamespaceOption {
            network: NamespaceMode::Node.into(),
            pid: pids.into(),
        };
        let config = PodSandboxConfig {
            metadata: Some(PodSandboxMetadata {
                uid: name.clone(),
                name,
                namespace: "test".to_owned(),
            }),
            log_directory: logs.display().to_string(),
            linux: Some(LinuxPodSandboxConfig {
                security_context: Some(LinuxSandboxSecurityContext {
                    namespace_options: Some(namespaces.clone()),
                }),
            }),
        };
        let request = RunPodSandboxRequest {
            config: Some(config.clone()),
        };
        let id = containerd.call("RuntimeService/RunPodSandbox", &request);
        Self {
            containerd,
            config,
            namespaces,
            id,
        }
    }

    /// Starts a container with the init, these options, and a script, and waits for its line
    /// `ready`.
    #[track_caller]
    pub fn start(&self, name: &str, options: &[&str], script: &str) -> Container<'_> {
        let logs = PathBuf::from(&self.config.log_directory);
        let container = Container {
            containerd: self.containerd,
            id: ContainerId::default(),
            directory: logs.join(name),
        };
        fs::create_dir(&container.directory).expect("the directory is ours");
        fs::write(container.termination_log(), "").expect("the directory is ours");
        let start = ["/bin/tidy-init"]
            .into_iter()
            .chain(options.iter().copied());
        let command = start.chain(["--", "/bin/busybox", "sh", "-c", script]);
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata {
                name: name.to_owned(),
            }),
            image: Some(ImageSpec {
                image: TOOLS.to_owned(),
            }),
            command: command.map(str::to_owned).collect(),
            mounts: vec![Mount {
                container_path: "/dev/termination-log".to_owned(),
                host_path: container.termination_log().display().to_string(),
            }],
            log_path: format!("{name}/log"),
            linux: Some(LinuxContainerConfig {
                security_context: Some(LinuxContainerSecurityContext {
                    namespace_options: Some(self.namespaces.clone()),
                }),
            }),
        };
        let request = CreateContainerRequest {
            pod_sandbox_id: self.id.pod_sandbox_id.clone(),
            config: Some(config),
            sandbox_config: Some(self.config.clone()),
        };
        let id: ContainerId = self
            .containerd
            .call("RuntimeService/CreateContainer", &request);
        let _: Empty = self.containerd.call("RuntimeService/StartContainer", &id);
        let log = container.directory.join("log");
        poll_until("the command is ready", || {
            fs::read_to_string(&log).is_ok_and(|log| log.contains(" ready\n"))
        });
        Container { id, ..container }
    }

    /// Ends its process, and what is left of its containers.
    #[track_caller]
    pub fn stop(&self) {
        let _: Empty = self
            .containerd
            .call("RuntimeService/StopPodSandbox", &self.id);
    }
}

impl Drop for Pod<'_> {
    /// Removes it with its containers. Without that, the end of the engine would leave cgroups.
    fn drop(&mut self) {
        for method in ["StopPodSandbox", "RemovePodSandbox"] {
            let method = format!("RuntimeService/{method}");
            self.containerd.try_call(&method, &self.id);
        }
    }
}

pub struct Container<'a> {
    containerd: &'a Containerd,
    id: ContainerId,
    directory: PathBuf,
}

impl Container<'_> {
    /// The file that the kubelet reads when the container has ended.
    pub fn termination_log(&self) -> PathBuf {
        self.directory.join("termination-log")
    }

    /// Runs an applet of busybox inside, as hooks and probes are run: its status and its output.
    #[track_caller]
    pub fn exec(&self, command: &[&str]) -> (i32, String) {
        let words = ["/bin/busybox"].iter().chain(command);
        let request = ExecSyncRequest {
            container_id: self.id.container_id.clone(),
            cmd: words.map(|&word| word.to_owned()).collect(),
            timeout: 60,
        };
        let answer: ExecSyncResponse = self.containerd.call("RuntimeService/ExecSync", &request);
        let output = String::from_utf8_lossy(&answer.stdout).into_owned();
        (answer.exit_code, output)
    }

    /// TERM, and KILL after so many seconds: how long it took.
    #[track_caller]
    pub fn stop(&self, timeout: i64) -> Duration {
        let request = StopContainerRequest {
            container_id: self.id.container_id.clone(),
            timeout,
        };
        let begin = Instant::now();
        let _: Empty = self
            .containerd
            .call("RuntimeService/StopContainer", &request);
        begin.elapsed()
    }

    /// What it has ended with.
    #[track_caller]
    pub fn exit_code(&self) -> i32 {
        const EXITED: i32 = 2;
        let answer: ContainerStatusResponse = self
            .containerd
            .call("RuntimeService/ContainerStatus", &self.id);
        let status: ContainerStatus = answer.status.expect("it is known");
        assert_eq!(status.state, EXITED);
        status.exit_code
    }
}
