//! `--linger`: the wait for what was sent over TCP to arrive.
//!
//! The sockets are the test's own, in the network of the init: whose they are makes no difference.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use initlab::{
    Network, Place, Running, Sandbox, Stdio, TempDir, find_program, poll_until, require_namespaces,
    require_program, require_root,
};

use tidy_init::sys::tcp::Table;

use crate::{
    drop_in::originals::called,
    json_log,
    support::{PLACES, SLACK, assert_about, native},
    watch::{calls, name, sleeping_in},
};

/// Longer than any test may take: an init that ends has not waited for this time.
const LONG: &str = "600s";

pub const V4: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const V6: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0);

/// The init with these options and a command that ends with 3 when its standard input does, in a
/// network of its own.
fn sandbox(place: Place, options: &[&str]) -> Sandbox {
    native(place)
        .args(options)
        .args(["--", "sh", "-c", "read line; exit 3"])
        .stdin(Stdio::Piped)
        .own_network()
}

#[track_caller]
fn network(init: &Running) -> Network {
    init.wait_all_blocked();
    Network::of(init.process()).expect("it runs")
}

/// Two ends of a connection.
pub struct Connection {
    sender: TcpStream,
    receiver: TcpStream,
}

impl Connection {
    #[track_caller]
    fn new(network: &Network, address: SocketAddr) -> Self {
        let connect = || {
            let listener = TcpListener::bind(address)?;
            let sender = TcpStream::connect(listener.local_addr()?)?;
            let (receiver, _) = listener.accept()?;
            Ok(Self { sender, receiver })
        };
        network.enter(connect).expect("the interface is up")
    }

    /// As [`new`](Self::new), with so much sent that some of it has no room at the other end: how
    /// much it is.
    #[track_caller]
    pub fn full(network: &Network, address: SocketAddr) -> (Self, usize) {
        let mut connection = Self::new(network, address);
        connection.sender.set_nonblocking(true).unwrap();
        let mut sent = 0;
        loop {
            match connection.sender.write(&[0; 1 << 16]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        (connection, sent)
    }

    /// Closes the sender's end, and reads all that comes at the other: how much it is. The kernel
    /// still sends what waits at the closed end.
    #[track_caller]
    fn finish(self) -> usize {
        let Self {
            sender,
            mut receiver,
        } = self;
        drop(sender);
        let mut got = Vec::new();
        let read = receiver.read_to_end(&mut got);
        read.expect("the sender has closed it")
    }
}

/// Ends the command, and returns the time just before.
#[track_caller]
fn end_the_command(init: &mut Running) -> Instant {
    let start = Instant::now();
    init.close_stdin();
    start
}

/// Waits until the init lingers: it has no child any more, and sleeps with a time.
#[track_caller]
fn wait_lingering(init: &Running) {
    init.poll_until("the init lingering", || {
        init.children().is_empty()
            && sleeping_in(init.process()).is_some_and(|(call, arguments)| {
                call == libc::SYS_rt_sigtimedwait && arguments[2] != 0
            })
    });
}

fn opened(calls: &[String], file: &str) -> usize {
    let of_file = |call: &&String| name(call).starts_with("open") && call.contains(file);
    calls.iter().filter(of_file).count()
}

#[test]
fn the_init_waits_until_what_was_sent_has_arrived() {
    require_root!();
    for place in PLACES {
        for address in [V4, V6] {
            for grace in [&[][..], &["--grace", "1h"]] {
                let options = [&["-v", "--linger", LONG], grace].concat();
                let mut init = sandbox(place, &options).start();
                let network = network(&init);
                let (connection, sent) = Connection::full(&network, address);
                end_the_command(&mut init);
                init.expect_stderr("waiting up to 600000 ms for sent TCP data to arrive");
                wait_lingering(&init);
                assert_eq!(connection.finish(), sent);
                let ended = init.wait().assert_code(3);
                let lines = ended.stderr_text();
                assert!(lines.ends_with("for sent TCP data to arrive\n"), "{ended}");
                // The init reports the command's end before it waits.
                assert!(lines.contains(") exited with status 3\n"), "{ended}");
            }
        }
    }
}

#[test]
fn a_reader_that_does_not_read_is_waited_for_no_longer_than_the_time() {
    require_root!();
    for place in PLACES {
        for time in [0, 7, 400] {
            let mut init = sandbox(place, &["--linger", &format!("{time}ms")]).start();
            let network = network(&init);
            let (_connection, _) = Connection::full(&network, V4);
            let start = end_the_command(&mut init);
            init.wait_exit();
            assert_about(start.elapsed(), Duration::from_millis(time), &init);
            init.wait()
                .assert_code(3)
                .assert_stderr("[tidy-init] sent TCP data has not arrived\n");
        }
    }
}

#[test]
fn a_client_that_vanishes_is_waited_for_no_longer_than_the_time() {
    require_root!();
    require_program!("ip");
    for place in PLACES {
        let mut init = sandbox(place, &["--linger", "400ms"]).start();
        let network = network(&init);
        let mut connection = Connection::new(&network, V4);
        // From now on nothing that is sent is acknowledged.
        let down = || {
            std::process::Command::new("ip")
                .args(["link", "set", "lo", "down"])
                .status()
        };
        assert!(network.enter(down).expect("it is installed").success());
        connection.sender.write_all(b"lost").unwrap();
        let start = end_the_command(&mut init);
        init.wait_exit();
        assert_about(start.elapsed(), Duration::from_millis(400), &init);
        init.wait()
            .assert_code(3)
            .assert_stderr("[tidy-init] sent TCP data has not arrived\n");
    }
}

#[test]
fn signals_do_not_end_the_wait() {
    require_root!();
    for place in PLACES {
        let mut init = sandbox(place, &["-v", "--linger", LONG]).start();
        let network = network(&init);
        let (connection, _) = Connection::full(&network, V4);
        end_the_command(&mut init);
        wait_lingering(&init);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, 40] {
            init.kill(signal);
        }
        let has = |signal| init.signal_set("ShdPnd").contains(signal);
        init.poll_until("the signals pending", || {
            [libc::SIGTERM, libc::SIGINT, 40].into_iter().all(has)
        });
        // It keeps looking.
        let switches = init.context_switches();
        init.poll_until("another look", || init.context_switches() > switches);
        assert_eq!(init.try_status(), None);
        connection.finish();
        let ended = init.wait().assert_code(3);
        assert!(!ended.stderr_text().contains("received"), "{ended}");
    }
}

/// Runs the init under strace with these sockets, and returns its calls since the command's end.
#[track_caller]
fn traced<T>(options: &[&str], sockets: impl FnOnce(&Network) -> T) -> Vec<String> {
    let directory = TempDir::new();
    let log = directory.join("strace");
    let mut init = sandbox(Place::Child, options).strace(&log, &[]).start();
    // The tracer sleeps in another call.
    init.poll_until("the command runs", || !init.children().is_empty());
    let network = Network::of(init.process()).expect("it runs");
    let _sockets = sockets(&network);
    end_the_command(&mut init);
    init.wait().assert_code(3);
    let calls = calls(&log);
    let reaped = calls.iter().rposition(|call| name(call) == "waitid");
    calls[reaped.expect("the command is reaped")..].to_vec()
}

#[test]
fn with_nothing_in_flight_it_looks_once_and_does_not_sleep() {
    require_root!();
    require_program!("strace");
    let nothing = traced(&["--linger", LONG], |_| ());
    assert_eq!(opened(&nothing, "/proc/net/tcp\""), 1, "{nothing:#?}");
    assert_eq!(opened(&nothing, "/proc/net/tcp6\""), 1, "{nothing:#?}");
    assert!(
        nothing.iter().all(|call| name(call) != "rt_sigtimedwait"),
        "{nothing:#?}"
    );
    // Listeners, idle connections, received data that nobody has read, ends that were closed.
    let busy = traced(&["--linger", LONG], |network| {
        let listener = network.enter(|| TcpListener::bind(V6)).unwrap();
        let idle = Connection::new(network, V4);
        let mut unread = Connection::new(network, V6);
        unread.sender.write_all(b"unread").unwrap();
        let closed = Connection::new(network, V4);
        closed.sender.shutdown(std::net::Shutdown::Both).unwrap();
        poll_until("nothing in flight", || !in_flight(network));
        (listener, idle, unread, closed)
    });
    assert_eq!(opened(&busy, "/proc/net/tcp"), 2, "{busy:#?}");
    assert!(
        busy.iter().all(|call| name(call) != "rt_sigtimedwait"),
        "{busy:#?}"
    );
    // Without the option there is no look at all.
    let without = traced(&[], |_| ());
    assert_eq!(opened(&without, "/proc/net"), 0, "{without:#?}");
}

/// The heading, and rows as Linux writes them.
const HEADING: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const HEADING_6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const LISTENER: &str = "   0: 0100007F:9015 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 741341 1 0000000000000000 100 0 0 10 0\n";
const TIME_WAIT: &str = "   1: 0100007F:8594 0100007F:9015 06 00000000:00000000 03:0000176F 00000000     0        0 0 3 0000000076087a3c\n";
const UNANSWERED: &str = "   2: 0100007F:8594 0100007F:9015 02 00000001:00000000 01:0000176F 00000000     0        0 0 3 0000000076087a3c\n";
const UNREAD: &str = "   3: 0100007F:9015 0100007F:8594 01 00000000:00FFFFFF 00:00000000 00000000     0        0 7 3 0000000076087a3c\n";
const SENDING: &str = "9999: 0100007F:8594 0100007F:9015 04 000A0000:00000000 01:00000014 00000000     0        0 0 3 0000000076087a3c\n";
const SENDING_6: &str = "10000: 00000000000000000000000001000000:8594 00000000000000000000000001000000:9015 01 00000001:00000000 01:00000014 00000000     0        0 0 3 0000000076087a3c\n";

#[test]
fn a_table_is_understood_in_pieces_of_any_size() {
    let quiet = [LISTENER, TIME_WAIT, UNANSWERED, UNREAD].concat();
    for (text, expected) in [
        (String::new(), false),
        (HEADING.to_owned(), false),
        (HEADING_6.to_owned(), false),
        (HEADING.to_owned() + &quiet, false),
        (HEADING.to_owned() + SENDING, true),
        (HEADING.to_owned() + &quiet + SENDING + &quiet, true),
        (HEADING_6.to_owned() + SENDING_6, true),
        (HEADING_6.to_owned() + &quiet + UNANSWERED + SENDING_6, true),
    ] {
        for size in (1..=text.len()).chain([1024]) {
            let mut table = Table::new();
            let found = text.as_bytes().chunks(size).any(|piece| table.read(piece));
            assert_eq!(found, expected, "pieces of {size} of {text}");
        }
    }
}

/// Whether the tables show a transmit queue.
#[track_caller]
fn in_flight(network: &Network) -> bool {
    let read = || {
        Ok(["tcp", "tcp6"].map(|table| {
            fs::read_to_string(format!("/proc/thread-self/net/{table}")).expect("it can be read")
        }))
    };
    let tables = network.enter(read).expect("it is there");
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    rows.filter_map(|row| row.split_whitespace().nth(4)?.split(':').next())
        .any(|queue| queue != "00000000")
}

#[test]
fn a_connection_that_nobody_answers_is_no_data() {
    require_root!();
    let mut init = sandbox(Place::Child, &["-v", "--linger", LONG]).start();
    let network = network(&init);
    let (listener, _accepted) = network
        .enter(|| {
            // Then the kernel drops what comes after the second.
            fs::write("/proc/sys/net/core/somaxconn", "1")?;
            let listener = TcpListener::bind(V4)?;
            let address = listener.local_addr()?;
            let accepted = [TcpStream::connect(address)?, TcpStream::connect(address)?];
            Ok((listener, accepted))
        })
        .expect("the interface is up");
    let address = listener.local_addr().unwrap();
    thread::scope(|scope| {
        let connect = || network.enter(|| TcpStream::connect_timeout(&address, initlab::timeout()));
        let unanswered = scope.spawn(connect);
        poll_until("a SYN that was not acknowledged", || in_flight(&network));
        end_the_command(&mut init);
        let ended = init.wait().assert_code(3);
        assert!(!ended.stderr_text().contains("TCP"), "{ended}");
        assert!(!unanswered.is_finished(), "it was answered");
        // The next SYN is refused.
        drop(listener);
        let _ = unanswered.join();
    });
}

#[test]
fn ten_thousand_sockets_take_no_memory_and_little_time() {
    require_root!();
    require_program!("strace");
    const COUNT: usize = 10_000;
    let many = |network: &Network| {
        let connect = || {
            let listener = TcpListener::bind(V4)?;
            let address = listener.local_addr()?;
            // Otherwise the kernel drops some, and reuses their ports.
            fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "100000")?;
            fs::write("/proc/sys/net/ipv4/tcp_tw_reuse", "0")?;
            // The end that is closed first stays in the table, for a minute.
            for _ in 0..COUNT {
                drop(TcpStream::connect(address)?);
                drop(listener.accept()?);
            }
            let count = fs::read_to_string("/proc/thread-self/net/tcp")?
                .lines()
                .count();
            assert!(count > COUNT * 9 / 10, "the kernel keeps only {count}");
            Ok(listener)
        };
        network.enter(connect).expect("the interface is up")
    };
    let calls = traced(&["--linger", LONG], many);
    let reads = calls.iter().filter(|call| name(call) == "read").count();
    assert!(
        reads > COUNT / 20,
        "{reads} reads are too few for the table"
    );
    for call in ["mmap", "brk", "mremap", "rt_sigtimedwait"] {
        assert!(calls.iter().all(|made| name(made) != call), "{call}");
    }
    let mut init = sandbox(Place::Child, &["--linger", LONG]).start();
    let network = network(&init);
    let _sockets = many(&network);
    let start = end_the_command(&mut init);
    init.wait_exit();
    let took = start.elapsed();
    eprintln!("a stop with {COUNT} sockets took {took:?}");
    assert!(took < SLACK, "{took:?}");
    init.wait().assert_code(3).assert_stderr("");
}

#[test]
fn without_proc_there_is_one_warning_and_no_wait() {
    require_root!();
    for options in [
        &["--linger", LONG][..],
        &["--linger", LONG, "--grace", LONG],
    ] {
        native(Place::Pid1)
            .args(options)
            .args(["--", "sh", "-c", "exit 3"])
            .own_network()
            .no_proc()
            .run()
            .assert_code(3)
            .assert_stderr("[tidy-init] cannot look at TCP sockets: No such file or directory\n");
    }
}

#[test]
fn where_the_table_cannot_be_opened_there_is_one_warning_and_no_wait() {
    require_namespaces!();
    let fits = |busybox: &Path| initlab::is_dynamic(busybox).is_ok_and(|dynamic| !dynamic);
    // One that opens no libraries.
    let Some(busybox) = find_program("busybox").filter(|busybox| fits(busybox)) else {
        initlab::skip!("needs a static busybox");
    };
    for place in PLACES {
        native(place)
            .args(["--linger", LONG, "--"])
            .arg(&busybox)
            .arg("true")
            .failing_call(libc::SYS_openat, libc::EACCES)
            .run()
            .assert_code(0)
            .assert_stderr("[tidy-init] cannot look at TCP sockets: Permission denied\n");
    }
}

#[test]
fn the_status_is_as_without_it() {
    require_root!();
    for place in PLACES {
        for (options, script, expected) in [
            (&[][..], "kill -TERM $$", 143),
            (&["-e", "143"], "kill -TERM $$", 0),
            (
                &["-k", "200ms"],
                "trap '' TERM; kill -TERM $PPID; sleep 60 & wait; sleep 60",
                137,
            ),
        ] {
            let options = [&["--linger", LONG], options].concat();
            native(place)
                .args(options)
                .args(["--", "sh", "-c", script])
                .own_network()
                .run()
                .assert_code(expected)
                .assert_stderr("");
        }
        // A command that was never there has sent nothing.
        native(place)
            .args(["--linger", LONG, "--", "nowhere"])
            .own_network()
            .run()
            .assert_code(127);
    }
}

#[test]
fn the_lines_are_the_same_in_json() {
    require_root!();
    let run = |options: &[&str]| {
        let options = [&["--linger", "50ms"], options].concat();
        let mut init = sandbox(Place::Pid1, &options).start();
        let network = network(&init);
        let _connection = Connection::full(&network, V4);
        end_the_command(&mut init);
        init.wait().assert_code(3)
    };
    let json = run(&["-v", "--log-format", "json"]);
    let lines = json_log::lines(&json.stderr);
    let [.., begins, over] = &lines[..] else {
        panic!("{json}")
    };
    assert_eq!(
        (&begins["event"], &begins["level"]),
        (&"linger_begins".into(), &"info".into())
    );
    assert_eq!(begins["milliseconds"], 50);
    assert_eq!(
        (&over["event"], &over["level"]),
        (&"linger_over".into(), &"warning".into())
    );
}

#[test]
fn every_personality_has_it_by_the_variable() {
    require_root!();
    for name in [
        "dumb-init",
        "tini",
        "docker-init",
        "catatonit",
        "podman-init",
    ] {
        let mut init = called(name, Place::Pid1)
            .args(["--", "sh", "-c", "read line; exit 3"])
            .env("TIDY_INIT_OPTS", format!("--linger {LONG}"))
            .stdin(Stdio::Piped)
            .own_network()
            .start();
        let network = network(&init);
        let (connection, sent) = Connection::full(&network, V4);
        end_the_command(&mut init);
        wait_lingering(&init);
        assert_eq!(connection.finish(), sent, "{name}");
        init.wait().assert_code(3);
    }
}
