//! What a cron daemon leaves behind: jobs in sessions of their own.

use std::fs;

use initlab::{Network, TempDir, require_program, require_root};

use super::{
    scene::{Row, Scene, Under, read},
    service::Service,
};

pub const JOB: Scene = Scene {
    name: "A job in a session of its own",
    story: "A script starts a job with `setsid`, as cron does, and then becomes `sleep`, which \
            TERM kills at once. The job needs 300 ms after TERM.",
    rows: &[
        Row::cut_off(Under::DumbInit, "", 143),
        Row::cut_off(Under::Tini, "", 143),
        Row::cut_off(Under::Tini, "-g", 143),
        Row::cut_off(Under::TidyInit, "", 143),
        Row::cut_off(Under::TidyInit, "-t all", 143),
        Row::finished(Under::TidyInit, "--grace 10s", 143),
    ],
};

const SCRIPT: &str = "setsid sh job.sh & exec sleep 1000";

const JOB_SCRIPT: &str = "
trap 'sleep 0.3; echo finished >>log; exit' TERM
echo begun >log
while :; do sleep 0.1; done
";

#[test]
fn a_job_in_a_session_of_its_own_finishes_with_grace_and_only_then() {
    require_root!();
    require_program!("dumb-init", "tini", "setsid");
    let directory = TempDir::new();
    fs::write(directory.join("job.sh"), JOB_SCRIPT).expect("the directory is ours");
    let log = directory.join("log");
    JOB.play(|init| {
        let _ = fs::remove_file(&log);
        let command = init.args(["sh", "-c", SCRIPT]);
        let command = command.current_dir(directory.path());
        let both_run = |network: &Network| {
            let processes = network.processes();
            let sleeps = processes.iter().any(|process| {
                let arguments = process.arguments().unwrap_or_default();
                arguments == ["sleep", "1000"]
            });
            Ok(sleeps && !read(&log).is_empty())
        };
        let service = Service::start(command, both_run);
        (service.stop(libc::SIGTERM), read(&log))
    });
}
