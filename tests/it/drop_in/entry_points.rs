//! Entry points as people write them for the originals.

use initlab::{
    Ended, Place, Running, Sandbox, TempDir, copy_executable, require_namespaces, write_executable,
};

use super::originals::called;
use crate::{
    report::{number, signals},
    support::{PLACES, fixture_command, init},
};

/// A fixture under an entry point, once it is ready.
#[track_caller]
fn started(entry_point: &[&str], fixture: &[&str], place: Place) -> Running {
    let (name, options) = entry_point.split_first().expect("a name");
    called(*name, place)
        .args(options.iter().copied())
        .args(fixture_command(fixture))
        .start_ready()
}

#[track_caller]
fn stopped(mut init: Running, signal: i32) -> Ended {
    init.kill(signal);
    init.wait()
}

#[test]
fn dumb_init_that_rewrites_the_stop_signal() {
    require_namespaces!();
    let fixture = ["signals", "--count", "1"];
    for place in PLACES {
        for entry_point in [
            &["/usr/bin/dumb-init", "--rewrite", "15:3", "--"][..],
            &["dumb-init", "--rewrite=15:3", "--"],
            &["dumb-init", "-r", "15:3"],
        ] {
            let ended = stopped(started(entry_point, &fixture, place), libc::SIGTERM);
            let ended = ended.assert_code(0).assert_stderr("");
            assert_eq!(signals(&ended.stdout), [libc::SIGQUIT], "{ended}");
        }
    }
}

#[test]
fn dumb_init_without_a_session() {
    require_namespaces!();
    for place in PLACES {
        for (entry_point, variable) in [
            (&["dumb-init", "-c", "--"][..], "1"),
            (&["/usr/local/bin/dumb-init", "--single-child", "--"], "1"),
            (&["dumb-init"], "0"),
        ] {
            let (name, options) = entry_point.split_first().expect("a name");
            let mut init = called(*name, place)
                .env("DUMB_INIT_SETSID", variable)
                .args(options.iter().copied())
                .args(fixture_command(&["signals", "--count", "1"]))
                .start();
            let ready = init.expect("ready");
            assert_eq!(number(&ready, "sid"), number(&ready, "ppid"), "{ready}");
            stopped(init, libc::SIGTERM).assert_code(0);
        }
    }
}

#[test]
fn dumb_init_in_the_first_line_of_a_script() {
    let directory = TempDir::new();
    let program = directory.join("dumb-init");
    copy_executable(&init(), &program, 0o755).expect("a copy");
    let script = directory.join("entrypoint.sh");
    let text = format!("#!{} /bin/sh\necho \"$# $1\"\nexit 7\n", program.display());
    write_executable(&script, text, 0o755).expect("a script");
    Sandbox::plain(&script)
        .args(["a b", "c"])
        .run()
        .assert_code(7)
        .assert_stdout("2 a b\n")
        .assert_stderr("");
}

#[test]
fn tini_for_java_whose_143_is_a_success() {
    require_namespaces!();
    for place in PLACES {
        for entry_point in [
            &["tini", "-s", "-g", "-e", "143", "--"][..],
            &["/sbin/tini", "-sge143", "--"],
        ] {
            // Until then the signal has its default action.
            let init = started(entry_point, &["sleep-forever"], place);
            stopped(init, libc::SIGTERM)
                .assert_code(0)
                .assert_stderr("");
        }
    }
}

#[test]
fn tini_as_a_subreaper_and_without() {
    let fixture = ["orphans", "1", "--exit-after-ms", "60000"];
    for (options, reaper) in [(&["-s", "--"][..], true), (&["--"], false)] {
        let mut init = called("/usr/bin/tini", Place::Child)
            .args(options.iter().copied())
            .args(fixture_command(&fixture))
            .start();
        let orphan = init.expect("orphan pid=");
        init.expect("ready");
        let orphan = initlab::Process::new(number(&orphan, "pid").expect("a number"));
        let parent = orphan.stat().map(|stat| stat.ppid);
        assert_eq!(parent == Some(init.pid()), reaper, "{parent:?}");
        if !reaper {
            init.expect_stderr("[WARN  tini (");
        }
        let ended = stopped(init, libc::SIGTERM);
        if reaper {
            ended.assert_stderr("");
        }
    }
    // The variable has the same effect as the option.
    let ended = called("tini", Place::Child)
        .env("TINI_SUBREAPER", "")
        .args(["--", "true"])
        .run();
    ended.assert_code(0).assert_stderr("");
}

#[test]
fn tini_that_dies_with_its_parent() {
    // The parent is a shell that ends as soon as the command is ready.
    let mut shell = Sandbox::plain("sh")
        .args(["-c", "\"$0\" -s -p SIGTERM -- \"$@\" & read line; exit 0"])
        .arg(directory_of_tini().join("tini"))
        .args(fixture_command(&["signals", "--until", "TERM"]))
        .stdin(initlab::Stdio::Piped)
        .start_ready();
    shell.write_stdin("\n");
    shell.wait_exit();
    let line = shell.expect("signal ");
    assert!(line.starts_with("signal 15 "), "{line}");
}

/// Our init under the name tini, in a directory that is removed when the process ends.
fn directory_of_tini() -> &'static TempDir {
    static DIRECTORY: std::sync::OnceLock<TempDir> = std::sync::OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = TempDir::new();
        copy_executable(&init(), &directory.join("tini"), 0o755).expect("a copy");
        directory
    })
}

#[test]
fn tini_and_catatonit_forward_to_the_group_where_they_are_asked_to() {
    require_namespaces!();
    for place in PLACES {
        for (entry_point, members) in [
            (&["tini", "-s", "--"][..], 1),
            (&["tini", "-sg", "--"], 3),
            (&["catatonit", "--"], 1),
            (&["catatonit", "-g", "--"], 3),
            (&["dumb-init", "--"], 3),
            (&["dumb-init", "-c", "--"], 1),
        ] {
            let (name, options) = entry_point.split_first().expect("a name");
            let mut init = called(*name, place)
                .args(options.iter().copied())
                .args(fixture_command(&["group", "2", "--until", "40"]))
                .start();
            for _ in 0..3 {
                init.expect("ready");
            }
            init.kill(libc::SIGUSR1);
            for _ in 0..members {
                init.expect(" signal 10 ");
            }
            let text = String::from_utf8_lossy(&init.stdout_so_far()).into_owned();
            assert_eq!(text.matches(" signal 10 ").count(), members, "{text}");
        }
    }
}
