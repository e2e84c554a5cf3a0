//! `docker run -it`: a person in front of a container.

use initlab::{Pty, poll_until};

use super::{docker::Container, image::fixture_command, require_image};

const INTERACTIVE: [&str; 4] = ["--interactive", "--tty", "--env", "PS1=prompt> "];

#[test]
fn an_interactive_shell_has_job_control() {
    require_image!();
    let mut pty = Pty::open();
    let mut container = Container::run_by(&INTERACTIVE, &["sh"], |client| client.terminal(&pty));
    pty.expect("prompt> ");

    let init = container.init();
    let cat = |container: &Container| {
        // The shell's line editor might read what is typed before the program runs.
        container.client.poll_until("cat waits for input", || {
            let processes = init.descendants();
            let mut states = processes
                .iter()
                .filter_map(|p| Some((p.arguments()?, p.state()?)));
            states.any(|(arguments, state)| arguments == ["cat"] && state == 'S')
        });
    };
    pty.send_line("cat");
    cat(&container);
    pty.send_line("first");
    // The first one is the terminal's echo.
    pty.expect("first\r\nfirst\r\n");
    pty.send_ctrl('c');
    pty.expect("prompt> ");
    pty.send_line("echo status=$?");
    pty.expect("status=130\r\n");

    pty.send_line("cat");
    cat(&container);
    pty.send_line("second");
    pty.expect("second\r\nsecond\r\n");
    pty.send_ctrl('z');
    pty.expect("prompt> ");
    pty.send_line("jobs");
    pty.expect("Stopped");
    pty.send_line("fg");
    cat(&container);
    pty.send_line("third");
    pty.expect("third\r\nthird\r\n");
    pty.send_ctrl('d');
    pty.expect("prompt> ");

    poll_until("the shell's terminal has the new size", || {
        resize(&pty, 41, 133);
        // The line as typed differs from the line as printed.
        pty.send_line("stty size; echo en''d");
        pty.expect("end\r\n").contains("41 133\r\n")
    });

    pty.send_line("exit 7");
    container.end(7);
    let transcript = pty.transcript();
    assert!(!transcript.contains("can't access tty"), "{transcript}");
}

#[test]
fn what_happens_at_the_terminal_arrives_at_the_command_once() {
    require_image!();
    let mut pty = Pty::open();
    let command = fixture_command(&["echo-tty", "--until", "QUIT", "--exit", "6"]);
    let mut container = Container::run_by(&INTERACTIVE, &command, |client| client.terminal(&pty));
    pty.expect("ready ");
    poll_until("the command is told of the new size", || {
        resize(&pty, 42, 134);
        pty.transcript().contains("rows=42 columns=134")
    });
    pty.send_ctrl('c');
    pty.expect("signal 2 ");
    pty.send_ctrl('\\');
    pty.expect("signal 3 ");
    container.end(6);
    let transcript = pty.transcript();
    for unexpected in ["signal 1 ", "signal 18 "] {
        assert!(!transcript.contains(unexpected), "{transcript}");
    }
    assert_eq!(transcript.matches("signal 2 ").count(), 1, "{transcript}");
}

/// Resizes the window to another size first. The client takes some time after its start until it
/// tells the engine of such changes.
fn resize(pty: &Pty, rows: u16, columns: u16) {
    pty.set_window_size(rows + 1, columns);
    pty.set_window_size(rows, columns);
}
