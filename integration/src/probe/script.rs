//! What a shell does after the command that it waits for.

use std::{fs::File, io::Read as _};

use super::seen::Seen;
use crate::process::Process;

/// No more of a script is read.
const LONGEST: u64 = 64 * 1024;

/// Whether the shell has something to do after `child` has ended; `None` when that cannot be told:
/// the script cannot be read, or its last command is inside of a loop or a condition.
pub(super) fn goes_on_after(shell: Process, arguments: &[String], child: &Seen) -> Option<bool> {
    let text = text_of(shell, arguments)?;
    let last = commands(&text)?.pop()?;
    let mut words = last.iter().map(String::as_str);
    let program = words.find(|word| !is_assignment(word))?;
    if program.starts_with('$') {
        // `"$@"` at the end of an entry point is the command; of others nothing is known.
        return (program == "$@").then_some(false);
    }
    const STRUCTURE: [&str; 7] = ["done", "fi", "esac", "}", ")", "then", "else"];
    if STRUCTURE.contains(&program) {
        return None;
    }
    let base = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let own = child.arguments.first().map(|word| base(word));
    let same = Some(base(program)) == own || base(program) == child.name;
    Some(!same)
}

/// The text of `sh -c TEXT` or `sh FILE`.
fn text_of(shell: Process, arguments: &[String]) -> Option<String> {
    let mut words = arguments.iter().skip(1);
    let mut inline = false;
    let operand = words.find(|word| {
        let option = word.starts_with('-') && word.len() > 1;
        inline |= option && !word.starts_with("--") && word.contains('c');
        !option
    })?;
    if inline {
        return Some(operand.clone());
    }
    // As the shell sees it: a relative path from its directory, an absolute one from its root.
    let place = if operand.starts_with('/') {
        "root"
    } else {
        "cwd"
    };
    let path = format!("/proc/{}/{place}/{operand}", shell.pid);
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(LONGEST)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(letter)
}

/// The commands of a script, each as its words; `None` for a script that is not understood, such as
/// one with a here-document.
fn commands(text: &str) -> Option<Vec<Vec<String>>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut letters = text.chars().peekable();
    let end_word = |word: &mut Option<String>, commands: &mut Vec<Vec<String>>| {
        if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
            command.push(word);
        }
    };
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next()? {
                '\n' => {}
                escaped => word.get_or_insert_default().push(escaped),
            },
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        end if end == letter => break,
                        '\\' if letter == '"' => word.push(letters.next()?),
                        inside => word.push(inside),
                    }
                }
            }
            '#' if word.is_none() => while letters.next_if(|letter| *letter != '\n').is_some() {},
            '<' if letters.peek() == Some(&'<') => return None,
            ';' | '\n' | '&' | '|' => {
                // `2>&1` and `>&2` are redirections.
                if letter == '&' && word.as_ref().is_some_and(|word| word.ends_with('>')) {
                    word.get_or_insert_default().push(letter);
                    continue;
                }
                end_word(&mut word, &mut commands);
                if commands.last().is_some_and(|command| !command.is_empty()) {
                    commands.push(Vec::new());
                }
            }
            space if space.is_whitespace() => end_word(&mut word, &mut commands),
            other => word.get_or_insert_default().push(other),
        }
    }
    end_word(&mut word, &mut commands);
    commands.retain(|command| !command.is_empty());
    Some(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_taken_apart_as_a_shell_does() {
        let last = |text: &str| commands(text).and_then(|mut all| all.pop());
        let is = |text: &str, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(last(text), Some(words), "{text}");
        };
        is("echo ready; sleep 1000", &["sleep", "1000"]);
        is("node x; echo upload", &["echo", "upload"]);
        is("node x && true\n# done\n", &["true"]);
        is(
            "A='1; 2' B=\"x y\" server --name 'a b' 2>&1",
            &["A=1; 2", "B=x y", "server", "--name", "a b", "2>&1"],
        );
        is("a \\\n  b", &["a", "b"]);
        assert_eq!(last("cat <<END\nx\nEND\n"), None);
        assert_eq!(last("echo 'open"), None);
    }
}
