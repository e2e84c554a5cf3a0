//! The reports of the fixtures: see [`fixture::HELP`](crate::fixture::HELP).

/// A line `signal N pid=.. uid=.. code=.. value=..`, or `member I signal N ...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The number of the member in the fixture `group`; 0 for other fixtures.
    pub member: usize,
    /// The signal's number.
    pub signal: i32,
    /// The sender.
    pub pid: i32,
    /// `si_code`: 0 for kill(2), positive for the kernel.
    pub code: i32,
}

/// All lines of that form, in order, without the SIGCHLD for the fixture's own children.
pub fn taken(output: impl AsRef<[u8]>) -> Vec<Taken> {
    String::from_utf8_lossy(output.as_ref())
        .lines()
        .filter_map(read)
        .filter(|taken| taken.signal != libc::SIGCHLD || taken.code <= 0)
        .collect()
}

/// The signals of all lines of that form, in order.
pub fn signals(output: impl AsRef<[u8]>) -> Vec<i32> {
    taken(output).iter().map(|taken| taken.signal).collect()
}

/// The number after `key=`.
pub fn number(line: &str, key: &str) -> Option<i32> {
    line.split_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))?
        .parse()
        .ok()
}

fn read(line: &str) -> Option<Taken> {
    let mut words = line.split_whitespace().peekable();
    let mut member = 0;
    if words.peek() == Some(&"member") {
        words.next();
        member = words.next()?.parse().ok()?;
    }
    if words.next()? != "signal" {
        return None;
    }
    Some(Taken {
        member,
        signal: words.next()?.parse().ok()?,
        pid: number(line, "pid")?,
        code: number(line, "code")?,
    })
}
