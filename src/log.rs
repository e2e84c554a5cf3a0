//! One line to stderr, which never blocks and never ends us.
//!
//! A container's stderr is most often a pipe that somebody else reads. When
//! that reader stops, a blocking write would stop us too, signals and zombies
//! with us; so a line that does not fit is dropped, counted, and the count is
//! said when there is room again. O_NONBLOCK is no way out: it belongs to the
//! open file description, which the command has as well.

#![forbid(unsafe_code)]

use crate::buffer::Buffer;
use crate::config::{Format, Logging};
use crate::event::{Event, Json};
use crate::sys::{self, Errno, clock};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What every line of text begins with.
const NAME: &[u8] = b"[tidy-init] ";

/// Lines go out whole: a write of up to PIPE_BUF bytes to a pipe is atomic
/// (pipe(7)).
pub const LINE_MAX: usize = 4096;

static LOGGER: Logger = Logger {
    json: AtomicBool::new(false),
    dropped: AtomicUsize::new(0),
};

/// Sets how much is said, and in which form.
pub fn start(logging: Logging) {
    // It can only fail where a logger is set already: ours.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(match logging.verbosity {
        0 => log::LevelFilter::Warn,
        1 => log::LevelFilter::Info,
        _ => log::LevelFilter::Debug,
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
    let level = event.level();
    if level > log::max_level() {
        return;
    }
    let args = format_args!("{}", InForm(&event));
    log::logger().log(&log::Record::builder().level(level).args(args).build());
}

/// An event in the form that lines have.
struct InForm<'a>(&'a Event<'a>);

impl fmt::Display for InForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if LOGGER.json.load(Ordering::Relaxed) {
            Json(self.0).fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

/// Says why we cannot even begin: always a line of text.
pub fn complain(what: fmt::Arguments<'_>) {
    LOGGER.write(what);
}

struct Logger {
    /// Whether lines are JSON objects.
    json: AtomicBool,
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
            let event = Event::LinesDropped(dropped);
            if !self.write(format_args!("{}", InForm(&event))) {
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
            line.push(NAME);
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
