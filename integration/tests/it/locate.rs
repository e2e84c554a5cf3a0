//! Finding and making programs.

use std::os::unix::fs::PermissionsExt;

use initlab::{Sandbox, TempDir, find_program, reachable, write_executable};

#[test]
fn a_program_in_a_closed_directory_becomes_reachable() {
    let directory = TempDir::new();
    let program = directory.join("program");
    write_executable(&program, "#!/bin/sh\nexit 5\n", 0o755).unwrap();
    assert_eq!(
        reachable(&program).unwrap(),
        program.canonicalize().unwrap()
    );
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let copy = reachable(&program).unwrap();
    assert!(!copy.starts_with(directory.path()));
    Sandbox::plain(copy).run().assert_code(5);
}

#[test]
fn a_program_below_a_directory_with_a_space_becomes_one_without() {
    let directory = TempDir::new();
    let spaced = directory.join("a directory");
    std::fs::create_dir(&spaced).unwrap();
    let program = spaced.join("program");
    write_executable(&program, "#!/bin/sh\nexit 6\n", 0o755).unwrap();
    let copy = reachable(&program).unwrap();
    // Its own name stays: an init acts on it.
    assert!(copy.ends_with("program") && !copy.display().to_string().contains(' '));
    Sandbox::plain(copy).run().assert_code(6);
}

#[test]
fn programs_are_found_as_a_shell_does() {
    assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
    assert_eq!(find_program("no-such-program-anywhere"), None);
    assert_eq!(find_program("./x"), Some("./x".into()));
    assert_eq!(find_program(""), None);
}

/// A child that another thread forks must not keep a new program busy (ETXTBSY).
#[test]
fn a_fresh_program_can_be_executed_at_once() {
    let directory = TempDir::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let directory = &directory;
            scope.spawn(move || {
                for number in 0..25 {
                    let program = directory.join(format!("{thread}-{number}"));
                    write_executable(&program, "#!/bin/sh\nexit 4\n", 0o755).unwrap();
                    Sandbox::plain(program).run().assert_code(4);
                }
            });
        }
    });
}
