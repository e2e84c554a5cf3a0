//! The exit statuses of the command `initlab`.

/// All is well.
pub const OK: i32 = 0;
/// A case has failed, or a gate that the user set is not met.
pub const FAILED: i32 = 1;
/// The command line is wrong.
pub const USAGE: i32 = 2;
/// `initlab` itself could not do its work: no namespaces here, no room for a report.
pub const TROUBLE: i32 = 125;

/// The status after SIGINT or SIGTERM, as a shell counts: 130 and 143. All that was started is gone
/// by then.
#[must_use]
pub const fn interrupted(signal: i32) -> i32 {
    128 + signal
}

/// Why `initlab` could not do its work, in a line: it becomes [`TROUBLE`].
#[derive(Debug)]
pub struct Trouble(pub String);

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self(text)
    }
}
