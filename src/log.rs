//! One line to stderr, which never blocks and never ends us.
//!
//! A container's stderr is most often a pipe that somebody else reads. When
//! that reader stops, a blocking write would stop us too, signals and zombies
//! with us; so a line that does not fit is dropped, counted, and the count is
//! said when there is room again. O_NONBLOCK is no way out: it belongs to the
//! open file description, which the command has as well.

#![forbid(unsafe_code)]

use crate::buffer::Buffer;
use crate::config::{Format, Logging, Personality};
use crate::event::{Event, Json};
use crate::sys::{self, Errno, clock};
use crate::voice::{Kind, Prefix, Words, is_for_all, words};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

/// Lines go out whole: a write of up to PIPE_BUF bytes to a pipe is atomic
/// (pipe(7)).
pub const LINE_MAX: usize = 4096;

static LOGGER: Logger = Logger {
    json: AtomicBool::new(false),
    personality: AtomicU8::new(0),
    dropped: AtomicUsize::new(0),
};

/// Sets whose words are used.
pub fn speak_as(personality: Personality) {
    LOGGER
        .personality
        .store(personality as u8, Ordering::Relaxed);
}

/// Whose words are used.
fn speaker() -> Personality {
    let number = LOGGER.personality.load(Ordering::Relaxed);
    Personality::ALL
        .get(usize::from(number))
        .copied()
        .unwrap_or_default()
}

/// Sets how much is said, and in which form.
pub fn start(logging: Logging) {
    // It can only fail where a logger is set already: ours.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(match logging.verbosity {
        ..0 => log::LevelFilter::Error,
        0 => log::LevelFilter::Warn,
        1 => log::LevelFilter::Info,
        2 => log::LevelFilter::Debug,
        _ => log::LevelFilter::Trace,
    });
    LOGGER
        .json
        .store(logging.format == Format::Json, Ordering::Relaxed);
}

/// Whether lines of `-vv` are said: some cost more to find out than to write.
pub fn says_everything() -> bool {
    log::max_level() >= log::LevelFilter::Debug
}

/// Says what happened, if that much is to be said.
pub fn say(event: Event<'_>) {
    let kind = event.kind();
    if log::max_level() <= log::LevelFilter::Warn && !is_for_all(kind) {
        return;
    }
    let json = LOGGER.json.load(Ordering::Relaxed);
    let personality = if json { Personality::Native } else { speaker() };
    let Some(words) = words(personality, kind) else {
        return;
    };
    let level = match words.level {
        1 => log::Level::Error,
        2 => log::Level::Warn,
        3 => log::Level::Info,
        4 => log::Level::Debug,
        _ => log::Level::Trace,
    };
    if level > log::max_level() || words.packed.is_empty() {
        return;
    }
    let line = Line {
        event: &event,
        words,
        json,
    };
    let args = format_args!("{line}");
    log::logger().log(&log::Record::builder().level(level).args(args).build());
}

/// Says that a step failed that the run can do without.
// Apart, as `say_plain`.
#[inline(never)]
pub fn say_failed(step: &'static str, errno: Errno) {
    say(Event::StepFailed(step, errno));
}

/// Says what has no values.
// Apart: at each of the many places it is a number and a call.
#[inline(never)]
pub fn say_plain(kind: Kind) {
    say(Event::Plain(kind));
}

/// An event in the form that lines have.
struct Line<'a> {
    event: &'a Event<'a>,
    words: Words,
    json: bool,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json {
            return Json(self.event).fmt(f);
        }
        Prefix(speaker(), self.words.level).fmt(f)?;
        self.event.write(self.words, f)
    }
}

/// Says why we cannot even begin: always a line of text.
pub fn complain(what: fmt::Arguments<'_>) {
    LOGGER.write(format_args!("{}{what}", Prefix(speaker(), 1)));
}

/// Says something in the words of another program, which may have no name
/// before them.
pub fn complain_plainly(what: &dyn fmt::Display) {
    LOGGER.write(format_args!("{what}"));
}

struct Logger {
    /// Whether lines are JSON objects.
    json: AtomicBool,
    /// Whose words lines have.
    personality: AtomicU8,
    /// How many lines were dropped since the last one that was written.
    dropped: AtomicUsize,
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            say(Event::LinesDropped(dropped));
            if self.dropped.load(Ordering::Relaxed) > 0 {
                // This very attempt is counted among them already.
                self.dropped.fetch_add(dropped - 1, Ordering::Relaxed);
            }
        }
        self.write(*record.args());
    }

    fn flush(&self) {}
}

impl Logger {
    /// Writes a line, or counts it as dropped and returns false.
    fn write(&self, message: fmt::Arguments<'_>) -> bool {
        let mut room = [0; LINE_MAX];
        let mut line = Buffer::new(&mut room);
        // A message that is too long is cut, which the line's end shows.
        let end: &[u8] = if self.json.load(Ordering::Relaxed) {
            let _ = write!(line, "{{\"time\":\"{}\",{message}", clock::Today);
            b"}\n"
        } else {
            let _ = write!(line, "{message}");
            b"\n"
        };
        line.end_with(if line.is_cut() { b"...\n" } else { end });
        let written = sys::io::write_or_drop(line.bytes());
        if written == Err(Errno::EAGAIN) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        written.is_ok()
    }
}
