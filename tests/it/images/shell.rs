//! A shell as the command: the image `debug`.

use initlab::Pty;

use super::{container::docker::Container, require_images, stages::debug};

#[test]
fn a_shell_is_what_the_image_runs() {
    require_images!();
    let mut pty = Pty::open();
    let options = ["--interactive", "--tty", "--env", "PS1=prompt> "];
    let mut container = Container::of(debug(), &options, &[], |client| client.terminal(&pty));
    pty.expect("prompt> ");
    pty.send_line("id -un; pwd; echo $HOME; readlink /proc/1/exe; exit 7");
    for line in ["nonroot", "/home/nonroot", "/home/nonroot"] {
        pty.expect(&format!("{line}\r\n"));
    }
    container.end(7);
}

#[test]
fn a_script_is_the_command_and_the_init_is_not() {
    require_images!();
    let script = "tr '\\0' ' ' </proc/1/cmdline; echo; test $$ -gt 1; exit 5";
    let mut container = Container::of(debug(), &[], &["sh", "-c", script], |client| client);
    let ended = container.end(5);
    assert!(
        ended.stdout_text().starts_with("/bin/tidy-init -- sh -c "),
        "{ended}"
    );
}

/// The shell of all users is the init by another name: su(1) starts it as `nologin`, and as
/// `-nologin` for a login.
#[test]
fn nobody_can_log_in() {
    require_images!();
    for command in [["su", "--", "nonroot"], ["su", "-", "nonroot"]] {
        let root = ["--user", "0:0"];
        let mut container = Container::of(debug(), &root, &command, |client| client);
        let ended = container.end(1);
        let said = ended.stdout_text() + &ended.stderr_text();
        assert!(said.contains("not available"), "{command:?}: {ended}");
    }
}
