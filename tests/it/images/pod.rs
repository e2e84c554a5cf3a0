//! Kubernetes' way: a container that does nothing but hold the namespaces, and others that share
//! them.

use initlab::Network;

use super::{
    app::{self, require_app},
    container::docker::Container,
    server::PORT,
    service::http,
    stages::minimal,
};

#[test]
fn containers_of_a_pod_share_the_namespaces_that_the_pause_container_holds() {
    require_app!();
    let entry_point = ["--entrypoint=/bin/tidy-init", "--ipc=shareable"];
    let mut pause = Container::detached(minimal(), &entry_point, &["--pause"]);
    let init = pause.init();
    let network = Network::of(init).expect("it runs");
    let namespace = |kind: &str| format!("--{kind}=container:{}", pause.name());
    let namespaces = ["pid", "network", "ipc"].map(namespace);
    let options = namespaces.each_ref().map(String::as_str);
    let run = || {
        let mut container = Container::of(app::image(), &options, &[], |client| client);
        container.expect("listening");
        assert!(http(&network, PORT).is_ok_and(|well| well));
        container
    };

    // Not PID 1, and still the init of its own container.
    let mut stopped = run();
    stopped.stop_at_once();
    stopped.end(0);

    // What an init leaves that is killed comes to the pause container, which reaps it.
    let mut killed = run();
    killed.kill("KILL");
    killed.end(137);
    pause
        .client
        .poll_until("nothing is left", || init.children().is_empty());

    pause.stop_at_once();
    pause.end(0);
    pause.logs().assert_stdout("").assert_stderr("");
}
