//! The page `docs/tidy-shutdown-results.md`: written by the test where `UPDATE_DOCS` is 1, else
//! compared.

use std::{env, fmt::Write, fs, path::PathBuf};

use super::scene::{Row, Scene, read};

/// All scenes, in the order of the page.
const SCENES: [&Scene; 8] = [
    &super::postgres::ARCHIVER,
    &super::postgres::CLIENT,
    &super::node::SHELL,
    &super::node::NPM,
    &super::node::NPM_EXEC,
    &super::jobs::JOB,
    &super::nginx::DOWNLOAD,
    &super::registry::DEREGISTRATION,
];

const HEAD: &str = "\
# Tidy shutdown: before and after

Each row is a run of some processes in a PID namespace, as in a container, with the init as PID 1. Only
the init gets TERM, as with `docker stop`. The row says whether the processes that need time finished, and
the exit status of the init. dumb-init and tini are Debian's packages. With `--grace`, tidy-init gives the
same result if it is not PID 1, and it never waits for the full 10 seconds.

The tests check each row and write this page (`UPDATE_DOCS=1 cargo test --test it tidy_shutdown`).
[shutdown.md](shutdown.md) explains the options.
";

const TAIL: &str = "
## By hand

These runs take too long for the tests, or need too much. In the first, each download is 120 MB at 20
MB/s. The engine stops nginx, as in [examples/nginx](../examples/nginx), after a second. Five of these run
at a time:

<!-- not run: takes minutes -->
```sh
mkdir site && head -c 120000000 /dev/zero >site/download
for i in $(seq 50); do
    docker run --detach --name web --volume \"$PWD/site:/srv:ro\" example-nginx:1.0.0
    ip=$(docker inspect --format '{{.NetworkSettings.IPAddress}}' web)
    until curl --silent --output /dev/null \"http://$ip:8080/\"; do sleep 0.1; done
    curl --silent --max-time 30 --limit-rate 20M --output /dev/null --write-out '%{size_download}\\n' \\
        \"http://$ip:8080/download\" &
    sleep 1
    docker stop --time 20 web
    wait
    docker rm web
done
```

With `--linger 10s`, 50 of 50 downloads were complete; without it, 5 of 10.

The second is RabbitMQ 3.10 with `--pre-stop ./drain.sh -k 60s`, where the script's last line is `exec
rabbitmqctl stop_app`. The log shows `Successfully stopped RabbitMQ and its dependencies`, then
tidy-init's `sent SIGTERM`, and the status is 0.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for Scene { name, story, rows } in SCENES {
        let _ = write!(page, "\n## {name}\n\n{story}\n\n");
        page.push_str("| init | options | the rest | status |\n| --- | --- | --- | --- |\n");
        for row in *rows {
            page.push_str(&line(row));
        }
    }
    page.push_str(TAIL);
    page
}

fn line(row: &Row) -> String {
    let options = match row.options {
        "" => String::new(),
        options => format!("`{options}`"),
    };
    let rest = match row.finished {
        true => "**finished**",
        false => "cut off",
    };
    let name = row.under.name();
    format!("| {name} | {options} | {rest} | {} |\n", row.status)
}

#[test]
fn the_page_agrees_with_the_tests() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/tidy-shutdown-results.md");
    if env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, page()).expect("the page can be written");
    }
    assert_eq!(
        read(&path),
        page(),
        "{} is out of date: UPDATE_DOCS=1 cargo test --test it tidy_shutdown",
        path.display()
    );
}
