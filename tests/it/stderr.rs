//! Writing a log line never blocks the init, whatever stderr is and whether or not anybody reads
//! it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            fs::OpenOptionsExt,
            net::{UnixDatagram, UnixStream},
        },
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use initlab::{
    Place, Pty, Running, Stdio, TempDir, pipe, poll_until, require_namespaces, sys, try_poll_until,
};

use crate::{
    report::signals,
    support::{PLACES, native, native_fixture},
    watch::wait_asleep,
};

/// With `-v` each signal makes two lines: received, and sent.
const LINES: usize = 2;

/// The command of the tests.
const SIGNALS: [&str; 3] = ["signals", "--until", "TERM"];

/// A pipe for stderr that nobody reads unless the test does.
struct Unread {
    /// Both are open file descriptions of their own, so that O_NONBLOCK on them does not affect the
    /// init.
    reader: File,
    writer: File,
    ends: Option<(OwnedFd, OwnedFd)>,
}

impl Unread {
    fn new() -> Self {
        let (read, write) = pipe().unwrap();
        Self {
            reader: reopen(&read, OpenOptions::new().read(true)),
            writer: reopen(&write, OpenOptions::new().write(true)),
            ends: Some((read, write)),
        }
    }

    fn full() -> Self {
        let mut pipe = Self::new();
        // A line of a page fills one of the pipe's slots, so that there is no room for a byte.
        while pipe.writer.write(&page_of(b'-')).is_ok() {}
        pipe
    }

    /// The end for the init, once.
    fn end(&mut self) -> OwnedFd {
        self.ends.take().expect("it was not given away yet").1
    }

    /// Reads all that is in it.
    fn drain(&mut self) -> Vec<u8> {
        read_all(&mut self.reader)
    }
}

/// A line of another writer, as long as one atomic write may be.
fn page_of(byte: u8) -> [u8; 4096] {
    let mut line = [byte; 4096];
    line[4095] = b'\n';
    line
}

/// Checks that all lines are whole, the init's and another writer's, and returns the number of the
/// init's, including those that it reports as dropped.
#[track_caller]
fn accounted_for(text: &[u8]) -> usize {
    let text = String::from_utf8_lossy(text);
    assert!(text.ends_with('\n'), "the last line is not whole: {text}");
    let mut count = 0;
    for line in text.lines() {
        let others = [b'-', b'x'].map(|byte| page_of(byte)[..4095].to_vec());
        if others.contains(&line.as_bytes().to_vec()) {
            continue;
        }
        let message = line.strip_prefix("[tidy-init] ");
        let message = message.unwrap_or_else(|| panic!("a line of nobody: {line:?}"));
        let (first, rest) = message.split_once(' ').unwrap();
        count += if rest == "lines dropped: stderr did not take them" {
            first.parse::<usize>().unwrap()
        } else {
            assert!(["started", "received", "sent"].contains(&first), "{line:?}");
            1
        };
    }
    count
}

/// The same file by an open file description of its own that does not block.
fn reopen(fd: &OwnedFd, options: &mut OpenOptions) -> File {
    options
        .custom_flags(libc::O_NONBLOCK)
        .open(path_of(fd))
        .unwrap()
}

/// How long the init is watched for needless activity.
const QUIET: Duration = Duration::from_millis(200);

/// Something that stderr can be, and how to read what was written there since the last time, where
/// that is possible.
struct Kind {
    name: &'static str,
    stderr: Stdio,
    read: Option<Box<dyn FnMut() -> Vec<u8>>>,
}

impl Kind {
    fn silent(name: &'static str, stderr: impl Into<Stdio>) -> Self {
        let (stderr, read) = (stderr.into(), None);
        Self { name, stderr, read }
    }

    fn new(
        name: &'static str,
        stderr: impl Into<Stdio>,
        read: impl FnMut() -> Vec<u8> + 'static,
    ) -> Self {
        let read: Box<dyn FnMut() -> Vec<u8>> = Box::new(read);
        Self {
            read: Some(read),
            ..Self::silent(name, stderr)
        }
    }

    /// All of them, by open file descriptions that block or that do not.
    fn all(blocking: bool) -> Vec<Self> {
        let open = |path: &str| -> OwnedFd {
            let flag = if blocking { 0 } else { libc::O_NONBLOCK };
            let mut options = OpenOptions::new();
            options.write(true).custom_flags(flag | libc::O_NOCTTY);
            options.open(path).unwrap().into()
        };
        let directory = TempDir::new();
        let path = directory.join("log").to_str().unwrap().to_owned();
        File::create_new(&path).unwrap();
        let mut file = File::open(&path).unwrap();
        let mut pipe = Unread::new();
        let end = pipe.end();
        let pty = Pty::open();
        let mut shown = 0;
        let (mut stream, stream_end) = UnixStream::pair().unwrap();
        let (datagrams, datagrams_end) = UnixDatagram::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        stream_end.set_nonblocking(!blocking).unwrap();
        datagrams.set_nonblocking(true).unwrap();
        datagrams_end.set_nonblocking(!blocking).unwrap();
        vec![
            Self::new("file", open(&path), move || {
                let _kept = &directory;
                read_all(&mut file)
            }),
            Self::new("pipe", open(&path_of(&end)), move || pipe.drain()),
            Self::new("terminal", open(pty.slave_path()), move || {
                let transcript = pty.transcript().replace("\r\n", "\n");
                let new = transcript.as_bytes()[shown..].to_vec();
                shown = transcript.len();
                new
            }),
            Self::new("stream socket", OwnedFd::from(stream_end), move || {
                read_all(&mut stream)
            }),
            Self::new("datagram socket", OwnedFd::from(datagrams_end), move || {
                let mut datagram = [0; 4096];
                let length = datagrams.recv(&mut datagram).unwrap_or(0);
                datagram[..length].to_vec()
            }),
            Self::silent("/dev/null", open("/dev/null")),
            Self::silent("/dev/full", open("/dev/full")),
            Self::silent(
                "a file open for reading",
                OwnedFd::from(File::open("/").unwrap()),
            ),
            Self::silent("nothing", Stdio::Closed),
        ]
    }
}

/// Reads what is available, without blocking.
fn read_all(from: &mut impl Read) -> Vec<u8> {
    let mut found = Vec::new();
    if let Err(error) = from.read_to_end(&mut found) {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
    found
}

fn path_of(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Sends this many signals, so that none is merged with another, and waits until all have arrived.
#[track_caller]
fn forward(init: &mut Running, count: usize) {
    for _ in 0..count {
        init.kill(40);
    }
    for _ in 0..count {
        init.expect("signal 40 ");
    }
}

/// The flags of the open description behind the init's stderr, O_NONBLOCK among them; `None` where
/// that is closed.
fn stderr_flags(init: &Running) -> Option<String> {
    let information = fs::read_to_string(format!("/proc/{}/fdinfo/2", init.pid())).ok()?;
    let flags = information.lines().find(|line| line.starts_with("flags:"));
    Some(flags.expect("it has flags").to_owned())
}

#[test]
fn lines_that_nobody_reads_are_dropped_and_counted_and_block_nothing() {
    require_namespaces!();
    for place in PLACES {
        let mut pipe = Unread::full();
        let mut init = native_fixture(place, &["-v"], &SIGNALS)
            .stderr(pipe.end())
            .start_ready();
        forward(&mut init, 500);
        wait_asleep(&init);
        let pid = init.wait_child().inner_pid().expect("the command runs");
        assert!(!pipe.drain().contains(&b'['));
        let sys::Identity {
            pid: sender, uid, ..
        } = sys::identity_of_self();
        let (sender, uid) = match place {
            Place::Pid1 => (0, 0),
            Place::Child => (sender, uid),
        };
        let mut said = Vec::new();
        for expected in [
            "[tidy-init] 1001 lines dropped: stderr did not take them\n",
            "",
        ] {
            let expected = format!(
                "{expected}\
                 [tidy-init] received SIGRTMIN+6 from pid {sender} (uid {uid})\n\
                 [tidy-init] sent SIGRTMIN+6 to process group {pid}\n"
            );
            forward(&mut init, 1);
            let from = said.len();
            init.poll_until("the lines", || {
                said.extend(pipe.drain());
                said.len() >= from + expected.len()
            });
            assert_eq!(String::from_utf8_lossy(&said[from..]), expected);
        }
        init.kill(libc::SIGTERM);
        init.wait().assert_code(0);
    }
}

#[test]
fn a_status_does_not_wait_for_a_full_stderr() {
    require_namespaces!();
    for place in PLACES {
        for (command, code) in [
            (&["/no/such/file"][..], 127),
            (&["/"], 126),
            (&["sh", "-c", "kill -9 $$"], 137),
        ] {
            let mut pipe = Unread::full();
            native(place)
                .args(["-vv", "--"])
                .args(command)
                .stderr(pipe.end())
                .run()
                .assert_code(code);
        }
    }
}

#[test]
fn a_second_writer_that_takes_the_room_does_not_make_the_init_wait_for_the_reader() {
    require_namespaces!();
    const ROUNDS: usize = 300;
    for place in PLACES {
        let mut pipe = Unread::full();
        let end = pipe.end();
        let mut blocking = File::from(end.try_clone().unwrap());
        let mut init = native_fixture(place, &["-v"], &SIGNALS)
            .stderr(end)
            .start_ready();
        // The other writer keeps waiting for room, and fills it.
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        let writer = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                blocking.write_all(&page_of(b'x')).unwrap();
            }
        });
        let mut said = Vec::new();
        for _ in 0..ROUNDS {
            // Make room for a line or two, and no more until the signal has arrived.
            init.kill(40);
            let mut page = [0; 4096];
            init.poll_until("something to read", || match pipe.reader.read(&mut page) {
                Ok(count) => {
                    said.extend_from_slice(&page[..count]);
                    true
                }
                Err(_) => false,
            });
            init.expect("signal 40 ");
        }
        enough.store(true, Ordering::Relaxed);
        init.poll_until("the writer ended", || {
            said.extend(pipe.drain());
            writer.is_finished()
        });
        writer.join().unwrap();
        said.extend(pipe.drain());
        // Before this one comes the count of what is missing.
        forward(&mut init, 1);
        wait_asleep(&init);
        said.extend(pipe.drain());
        assert_eq!(accounted_for(&said), 1 + LINES * (ROUNDS + 1));
        init.kill(libc::SIGTERM);
        init.wait().assert_code(0);
    }
}

#[test]
fn a_stderr_whose_reader_is_gone_gives_the_command_no_sigpipe_and_the_init_no_work() {
    require_namespaces!();
    for place in PLACES {
        for socket in [false, true] {
            let end: OwnedFd = if socket {
                UnixStream::pair().unwrap().1.into()
            } else {
                pipe().unwrap().1
            };
            let mut init = native_fixture(place, &["-vv"], &SIGNALS)
                .stderr(end)
                .start_ready();
            forward(&mut init, 100);
            wait_asleep(&init);
            // A line about a SIGPIPE that our own write has raised would raise the next one.
            let before = init.context_switches();
            let woken = try_poll_until(QUIET, || init.context_switches() != before);
            assert!(!woken, "{}", init.failure("it wakes up for nothing"));
            // A SIGPIPE from outside is forwarded.
            init.kill(libc::SIGPIPE);
            init.expect("signal 13 ");
            wait_asleep(&init);
            init.kill(libc::SIGTERM);
            let ended = init.wait().assert_code(0);
            let mut expected = vec![40; 100];
            expected.extend([libc::SIGPIPE, libc::SIGTERM]);
            assert_eq!(signals(&ended.stdout), expected, "{ended}");
        }
    }
}

#[test]
fn a_file_that_may_not_grow_gives_the_command_no_sigxfsz() {
    require_namespaces!();
    for place in PLACES {
        let directory = TempDir::new();
        let file = File::create(directory.join("log")).unwrap();
        let mut init = native_fixture(place, &["-vv"], &SIGNALS)
            .stderr(OwnedFd::from(file))
            .limit(libc::RLIMIT_FSIZE, 0)
            .start_ready();
        forward(&mut init, 10);
        wait_asleep(&init);
        init.kill(libc::SIGTERM);
        let ended = init.wait().assert_code(0);
        let mut expected = vec![40; 10];
        expected.push(libc::SIGTERM);
        assert_eq!(signals(&ended.stdout), expected, "{ended}");
    }
}

#[test]
fn any_kind_of_stderr_will_do_and_stays_as_it_was() {
    require_namespaces!();
    for place in PLACES {
        for blocking in [true, false] {
            for mut kind in Kind::all(blocking) {
                let mut init = native_fixture(place, &["-v"], &SIGNALS)
                    .stderr(std::mem::replace(&mut kind.stderr, Stdio::Null))
                    .start_ready();
                let flags = stderr_flags(&init);
                forward(&mut init, 20);
                wait_asleep(&init);
                assert_eq!(stderr_flags(&init), flags, "{}", kind.name);
                init.kill(libc::SIGTERM);
                init.expect("signal 15 ");
                let ended = init.wait().assert_code(0);
                assert_eq!(signals(&ended.stdout).len(), 21, "{}: {ended}", kind.name);
                let Some(mut read) = kind.read else { continue };
                // Started, 20 signals and TERM, the end, TERM to the group.
                let lines = 1 + LINES * 21 + 2;
                let mut said = String::new();
                init.poll_until(&format!("{lines} lines in the {}", kind.name), || {
                    said += &String::from_utf8(read()).unwrap();
                    said.lines().count() >= lines && said.ends_with('\n')
                });
                let sent = said.matches("[tidy-init] sent SIG").count();
                assert_eq!(sent, 22, "{}: {said}", kind.name);
            }
        }
    }
}

#[test]
fn without_pwritev2_lines_are_written_and_a_full_pipe_holds_up_nothing() {
    require_namespaces!();
    for place in PLACES {
        for errno in [libc::ENOSYS, libc::EOPNOTSUPP, libc::EPERM, libc::EINVAL] {
            let mut pipe = Unread::full();
            let mut init = native_fixture(place, &["-v"], &SIGNALS)
                .stderr(pipe.end())
                .failing_call(libc::SYS_pwritev2, errno)
                .start_ready();
            forward(&mut init, 100);
            wait_asleep(&init);
            let mut said = pipe.drain();
            forward(&mut init, 1);
            wait_asleep(&init);
            said.extend(pipe.drain());
            assert_eq!(accounted_for(&said), 1 + LINES * (100 + 1));
            init.kill(libc::SIGTERM);
            init.wait().assert_code(0);
        }
    }
}

#[test]
fn a_socket_that_nobody_reads_blocks_nothing() {
    require_namespaces!();
    for place in PLACES {
        let (stream, stream_end) = UnixStream::pair().unwrap();
        let (datagrams, datagrams_end) = UnixDatagram::pair().unwrap();
        for end in [OwnedFd::from(stream_end), OwnedFd::from(datagrams_end)] {
            let mut init = native_fixture(place, &["-v"], &SIGNALS)
                .stderr(end)
                .start_ready();
            // More than a socket holds: net.core.wmem_default is some 200 kB, and each line is
            // counted with the kernel's own bytes about it.
            forward(&mut init, 1000);
            init.kill(libc::SIGTERM);
            init.wait().assert_code(0);
        }
        drop((stream, datagrams));
    }
}

#[test]
fn a_terminal_that_is_halted_holds_up_nothing() {
    require_namespaces!();
    for place in PLACES {
        let pty = Pty::open();
        let mut init = native_fixture(place, &["-v"], &SIGNALS)
            .stderr(pty.open_slave().unwrap())
            .start_ready();
        // The terminal takes a while to halt, and to resume.
        pty.send_ctrl('s');
        loop {
            let before = pty.transcript().len();
            forward(&mut init, 1);
            wait_asleep(&init);
            if !try_poll_until(QUIET, || pty.transcript().len() > before) {
                break;
            }
        }
        forward(&mut init, 100);
        wait_asleep(&init);
        pty.send_ctrl('q');
        let mut dropped = None;
        poll_until("the number of lines that were dropped", || {
            forward(&mut init, 1);
            let transcript = pty.transcript();
            let before = transcript.split_once(" lines dropped: ");
            dropped = before.and_then(|(text, _)| text.rsplit(' ').next()?.parse().ok());
            dropped.is_some()
        });
        assert!(dropped >= Some(100 * LINES), "{dropped:?}");
        init.kill(libc::SIGTERM);
        init.wait().assert_code(0);
    }
}

#[test]
fn a_terminal_that_nobody_reads_blocks_nothing() {
    require_namespaces!();
    for place in PLACES {
        let mut pty = Pty::open();
        pty.stop_reading();
        let mut init = native_fixture(place, &["-v"], &SIGNALS)
            .stderr(pty.open_slave().unwrap())
            .start_ready();
        // Some 100 bytes each, which is more than a terminal holds (64 kB).
        for _ in 0..20 {
            forward(&mut init, 100);
        }
        init.kill(libc::SIGTERM);
        init.wait().assert_code(0);
    }
}

#[test]
fn lines_and_the_commands_do_not_overwrite_each_other_in_a_file() {
    require_namespaces!();
    const SCRIPT: &str = "for i in 1 2 3 4 5 6 7 8 9; do echo line $i >&2; kill -URG $PPID; done";
    for place in PLACES {
        let directory = TempDir::new();
        let path = directory.join("log");
        let file = File::create(&path).unwrap();
        native(place)
            .args(["-v", "--", "sh", "-c", SCRIPT])
            .stderr(OwnedFd::from(file))
            .run()
            .assert_code(0);
        let text = fs::read_to_string(&path).unwrap();
        let commands = text.lines().filter(|line| line.starts_with("line "));
        assert_eq!(commands.count(), 9, "{text}");
        let others = text.lines().filter(|line| line.starts_with("[tidy-init] "));
        assert_eq!(others.count(), text.lines().count() - 9, "{text}");
        assert!(text.starts_with("[tidy-init] started sh (pid ") || text.starts_with("line 1\n"));
        assert!(text.contains(") exited with status 0\n[tidy-init] sent SIGTERM to "));
    }
}

#[test]
fn tini_does_not_spin_on_its_own_lines_where_nobody_reads_them() {
    require_namespaces!();
    for place in PLACES {
        let (read, write) = initlab::pipe().unwrap();
        let mut init = initlab::Sandbox::new(crate::support::init())
            .arg0("tini")
            .place(place)
            .args(["-s", "-vvv", "--", "sleep", "1000"])
            .stderr(write)
            .start();
        drop(read);
        init.wait_child();
        init.kill(libc::SIGUSR2);
        assert_eq!(
            init.wait_exit().signal().or(init.wait_exit().code()),
            Some(140)
        );
    }
}
