//! The exit statuses of the command `initlab`.

/// Success.
pub const OK: i32 = 0;
/// A case has failed, or a gate that the user set is not met.
pub const FAILED: i32 = 1;
/// A usage error.
pub const USAGE: i32 = 2;
/// `initlab` itself failed: it cannot create namespaces, or cannot write its report.
pub const TROUBLE: i32 = 125;

/// The status after SIGINT or SIGTERM, as a shell reports it: 130 and 143. Everything that was
/// started is gone by then.
#[must_use]
pub const fn interrupted(signal: i32) -> i32 {
    128 + signal
}

/// Why `initlab` failed, in a line. The exit status is [`TROUBLE`].
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
