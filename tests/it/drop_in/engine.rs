//! As the init of a Docker engine: `docker run --init` and Compose's `init: true`. The machine's
//! own engine stays as it is: this is a second one, with a directory and a socket of its own.

use std::{fs, path::PathBuf};

use initlab::{
    Ended, Pty, Running, Sandbox, Stdio, TempDir, copy_executable, find_program, missing_docker,
    require_program, require_root, try_poll_until,
};

use crate::{container::image::is_static, support};

/// An engine that uses our init.
struct Engine {
    directory: TempDir,
    daemon: Running,
}

impl Engine {
    #[track_caller]
    fn start() -> Engine {
        let directory = TempDir::new();
        let path = |name: &str| directory.join(name).display().to_string();
        let init = directory.join("docker-init");
        copy_executable(&support::init(), &init, 0o755).expect("a copy");
        let configuration = serde_json::json!({
            "hosts": [format!("unix://{}", path("socket"))],
            "data-root": path("data"),
            "exec-root": path("exec"),
            "pidfile": path("pid"),
            "init-path": init.display().to_string(),
            "bridge": "none",
            "iptables": false,
            "ip6tables": false,
        });
        let file = directory.join("daemon.json");
        fs::write(&file, configuration.to_string()).expect("the directory is ours");
        // In a network of its own: an engine without a bridge removes docker0, even if it belongs
        // to another one.
        let daemon = Sandbox::plain(find_program("dockerd").expect("it has been looked for"))
            .arg("--config-file")
            .arg(&file)
            .own_network()
            .start();
        let engine = Engine { directory, daemon };
        engine.daemon.poll_until("an engine that answers", || {
            engine.client(&["version"]).run().status.code() == Some(0)
        });
        engine.import();
        engine
    }

    /// A Docker client of this engine.
    fn client(&self, arguments: &[&str]) -> Sandbox {
        let program = find_program("docker").expect("it has answered before");
        self.with(program, arguments)
    }

    fn with(&self, program: PathBuf, arguments: &[&str]) -> Sandbox {
        let socket = self.directory.join("socket");
        Sandbox::plain(program)
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .args(arguments.iter().copied())
    }

    /// An image with busybox and nothing else: no libc, no init.
    #[track_caller]
    fn import(&self) {
        let bin = self.directory.join("root/bin");
        fs::create_dir_all(&bin).expect("the directory is ours");
        let busybox = find_program("busybox").expect("it has been looked for");
        copy_executable(&busybox, &bin.join("busybox"), 0o755).expect("a copy");
        std::os::unix::fs::symlink("busybox", bin.join("sh")).expect("a link");
        fs::write(bin.join("plain"), "").expect("a file");
        let root = self.directory.join("root");
        let import = "tar -C \"$0\" -c . | docker import - drop-in:1";
        self.with(PathBuf::from("/bin/sh"), &["-c", import])
            .arg(root)
            .run()
            .assert_code(0);
    }

    /// `docker run --init` with these options, of this command.
    fn run(&self, options: &[&str], command: &[&str]) -> Sandbox {
        self.client(&["run", "--rm", "--init", "--network", "none"])
            .args(options.iter().copied())
            .arg("drop-in:1")
            .args(command.iter().copied())
    }
}

/// Ends the engine in an orderly way, also after a failure, so that it removes its containers and
/// mounts.
impl Drop for Engine {
    fn drop(&mut self) {
        self.daemon.kill(libc::SIGTERM);
        let _ = self.daemon.try_wait_exit();
    }
}

/// Skips the running test unless a second engine can be started.
macro_rules! require_engine {
    () => {
        require_root!();
        require_program!("dockerd", "docker-compose", "busybox");
        if let Some(reason) = missing_docker() {
            initlab::skip!("{reason}");
        }
        if !is_static(&support::init()) {
            initlab::skip!("needs a static init in TIDY_INIT: run `cargo xtask test`");
        }
    };
}

#[test]
fn of_docker_by_init_path() {
    require_engine!();
    let engine = Engine::start();
    the_engine_knows_its_version(&engine);
    statuses_are_those_of_tini(&engine);
    variables_reach_it(&engine);
    stopping_takes_a_moment(&engine);
    a_terminal_is_the_commands(&engine);
    compose_starts_it(&engine);
}

#[track_caller]
fn the_engine_knows_its_version(engine: &Engine) {
    let info = engine
        .client(&["info", "--format", "{{.InitBinary}}"])
        .run();
    assert!(info.stdout_text().ends_with("/docker-init\n"), "{info}");
    let components = engine
        .client(&["version", "--format", "{{json .Server.Components}}"])
        .run();
    let components: serde_json::Value = serde_json::from_slice(&components.stdout).expect("JSON");
    let init = components.as_array().expect("a list").iter();
    let mut init = init.filter(|component| component["Name"] == "docker-init");
    assert_eq!(init.next().expect("an init")["Version"], "0.19.0");
}

#[track_caller]
fn statuses_are_those_of_tini(engine: &Engine) {
    let script = "tr '\\0' ' ' < /proc/1/cmdline; exit 7";
    let command = ["/bin/busybox", "sh", "-c", script];
    let ended = engine.run(&[], &command).run().assert_code(7);
    let line = ended.stdout_text();
    assert!(
        line.starts_with("/sbin/docker-init -- /bin/busybox sh -c "),
        "{ended}"
    );
    let said = |ended: &Ended, reason: &str| {
        let text = ended.stderr_text();
        assert!(
            text.starts_with("[FATAL tini (") && text.contains(reason),
            "{ended}"
        );
    };
    let ended = engine.run(&[], &["/nowhere"]).run().assert_code(127);
    said(
        &ended,
        ")] exec /nowhere failed: No such file or directory\n",
    );
    let ended = engine.run(&[], &["/bin/plain"]).run().assert_code(126);
    said(&ended, ")] exec /bin/plain failed: Permission denied\n");
    let killed = ["/bin/sh", "-c", "kill -9 $$"];
    engine.run(&[], &killed).run().assert_code(137);
    // The engine treats this as its own option: it never reaches the init.
    engine
        .run(&["--cap-add", "bogus"], &["/bin/sh"])
        .run()
        .assert_code(125);
    let ended = engine
        .run(&["-e", "TIDY_INIT_OPTS=--bogus"], &["/bin/sh"])
        .run()
        .assert_code(125);
    said(&ended, ")] TIDY_INIT_OPTS: unknown option --bogus ");
}

#[track_caller]
fn variables_reach_it(engine: &Engine) {
    let ended = engine
        .run(
            &["-e", "TINI_VERBOSITY=3"],
            &["/bin/sh", "-c", "echo $PPID"],
        )
        .run()
        .assert_code(0)
        .assert_stdout("1\n");
    let text = ended.stderr_text();
    assert!(
        text.contains("[INFO  tini (1)] Spawned child process '/bin/sh'"),
        "{ended}"
    );
    assert!(
        text.contains("[DEBUG tini (1)] Reaped child with pid: '"),
        "{ended}"
    );
    engine
        .run(
            &["-e", "TIDY_INIT_OPTS=-e 3:4"],
            &["/bin/sh", "-c", "exit 3"],
        )
        .run()
        .assert_code(4);
}

#[track_caller]
fn stopping_takes_a_moment(engine: &Engine) {
    // TERM for the shell alone, and for its whole group.
    for (variable, script) in [
        (
            "TINI_VERBOSITY=1",
            "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done",
        ),
        (
            "TINI_KILL_PROCESS_GROUP=1",
            "echo ready; sleep 1000; exit 6",
        ),
    ] {
        let command = ["/bin/sh", "-c", script];
        let mut running = engine
            .run(&["--name", "stopped", "-e", variable], &command)
            .start_ready();
        let stop = engine
            .client(&["stop", "--time", "10", "stopped"])
            .run()
            .assert_code(0);
        assert!(stop.elapsed < initlab::timeout() / 4, "{stop}");
        let status = running.wait_exit();
        assert!([5, 143].contains(&status.shell()), "{status}");
        // The container's name is free again.
        let gone = || engine.client(&["inspect", "stopped"]).run().status.code() != Some(0);
        assert!(try_poll_until(initlab::timeout(), gone));
    }
}

#[track_caller]
fn a_terminal_is_the_commands(engine: &Engine) {
    let pty = Pty::open();
    let command = [
        "/bin/sh",
        "-c",
        "trap 'exit 9' INT; tty; while :; do sleep 0.1; done",
    ];
    let mut running = engine
        .run(&["--interactive", "--tty"], &command)
        .terminal(&pty)
        .stdout(Stdio::Piped)
        .start();
    running.expect("/dev/");
    pty.send_ctrl('c');
    running.wait().assert_code(9);
}

#[track_caller]
fn compose_starts_it(engine: &Engine) {
    let file = engine.directory.join("compose.yml");
    let text = "version: '3.7'\nservices:\n  one:\n    image: drop-in:1\n    init: true\n    network_mode: none\n    command: ['/bin/sh', '-c', 'exit 3']\n    environment: ['TINI_VERBOSITY=2']\n";
    fs::write(&file, text).expect("the directory is ours");
    let program = find_program("docker-compose").expect("it has been looked for");
    let compose = |arguments: &[&str]| {
        engine
            .with(program.clone(), &["--project-name", "dropin", "--file"])
            .arg(&file)
            .args(arguments.iter().copied())
            .run()
    };
    let up = compose(&["up", "--no-color", "--exit-code-from", "one"]).assert_code(3);
    let text = up.stdout_text() + &up.stderr_text();
    assert!(
        text.contains("Main child exited normally (with status '3')"),
        "{up}"
    );
    compose(&["down"]).assert_code(0);
}
