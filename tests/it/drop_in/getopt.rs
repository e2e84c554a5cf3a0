//! The option parser beside `getopt_long(3)` of glibc, called in-process.

use std::{
    cell::RefCell,
    ffi::{CStr, CString, c_char, c_int},
    ptr,
};

use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};
use tidy_init::{
    cli::{
        Arguments, Id, native,
        options::{End, Flags, Grammar, Parser, Spec},
    },
    flags,
    voice::Kind,
};

/// How many command lines are tried.
const CASES: usize = 200_000;

unsafe extern "C" {
    static mut optarg: *mut c_char;
    static mut optind: c_int;
    static mut opterr: c_int;
    static mut optopt: c_int;
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

const fn spec(id: Id, short: u8, long: &'static str, value: &'static str) -> Spec<Id> {
    Spec {
        id,
        short,
        long,
        value,
        help: "",
        group: "",
    }
}

/// Names that begin with each other, and options with one spelling only.
const TRICKY: &[Spec<Id>] = &[
    spec(Id::Rewrite, b'r', "re", "V"),
    spec(Id::Target, b't', "rewrite", ""),
    spec(Id::Delay, b'd', "rewrite-all", "V"),
    spec(Id::Verbose, b'v', "", ""),
    spec(Id::Grace, 0, "v", ""),
    spec(Id::ExitMap, b'e', "", "V"),
    spec(Id::Help, b'h', "help", ""),
];

/// What came of a command line: what was found, one after the other; and the operands.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    found: Vec<(u8, Vec<u8>)>,
    /// What was wrong, at which the reading ends.
    wrong: Option<&'static str>,
    operands: Vec<Vec<u8>>,
}

fn by_getopt(specs: &[Spec<Id>], permutes: bool, argv: &[Vec<u8>]) -> Reading {
    let strings: Vec<CString> = argv.iter().map(|a| CString::new(&a[..]).unwrap()).collect();
    let mut pointers: Vec<*mut c_char> = strings.iter().map(|s| s.as_ptr().cast_mut()).collect();
    pointers.push(ptr::null_mut());
    // The colon makes a missing value tell itself from an unknown option.
    let mut short = if permutes {
        ":".to_owned()
    } else {
        "+:".to_owned()
    };
    for spec in specs.iter().filter(|spec| spec.short != 0) {
        short.push(char::from(spec.short));
        short.push_str(if spec.value.is_empty() { "" } else { ":" });
    }
    let short = CString::new(short).unwrap();
    let names: Vec<CString> = specs
        .iter()
        .map(|s| CString::new(s.long).unwrap())
        .collect();
    let mut long: Vec<LongOption> = specs
        .iter()
        .zip(&names)
        .filter(|(spec, _)| !spec.long.is_empty())
        .map(|(spec, name)| LongOption {
            name: name.as_ptr(),
            takes_value: c_int::from(!spec.value.is_empty()),
            flag: ptr::null_mut(),
            value: 1000 + spec.id as c_int,
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
            let got = getopt_long(
                argv.len() as c_int,
                pointers.as_ptr(),
                short.as_ptr(),
                long.as_ptr(),
                ptr::null_mut(),
            );
            let id = match got {
                -1 => break,
                58 => {
                    reading.wrong = Some("without");
                    return reading;
                }
                63 => {
                    // For a value that is not wanted optopt is what the option stands for.
                    let known = optopt >= 1000;
                    reading.wrong = Some(if known { "with" } else { "unknown" });
                    return reading;
                }
                1000.. => (got - 1000) as u8,
                letter => {
                    let by = |spec: &&Spec<Id>| c_int::from(spec.short) == letter;
                    specs.iter().find(by).expect("a letter of ours").id as u8
                }
            };
            let value = match optarg.is_null() {
                true => Vec::new(),
                false => CStr::from_ptr(optarg).to_bytes().to_vec(),
            };
            reading.found.push((id, value));
        }
        for pointer in &pointers[optind as usize..argv.len()] {
            reading
                .operands
                .push(CStr::from_ptr(*pointer).to_bytes().to_vec());
        }
    }
    reading
}

/// Arguments that can be moved.
struct List<'a>(RefCell<Vec<Option<&'a [u8]>>>);

impl<'a> Arguments<'a> for List<'a> {
    fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.0.borrow().get(index).copied().flatten()
    }

    fn move_up(&self, from: usize, to: usize) {
        let argument = self.get(from);
        if let Some(slot) = self.0.borrow_mut().get_mut(to) {
            *slot = argument;
        }
    }
}

fn by_ours(flags: Flags, permutes: bool, argv: &[Vec<u8>]) -> Reading {
    let list = List(RefCell::new(argv.iter().map(|a| Some(&a[..])).collect()));
    let grammar = Grammar {
        flags,
        long: true,
        permutes,
    };
    let mut parser = Parser::new(grammar, &list);
    let mut reading = Reading {
        found: Vec::new(),
        wrong: None,
        operands: Vec::new(),
    };
    for found in parser.by_ref() {
        match found {
            Ok(found) => reading.found.push((found.id as u8, found.value.to_vec())),
            Err(kind) => {
                reading.wrong = Some(match kind {
                    Kind::ShortWithout | Kind::LongWithout => "without",
                    Kind::LongWith => "with",
                    _ => "unknown",
                });
                return reading;
            }
        }
    }
    let (End::Dashes(first) | End::Operands(first)) = parser.end();
    let operands = (first..).map_while(|index| list.get(index));
    reading.operands = operands.map(<[u8]>::to_vec).collect();
    reading
}

/// A word that means something, or nearly, or nothing.
fn word(rng: &mut TestRng, specs: &[Spec<Id>]) -> Vec<u8> {
    let mut below = |limit: usize| rng.next_u32() as usize % limit;
    let mut word = Vec::new();
    let spec = &specs[below(specs.len())];
    match below(10) {
        0 => word.extend(b"--"),
        1 => {
            let odd: [&[u8]; 8] = [b"", b"-", b"---", b"--=", b"--=x", b"-\xff", b"a", b"-:"];
            word.extend(odd[below(odd.len())]);
        }
        2..=4 => {
            word.push(b'-');
            for _ in 0..=below(3) {
                let letter = specs[below(specs.len())].short;
                word.push(if letter == 0 { b'q' } else { letter });
            }
            if below(3) == 0 {
                word.extend(b"15:3");
            }
        }
        5..=7 => {
            word.extend(b"--");
            let name = spec.long.as_bytes();
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
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[29; 32]);
    let mut seen = [0usize; 4];
    for case in 0..CASES {
        let (specs, flags) = match case % 2 {
            0 => (TRICKY, flags!(TRICKY)),
            _ => (native::OPTIONS, flags!(native::OPTIONS)),
        };
        let permutes = case % 4 < 2;
        let mut argv = vec![b"name".to_vec()];
        for _ in 0..rng.next_u32() % 6 {
            argv.push(word(&mut rng, specs));
        }
        let theirs = by_getopt(specs, permutes, &argv);
        let ours = by_ours(flags, permutes, &argv);
        assert_eq!(ours, theirs, "permutes: {permutes}, {argv:?}");
        seen[match theirs.wrong {
            None => 0,
            Some("unknown") => 1,
            Some("without") => 2,
            Some(_) => 3,
        }] += 1;
    }
    assert!(seen.iter().all(|count| *count > 1000), "{seen:?}");
}
