//! Images of one layer, in the format of `docker save`, which containerd imports: no other engine
//! makes them.

use std::{env, fs, path::PathBuf};

use initlab::{Sandbox, TempDir, copy_executable, find_program};
use serde_json::json;

use crate::support::init;

/// An archive with an image.
pub struct Archive {
    directory: TempDir,
}

impl Archive {
    /// The image of docs/kubernetes.md: nothing but our binary, which is the pause process.
    pub fn pause(name: &str) -> Self {
        let settings = json!({ "User": "65535:65535", "Entrypoint": ["/pause"] });
        let archive = Self::new();
        copy_executable(&init(), &archive.root("pause"), 0o755).expect("the directory is ours");
        archive.pack(name, &settings)
    }

    /// The init, and busybox.
    pub fn tools(name: &str) -> Self {
        let archive = Self::new();
        fs::create_dir(archive.root("bin")).expect("the directory is ours");
        fs::create_dir(archive.root("tmp")).expect("the directory is ours");
        let busybox = find_program("busybox").expect("it has been looked for");
        for (program, name) in [(init(), "tidy-init"), (busybox, "busybox")] {
            let to = archive.root("bin").join(name);
            copy_executable(&program, &to, 0o755).expect("the directory is ours");
        }
        archive.pack(name, &json!({ "Env": ["PATH=/bin"] }))
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.directory.join("image.tar")
    }

    fn new() -> Self {
        let directory = TempDir::new();
        fs::create_dir(directory.join("root")).expect("the directory is ours");
        Self { directory }
    }

    fn root(&self, name: &str) -> PathBuf {
        self.directory.join("root").join(name)
    }

    fn pack(self, name: &str, settings: &serde_json::Value) -> Self {
        self.tar("layer.tar", "root", &["."]);
        let layer = self.directory.join("layer.tar");
        let sum = Sandbox::plain("sha256sum").arg(layer).run().assert_code(0);
        let sum = sum.stdout_text();
        let sum = sum.split(' ').next().unwrap_or_default();
        let architecture = match env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": settings,
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{sum}")] },
        });
        let manifest = json!([{
            "Config": "config.json",
            "RepoTags": [name],
            "Layers": ["layer.tar"],
        }]);
        for (name, content) in [("config.json", config), ("manifest.json", manifest)] {
            let path = self.directory.join(name);
            fs::write(path, content.to_string()).expect("the directory is ours");
        }
        let parts = ["manifest.json", "config.json", "layer.tar"];
        self.tar("image.tar", ".", &parts);
        self
    }

    fn tar(&self, name: &str, directory: &str, parts: &[&str]) {
        Sandbox::plain("tar")
            .args(["--create", "--owner=0", "--group=0", "--file"])
            .arg(self.directory.join(name))
            .arg("--directory")
            .arg(self.directory.join(directory))
            .args(parts.iter().copied())
            .run()
            .assert_code(0);
    }
}
