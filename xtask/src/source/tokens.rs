//! Rust source as tokens, as far as paths need them: without comments, and without what stands in
//! quotes.

/// A word, a sign, or the `::` between the parts of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// The line, from 1.
    pub line: usize,
}

impl Token {
    pub fn is_word(&self) -> bool {
        self.text
            .starts_with(|c: char| c == '_' || c.is_alphabetic())
    }
}

/// The tokens of a file that compiles. A literal leaves nothing behind.
pub fn of(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let word = word(rest);
        let skipped = match first {
            '/' => comment(rest),
            '"' => Some(quoted(rest)),
            '\'' => character(rest),
            _ => raw_or_byte(rest, word),
        };
        let length = match skipped {
            Some(length) => length,
            None if word > 0 => word,
            None if rest.starts_with("::") => 2,
            None => first.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        let is_token = skipped.is_none() && !first.is_whitespace() && !first.is_ascii_digit();
        if is_token {
            let text = text.trim_start_matches("r#").to_owned();
            tokens.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The length of the word or number at the start.
fn word(text: &str) -> usize {
    let inside = |c: char| c == '_' || c.is_alphanumeric();
    match text.strip_prefix("r#") {
        Some(raw) if raw.starts_with(|c: char| c == '_' || c.is_alphabetic()) => {
            2 + raw.find(|c| !inside(c)).unwrap_or(raw.len())
        }
        _ => text.find(|c| !inside(c)).unwrap_or(text.len()),
    }
}

/// The length of the comment at the start.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    let mut depth = 0;
    let mut at = 0;
    while let Some(next) = text[at..].find(['/', '*']) {
        at += next;
        let pair = text.get(at..at + 2).unwrap_or_default();
        match pair {
            "/*" => depth += 1,
            "*/" => depth -= 1,
            _ if depth == 0 => return None,
            _ => {}
        }
        at += if ["/*", "*/"].contains(&pair) { 2 } else { 1 };
        if depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

/// The length of the string at the start, which has escapes.
fn quoted(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the character at the start; of a lifetime, its tick.
fn character(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    match characters.next()?.1 {
        '\\' => {
            characters.next();
            characters.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
        }
        _ => match characters.next() {
            Some((at, '\'')) => Some(at + 1),
            _ => Some(1),
        },
    }
}

/// The length of a raw string, a byte string or a byte, whose prefix is the word at the start.
fn raw_or_byte(text: &str, word: usize) -> Option<usize> {
    let (prefix, rest) = text.split_at_checked(word)?;
    if ["b", "c"].contains(&prefix) && rest.starts_with('"') {
        return Some(word + quoted(rest));
    }
    if prefix == "b" && rest.starts_with('\'') {
        return character(rest).map(|length| word + length);
    }
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if !["r", "br", "cr"].contains(&prefix) || !rest[hashes..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = &rest[hashes + 1..];
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(word + hashes + 1 + length)
}

#[cfg(test)]
mod tests {
    #[test]
    fn comments_and_literals_are_no_tokens() {
        let source = r##"
            use a::b; // c::d
            /* e /* f */ g */ let h: &'static str = "i \" j"; let k = ('l', b'm', '\'', '\u{1}');
            let n = r#"o " p"# ; q!(b"r", 0x1f) / s
        "##;
        let tokens: Vec<_> = super::of(source).into_iter().map(|t| t.text).collect();
        assert_eq!(
            tokens.join(" "),
            "use a :: b ; let h : & static str = ; let k = ( , , , ) ; let n = ; q ! ( , ) / s"
        );
    }

    #[test]
    fn each_token_knows_its_line() {
        let tokens = super::of("a\n\"\n\"b /*\n*/ c\n");
        let lines: Vec<_> = tokens.iter().map(|t| (&t.text[..], t.line)).collect();
        assert_eq!(lines, [("a", 1), ("b", 3), ("c", 4)]);
    }
}
