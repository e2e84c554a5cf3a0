//! The same tests as an ordinary user: in user namespaces, and without root's files.

use std::{env, time::Duration};

use initlab::{Sandbox, fixture, reachable, require_root};

const NOBODY: u32 = 65534;

#[test]
fn everything_works_as_an_ordinary_user() {
    require_root!();
    let tests = reachable(&env::current_exe().unwrap()).unwrap();
    Sandbox::plain(tests)
        .args(["--skip", "as_an_ordinary_user"])
        .user(NOBODY, NOBODY)
        .current_dir("/")
        .env("INITLAB", fixture())
        .env_remove("CARGO")
        .env_remove("TIDY_INIT_NO_SKIP")
        .timeout(Duration::from_secs(300))
        .run()
        .assert_code(0);
}
