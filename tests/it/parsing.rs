//! Whatever a text from outside holds, reading it neither panics nor misleads. Each property tries
//! texts that mean something, and what becomes of them when they are damaged.

use std::{
    cell::RefCell,
    env,
    ffi::{CStr, CString, OsStr},
    os::unix::ffi::OsStrExt,
};

use initlab::{Sandbox, TempDir, fixture};
use proptest::{prelude::*, test_runner::RngAlgorithm};
use tidy_init::{
    cli::{Arguments, Fault, OPTIONS_VARIABLE, Request, Source, UsageError, Words, values},
    config::{Config, Format, Logging, Placement, Target},
    init::path,
    log::{Event, LINE_MAX, Log, Reason},
    personality::{self, NATIVE, Personality},
    process::{Pid, Recipient},
    received::Origin,
    signal::Signal,
    status::WaitStatus,
    sys::{Errno, proc},
    text::{Line, NAME_MAX, decimal, escape, escaped, leading_integer},
    time::Time,
};

use crate::{logging::Written, names::name_of};

/// How often a property is tried: as often as in CI, times `TIDY_INIT_CASES` for a longer run.
///
/// # Panics
/// When that variable is not a number.
#[track_caller]
pub fn tries(usual: u32) -> ProptestConfig {
    let times = match env::var("TIDY_INIT_CASES") {
        Ok(times) => times.parse().expect("TIDY_INIT_CASES is a number"),
        Err(_) => 1,
    };
    ProptestConfig {
        cases: usual.saturating_mul(times),
        // A test build makes the numbers of the default one so slowly that they take longer than
        // what is tested.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    }
}

/// Arguments that can be moved.
pub struct List<'a>(RefCell<Vec<Option<&'a [u8]>>>);

impl<'a> List<'a> {
    pub fn new(words: &'a [Vec<u8>]) -> Self {
        List(RefCell::new(
            words.iter().map(|word| Some(&word[..])).collect(),
        ))
    }

    /// The arguments from this index on.
    pub fn from(&self, index: usize) -> Vec<Vec<u8>> {
        let words = (index..).map_while(|index| self.get(index));
        words.map(<[u8]>::to_vec).collect()
    }
}

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

/// Bytes that mean something somewhere.
const TELLING: &[u8] = b"\0\t\n\x0b\x1b !\"%'()+,-./0123456789:=@ADEGIMNRSTXZ[\\]abdghkmnrsvx{}~\x7f\x80\x85\xa0\xbf\xc2\xe2\xff";

fn any_byte() -> impl Strategy<Value = u8> {
    prop_oneof![4 => prop::sample::select(TELLING), 1 => any::<u8>()]
}

/// A way to damage a text.
#[derive(Clone, Debug)]
enum Damage {
    Insert(u16, u8),
    Replace(u16, u8),
    Remove(u16),
    Cut(u16),
    /// A part stands there several times.
    Repeat(u16, u8, u8),
    /// Another text follows.
    Append(&'static str),
}

fn any_damage(corpus: &'static [&'static str]) -> impl Strategy<Value = Damage> {
    let at = any::<u16>();
    prop_oneof![
        (at, any_byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        (at, any_byte()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        at.prop_map(Damage::Remove),
        at.prop_map(Damage::Cut),
        (at, 1..4u8, 1..40u8).prop_map(|(at, length, times)| Damage::Repeat(at, length, times)),
        prop::sample::select(corpus).prop_map(Damage::Append),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> Vec<u8> {
    let mut text = text.as_bytes().to_vec();
    for damage in damages {
        let place = |at: u16| usize::from(at) % text.len().max(1);
        match *damage {
            Damage::Insert(at, byte) => text.insert(place(at), byte),
            Damage::Replace(at, byte) => {
                let at = place(at);
                if let Some(old) = text.get_mut(at) {
                    *old = byte;
                }
            }
            Damage::Remove(at) => {
                let at = place(at);
                text.drain(at..text.len().min(at + 1));
            }
            Damage::Cut(at) => text.truncate(usize::from(at) % (text.len() + 1)),
            Damage::Repeat(at, length, times) => {
                let at = place(at);
                let end = text.len().min(at + usize::from(length));
                let part = text[at..end].repeat(usize::from(times));
                text.splice(at..at, part);
            }
            Damage::Append(other) => text.extend(other.as_bytes()),
        }
    }
    text
}

/// A text of the corpus, one that was damaged, or noise.
fn any_text(corpus: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let whole = || prop::sample::select(corpus);
    prop_oneof![
        2 => whole().prop_map(|text| text.as_bytes().to_vec()),
        4 => (whole(), prop::collection::vec(any_damage(corpus), 1..4))
            .prop_map(|(text, damages)| damaged(text, &damages)),
        1 => prop::collection::vec(any_byte(), 0..24),
    ]
}

/// What an argument may hold: anything but NUL.
fn any_argument(corpus: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    any_text(corpus).prop_map(|mut text| {
        text.retain(|byte| *byte != 0);
        text
    })
}

const SIGNALS: &[&str] = &[
    "TERM",
    "SIGTERM",
    "term",
    "sigHup",
    "15",
    "1",
    "64",
    "65",
    "0",
    "017",
    "RTMIN",
    "RTMIN+3",
    "RTMIN+30",
    "RTMIN+31",
    "RTMAX-1",
    "rtmax-30",
    "SIGRTMAX",
    "RTMAX",
    "IOT",
    "CLD",
    "POLL",
    "CHLD",
    "KILL",
    "STOP",
    "TSTP",
    "EXIT",
    "SIG",
    "SIG15",
    "32",
    "33",
    "+1",
    "-1",
    "256",
    "271",
    "18446744073709551631",
    "RTMIN+256",
    "RTMIN-1",
    "RTMIN+",
    "STKFLT",
    "WINCH",
    "",
];

const DURATIONS: &[&str] = &[
    "500ms",
    "10s",
    "2m",
    "1h",
    "0",
    "7",
    "0ms",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709ms",
    "18446744073710ms",
    "18446744073s",
    "18446744074",
    "307445734m",
    "5124095h",
    "5124096h",
    "1.5s",
    "-1s",
    "+1s",
    " 1s",
    "1 s",
    "1S",
    "1min",
    "ms",
    "1d",
    "007s",
    "",
];

/// Words of the command lines of all personalities, good and bad ones.
const WORDS: &[&str] = &[
    "-r",
    "--rewrite",
    "--rewrite=TERM:QUIT",
    "-rTERM:0",
    "-r15:3",
    "15:2",
    " 15:+2",
    "0:0",
    "32:1",
    "-t",
    "--target",
    "all",
    "group",
    "child",
    "--target=all",
    "-c",
    "--single-child",
    "-d",
    "--delay=HUP:1s",
    "TERM:50ms",
    "-k",
    "-k3s",
    "--kill-after",
    "HUP:30s",
    "10s",
    "--grace",
    "--grace=1h",
    "-e",
    "-e3",
    "--exit-map=143",
    "143:0",
    "256",
    "-x",
    "--exit-by-signal",
    "-p",
    "KILL",
    "SIGTERM",
    "--parent-death=HUP",
    "--pause",
    "--termination-log",
    "/dev/termination-log",
    "relative",
    "-v",
    "-vv",
    "-vvv",
    "--verbose",
    "--log-format",
    "json",
    "--log-format=text",
    "-l",
    "--list-signals",
    "-h",
    "--help",
    "-V",
    "--version",
    "--",
    "-",
    "",
    "---",
    "--=",
    "--v",
    "--re",
    "--t",
    "--target=",
    "-g",
    "-s",
    "-w",
    "-L",
    "-P",
    "-vs",
    "-gP",
    "true",
    "sh",
    "-c",
    "-cx",
    "-é",
    "--ü=x",
    "\u{85}",
    "\x1b[31m",
    "\"",
    "\\",
];

/// What the variables hold that personalities read.
const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "4",
    "-1",
    "99",
    " 3x",
    "+2",
    "9223372036854775808",
    "x",
];

const VARIABLES: &[&str] = &[
    "CATATONIT_DEBUG",
    "CATATONIT_LOG",
    "DUMB_INIT_DEBUG",
    "DUMB_INIT_SETSID",
    "POSIXLY_CORRECT",
    "TINI_KILL_PROCESS_GROUP",
    "TINI_SUBREAPER",
    "TINI_VERBOSITY",
];

type Variable = (&'static str, Vec<u8>);

fn any_variables() -> impl Strategy<Value = Vec<Variable>> {
    let name = prop::sample::select(VARIABLES);
    prop::collection::vec((name, any_argument(VALUES)), 0..3)
}

fn any_personality() -> impl Strategy<Value = &'static Personality> {
    prop::sample::select(&personality::ALL[..])
}

fn any_command_line() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let name = any_argument(&["tidy-init", "/sbin/docker-init", "-nologin", "", "x/"]);
    (name, prop::collection::vec(any_argument(WORDS), 0..7)).prop_map(|(name, mut words)| {
        words.insert(0, name);
        words
    })
}

/// Reads a command line. Returns the message where it is wrong.
fn read<'a>(
    personality: &Personality,
    list: &List<'a>,
    options: Option<&'a [u8]>,
    variables: &'a [Variable],
    config: &mut Config<'a>,
) -> Result<Request, UsageError<'a>> {
    let variable = |name: &str| {
        let mut variables = variables.iter();
        let (_, value) = variables.find(|(known, _)| *known == name)?;
        Some(&value[..])
    };
    let request = personality.read(list, options, &variable, config)?;
    Ok(request.expect("a command line that is right asks for something"))
}

/// What a function writes, in room for so many bytes.
fn written(room: usize, write: impl FnOnce(&mut Line<'_>)) -> Vec<u8> {
    let mut room = vec![0; room];
    let mut line = Line::new(&mut room);
    write(&mut line);
    line.as_bytes().to_vec()
}

/// The text, if a terminal and a log can take it: valid UTF-8 without control characters.
#[track_caller]
fn printable(bytes: &[u8]) -> &str {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    assert!(!text.contains(char::is_control), "{text:?}");
    text
}

proptest! {
    #![proptest_config(tries(4000))]

    #[test]
    fn every_command_line_is_read_or_refused_with_a_reason(
        personality in any_personality(),
        argv in any_command_line(),
        options in prop::option::weighted(0.3, prop::collection::vec(any_argument(WORDS), 0..4)),
        variables in any_variables(),
        room in 0..200usize,
    ) {
        let options = options.map(|words| words.join(&b' '));
        let list = List::new(&argv);
        let mut config = Config::default();
        let outcome = read(personality, &list, options.as_deref(), &variables, &mut config);
        prop_assert_eq!(config.behaviour, personality.behaviour);
        match outcome {
            Ok(Request::Run(index)) => {
                prop_assert!(index >= 1);
                let operands = list.from(index);
                prop_assert!(!operands.is_empty());
                // They stand there in the order in which they were given.
                let mut given = argv[1..].iter();
                let in_order = operands.iter().all(|operand| given.any(|word| word == operand));
                prop_assert!(in_order, "{:?}", operands);
                prop_assert!((config.placement, config.target) != (Placement::Shared, Target::Group));
            }
            Ok(Request::Pause | Request::Print(_) | Request::ListSignals) => {}
            Err(error) => {
                let in_variable = error.source == Source::Environment;
                if !in_variable {
                    let mut sink = Written(Vec::new());
                    let mut describe = |room| written(room, |line| {
                        let _ = (personality.describe)(&error, line, &mut sink);
                    });
                    let whole = describe(LINE_MAX);
                    prop_assert!(!whole.is_empty(), "{:?}", error.fault);
                    prop_assert!(whole.starts_with(&describe(room)));
                }
                // What is wrong in the variable is said in our words by every personality.
                let ours = written(LINE_MAX, |line| error.describe(line));
                let ours = printable(&ours);
                prop_assert!(ours.ends_with(" (tidy-init --help shows the usage)"), "{}", ours);
                prop_assert_eq!(ours.starts_with(&format!("{OPTIONS_VARIABLE}: ")), in_variable);
                prop_assert!(!in_variable || options.is_some());
            }
        }
    }

    #[test]
    fn options_mean_the_same_in_the_variable_as_in_the_arguments(
        mut words in prop::collection::vec(any_argument(WORDS), 0..7),
    ) {
        // There is no quoting.
        for word in &mut words {
            word.retain(|byte| !byte.is_ascii_whitespace());
        }
        words.retain(|word| !word.is_empty());
        let text = words.join(&b' ');
        let command = ["--", "true"].map(|word| word.as_bytes().to_vec());
        let name = [b"tidy-init".to_vec()];
        let in_arguments = [&name[..], &words, &command].concat();
        let list = List::new(&in_arguments);
        let mut by_arguments = Config::default();
        let outcome = read(&NATIVE, &list, None, &[], &mut by_arguments);
        let bare = [&name[..], &command].concat();
        let bare = List::new(&bare);
        let mut by_variable = Config::default();
        let other = read(&NATIVE, &bare, Some(&text), &[], &mut by_variable);
        match (outcome, other) {
            (Ok(Request::Run(index)), Ok(Request::Run(2))) => {
                prop_assert_eq!(index, words.len() + 2);
                prop_assert_eq!(by_arguments, by_variable);
            }
            // There are operands among them, or they ask for something else than a run.
            (Ok(Request::Run(index)), Err(_)) => prop_assert!(index < words.len() + 2),
            (Ok(_), Err(_)) => {}
            (Err(_), Err(UsageError { fault: Fault::NotInEnvironment, .. })) => {}
            // Unless a value is missing: in the arguments the dashes take its place.
            (Err(one), Err(other)) => {
                let fault = |error: UsageError| format!("{:?}", error.fault);
                prop_assert!(
                    one.value == b"--" || fault(one) == fault(other),
                    "{:?} {:?}", one, other
                );
            }
            (one, other) => prop_assert!(false, "{:?} {:?}", one, other),
        }
    }

    #[test]
    fn the_words_of_a_text_are_what_stands_between_white_space(text in any_text(WORDS)) {
        let words = Words(&text);
        let found: Vec<&[u8]> = (1..).map_while(|index| words.get(index)).collect();
        let spaces: &[u8] = b" \t\n\r\x0c";
        let parts = text.split(|byte| spaces.contains(byte));
        let expected: Vec<&[u8]> = parts.filter(|part| !part.is_empty()).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(words.get(0), Some(&b""[..]));
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit(text in any_text(DURATIONS)) {
        let read = values::duration(&text).map(Time::milliseconds);
        prop_assert_eq!(read.ok(), milliseconds(&text), "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn a_signal_is_a_name_or_a_number(text in any_text(SIGNALS)) {
        let read = Signal::parse(&text);
        prop_assert_eq!(read, signal(&text), "{}", String::from_utf8_lossy(&text));
        if let Some(signal) = read {
            prop_assert_eq!(Signal::parse(name_of(signal).as_bytes()), Some(signal));
        }
    }

    #[test]
    fn a_value_of_two_parts_is_its_parts(
        before in any_text(SIGNALS),
        behind in prop_oneof![any_text(SIGNALS), any_text(DURATIONS)],
    ) {
        let text = [&before[..], b":", &behind].concat();
        let (before, behind) = match before.iter().position(|byte| *byte == b':') {
            Some(at) => text.split_at(at),
            None => text.split_at(before.len()),
        };
        let behind = &behind[1..];
        let from = signal(before).filter(|signal| ![9, 17, 19].contains(&signal.number()));
        let to = if behind == b"0" { Some(None) } else { signal(behind).map(Some) };
        prop_assert_eq!(values::rewrite(&text).ok(), from.zip(to));
        let timed = |(signal, time): (Signal, Time)| (signal, time.milliseconds());
        let time = milliseconds(behind);
        prop_assert_eq!(values::signal_and_duration(&text).ok().map(timed), from.zip(time));
        let kill = values::kill_after(&text).ok().map(|(signal, time)| (signal, time.milliseconds()));
        prop_assert_eq!(kill, from.zip(time).map(|(signal, time)| (Some(signal), time)));
        let status = |text: &[u8]| number(text).and_then(|number| u8::try_from(number).ok());
        prop_assert_eq!(values::exit_map(&text).ok(), status(before).zip(status(behind)));
    }

    #[test]
    fn an_integer_is_read_as_strtol_reads_it(text in any_argument(VALUES)) {
        let string = CString::new(text.clone()).unwrap();
        let mut end = std::ptr::null_mut();
        // SAFETY: a C string, and a pointer to write to.
        let theirs = unsafe { libc::strtol(string.as_ptr(), &raw mut end, 10) };
        // SAFETY: strtol(3) leaves a pointer into the string.
        let rest = unsafe { CStr::from_ptr(end) }.to_bytes();
        let expected = (rest.len() < text.len()).then_some((theirs, rest));
        prop_assert_eq!(leading_integer(&text), expected);
        prop_assert_eq!(decimal(&text), number(&text).and_then(|number| u64::try_from(number).ok()));
    }

    #[test]
    fn the_personality_is_the_last_part_of_the_name(
        name in any_argument(&["tini", "-nologin", "/sbin/docker-init", "a/b/-pause", "podman-init/"]),
    ) {
        let file = name.split(|byte| *byte == b'/').next_back().unwrap();
        let file = file.strip_prefix(b"-").unwrap_or(file);
        let mut all = personality::ALL.iter();
        let known = all.find(|known| known.names.iter().any(|name| name.as_bytes() == file));
        let expected = known.unwrap_or(&personality::ALL[0]);
        prop_assert!(std::ptr::eq(personality::called_as(&name), *expected));
    }

    #[test]
    fn the_search_tries_each_entry_of_any_path(
        path in prop::option::of(any_argument(&["/bin:/usr/bin", "", ":", "a::b:", "/", "\u{e9}:/opt"])),
        times in prop_oneof![8 => Just(1usize), 1 => 2..600usize],
        name in any_argument(&["name", "x", "./x", "/", "n\u{e4}me", ""]),
        long_name in prop::option::weighted(0.1, 250..260usize),
    ) {
        let path = path.map(|path| path.repeat(times));
        let name = long_name.map_or(name, |length| vec![b'n'; length]);
        let c_name = CString::new(name.clone()).unwrap();
        let mut tried = Vec::new();
        let errno = path::search(&c_name, path.as_deref(), |candidate| {
            tried.push(candidate.to_bytes().to_vec());
            Errno::ENOENT
        });
        let (expected, answer) = if name.is_empty() {
            (vec![], Errno::ENOENT)
        } else if name.contains(&b'/') {
            (vec![name], Errno::ENOENT)
        } else if name.len() > 255 {
            (vec![], Errno::ENAMETOOLONG)
        } else {
            let entries = path.as_deref().unwrap_or(b"/bin:/usr/bin").split(|byte| *byte == b':');
            let candidates = entries.filter(|entry| entry.len() < 4096).map(|entry| match entry {
                b"" => name.clone(),
                entry => [entry, b"/", &name].concat(),
            });
            (candidates.collect(), Errno::ENOENT)
        };
        prop_assert_eq!(tried, expected);
        prop_assert_eq!(errno, answer);
    }

    #[test]
    fn an_escaped_text_can_be_printed_and_read_back(
        text in any_text(WORDS),
        limit in prop_oneof![0..40usize, Just(NAME_MAX)],
        room in 0..200usize,
    ) {
        let shown = &text[..text.len().min(limit)];
        let dots = if shown.len() < text.len() { "..." } else { "" };
        let meant = meaning(shown) + dots;
        let plain = written(LINE_MAX, |line| escape(line, &text, "\\x", limit));
        prop_assert_eq!(unescaped(printable(&plain), "\\x"), &meant[..]);
        let json = written(LINE_MAX, |line| escape(line, &text, "\\u00", limit));
        let quoted = format!("\"{}\"", printable(&json));
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).ok(), Some(meant));
        // Where there is no room the beginning is written.
        let cut = written(room, |line| escape(line, &text, "\\x", limit));
        prop_assert!(plain.starts_with(&cut));
        prop_assert_eq!(cut.len(), plain.len().min(room));
        let whole = written(LINE_MAX, |line| escaped(line, &text));
        prop_assert!(!printable(&whole).is_empty());
    }

    #[test]
    fn every_line_is_printable_and_every_object_is_json(
        command in prop_oneof![
            any_text(WORDS),
            (any_text(WORDS), 20..400usize).prop_map(|(text, times)| text.repeat(times)),
        ],
        which in 0..10usize,
        raw in any::<i32>(),
        number in any::<i32>(),
        milliseconds in any::<u64>(),
    ) {
        let pid = Pid::new(number.wrapping_abs()).unwrap_or(Pid::INIT);
        let signal = Signal::new(number.rem_euclid(64) + 1).unwrap();
        let errno = Errno::from_raw(raw.rem_euclid(140));
        let status = WaitStatus::from_raw(raw);
        let time = Time::from_timespec(milliseconds, 0);
        let reason = written(LINE_MAX, |line| {
            escaped(line, &command);
            tidy_init::log::status(line.text(" (pid 7) "), status);
        });
        let target = [Recipient::Process(pid), Recipient::Group(pid), Recipient::All][which % 3];
        let sender = match which % 3 {
            0 => Origin::Kernel,
            1 => Origin::Ourselves,
            _ => Origin::Process { pid: number, uid: raw.unsigned_abs() },
        };
        let command = &command[..];
        let event = match which {
            0 => Event::Started { command, pid },
            1 => Event::CannotExecute { command, errno },
            2 => Event::CannotStart { command, errno },
            3 => Event::Received { signal, sender },
            4 => Event::Held { signal, time },
            5 => Event::NotSent { signal, target, errno },
            6 => Event::command_ended(pid, status),
            7 => Event::reaped(pid, status),
            8 => Event::Failed { reason: Reason(&reason) },
            _ => Event::LinesDropped { count: milliseconds },
        };
        let said = |format| {
            let mut written = Written(Vec::new());
            let mut log = Log::new(&NATIVE.messages);
            log.set(Logging { verbosity: 2, format });
            prop_assert!(log.say(&mut written, event));
            prop_assert!(written.0.len() <= LINE_MAX);
            prop_assert_eq!(written.0.pop(), Some(b'\n'));
            Ok(written.0)
        };
        let line = said(Format::Text)?;
        prop_assert!(printable(&line).starts_with("[tidy-init] "));
        let object = said(Format::Json)?;
        let object: serde_json::Value = serde_json::from_str(printable(&object)).expect("JSON");
        let entry = &Event::CATALOGUE[event.kind() as usize];
        prop_assert_eq!(&object["event"], entry.name);
        if which < 3 {
            let shown = &command[..command.len().min(NAME_MAX)];
            let dots = if shown.len() < command.len() { "..." } else { "" };
            prop_assert_eq!(&object["command"], &(meaning(shown) + dots));
        }
    }

    #[test]
    fn a_line_of_proc_is_read_whatever_the_name_is(
        name in any_argument(&["sh", ") Z 1 1 1 (", "a b", ")", "((", "x) S 9 9 9 9"]),
        state in prop::sample::select(&b"RSDTtZXI"[..]),
        numbers in any::<[i32; 3]>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let [parent, group, session] = numbers.map(|number| number & i32::MAX);
        let mut text = b"7 (".to_vec();
        text.extend(&name);
        text.extend(format!(") {} {parent} {group} {session} 0 -1", char::from(state)).bytes());
        let stat = proc::parse_stat(&text).expect("a whole line");
        prop_assert_eq!(stat.parent, Pid::new(parent));
        prop_assert_eq!(stat.group, Pid::new(group));
        prop_assert_eq!(stat.session, Pid::new(session));
        prop_assert_eq!(stat.zombie, b"ZX".contains(&state));
        // A part of one is nothing, or at least no panic.
        let _ = proc::parse_stat(&text[..cut.index(text.len())]);
        let _ = proc::parse_stat(&name);
    }
}

/// A number in digits alone, as long as 128 bits hold it.
fn number(text: &[u8]) -> Option<u128> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.chars().all(|letter| letter.is_ascii_digit());
    // One that does not fit is larger than anything that does.
    (digits && !text.is_empty()).then(|| text.parse().unwrap_or(u128::MAX))
}

/// What the documentation says of durations, written down once more.
fn milliseconds(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let units = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("", 1000),
    ];
    let (digits, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    let milliseconds = number(digits.as_bytes())?.checked_mul(*factor)?;
    // 64 bits of nanoseconds.
    u64::try_from(milliseconds.checked_mul(1_000_000)?).ok()?;
    u64::try_from(milliseconds).ok()
}

/// What the documentation says of signals, written down once more.
fn signal(text: &[u8]) -> Option<Signal> {
    let by_number = |number: u128| Signal::new(i32::try_from(number).ok()?);
    if let Some(number) = number(text) {
        return by_number(number);
    }
    let text = std::str::from_utf8(text).ok()?.to_ascii_uppercase();
    let name = text.strip_prefix("SIG").unwrap_or(&text);
    let offset = |text: &str, sign| match text {
        "" => Some(0),
        text => number(text.strip_prefix(sign)?.as_bytes()).filter(|number| *number <= 30),
    };
    if let Some(offset) = name
        .strip_prefix("RTMIN")
        .and_then(|rest| offset(rest, '+'))
    {
        return by_number(34 + offset);
    }
    if let Some(offset) = name
        .strip_prefix("RTMAX")
        .and_then(|rest| offset(rest, '-'))
    {
        return by_number(64 - offset);
    }
    let aliases = [
        ("IOT", libc::SIGABRT),
        ("CLD", libc::SIGCHLD),
        ("POLL", libc::SIGIO),
    ];
    let alias = aliases.iter().find(|(alias, _)| *alias == name);
    let named = || (1..=31).find(|number| name_of(Signal::new(*number).unwrap()) == name);
    Signal::new(alias.map(|(_, number)| *number).or_else(named)?)
}

/// What an escaped text stands for: a byte that is not part of valid UTF-8 for the character of that
/// number.
fn meaning(bytes: &[u8]) -> String {
    let mut meant = String::new();
    for chunk in bytes.utf8_chunks() {
        meant.push_str(chunk.valid());
        meant.extend(chunk.invalid().iter().copied().map(char::from));
    }
    meant
}

/// The text without escapes.
fn unescaped(text: &str, prefix: &str) -> String {
    let mut parts = text.split(prefix);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        let byte = u8::from_str_radix(digits, 16).expect("two digits");
        whole.push(char::from(byte));
        whole.push_str(rest);
    }
    whole
}

#[test]
fn a_process_is_seen_as_it_is_whatever_its_name_is() {
    let directory = TempDir::new();
    for name in [
        &b"sh"[..],
        b") Z 1 1 1 (",
        b"a b) ",
        b"(((",
        b"\xff\n\x1b)",
        b"n) S 9 9 9",
    ] {
        let path = directory.path().join(OsStr::from_bytes(name));
        std::os::unix::fs::symlink(fixture(), &path).unwrap();
        let mut running = Sandbox::plain(&path)
            .args(["fixture", "signals"])
            .start_ready();
        let stat = proc::stat(Pid::new(running.pid()).unwrap()).expect("a process");
        assert!(!stat.zombie, "{name:?}");
        let ourselves = i32::try_from(std::process::id()).unwrap();
        assert_eq!(stat.parent, Pid::new(ourselves), "{name:?}");
        running.kill(libc::SIGKILL);
        running.wait();
    }
}
