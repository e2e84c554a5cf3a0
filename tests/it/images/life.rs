//! A server's life in the hands of the engine: health, restarts, logs, the stop.

use std::time::Duration;

use initlab::{Network, poll_until};

use super::{
    app::{self, require_app},
    container::docker::Container,
    server::PORT,
    service::{http, http_get},
};

#[test]
fn a_request_under_way_is_answered_after_the_stop() {
    require_app!();
    app::run(&[]).stop_gracefully();
}

#[test]
fn during_the_delay_new_clients_are_served() {
    require_app!();
    let delay = Duration::from_secs(1);
    let app = app::run(&["--env", "TIDY_INIT_OPTS=--delay TERM:1s"]);
    let last = app.stop_and_ask_on();
    // An answer may be slow in coming.
    assert!(last > delay / 2, "no answer after {last:?}");
}

#[test]
fn the_engine_stops_a_server_within_its_time_and_sees_its_status() {
    require_app!();
    let mut app = app::run(&[]);
    app.container.stop_at_once();
    let stdout = app.container.end(0).stdout_text();
    assert!(stdout.ends_with("\nstopped\n"), "{stdout}");
}

#[test]
fn the_health_check_says_how_the_server_is_and_leaves_nothing() {
    require_app!();
    let options = ["--health-interval=100ms", "--health-retries=1"];
    let mut app = app::run(&options);
    let init = app.container.init();
    let health = |wanted: &str| {
        poll_until(wanted, || {
            app.container.inspect("{{.State.Health.Status}}") == wanted
        });
    };
    health("healthy");
    let answer = app.try_get("/fail");
    assert!(answer.is_err(), "it answers with 500: {answer:?}");
    health("unhealthy");
    app.container
        .client
        .poll_until("the server is the only child", || {
            init.children().len() == 1
        });
    app.container.stop_at_once();
    app.container.end(0);
}

#[test]
fn a_server_that_fails_is_restarted_and_one_that_is_stopped_is_not() {
    require_app!();
    let options = ["--restart", "on-failure:5"];
    let container = Container::detached(app::image(), &options, &[]);
    let state = || container.inspect("{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}");
    let network = Network::of(container.init()).expect("it runs");
    poll_until("it answers", || http(&network, PORT).is_ok_and(|well| well));
    // It ends without an answer.
    let _ = http_get(&network, PORT, "/exit/3");
    poll_until("it runs again", || state() == "running 0 1");
    let network = Network::of(container.init()).expect("it runs");
    poll_until("it answers", || http(&network, PORT).is_ok_and(|well| well));
    container.stop_at_once();
    assert_eq!(state(), "exited 0 1");
}

#[test]
fn the_log_has_both_streams_apart() {
    require_app!();
    let mut app = app::run(&["--env", "TIDY_INIT_OPTS=-v"]);
    app.get("/");
    app.container.stop_at_once();
    app.container.end(0);
    let logs = app.container.logs();
    let stdout = logs.stdout_text();
    let lines = ["listening\n", "GET / HTTP/1.0\n", "stopped\n"];
    assert!(lines.iter().all(|line| stdout.contains(line)), "{logs}");
    assert!(!stdout.contains("[tidy-init] "), "{logs}");
    let stderr = logs.stderr_text();
    for line in ["[tidy-init] ", "SIGTERM", "stopping\n"] {
        assert!(stderr.contains(line), "{line:?} is missing: {logs}");
    }
}
