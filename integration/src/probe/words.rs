//! Command lines and sets of signals as text.

use crate::signals::{SignalSet, signal_name};

/// The words as a shell has to read them; only the first of a long command line.
pub(super) fn shell_line(words: &[String]) -> String {
    const LONGEST: usize = 70;
    let line = quoted(words);
    if line.len() <= LONGEST && !line.contains('\n') {
        return line;
    }
    let first = words.first().map(String::as_str).unwrap_or_default();
    format!("{} ...", quoted(&[first.to_owned()]))
}

/// The words as a shell has to read them.
pub(super) fn quoted(words: &[String]) -> String {
    let quoted: Vec<_> = words.iter().enumerate().map(quote).collect();
    quoted.join(" ")
}

fn quote((number, word): (usize, &String)) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c);
    // In the first word it would be an assignment.
    let plain = |c: char| plain(c) || (c == '=' && number > 0);
    if !word.is_empty() && word.chars().all(plain) {
        return word.clone();
    }
    // Only NUL cannot be quoted, and arguments have none.
    shlex::try_quote(word).unwrap_or_default().into_owned()
}

/// The text without control characters, which would act on a terminal.
pub(super) fn printable(text: &str) -> String {
    let printable = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(printable).collect()
}

/// The names of a set of signals: `none`, `TERM INT`, `all but KILL STOP`.
pub(super) fn names(set: SignalSet) -> String {
    const MOST: usize = 12;
    let list = |set: SignalSet| {
        let names: Vec<_> = set.iter().map(signal_name).collect();
        names.join(" ")
    };
    let others = SignalSet::from_bits(!set.bits());
    let [count, left] = [set, others].map(|set| set.iter().count());
    match (count, left) {
        (0, _) => "none".to_owned(),
        (_, 0) => "all".to_owned(),
        (count, left) if count > MOST && left <= MOST => format!("all but {}", list(others)),
        _ => list(set),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_set_is_named_by_what_it_lacks() {
        let few = SignalSet::of(&[libc::SIGKILL, libc::SIGSTOP]);
        assert_eq!(names(SignalSet::EMPTY), "none");
        assert_eq!(names(few), "KILL STOP");
        assert_eq!(
            names(SignalSet::from_bits(!few.bits())),
            "all but KILL STOP"
        );
    }

    #[test]
    fn a_command_line_can_be_pasted() {
        let words = ["sh", "-c", "echo $HOME; exit"].map(str::to_owned);
        assert_eq!(quoted(&words), "sh -c 'echo $HOME; exit'");
        let words = ["a=b", "--user=root", ""].map(str::to_owned);
        assert_eq!(quoted(&words), "'a=b' --user=root ''");
        assert_eq!(printable("it's\u{1b}[1m"), "it's\\u{1b}[1m");
        let long = ["/bin/server".to_owned(), "x".repeat(100)];
        assert_eq!(shell_line(&long), "/bin/server ...");
    }
}
