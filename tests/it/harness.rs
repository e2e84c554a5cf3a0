//! That the harness and the init go together at all.

use initlab::require_namespaces;

use crate::support::{PLACES, native_fixture};

#[test]
fn exit_status_passes_through() {
    require_namespaces!();
    for place in PLACES {
        native_fixture(place, &[], &["exit", "7"])
            .run()
            .assert_code(7);
    }
}

#[test]
fn death_by_signal_is_128_and_the_number() {
    require_namespaces!();
    for place in PLACES {
        native_fixture(place, &[], &["die", "KILL"])
            .run()
            .assert_code(137);
    }
}

#[test]
fn term_arrives_once() {
    require_namespaces!();
    for place in PLACES {
        let mut init = native_fixture(place, &[], &["signals", "--until", "TERM"]).start();
        init.expect("ready");
        init.kill(libc::SIGTERM);
        init.expect("signal 15 ");
        init.wait().assert_code(0);
    }
}
