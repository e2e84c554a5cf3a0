//! What the machines of `cargo xtask kernels` are given, as far as it can be tested without one.

use initlab::{Sandbox, TempDir};

/// A flag that an old kernel does not know: O_CREAT stands for it here, since every shell uses it.
#[test]
fn a_flag_is_refused_where_it_is_given() {
    let directory = TempDir::new();
    let file = directory.join("file");
    let script = "cat /dev/null && echo read; echo text > \"$0\" && echo written";
    let run = |refused: bool| {
        let sandbox = Sandbox::plain("sh").args(["-c", script]).arg(&file);
        let sandbox = match refused {
            true => sandbox.failing_flag(
                libc::SYS_openat,
                2,
                libc::O_CREAT.cast_unsigned(),
                libc::EINVAL,
            ),
            false => sandbox,
        };
        sandbox.run().stdout_text()
    };
    assert_eq!(run(true), "read\n");
    assert!(!file.exists());
    assert_eq!(run(false), "read\nwritten\n");
}
