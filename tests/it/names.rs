//! Signal names, against the C library's constants and the shell's.

use std::process::Command;

use tidy_init::{signal::Signal, text::Line};

/// The name of a signal as we print it, without `SIG`.
pub fn name_of(signal: Signal) -> String {
    let mut room = [0; 16];
    let mut line = Line::new(&mut room);
    signal.name(&mut line);
    String::from_utf8(line.as_bytes().to_vec()).expect("a name")
}

/// The numbers and names that bash prints.
fn shell_names() -> Vec<(i32, String)> {
    (1..=64)
        .filter_map(|number| {
            let output = Command::new("bash")
                .args(["-c", &format!("kill -l {number}")])
                .output()
                .expect("bash");
            let name = String::from_utf8(output.stdout).expect("a name");
            (!name.trim().is_empty()).then(|| (number, name.trim().to_owned()))
        })
        .collect()
}

#[test]
fn names_are_the_shells() {
    let names = shell_names();
    assert_eq!(names.len(), 62, "all but 32 and 33: {names:?}");
    for (number, name) in names {
        let signal = Signal::new(number).expect("1 to 64");
        assert_eq!(name_of(signal), name);
        for spelling in [
            name.clone(),
            format!("SIG{name}"),
            name.to_lowercase(),
            format!("sig{}", name.to_lowercase()),
            number.to_string(),
        ] {
            assert_eq!(
                Signal::parse(spelling.as_bytes()),
                Some(signal),
                "{spelling}"
            );
        }
    }
}

#[test]
fn the_ones_without_a_name_are_numbers() {
    for number in [32, 33] {
        let signal = Signal::new(number).expect("1 to 64");
        assert_eq!(name_of(signal), number.to_string());
        assert_eq!(Signal::parse(number.to_string().as_bytes()), Some(signal));
    }
}

#[test]
fn real_time_signals_count_from_both_ends() {
    for offset in 0..=30 {
        let up = Signal::parse(format!("RTMIN+{offset}").as_bytes());
        let down = Signal::parse(format!("SIGRTMAX-{offset}").as_bytes());
        assert_eq!(
            up.map(|signal| i32::from(signal.number())),
            Some(34 + offset)
        );
        assert_eq!(
            down.map(|signal| i32::from(signal.number())),
            Some(64 - offset)
        );
    }
}

#[test]
fn what_is_no_signal_is_none() {
    for text in [
        "",
        "SIG",
        "0",
        "65",
        "256",
        "-1",
        "+1",
        " 1",
        "1 ",
        "TERMX",
        "SIGSIGTERM",
        "RTMIN+31",
        "RTMIN-1",
        "RTMAX-31",
        "RTMAX+1",
        "RTMIN+",
        "RTMAX+0x1",
        "EXIT",
        "HUP\0",
        "\u{ff}",
    ] {
        assert_eq!(Signal::parse(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn aliases_are_known() {
    for (alias, number) in [
        ("IOT", libc::SIGABRT),
        ("CLD", libc::SIGCHLD),
        ("POLL", libc::SIGIO),
    ] {
        assert_eq!(Signal::parse(alias.as_bytes()), Signal::new(number));
    }
}
