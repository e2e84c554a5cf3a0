//! The option parser beside `getopt_long(3)` of glibc, called in-process.

use std::{
    ffi::{CStr, CString, c_char, c_int},
    ptr,
};

use crate::parsing::{List, tries};
use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};
use tidy_init::{
    cli::{Fault, Grammar, Options, Parser, Usage},
    personality,
};

/// What an option that has a long name only is told apart by: above every letter.
const FIRST_LONG: c_int = 1000;

/// How many command lines are tried.
const CASES: u32 = 100_000;

unsafe extern "C" {
    static mut optarg: *mut c_char;
    static mut optind: c_int;
    static mut opterr: c_int;
    static mut optopt: c_int;
    fn getopt(argc: c_int, argv: *const *mut c_char, short: *const c_char) -> c_int;
    fn getopt_long(
        argc: c_int,
        argv: *const *mut c_char,
        short: *const c_char,
        long: *const LongOption,
        index: *mut c_int,
    ) -> c_int;
}

/// `struct option` of getopt.h.
#[repr(C)]
struct LongOption {
    name: *const c_char,
    takes_value: c_int,
    flag: *mut c_int,
    value: c_int,
}

/// Names that begin with each other, and options with one spelling only.
static TRICKY: Options = tidy_init::options! {
    "-r, --re V", "" => |_, _| Ok(());
    "-t, --rewrite", "" => |_, _| Ok(());
    "-d, --rewrite-all V", "" => |_, _| Ok(());
    "-v", "" => |_, _| Ok(());
    "--v", "" => |_, _| Ok(());
    "-e V", "" => |_, _| Ok(());
    "-h, --help", "" => |_, _| Ok(());
};

/// What came of a command line: the options that were found, by their places in the table, with
/// their values; and the operands.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    found: Vec<(usize, Vec<u8>)>,
    /// What was wrong, at which the reading ends.
    wrong: Option<&'static str>,
    operands: Vec<Vec<u8>>,
}

fn by_getopt(grammar: Grammar, argv: &[Vec<u8>]) -> Reading {
    let usages: Vec<Usage> = grammar.options.iter().map(|(usage, _)| usage).collect();
    let strings: Vec<CString> = argv.iter().map(|a| CString::new(&a[..]).unwrap()).collect();
    let mut pointers: Vec<*mut c_char> = strings.iter().map(|s| s.as_ptr().cast_mut()).collect();
    pointers.push(ptr::null_mut());
    // The colon makes a missing value tell itself from an unknown option.
    let mut short = if grammar.permutes {
        ":".to_owned()
    } else {
        "+:".to_owned()
    };
    for usage in &usages {
        if let Some(letter) = usage.short {
            short.push(char::from(letter));
            short.push_str(if usage.value.is_empty() { "" } else { ":" });
        }
    }
    let short = CString::new(short).unwrap();
    let names: Vec<CString> = usages
        .iter()
        .map(|usage| CString::new(usage.long).unwrap())
        .collect();
    let mut long: Vec<LongOption> = (FIRST_LONG..)
        .zip(usages.iter().zip(&names))
        .filter(|(_, (usage, _))| !usage.long.is_empty())
        .map(|(value, (usage, name))| LongOption {
            name: name.as_ptr(),
            takes_value: c_int::from(!usage.value.is_empty()),
            flag: ptr::null_mut(),
            value,
        })
        .collect();
    long.push(LongOption {
        name: ptr::null(),
        takes_value: 0,
        flag: ptr::null_mut(),
        value: 0,
    });
    let mut reading = Reading {
        found: Vec::new(),
        wrong: None,
        operands: Vec::new(),
    };
    // SAFETY: only this test uses getopt and its variables, and all that it is given lives.
    unsafe {
        optind = 0;
        opterr = 0;
        loop {
            optarg = ptr::null_mut();
            let (count, words) = (argv.len() as c_int, pointers.as_ptr());
            let got = if grammar.long {
                getopt_long(count, words, short.as_ptr(), long.as_ptr(), ptr::null_mut())
            } else {
                getopt(count, words, short.as_ptr())
            };
            let place = match got {
                -1 => break,
                58 => {
                    reading.wrong = Some("without");
                    return reading;
                }
                63 => {
                    // For a value that is not wanted optopt is what the option stands for.
                    let known = optopt >= FIRST_LONG;
                    reading.wrong = Some(if known { "with" } else { "unknown" });
                    return reading;
                }
                FIRST_LONG.. => (got - FIRST_LONG) as usize,
                letter => {
                    let by = |usage: &Usage| usage.short.map(c_int::from) == Some(letter);
                    usages.iter().position(by).expect("a letter of ours")
                }
            };
            let value = match optarg.is_null() {
                true => Vec::new(),
                false => CStr::from_ptr(optarg).to_bytes().to_vec(),
            };
            reading.found.push((place, value));
        }
        for pointer in &pointers[optind as usize..argv.len()] {
            reading
                .operands
                .push(CStr::from_ptr(*pointer).to_bytes().to_vec());
        }
    }
    reading
}

fn by_ours(grammar: Grammar, argv: &[Vec<u8>]) -> Reading {
    let list = List::new(argv);
    let mut parser = Parser::new(&grammar, &list);
    let mut reading = Reading {
        found: Vec::new(),
        wrong: None,
        operands: Vec::new(),
    };
    while let Some(found) = parser.next() {
        let spelling = parser.spelling();
        match found {
            Ok((apply, value)) => {
                let mut options = grammar.options.iter();
                let place = options.position(|(usage, _)| match spelling.letter {
                    Some(letter) => usage.short == Some(letter),
                    None => usage.long == spelling.called,
                });
                let place = place.expect("an option of the table");
                assert!(
                    ptr::fn_addr_eq(apply, grammar.options.apply[place]),
                    "what another option does: {argv:?}"
                );
                reading.found.push((place, value.to_vec()));
            }
            Err(fault) => {
                reading.wrong = Some(match fault {
                    Fault::NeedsValue => "without",
                    Fault::TakesNoValue => "with",
                    _ => "unknown",
                });
                return reading;
            }
        }
    }
    reading.operands = list.from(parser.end().operands());
    reading
}

/// A word that means something, or nearly, or nothing.
fn word(rng: &mut TestRng, options: &Options) -> Vec<u8> {
    let usages: Vec<Usage> = options.iter().map(|(usage, _)| usage).collect();
    let mut below = |limit: usize| rng.next_u32() as usize % limit;
    let mut word = Vec::new();
    match below(10) {
        0 => word.extend(b"--"),
        1 => {
            let odd: [&[u8]; 8] = [b"", b"-", b"---", b"--=", b"--=x", b"-\xff", b"a", b"-:"];
            word.extend(odd[below(odd.len())]);
        }
        2..=4 => {
            word.push(b'-');
            for _ in 0..=below(3) {
                word.push(usages[below(usages.len())].short.unwrap_or(b'q'));
            }
            if below(3) == 0 {
                word.extend(b"15:3");
            }
        }
        5..=7 => {
            word.extend(b"--");
            let name = usages[below(usages.len())].long;
            word.extend(&name[..below(name.len() + 1)]);
            if below(2) == 0 {
                word.extend(&name[word.len() - 2..]);
            }
            match below(5) {
                0 => word.extend(b"="),
                1 => word.extend(b"=value"),
                2 => word.push(b'x'),
                _ => {}
            }
        }
        _ => {
            for _ in 0..below(4) {
                word.push([b'-', b'=', b'r', b'v', b'x', 0xc3][below(6)]);
            }
        }
    }
    word
}

#[test]
fn reads_every_command_line_as_we_do() {
    let tricky = Grammar {
        options: &TRICKY,
        long: true,
        permutes: false,
    };
    let all = personality::ALL.iter();
    let grammars: Vec<Grammar> = all
        .map(|personality| personality.grammar)
        .filter(|grammar| !grammar.options.apply.is_empty())
        .chain([tricky])
        .collect();
    let mut rng = TestRng::from_seed(RngAlgorithm::XorShift, &[29; 16]);
    let mut seen = [0usize; 4];
    for case in 0..tries(CASES).cases as usize {
        let grammar = Grammar {
            permutes: rng.next_u32().is_multiple_of(2),
            ..grammars[case % grammars.len()]
        };
        let mut argv = vec![b"name".to_vec()];
        for _ in 0..rng.next_u32() % 6 {
            argv.push(word(&mut rng, grammar.options));
        }
        let theirs = by_getopt(grammar, &argv);
        let ours = by_ours(grammar, &argv);
        assert_eq!(ours, theirs, "{grammar:?}, {argv:?}");
        seen[match theirs.wrong {
            None => 0,
            Some("unknown") => 1,
            Some("without") => 2,
            Some(_) => 3,
        }] += 1;
    }
    assert!(seen.iter().all(|count| *count > 1000), "{seen:?}");
}
