//! What the init says: a line to stderr for each event, which never blocks.
//!
//! A container's stderr is most often a pipe that somebody else reads. When
//! that reader stops, a blocking write would stop us too, signals and zombies
//! with us; so a line that does not fit is dropped, counted, and the count is
//! said when there is room again. O_NONBLOCK is no way out: it belongs to the
//! open file description, which the command has as well.

#![forbid(unsafe_code)]

mod event;
mod message;
mod sink;
mod value;

pub use event::{Entry, Event, Kind};
pub use message::{Messages, add_message};
pub use sink::Sink;
pub use value::{ParentPid, Reason, status};

use crate::config::{Format, Logging};
use crate::text::{Line, utc};
use core::cell::Cell;
use log::{Level, LevelFilter};
use nix::errno::Errno;

/// Lines go out whole: a write of up to PIPE_BUF bytes to a pipe is atomic
/// (pipe(7)).
pub const LINE_MAX: usize = 4096;

/// What is said, in which form and in whose words.
#[derive(Debug)]
pub struct Log {
    messages: &'static Messages,
    max_level: LevelFilter,
    format: Format,
    /// How many lines were dropped since the last one that was written.
    dropped: Cell<u64>,
    /// Whether the last line was only written in part.
    torn: Cell<bool>,
}

impl Log {
    /// Errors and warnings, as text.
    pub fn new(messages: &'static Messages) -> Log {
        Log {
            messages,
            max_level: LevelFilter::Warn,
            format: Format::Text,
            dropped: Cell::new(0),
            torn: Cell::new(false),
        }
    }

    /// Sets how much is said, and in which form.
    // Apart: inlined, it costs the function around it a larger frame.
    #[inline(never)]
    pub fn set(&mut self, logging: Logging) {
        self.max_level = match logging.verbosity {
            ..0 => LevelFilter::Error,
            0 => LevelFilter::Warn,
            1 => LevelFilter::Info,
            2 => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        };
        self.format = logging.format;
    }

    /// Whether events of this level are said: some cost more to find out than
    /// to write.
    pub fn says(&self, level: Level) -> bool {
        level <= self.max_level
    }

    /// Appends what a line begins with.
    pub fn prefix(&self, line: &mut Line<'_>, level: Level, sink: &mut dyn Sink) {
        (self.messages.prefix)(line, level, sink);
    }

    /// Whether the main child is reported as reaped like any other child.
    pub fn reports_main_child_as_reaped(&self) -> bool {
        self.format == Format::Text && self.messages.main_child_is_reaped_too
    }

    /// Says what happened, if that much is to be said, and tells whether a line
    /// was written or dropped.
    pub fn say<S: Sink>(&self, sink: &mut S, event: Event<'_>) -> bool {
        let message = match self.format {
            Format::Text => self.messages.find(event.kind()),
            Format::Json => message::native(event.kind()),
        };
        let Some(message) = message.filter(|message| self.says(message.level)) else {
            return false;
        };
        let dropped = self.dropped.take();
        if dropped > 0 {
            self.say(sink, Event::LinesDropped { count: dropped });
            // One that was dropped in turn stands for all before it.
            if self.dropped.get() > 0 {
                self.dropped.set(dropped);
            }
        }
        match self.format {
            Format::Text => self.write(sink, b"\n", &mut |line, sink| {
                (self.messages.prefix)(line, message.level, sink);
                message.write(&event, line);
            }),
            Format::Json => self.write(sink, b"}\n", &mut |line, sink| {
                line.text("{\"time\":\"");
                utc(line, sink.time_of_day());
                line.text("\",\"level\":\"");
                line.text(match message.level {
                    Level::Error => "error",
                    Level::Warn => "warning",
                    Level::Info => "info",
                    Level::Debug | Level::Trace => "debug",
                });
                event.json(line.text("\""));
            }),
        }
        true
    }

    /// Says that a step has failed that the run can do without, and tells
    /// whether a line was written or dropped.
    // Apart: it is called in ten places.
    #[inline(never)]
    pub fn cannot<S: Sink>(&self, sink: &mut S, step: &'static str, errno: Errno) -> bool {
        self.say(sink, Event::StepFailed { step, errno })
    }

    /// Says why we cannot even begin: always as text, whatever is to be said.
    /// `text` writes the prefix, too, if there is one.
    pub fn complain<S: Sink>(
        &self,
        sink: &mut S,
        text: &mut dyn FnMut(&mut Line<'_>, &mut dyn Sink),
    ) {
        self.write(sink, b"\n", text);
    }

    /// Writes a line in one piece; one that is too long is cut, which its end
    /// shows. Counts it where it does not go out whole.
    // Apart, so that the room is not in the frame that we sleep in.
    #[inline(never)]
    fn write<S: Sink>(
        &self,
        sink: &mut S,
        end: &[u8],
        text: &mut dyn FnMut(&mut Line<'_>, &mut dyn Sink),
    ) {
        let mut room = [0; LINE_MAX];
        let mut line = Line::new(&mut room);
        if self.torn.get() {
            line.byte(b'\n');
        }
        text(&mut line, sink);
        line.end_with(if line.is_cut() { b"...\n" } else { end });
        let mut rest = line.as_bytes();
        loop {
            match sink.write(rest) {
                Ok(written) if written < rest.len() && written > 0 => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.torn.set(true);
                }
                Err(Errno::EAGAIN) => {
                    self.dropped.set(self.dropped.get() + 1);
                    return;
                }
                Ok(_) => {
                    self.torn.set(false);
                    return;
                }
                Err(_) => return,
            }
        }
    }
}
