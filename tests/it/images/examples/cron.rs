//! The cron daemon: a job that has begun finishes.

use super::{build, container::docker::Container, mark, require_images};

/// A job that need not wait for the next minute. It is started as the example's.
const CRONTAB: &str = "@reboot root /app/job >/proc/1/fd/1 2>/proc/1/fd/2\n";

#[test]
fn a_job_of_the_cron_daemon_finishes_after_the_stop() {
    require_images!();
    let crontab = mark().path("crontab");
    std::fs::write(&crontab, CRONTAB).expect("the directory is ours");
    let crontab = format!("{}:/etc/crontab:ro", crontab.display());
    let options = ["--volume", &crontab];
    let mut container = Container::of(&build("cron"), &options, &[], |client| client);
    container.expect("job: begun");
    container.stop_at_once();
    container
        .end(0)
        .assert_stdout("job: begun\njob: finished\n");
}
