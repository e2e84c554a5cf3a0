//! Lines for a stderr that takes them in parts, or not at all: each lost line is counted, and no line
//! continues where another was cut.

use nix::errno::Errno;
use proptest::prelude::*;
use tidy_init::{
    config::{Format, Logging},
    log::{Event, Log, Sink},
    personality::NATIVE,
    process::Pid,
    status::WaitStatus,
    time::Time,
};

use crate::parsing::tries;

/// A stderr, and what it will do with the next writes. Behind the last it takes all.
struct Stderr {
    answers: Vec<Answer>,
    text: String,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    /// It takes this many bytes at most.
    Takes(usize),
    Full,
    /// Its device is broken.
    Broken,
}

impl Sink for Stderr {
    fn write(&mut self, line: &[u8]) -> Result<usize, Errno> {
        let taken = match self.answers.pop() {
            None => line.len(),
            Some(Answer::Takes(count)) => count.min(line.len()),
            Some(Answer::Full) => return Err(Errno::EAGAIN),
            Some(Answer::Broken) => return Err(Errno::EIO),
        };
        self.text += std::str::from_utf8(&line[..taken]).expect("ASCII");
        Ok(taken)
    }

    fn time_of_day(&mut self) -> Time {
        Time::ZERO
    }

    fn process_id(&mut self) -> Pid {
        Pid::INIT
    }
}

fn answer(breaks: bool) -> impl Strategy<Value = Answer> {
    let broken = if breaks { Answer::Broken } else { Answer::Full };
    prop_oneof![
        3 => (1..70usize).prop_map(Answer::Takes),
        2 => Just(Answer::Full),
        1 => Just(broken),
    ]
}

fn line(number: i32) -> String {
    format!("[tidy-init] reaped pid {number}, which exited with status 0")
}

/// Says so many lines, and one more when all is well again.
fn say(count: i32, answers: Vec<Answer>) -> String {
    let mut stderr = Stderr {
        answers,
        text: String::new(),
    };
    let mut log = Log::new(&NATIVE.messages);
    log.set(Logging {
        verbosity: 2,
        format: Format::Text,
    });
    for number in 1..=count + 1 {
        if number > count {
            stderr.answers.clear();
        }
        let event = Event::Exited {
            pid: Pid::new(number).expect("positive"),
            status: WaitStatus::from_raw(0),
        };
        log.say(&mut stderr, event);
    }
    stderr.text
}

proptest! {
    #![proptest_config(tries(1024))]

    #[test]
    fn each_line_is_whole_or_cut_and_counted(
        count in 1..20i32,
        answers in prop::collection::vec(answer(false), 0..30),
    ) {
        let text = say(count, answers);
        prop_assert!(text.ends_with('\n'), "{text}");
        let whole: Vec<String> = (1..=count + 1).map(line).collect();
        let mut accounted = 0;
        for found in text.lines() {
            if whole.iter().any(|line| line == found) {
                accounted += 1;
            } else if let Some(dropped) = dropped(found) {
                accounted += dropped;
            } else {
                // What was cut is the beginning of a line, and was counted.
                let message = "lines dropped: stderr did not take them";
                let is_cut = whole.iter().any(|line| line.starts_with(found))
                    || (0..=count).any(|n| format!("[tidy-init] {n} {message}").starts_with(found));
                prop_assert!(is_cut, "{found:?} in\n{text}");
            }
        }
        // One that lacks its line feed alone is whole, and was counted, too.
        prop_assert!(accounted > count, "{}", text);
    }

    #[test]
    fn a_broken_stderr_joins_no_lines(
        count in 1..20i32,
        answers in prop::collection::vec(answer(true), 0..30),
    ) {
        let text = say(count, answers);
        let last = line(count + 1);
        prop_assert_eq!(text.lines().last(), Some(last.as_str()));
        for found in text.lines() {
            prop_assert!(found.matches("[tidy-init]").count() <= 1, "{}", text);
        }
    }
}

/// How many lines this line says were dropped.
fn dropped(line: &str) -> Option<i32> {
    let rest = line.strip_prefix("[tidy-init] ")?;
    let number = rest.strip_suffix(" lines dropped: stderr did not take them")?;
    number.parse().ok()
}
