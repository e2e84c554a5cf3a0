//! How the command ends, and what the init reports of it.

use std::fs;

use initlab::{TempDir, require_namespaces, require_program};

use crate::support::{HARMLESS, PLACES, deadly, native, native_fixture};

#[test]
fn every_exit_status_comes_through_with_a_session_and_without() {
    require_namespaces!();
    for place in PLACES {
        for options in [&[][..], &["-c"]] {
            for code in 0..=255 {
                native_fixture(place, options, &["exit", &code.to_string()])
                    .unmarked()
                    .run()
                    .assert_code(code)
                    .assert_stderr("");
            }
        }
    }
}

#[test]
fn every_death_by_a_signal_is_128_and_its_number() {
    require_namespaces!();
    for place in PLACES {
        for signal in deadly() {
            for options in [&[][..], &["-c"]] {
                native_fixture(place, options, &["die", &signal.to_string()])
                    .unmarked()
                    .run()
                    .assert_code(128 + signal)
                    .assert_stderr("");
            }
        }
        for signal in HARMLESS {
            native_fixture(place, &[], &["die", &signal.to_string()])
                .run()
                .assert_code(99);
        }
    }
}

#[test]
fn every_forwarded_signal_that_kills_is_the_status() {
    require_namespaces!();
    for place in PLACES {
        for signal in deadly().filter(|signal| *signal != libc::SIGKILL) {
            let mut init = native_fixture(place, &[], &["sleep-forever"])
                .limit(libc::RLIMIT_CORE, 0)
                .start_ready();
            init.kill(signal);
            init.wait().assert_code(128 + signal);
        }
    }
}

#[test]
fn a_core_dump_does_not_change_the_status() {
    require_namespaces!();
    require_program!("sh");
    // Where the kernel pipes cores to a program, the program decides whether to keep one.
    let written = fs::read_to_string("/proc/sys/kernel/core_pattern")
        .is_ok_and(|pattern| !pattern.starts_with('|') && !pattern.starts_with('/'));
    let core = [
        "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "SEGV", "XCPU", "XFSZ", "SYS",
    ];
    for place in PLACES {
        for name in core {
            let directory = TempDir::new();
            let script = format!("kill -s {name} $$");
            let ended = native(place)
                .args(["-v", "--", "sh", "-c", &script])
                .current_dir(directory.path())
                .limit(libc::RLIMIT_CORE, 64 << 20)
                .run()
                .assert_code(128 + initlab::signal_number(name).unwrap());
            let said = format!("was killed by SIG{name} (core dumped)");
            assert!(
                !written || ended.stderr_text().contains(&said),
                "no {said:?}: {ended}"
            );
        }
    }
}

#[test]
fn a_command_that_ends_before_the_init_first_waits_is_not_missed() {
    require_namespaces!();
    require_program!("strace");
    for place in PLACES {
        let directory = TempDir::new();
        // Delay the init's first system call after the start for longer than the command lives.
        let held_up = ["-e", "trace=chdir", "-e", "inject=chdir:delay_enter=200000"];
        let ended = native_fixture(place, &[], &["exit", "7"])
            .strace(directory.join("log"), &held_up)
            .run()
            .assert_code(7);
        let log = fs::read_to_string(directory.join("log")).unwrap();
        assert!(
            log.contains("chdir(\"/\") ") && log.contains("DELAYED"),
            "{log}\n{ended}"
        );
    }
}

#[test]
fn a_status_is_not_lost_where_sigchld_was_ignored() {
    require_namespaces!();
    for place in PLACES {
        for signals in [vec![libc::SIGCHLD], (1..=64).collect()] {
            for (fixture, code) in [(["exit", "7"], 7), (["die", "KILL"], 137)] {
                native_fixture(place, &[], &fixture)
                    .ignored(initlab::SignalSet::of(&signals))
                    .run()
                    .assert_code(code);
            }
        }
    }
}

#[test]
fn a_status_is_not_lost_where_all_signals_were_blocked() {
    require_namespaces!();
    for place in PLACES {
        for (fixture, code) in [
            (["exit", "7"], 7),
            (["die", "TERM"], 143),
            (["die", "40"], 168),
        ] {
            native_fixture(place, &[], &fixture)
                .blocked(initlab::SignalSet::ALL)
                .run()
                .assert_code(code);
        }
        let mut init = native_fixture(place, &[], &["signals", "--until", "TERM", "--exit", "3"])
            .blocked(initlab::SignalSet::ALL)
            .start_ready();
        init.kill(libc::SIGTERM);
        init.wait().assert_code(3);
    }
}
