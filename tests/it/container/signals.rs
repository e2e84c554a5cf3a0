//! `docker kill --signal`: all that Docker sends.

use initlab::SignalSet;

use super::{docker::Container, image::fixture_command, require_image};

/// One container gets them all, one after the other: KILL and STOP act on the init, CHLD is its
/// own, and Docker refuses 32 and 33.
#[test]
fn every_signal_that_docker_sends_arrives_once() {
    require_image!();
    let end = libc::SIGTERM;
    let command = fixture_command(&["signals", "--until", "TERM"]);
    let mut container = Container::run(&[], &command);
    container.expect("ready");
    let fixture = container.init().children()[0];

    let stops = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    let others = [libc::SIGKILL, libc::SIGSTOP, 32, 33, end];
    let sent = SignalSet::all_but(&[&stops[..], &others].concat());
    let mut arrived = Vec::new();
    for signal in sent.iter() {
        container.kill(&docker_name(signal));
        if signal != libc::SIGCHLD {
            container.expect(&format!("signal {signal} "));
            arrived.push(signal);
        }
    }
    // These stop the command, which has a session of its own, and CONT wakes it.
    for signal in stops {
        container.kill(&signal.to_string());
        let state = || fixture.state() == Some('T');
        container.client.poll_until("the fixture is stopped", state);
        container.kill("CONT");
        container.expect(&format!("signal {} ", libc::SIGCONT));
        arrived.push(libc::SIGCONT);
    }
    container.kill("SIGTERM");
    arrived.push(end);

    let ended = container.end(0);
    let lines = ended.stdout_lines();
    let reported: Vec<i32> = lines
        .iter()
        .filter_map(|line| {
            line.strip_prefix("signal ")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        .collect();
    assert_eq!(reported, arrived, "{ended}");
}

/// The number, or the name where Docker accepts nothing else.
fn docker_name(signal: i32) -> String {
    match signal {
        ..=31 => signal.to_string(),
        34 => "RTMIN".to_owned(),
        35..=49 => format!("RTMIN+{}", signal - 34),
        64.. => "RTMAX".to_owned(),
        _ => format!("RTMAX-{}", 64 - signal),
    }
}
