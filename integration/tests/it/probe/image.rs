//! Programs in an image with nothing but busybox.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use initlab::{
    Process, TempDir, copy_executable, find_program, is_dynamic, require_docker,
    require_namespaces, require_program, skip,
};

use super::{advice, probe, report, require_tidy_init, tidy_init};

/// An image, removed with the value.
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
        for applet in ["sh", "sleep", "true"] {
            symlink("busybox", bin.join(applet)).unwrap();
        }
        let archive = directory.join("root.tar");
        let mut tar = Command::new("tar");
        tar.arg("-cf").arg(&archive);
        tar.arg("-C").arg(directory.join("root")).arg(".");
        assert!(tar.status().unwrap().success(), "tar");
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let image = Self(format!(
            "initlab-probe-test:{}-{number}",
            std::process::id()
        ));
        let mut import = Command::new("docker");
        import.args(["import", "--change", command, "-", &image.0]);
        import.stdin(File::open(archive).unwrap());
        let imported = import.stderr(Stdio::inherit()).output().unwrap();
        assert!(imported.status.success(), "docker import");
        image
    }
}

impl Image {
    /// The containers of this image.
    fn containers(&self) -> String {
        let filter = format!("ancestor={}", self.0);
        let list = [
            "ps",
            "--all",
            "--quiet",
            "--filter",
            "label=initlab=probe",
            "--filter",
            &filter,
        ];
        let output = Command::new("docker").args(list).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["rmi", "--force", &self.0])
            .output();
    }
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
    // Without a network, which the engine is slow to create.
    let in_image = || probe(&["--image", &image.0, "--run-option", "--network=none"]);
    let ended = in_image()
        // A shell cannot tell that the program it waits for has started.
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
    let shell = advice(&seen, "waits for `/bin/sleep 1000`");
    assert_eq!(shell["id"], "shell-goes-on", "{ended}");

    // A command replaces the image's own; the environment is the container's.
    let ended = in_image()
        .args([
            "--ready-after",
            "100ms",
            "--settle",
            "50ms",
            "--no-bare",
            "--format",
            "json",
        ])
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
    interrupted.poll_until("the container", || !image.containers().is_empty());
    interrupted.kill(libc::SIGINT);
    interrupted.wait().assert_code(130);
    assert_eq!(image.containers(), "");
}

#[test]
fn a_container_is_not_waited_for_longer_than_was_said_and_does_not_stay() {
    require_namespaces!();
    require_docker!();
    require_program!("busybox", "tar");
    let image = Image::of_busybox(
        r#"CMD ["/bin/sh", "-c", "trap 'sleep 2; exit 0' TERM; while :; do sleep 0.02; done"]"#,
    );
    let bare = || {
        probe(&[
            "--bare",
            "--image",
            &image.0,
            "--run-option",
            "--network=none",
        ])
        .args(["--ready-after", "200ms", "--settle", "0"])
    };
    // It needs 2 s; two waits of 1.2 s would be enough.
    let gate = ["--stop-timeout", "1200ms", "--expect-stop-within", "60s"];
    let ended = bare().args(gate).run().assert_code(1);
    assert!(ended.stdout_text().contains("it did not stop"), "{ended}");

    // An interrupt ends the wait for the container's end.
    let endless = ["--stop-timeout", "60s", "--", "/bin/sh", "-c"];
    let deaf = "trap '' TERM; while :; do sleep 0.02; done";
    let mut interrupted = bare().args(endless).arg(deaf).start();
    interrupted.poll_until("the container", || !image.containers().is_empty());
    let waits = |p: &Process| {
        p.signal_set("SigIgn")
            .is_some_and(|set| set.contains(libc::SIGTERM))
    };
    let in_container = || {
        Process::all()
            .into_iter()
            .any(|p| p.inner_pid() == Some(1) && waits(&p))
    };
    interrupted.poll_until("the program", in_container);
    let begin = Instant::now();
    interrupted.kill(libc::SIGINT);
    interrupted.wait().assert_code(130);
    assert!(
        begin.elapsed() < Duration::from_secs(9),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(image.containers(), "");

    // A KILL leaves it, and the next probe removes it.
    let mut killed = bare().args(endless).arg(deaf).start();
    killed.poll_until("the container", || !image.containers().is_empty());
    killed.poll_until("the program", in_container);
    killed.kill(libc::SIGKILL);
    killed.wait();
    assert_ne!(image.containers(), "");
    bare().args(["--", "/bin/true"]).run().assert_code(0);
    assert_eq!(image.containers(), "");
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
