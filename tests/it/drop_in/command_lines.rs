//! Generated command lines, run by the original and by our init.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::originals::{Answer, Original, answers, compare, require_originals};

/// How many command lines are tried for each original.
const CASES: u32 = 1200;

type Variables = Vec<(&'static str, &'static str)>;

/// Runs generated command lines, always the same ones, by both programs.
#[track_caller]
fn the_same(
    original: Original,
    option: impl Strategy<Value = Vec<u8>>,
    variable: impl Strategy<Value = (&'static str, &'static str)>,
) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[17; 32]);
    let variables = prop::collection::vec(variable, 0..2);
    let given = (
        prop::collection::vec(option, 0..4),
        dashes(),
        command(),
        variables,
    );
    let result = TestRunner::new_with_rng(config, rng).run(&given, |given| {
        let (options, dashes, command, variables): (_, _, _, Variables) = given;
        let words: Vec<OsString> = options
            .into_iter()
            .chain(dashes)
            .chain(command)
            .map(OsString::from_vec)
            .collect();
        let [theirs, ours] = answers(original, &words, &variables);
        prop_assert_eq!(
            Answer::of(&ours),
            Answer::of(&theirs),
            "\n{:?} {:?}\nours:\n{}\n\ntheirs:\n{}",
            variables,
            words,
            ours,
            theirs
        );
        Ok(())
    });
    if let Err(error) = result {
        panic!("{}: {error}", original.name());
    }
}

fn bytes(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    select(texts).prop_map(|text| text.as_bytes().to_vec())
}

/// Words that are in no option table.
fn odd() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        bytes(&[
            "", "-", "--", "---", "-z", "-:", "-;", "-?", "--=", "--=x", "--bogus", "-W"
        ]),
        Just(vec![b'-', 0xff]),
        Just(b"--\xfe\xff=\xc3".to_vec()),
        Just([&b"-"[..], &[b'x'; 300]].concat()),
        Just([&b"--long"[..], &[b'y'; 1000]].concat()),
    ]
}

fn dashes() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![
        3 => Just(vec![b"--".to_vec()]),
        1 => Just(vec![]),
    ]
}

fn command() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let words = |words: &[&str]| -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    };
    prop_oneof![
        4 => Just(words(&["true"])),
        2 => Just(words(&["sh", "-c", "exit 3"])),
        2 => Just(words(&["printf", "%s|\n", "a", "", "-s", "--", "b c", "-V"])),
        1 => Just(words(&["sh", "-c", "kill -9 $$"])),
        1 => Just(words(&["/nowhere"])),
        1 => Just(words(&["/etc/passwd"])),
        1 => Just(words(&["/etc/passwd/x"])),
        1 => Just(words(&[""])),
        1 => Just(vec![vec![0xff, 0xfe]]),
        1 => Just(vec![]),
    ]
}

#[test]
fn of_dumb_init() {
    require_originals!();
    let option = prop_oneof![
        2 => bytes(&["-c", "-v", "-cv", "-vvc", "--single-child", "--s", "--verbose", "--verb"]),
        2 => bytes(&[
            "-r15:3", "-r1:2", "-vr15:0", "-r=15:3", "--rewrite=15:3", "--rewrite=15:0", "--re=15:10",
            "-r20:0", "-r15:31", "-r 15:3", "-r+15: 3", "-r\t15:\n3x", "-r15:3:4", "-r9:17", "-r17:9",
        ]),
        2 => bytes(&[
            "-r", "-r15", "-r15:", "-r:15", "-r15:32", "-r32:15", "-r0:1", "-r-1:1", "-r15:-1", "-r15 :3",
            "-r15:4294967299", "-r4294967311:3", "-r99999999999999999999:3", "-r15:-99999999999999999999",
            "--rewrite", "--rewrite=", "-rx", "-r1x:2", "-cvr",
        ]),
        1 => bytes(&["15:3", "1:2", "-h", "-V", "--help", "--version", "--vers", "--v", "--ver=3", "--help=1"]),
        1 => bytes(&["--single-child=", "-cz", "-vh", "-Vz"]),
        1 => odd(),
    ];
    let variable = prop_oneof![
        select(vec!["0", "1", "", "true", "01"]).prop_map(|value| ("DUMB_INIT_DEBUG", value)),
        select(vec!["0", "1", "", "no", "00"]).prop_map(|value| ("DUMB_INIT_SETSID", value)),
        Just(("POSIXLY_CORRECT", "")),
    ];
    the_same(Original::DumbInit, option, variable);
}

#[test]
fn of_tini() {
    require_originals!();
    let option = prop_oneof![
        3 => bytes(&["-s", "-v", "-vv", "-vvv", "-vvvvv", "-w", "-g", "-sg", "-swvg", "-svvv"]),
        2 => bytes(&[
            "-e0", "-e3", "-e 3", "-e+3", "-e003", "-e-0", "-se3", "-e127", "-e126", "-e137", "-e255",
            "-pSIGTERM", "-pSIGKILL", "-spSIGUSR1", "-pSIGSYS", "-pSIGCHLD",
        ]),
        2 => bytes(&[
            "-e", "-p", "-e256", "-e-1", "-e3x", "-ex", "-e ", "-e+", "-e4294967299", "-e99999999999999999999",
            "-pTERM", "-psigterm", "-p15", "-pSIG", "-pSIGRTMIN", "-pSIGIO", "-pSIGPOLL", "-pSIGIOT",
            "-pSIGCLD", "-pSIGSTKFLT", "-pSIGPWR", "-pSIGTERM ",
        ]),
        1 => bytes(&["3", "SIGTERM", "-h", "-l", "--version", "--vers", "-V", "-sz", "-hz", "-vl", "true"]),
        1 => odd(),
    ];
    let variable = prop_oneof![
        select(vec!["", "0", "1"]).prop_map(|value| ("TINI_SUBREAPER", value)),
        select(vec!["", "0", "1"]).prop_map(|value| ("TINI_KILL_PROCESS_GROUP", value)),
        select(vec![
            "",
            "0",
            "1",
            "2",
            "3",
            "4",
            "9",
            "-1",
            "x",
            " 2",
            "2x",
            "4294967299"
        ])
        .prop_map(|value| ("TINI_VERBOSITY", value)),
        Just(("POSIXLY_CORRECT", "")),
    ];
    the_same(Original::Tini, option, variable);
}

#[test]
fn of_catatonit() {
    require_originals!();
    // Not -P, which waits: `names` tests it.
    let option = prop_oneof![
        3 => bytes(&["-g", "-gg"]),
        1 => bytes(&["-h", "-L", "-V", "--version", "--ver", "--v", "-gV", "-Vz", "-hL"]),
        1 => bytes(&["--version=", "--version=3", "--help", "--license", "-v", "-gz", "true"]),
        1 => odd(),
    ];
    let variable = prop_oneof![
        1 => select(vec!["", "1"]).prop_map(|value| ("CATATONIT_LOG", value)),
        1 => Just(("POSIXLY_CORRECT", "")),
    ];
    the_same(Original::Catatonit, option, variable);
}

/// The original writes each line in pieces, which mix with those of its child: no line can be
/// compared.
#[test]
fn of_catatonit_that_says_what_it_does() {
    require_originals!();
    let script = "(sh -c 'exit 4' &); (sh -c 'kill -9 $$' &); sleep 0.2; exit 3";
    for ended in answers(
        Original::Catatonit,
        &["--", "sh", "-c", script],
        &[("CATATONIT_DEBUG", "")],
    ) {
        let text = ended.stderr_text();
        for part in [
            "DEBUG (catatonit:",
            "setting foreground process failed: no tty present: Inappropriate ioctl for device",
            ") spawned: sh",
            " exited with code 4\n",
            " exited due to signal 9\n",
            "got ECHILD: no children left to monitor\n",
        ] {
            assert!(text.contains(part), "{part}: {ended}");
        }
        assert!(!text.contains("code 3"), "{ended}");
        ended.assert_code(3);
    }
}

#[test]
fn what_stands_behind_operands_is_moved_before_them_as_gnu_does() {
    require_originals!();
    for original in [Original::Tini, Original::Catatonit] {
        for words in [
            &["printf", "-g", "%s|", "a", "-g", "b", "--", "-c", "d"][..],
            &["printf", "%s|", "a", "b"],
            &["-g", "printf", "%s|", "-"],
            &["true", "-V"],
            &["-g", "printf", "--", "--", "%s|", "-g"],
            &["printf", "-z"],
        ] {
            compare(original, words, &[]);
            compare(original, words, &[("POSIXLY_CORRECT", "1")]);
        }
    }
    let many: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
    let words = [&["printf".to_owned(), "%s|".to_owned()], &many[..]].concat();
    compare(Original::Catatonit, &words, &[]);
}

#[test]
fn names_of_signals_are_what_only_ours_takes() {
    let ended = Original::DumbInit
        .ours(initlab::Place::Child)
        .args(["-r", "TERM:QUIT", "--rewrite=RTMIN+3:0", "true"])
        .run();
    ended.assert_code(0).assert_stderr("");
}
