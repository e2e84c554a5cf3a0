//! Programs inside an image: nothing but busybox is in it.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

use initlab::{
    TempDir, copy_executable, find_program, is_dynamic, require_docker, require_namespaces,
    require_program, skip,
};

use super::{advice, probe, report, require_tidy_init, tidy_init};

/// An image that goes with the value.
struct Image(String);

impl Image {
    /// busybox with the applets `sh` and `sleep`, and this command.
    #[track_caller]
    fn of_busybox(command: &str) -> Self {
        let directory = TempDir::new();
        let bin = directory.join("root/bin");
        fs::create_dir_all(&bin).unwrap();
        let busybox = find_program("busybox").expect("it is installed");
        copy_executable(&busybox, &bin.join("busybox"), 0o755).unwrap();
        for applet in ["sh", "sleep"] {
            symlink("busybox", bin.join(applet)).unwrap();
        }
        let archive = directory.join("root.tar");
        let mut tar = Command::new("tar");
        tar.arg("-cf").arg(&archive);
        tar.arg("-C").arg(directory.join("root")).arg(".");
        assert!(tar.status().unwrap().success(), "tar");
        let image = Self(format!("initlab-probe-test:{}", std::process::id()));
        let mut import = Command::new("docker");
        import.args(["import", "--change", command, "-", &image.0]);
        import.stdin(File::open(archive).unwrap());
        let imported = import.stderr(Stdio::inherit()).output().unwrap();
        assert!(imported.status.success(), "docker import");
        image
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["rmi", "--force", &self.0])
            .output();
    }
}

/// What of ours the engine has.
fn containers() -> String {
    let list = ["ps", "--all", "--quiet", "--filter", "label=initlab=probe"];
    let output = Command::new("docker").args(list).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_program_in_an_image_without_a_libc_is_seen_from_outside() {
    require_namespaces!();
    require_docker!();
    require_program!("busybox", "tar");
    require_tidy_init!();
    if tidy_init().is_none_or(|init| is_dynamic(&init).unwrap_or(true)) {
        skip!("needs a static init in TIDY_INIT: run `cargo xtask test`");
    }
    let image = Image::of_busybox(r#"CMD ["/bin/sh", "-c", "echo ready; /bin/sleep 1000; true"]"#);
    // Without a network, which the engine is slow to make.
    let in_image = || probe(&["--image", &image.0, "--run-option", "--network=none"]);
    let ended = in_image()
        // A shell cannot say that what it waits for has begun.
        .args(["--ready-after", "500ms"])
        .args(["--stop-timeout", "500ms", "--format", "json"])
        .run()
        .assert_code(0);
    let seen = report(&ended);
    assert_eq!(seen["command"][0], "/bin/sh", "{ended}");
    assert_eq!(
        seen["runs"][0]["end"]["outcome"], "still_running",
        "{ended}"
    );
    assert_eq!(seen["runs"][1]["end"]["status"], 143, "{ended}");
    assert_eq!(
        seen["runs"][1]["end"]["left_behind"],
        serde_json::json!([]),
        "{ended}"
    );
    let exec = advice(&seen, "`exec` is missing");
    assert_eq!(exec["line"], "exec /bin/sleep 1000", "{ended}");

    // A command takes the place of the image's own; the environment is the container's.
    let ended = in_image()
        .args(["--ready-after", "100ms", "--no-bare", "--format", "json"])
        .args(["--run-option", "--env=STATUS=9", "--", "/bin/sh", "-c"])
        .arg("trap 'exit $STATUS' TERM; while :; do sleep 0.02; done")
        .run()
        .assert_code(0);
    assert_eq!(report(&ended)["runs"][0]["end"]["status"], 9, "{ended}");

    let ended = in_image()
        .args(["--", "/no/such/program"])
        .run()
        .assert_code(125);
    assert!(ended.stderr_text().contains("/no/such/program"), "{ended}");

    let mut interrupted = in_image().start();
    interrupted.poll_until("the container", || !containers().is_empty());
    interrupted.kill(libc::SIGINT);
    interrupted.wait().assert_code(130);
    assert_eq!(containers(), "");
}

#[test]
fn an_image_that_is_not_there_is_told_in_a_line() {
    require_docker!();
    let ended = probe(&["--bare", "--image", "initlab-no-such-image"])
        .run()
        .assert_code(125)
        .assert_stdout("");
    let line = ended.stderr_text();
    assert!(line.starts_with("initlab: docker: "), "{ended}");
    assert!(line.contains("initlab-no-such-image"), "{ended}");
    assert_eq!(line.lines().count(), 1, "{ended}");
}
