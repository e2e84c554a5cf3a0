//! What the init says: which words, and how many.

use initlab::{Place, Pty, Stdio, fixture, require_namespaces, sys};
use tidy_init::{
    config::{Format, Logging},
    log::{Event, Log, Sink},
    personality::NATIVE,
    process::Pid,
    status::WaitStatus,
    sys::Errno,
    time::Time,
};

use crate::support::{PLACES, native, native_fixture};

#[test]
fn each_line_says_what_has_happened_and_no_more_than_was_asked_for() {
    require_namespaces!();
    // The shell is 2 and becomes the second fixture, 3 the first one, 5 its child's child.
    const SCRIPT: &str =
        "$0 fixture orphans 1 --exit 0; exec $0 fixture signals --until TERM --exit 7";
    let started = "started sh (pid 2)";
    let reaped = "reaped pid 5, which exited with status 0";
    let received = |signal: &str| format!("received SIG{signal} from pid 0 (uid 0)");
    let sent = |signal: &str, to: &str| format!("sent SIG{signal} to process{to} 2");
    let [hup, term] = ["HUP", "TERM"].map(received);
    let [group_usr1, group_term] = ["USR1", "TERM"].map(|signal| sent(signal, " group"));
    let [child_hup, child_term] = ["HUP", "TERM"].map(|signal| sent(signal, ""));
    let ended = "the command (pid 2) exited with status 7";
    let failed = "sh (pid 2) exited with status 7";
    let cases: [(&[&str], &[&str]); 6] = [
        (&[], &[]),
        (
            &["-v", "-r", "HUP:USR1"],
            &[
                started,
                &hup,
                &group_usr1,
                &term,
                &group_term,
                ended,
                &group_term,
                failed,
            ],
        ),
        (
            &["-vv", "-r", "HUP:USR1"],
            &[
                started,
                reaped,
                &hup,
                &group_usr1,
                &term,
                &group_term,
                ended,
                &group_term,
                failed,
            ],
        ),
        (
            &["-vv", "-r", "HUP:0"],
            &[
                started,
                reaped,
                &hup,
                &term,
                &group_term,
                ended,
                &group_term,
                failed,
            ],
        ),
        (
            &["-v", "-c"],
            &[started, &hup, &child_hup, &term, &child_term, ended, failed],
        ),
        (
            &["-v", "-t", "child"],
            &[
                started,
                &hup,
                &child_hup,
                &term,
                &child_term,
                ended,
                &group_term,
                failed,
            ],
        ),
    ];
    for (options, lines) in cases {
        let mut init = native(Place::Pid1)
            .args(options)
            .args(["--", "sh", "-c", SCRIPT])
            .arg(fixture())
            .start();
        init.expect("ready pid=2 ");
        init.poll_until("the orphan reaped", || init.children().len() == 1);
        init.kill(libc::SIGHUP);
        init.kill(libc::SIGTERM);
        let lines = lines.iter().map(|line| format!("[tidy-init] {line}\n"));
        init.wait()
            .assert_code(7)
            .assert_stderr(lines.collect::<String>());
    }
}

#[test]
fn a_stop_is_said_with_who_asked_for_it_and_for_what() {
    let mut init =
        native_fixture(Place::Child, &["-vv"], &["signals", "--until", "TERM"]).start_ready();
    let child = init.wait_child().pid;
    let sys::Identity { pid, uid, .. } = sys::identity_of_self();
    init.kill(libc::SIGTSTP);
    init.poll_until("the init stopped", || init.process().state() == Some('T'));
    init.kill(libc::SIGCONT);
    init.expect("signal 18 ");
    init.kill(libc::SIGTERM);
    let expected = format!(
        "[tidy-init] started {} (pid {child})\n\
         [tidy-init] received SIGTSTP from pid {pid} (uid {uid})\n\
         [tidy-init] sent SIGSTOP to process group {child}\n\
         [tidy-init] stopping until SIGCONT\n\
         [tidy-init] received SIGCONT from pid {pid} (uid {uid})\n\
         [tidy-init] sent SIGCONT to process group {child}\n\
         [tidy-init] received SIGTERM from pid {pid} (uid {uid})\n\
         [tidy-init] sent SIGTERM to process group {child}\n\
         [tidy-init] the command (pid {child}) exited with status 0\n\
         [tidy-init] sent SIGTERM to process group {child}\n",
        fixture().display()
    );
    init.wait().assert_code(0).assert_stderr(expected);
}

/// Takes every line whole.
pub struct Written(pub Vec<u8>);

impl Sink for Written {
    fn write(&mut self, line: &[u8]) -> Result<usize, Errno> {
        self.0.extend(line);
        Ok(line.len())
    }

    fn time_of_day(&mut self) -> Time {
        Time::ZERO
    }

    fn process_id(&mut self) -> Pid {
        Pid::INIT
    }
}

/// What `-vv` says of an event.
fn said(event: Event<'_>) -> String {
    let mut written = Written(Vec::new());
    let mut log = Log::new(&NATIVE.messages);
    log.set(Logging {
        verbosity: 2,
        format: Format::Text,
    });
    log.say(&mut written, event);
    String::from_utf8(written.0).expect("text")
}

#[test]
fn each_kind_of_end_has_its_words() {
    let pid = Pid::new(7).unwrap();
    for (raw, words) in [
        (0, "exited with status 0"),
        (0x0700, "exited with status 7"),
        (0xff00, "exited with status 255"),
        (libc::SIGKILL, "was killed by SIGKILL"),
        (37, "was killed by SIGRTMIN+3"),
        (libc::SIGSEGV | 0x80, "was killed by SIGSEGV (core dumped)"),
    ] {
        let status = WaitStatus::from_raw(raw);
        assert_eq!(
            said(Event::command_ended(pid, status)),
            format!("[tidy-init] the command (pid 7) {words}\n")
        );
        assert_eq!(
            said(Event::reaped(pid, status)),
            format!("[tidy-init] reaped pid 7, which {words}\n")
        );
    }
}

#[test]
fn what_the_kernel_sends_is_said_to_be_from_the_kernel() {
    require_namespaces!();
    for place in PLACES {
        let pty = Pty::open();
        // With -c the init is in the terminal's foreground group, too.
        let mut init = native_fixture(place, &["-vv", "-c"], &["signals", "--until", "TERM"])
            .terminal(&pty)
            .stdout(Stdio::Piped)
            .stderr(Stdio::Piped)
            .start_ready();
        pty.send_ctrl('c');
        init.expect_stderr("[tidy-init] received SIGINT from the kernel");
        init.kill(libc::SIGTERM);
        init.wait().assert_code(0);
    }
}

#[test]
fn a_name_that_is_too_long_for_a_line_is_cut_which_is_shown() {
    require_namespaces!();
    /// What a line may have, to be written in one piece: PIPE_BUF.
    const LINE_MAX: usize = 4096;
    let program = fixture().to_str().unwrap().to_owned();
    let path = "/.".repeat((4095 - program.len()) / 2) + &program;
    let whole = "n".repeat(200);
    let plain = "n".repeat(100_000);
    let controls = "\x1b".repeat(100_000);
    let umlauts = ["ü".repeat(50_000), format!("n{}", "ü".repeat(50_000))];
    let cannot = "cannot execute ";
    let cases: [(&[&str], &str, &str, &str, i32); 6] = [
        (
            &[&whole],
            cannot,
            &whole,
            ": No such file or directory",
            127,
        ),
        (&[&plain], cannot, &plain, ": File name too long", 126),
        (
            &[&controls],
            cannot,
            &"\\x1b".repeat(50_000),
            ": File name too long",
            126,
        ),
        (
            &[&umlauts[0]],
            cannot,
            &umlauts[0],
            ": File name too long",
            126,
        ),
        (
            &[&umlauts[1]],
            cannot,
            &umlauts[1],
            ": File name too long",
            126,
        ),
        (
            &[&path, "fixture", "exit", "0"],
            "started ",
            &path,
            " (pid 2)",
            0,
        ),
    ];
    for (command, before, name, behind, code) in cases {
        let ended = native(Place::Pid1)
            .args(["-v", "--"])
            .args(command)
            .run()
            .assert_code(code);
        let line = ended.stderr.split_inclusive(|byte| *byte == b'\n').next();
        let line = str::from_utf8(line.unwrap()).expect("the cut is not within a character");
        assert!(line.len() <= LINE_MAX, "{} bytes", line.len());
        if name.len() < 500 {
            assert_eq!(line, format!("[tidy-init] {before}{name}{behind}\n"));
            continue;
        }
        let begin: String = name.chars().take(250).collect();
        let begin = format!("[tidy-init] {before}{begin}");
        assert!(line.starts_with(&begin), "{line}");
        assert!(line.ends_with(&format!("...{behind}\n")), "{line}");
    }
}
