//! What the tests share: which init is under test, and how it is started.

use std::{env, path::PathBuf};

use initlab::{Place, Sandbox};

/// The two places where an init has to work.
pub const PLACES: [Place; 2] = [Place::Pid1, Place::Child];

/// The init under test: the one that `TIDY_INIT` names by an absolute path, else the one that cargo
/// has built.
///
/// # Panics
/// When `TIDY_INIT` is not an absolute path of a file.
#[track_caller]
pub fn init() -> PathBuf {
    let path = match env::var_os("TIDY_INIT") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_BIN_EXE_tidy-init")),
    };
    assert!(
        path.is_absolute() && path.is_file(),
        "TIDY_INIT={}: no absolute path of a file",
        path.display()
    );
    initlab::reachable(&path).expect("the init can be copied to where every user can reach it")
}

/// The init in this place, by the name `tidy-init`. Add its options, `--`, and the command.
///
/// Where `TIDY_INIT_EMULATOR` names a user-mode emulator (`qemu-s390x-static`), that one runs it:
/// for the tests in `smoke`.
pub fn native(place: Place) -> Sandbox {
    let sandbox = match env::var_os("TIDY_INIT_EMULATOR") {
        Some(emulator) => Sandbox::new(emulator).args(["-0", "tidy-init"]).arg(init()),
        None => Sandbox::new(init()).arg0("tidy-init"),
    };
    sandbox.place(place)
}

/// The init in this place with these options, running this fixture.
pub fn native_fixture(place: Place, options: &[&str], fixture: &[&str]) -> Sandbox {
    native(place)
        .args(options)
        .arg("--")
        .args(fixture_command(fixture))
}

/// The words that run a fixture: `fixture_command(&["exit", "7"])`.
pub fn fixture_command(words: &[&str]) -> Vec<std::ffi::OsString> {
    let mut command = vec![initlab::fixture().into_os_string(), "fixture".into()];
    command.extend(words.iter().map(|word| word.into()));
    command
}
