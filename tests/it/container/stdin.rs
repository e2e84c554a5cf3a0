//! Standard input of a container.

use initlab::Stdio;

use super::{docker::Container, require_image};

#[test]
fn standard_input_reaches_the_command_and_so_does_its_end() {
    require_image!();
    let piped = |client: initlab::Sandbox| client.stdin(Stdio::Piped);
    let mut container = Container::run_by(&["--interactive"], &["cat"], piped);
    container.client.write_stdin("some words\n");
    container.expect("some words");
    container.client.close_stdin();
    container.end(0).assert_stdout("some words\n");
}

#[test]
fn a_closed_standard_input_does_no_harm() {
    require_image!();
    let closed = |client: initlab::Sandbox| client.stdin(Stdio::Closed);
    Container::run_by(&[], &["cat"], closed).end(0);
    // Closed in the container too: the second init has descriptors 1 and 2 only.
    let script = "exec /tidy-init -- sh -c 'exit 6' <&-";
    Container::run(&[], &["sh", "-c", script])
        .end(6)
        .assert_stderr("");
}
