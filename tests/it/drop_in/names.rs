//! Which name selects which personality.

use initlab::{Place, require_namespaces};

use super::originals::called;
use crate::{support::PLACES, watch::wait_asleep};

#[test]
fn the_last_part_of_the_name_counts_and_a_dash_before_it_does_not() {
    for (name, version) in [
        ("dumb-init", ""),
        ("/usr/bin/dumb-init", ""),
        ("-dumb-init", ""),
        ("tini", "tini version 0.19.0\n"),
        ("/sbin/docker-init", "tini version 0.19.0\n"),
        ("tini-static", "tini version 0.19.0\n"),
        ("catatonit", "tini version 0.1.7_catatonit\n"),
        ("/run/podman-init", "tini version 0.1.7_catatonit\n"),
        (
            "--tini",
            concat!("tidy-init ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
        (
            "tini/",
            concat!("tidy-init ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
        (
            "Tini",
            concat!("tidy-init ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
        ("", concat!("tidy-init ", env!("CARGO_PKG_VERSION"), "\n")),
        (
            "pause",
            concat!("tidy-init ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
    ] {
        called(name, Place::Child)
            .arg("--version")
            .run()
            .assert_code(0)
            .assert_stdout(version);
    }
}

#[test]
fn nologin_says_so_and_fails_whatever_it_is_given() {
    for name in ["nologin", "-nologin", "/usr/sbin/nologin"] {
        for arguments in [&[][..], &["-c", "id"], &["--help"]] {
            called(name, Place::Child)
                .args(arguments.iter().copied())
                .env("TIDY_INIT_OPTS", "--bogus")
                .run()
                .assert_code(1)
                .assert_stdout("This account is currently not available.\n")
                .assert_stderr("");
        }
    }
}

#[test]
fn pause_and_catatonit_with_p_answer_term_and_int_at_once() {
    require_namespaces!();
    for place in PLACES {
        for (name, arguments) in [
            ("pause", &[][..]),
            ("/pause", &["-v"]),
            ("catatonit", &["-P"]),
            ("catatonit", &["-P", "ignored", "--", "too"]),
        ] {
            for signal in [libc::SIGTERM, libc::SIGINT] {
                let mut init = called(name, place).args(arguments.iter().copied()).start();
                wait_asleep(&init);
                init.kill(libc::SIGHUP);
                init.kill(signal);
                init.wait().assert_code(0).assert_stdout("");
            }
        }
    }
}

#[test]
fn the_variable_is_read_under_every_name_and_kept_from_the_command() {
    for name in ["dumb-init", "tini", "catatonit"] {
        let ended = called(name, Place::Child)
            .env("TIDY_INIT_OPTS", "-e 3:4")
            .env("TINI_SUBREAPER", "")
            .args(["--", "sh", "-c", "env | grep TIDY_INIT_OPTS; exit 3"])
            .run();
        ended.assert_code(4).assert_stdout("").assert_stderr("");
        let ended = called(name, Place::Child)
            .env("TIDY_INIT_OPTS", "-v --bogus")
            .args(["--", "true"])
            .run()
            .assert_code(125)
            .assert_stdout("");
        let line = "TIDY_INIT_OPTS: unknown option --bogus (tidy-init --help shows the usage)\n";
        assert!(ended.stderr_text().ends_with(line), "{ended}");
        assert!(ended.stderr_text().contains(name), "{ended}");
    }
}

#[test]
fn events_unknown_to_the_originals_have_our_words_and_their_prefix() {
    let ended = called("tini", Place::Child)
        .env("TIDY_INIT_OPTS", "--grace 1s")
        .args(["-vs", "--", "sh", "-c", "sleep 60 & exit 0"])
        .run()
        .assert_code(0)
        .assert_stdout("");
    assert!(
        ended
            .stderr_text()
            .contains(")] what is left has 1000 ms to end\n"),
        "{ended}"
    );
    let ended = called("dumb-init", Place::Child)
        .env("TIDY_INIT_OPTS", "--log-format json")
        .args(["-v", "--", "true"])
        .run()
        .assert_code(0);
    assert!(ended.stderr_text().starts_with("{\"time\":"), "{ended}");
}
