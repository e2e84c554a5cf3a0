//! Real programs: the advice has to fit what they are known to do.

use std::{fs, path::Path};

use initlab::{
    Ended, TempDir, require_namespaces, require_program, require_root, write_executable,
};
use serde_json::Value;

use super::{advice, free_port, ids, probe, report, require_tidy_init};

/// Probes a server that listens on this port.
#[track_caller]
fn probe_server(port: &str, more: &[&str], command: &[&str]) -> (Value, Ended) {
    let ended = probe(&[
        "--ready-port",
        port,
        "--stop-timeout",
        "10s",
        "--format",
        "json",
    ])
    .args(more)
    .arg("--")
    .args(command)
    .run()
    .assert_code(0);
    (report(&ended), ended)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is UTF-8")
}

#[test]
fn named_is_not_told_to_stop_before_it_has_started() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("named");
    let directory = TempDir::new();
    let port = free_port();
    let configuration = directory.join("named.conf");
    let options = format!(
        "options {{ directory \"{}\"; pid-file none; session-keyfile none; recursion no;\n\
         listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; }};\ncontrols {{ }};\n",
        directory.path().display()
    );
    fs::write(&configuration, options).unwrap();
    let (report, ended) = probe_server(&port, &[], &["named", "-g", "-c", text(&configuration)]);
    for run in 0..2 {
        assert_eq!(report["runs"][run]["end"]["status"], 0, "{ended}");
    }
    assert_eq!(ids(&report), ["all-is-well"], "{ended}");
}

#[test]
fn a_mariadb_that_fails_at_its_start_is_not_made_a_success() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("mariadbd");
    let directory = TempDir::new();
    let port = free_port();
    let data = format!("--datadir={}", directory.path().display());
    let (report, ended) = probe_server(
        &port,
        &[],
        &[
            "mariadbd",
            "--no-defaults",
            "--user=root",
            "--skip-grant-tables",
            "--bind-address=127.0.0.1",
            "--socket=/nonexistent/socket",
            &format!("--port={port}"),
            &data,
        ],
    );
    for run in 0..2 {
        let run = &report["runs"][run];
        assert_eq!(run["end"]["outcome"], "ended_early", "{ended}");
        let said = run["complaint"].to_string();
        assert!(said.contains("Bind on unix socket"), "{ended}");
    }
    assert_eq!(ids(&report), ["ended-early"], "{ended}");
}

#[test]
fn haproxy_and_nginx_have_a_graceful_signal() {
    // They give up root, for which a user namespace has no other user.
    require_root!();
    require_namespaces!();
    require_tidy_init!();
    require_program!("haproxy", "nginx");
    let directory = TempDir::new();
    let port = free_port();
    let haproxy = directory.join("haproxy.cfg");
    let frontend =
        format!("defaults\n mode http\n timeout client 1s\nfrontend f\n bind 127.0.0.1:{port}\n");
    fs::write(&haproxy, frontend).unwrap();
    let (report, ended) = probe_server(
        &port,
        &["--no-bare"],
        &["haproxy", "-db", "-f", text(&haproxy)],
    );
    assert_eq!(
        advice(&report, "stops haproxy gracefully")["line"],
        "STOPSIGNAL SIGUSR1",
        "{ended}"
    );
    assert!(!ids(&report).contains(&"exit-status".to_owned()), "{ended}");

    let nginx = nginx_configuration(&directory, &port);
    let command = ["nginx", "-e", "stderr", "-c", &nginx, "-g", "daemon off;"];
    let (report, ended) = probe_server(&port, &["--no-bare"], &command);
    assert_eq!(
        advice(&report, "stops nginx gracefully")["line"],
        "STOPSIGNAL SIGQUIT",
        "{ended}"
    );
    assert_eq!(report["runs"][0]["end"]["status"], 0, "{ended}");
    let image = report["paste"]["dockerfile"].as_str().unwrap();
    assert!(image.ends_with("\nSTOPSIGNAL SIGQUIT"), "{ended}");
}

/// An nginx that writes only below the directory.
fn nginx_configuration(directory: &TempDir, port: &str) -> String {
    let path = directory.path().display();
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {path}/{kind};\n"))
        .collect();
    let text = format!(
        "pid {path}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{ access_log off; {places} server {{ listen 127.0.0.1:{port}; }} }}\n"
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, text).unwrap();
    file.to_string_lossy().into_owned()
}

#[test]
fn what_goes_into_the_background_is_to_run_in_the_foreground() {
    // They give up root, for which a user namespace has no other user.
    require_root!();
    require_namespaces!();
    require_tidy_init!();
    require_program!("nginx");
    let directory = TempDir::new();
    let port = free_port();
    let nginx = nginx_configuration(&directory, &port);
    let (report, ended) = probe_server(&port, &[], &["nginx", "-e", "stderr", "-c", &nginx]);
    assert_eq!(ids(&report), ["foreground"], "{ended}");
    let line = report["advice"][0]["line"].as_str().unwrap();
    assert!(line.ends_with("-g 'daemon off;'"), "{ended}");

    let script = format!("nginx -e stderr -c {nginx}; tail -f /dev/null");
    let more = ["--no-bare", "--no-tries"];
    let (report, ended) = probe_server(&port, &more, &["sh", "-c", &script]);
    assert_eq!(ids(&report), ["foreground"], "{ended}");
    let line = &report["advice"][0]["line"];
    assert_eq!(*line, "exec nginx -g 'daemon off;'", "{ended}");
    assert!(report["paste"].is_null(), "{ended}");
}

#[test]
fn squid_may_need_longer() {
    // They give up root, for which a user namespace has no other user.
    require_root!();
    require_namespaces!();
    require_tidy_init!();
    require_program!("squid");
    let directory = TempDir::new();
    let port = free_port();
    let configuration = directory.join("squid.conf");
    let lines = format!(
        "http_port 127.0.0.1:{port}\npid_filename none\ncache_log /dev/null\naccess_log none\n\
         cache_store_log none\nvisible_hostname x\ncoredump_dir /tmp\n"
    );
    fs::write(&configuration, lines).unwrap();
    let more = ["--no-bare", "--no-tries", "--stop-timeout", "500ms"];
    let ended = probe(&["--ready-port", &port, "--format", "json"])
        .args(more)
        .args(["--", "squid", "-N", "-f", text(&configuration)])
        .run()
        .assert_code(0);
    let report = report(&ended);
    assert_eq!(ids(&report), ["needs-longer"], "{ended}");
    let line = report["advice"][0]["line"].as_str().unwrap();
    assert!(
        line.starts_with("initlab probe --stop-timeout 60s -- squid -N"),
        "{ended}"
    );
}

#[test]
fn node_that_raises_the_signal_again_has_a_handler() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("node");
    let program =
        "const end = () => { process.off('SIGTERM', end); process.kill(process.pid, 'SIGTERM') };
process.on('SIGTERM', end); setInterval(() => {}, 1000); console.log('ready')";
    let ended = probe(&[
        "--no-bare",
        "--no-tries",
        "--ready-line",
        "ready",
        "--format",
        "json",
    ])
    .args(["--", "node", "-e", program])
    .run()
    .assert_code(0);
    let report = report(&ended);
    let status = advice(
        &report,
        "It handles SIGTERM, and then lets the same signal kill it",
    );
    assert!(
        status["line"].as_str().unwrap().contains("-e 143"),
        "{ended}"
    );
    assert!(!ended.stdout_text().contains("no handler"), "{ended}");
}

#[test]
fn npm_is_to_be_skipped() {
    require_namespaces!();
    require_tidy_init!();
    require_program!("node");
    let directory = TempDir::new();
    let package = r#"{"name": "x", "version": "1.0.0", "scripts": {"start": "node server.js"}}"#;
    fs::write(directory.join("package.json"), package).unwrap();
    let server = "setInterval(() => {}, 1000); console.log('ready')";
    fs::write(directory.join("server.js"), server).unwrap();
    // Debian's npm has hundreds of dependencies. Where it is not installed, something that starts
    // the program as npm does takes its place.
    let stand_in = "#!/usr/bin/env node
process.title = 'npm start'
require('child_process').spawn('sh', ['-c', 'node server.js; true'], {stdio: 'inherit'})
";
    write_executable(&directory.join("npm"), stand_in, 0o755).unwrap();
    let run = directory.join("run");
    let path = directory.path().display();
    let script = format!("#!/bin/sh\nPATH=$PATH:{path}\ncd {path} && exec npm start\n");
    write_executable(&run, script, 0o755).unwrap();
    let ended = probe(&[
        "--no-bare",
        "--no-tries",
        "--ready-line",
        "^ready",
        "--format",
        "json",
    ])
    .args(["--stop-timeout", "2s", "--"])
    .arg(&run)
    .run()
    .assert_code(0);
    let report = report(&ended);
    assert_eq!(
        advice(&report, "npm stands between")["line"],
        "node server.js",
        "{ended}"
    );
}
