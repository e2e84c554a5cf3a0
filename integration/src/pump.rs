//! Reading a pipe or a terminal in the background, so that the writer never blocks.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::sys;

/// The largest pipe by default (`/proc/sys/fs/pipe-max-size`): at most this much is read after the
/// end.
const LEFT_IN_PIPE: usize = 1 << 20;

/// How much output is kept. The rest is read, so that the program does not block, and discarded: a
/// program that prints without end must not use up the memory.
const KEPT: usize = 64 << 20;

/// A thread that reads a descriptor until its end, or until it is told to finish.
pub(crate) struct Pump {
    shared: Arc<Shared>,
    /// A write to it tells the thread to read what is left, and to end.
    finish: OwnedFd,
    thread: Option<JoinHandle<OwnedFd>>,
    /// Stays open after the thread's end: a surviving process that writes must not get SIGPIPE.
    source: Option<OwnedFd>,
    cursor: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pump {
    /// Starts to read `source`.
    pub fn start(source: OwnedFd) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let finish = sys::eventfd()?;
        let told = finish.try_clone()?;
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("initlab-pump".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || {
                run(&source, &told, &for_thread);
                for_thread.lock().ended = true;
                for_thread.changed.notify_all();
                source
            })?;
        Ok(Self {
            shared,
            finish,
            thread: Some(thread),
            source: None,
            cursor: 0,
        })
    }

    /// Everything read so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.shared.lock().bytes.clone()
    }

    /// Reads what is left, and ends. The source stays open.
    pub fn finish(&mut self) {
        let _ = sys::write_all(self.finish.as_raw_fd(), &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            self.source = thread.join().ok();
        }
    }

    /// Ends, and closes the source.
    pub fn close(&mut self) {
        self.finish();
        self.source = None;
    }

    /// Waits until `find` finds something in the output since the last match, and moves past it.
    ///
    /// `find` gets those bytes, and whether the stream has ended; it returns the length to move on
    /// by, and its result.
    pub fn find<T>(
        &mut self,
        limit: Duration,
        mut find: impl FnMut(&[u8], bool) -> Option<(usize, T)>,
    ) -> Result<T, NotFound> {
        let until = Instant::now() + limit;
        let mut state = self.shared.lock();
        loop {
            if let Some((length, result)) = find(&state.bytes[self.cursor..], state.ended) {
                self.cursor += length;
                return Ok(result);
            }
            if state.ended {
                return Err(NotFound::Ended);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NotFound::TimedOut);
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Why nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// The stream has ended.
    Ended,
    /// The deadline has passed.
    TimedOut,
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(source: &OwnedFd, finish: &OwnedFd, shared: &Shared) {
    let mut buffer = [0; 16 * 1024];
    let mut left = usize::MAX;
    while left > 0 {
        let Ok([readable, told]) = sys::poll_readable([source.as_fd(), finish.as_fd()], None)
        else {
            return;
        };
        if told {
            left = left.min(LEFT_IN_PIPE);
        }
        if !readable {
            if told {
                return;
            }
            continue;
        }
        // A terminal's master fails with EIO when the last process has closed the slave.
        let Ok(count @ 1..) = sys::read(source.as_fd(), &mut buffer) else {
            return;
        };
        left = left.saturating_sub(count);
        let mut state = shared.lock();
        let room = KEPT.saturating_sub(state.bytes.len());
        state.bytes.extend_from_slice(&buffer[..count.min(room)]);
        drop(state);
        shared.changed.notify_all();
    }
}
