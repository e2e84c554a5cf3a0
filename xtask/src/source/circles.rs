//! Files that need each other in a circle, found by reading the paths in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::files;
use super::tokens::{self, Token};

/// Checks a crate, whose root (`lib.rs`, else `main.rs`) lies in this directory. What the files
/// need that are `left_out` does not count.
///
/// # Errors
/// Each circle, with the line that makes each of its arrows.
pub fn check(root: &Path, left_out: &[&str]) -> Result<()> {
    let sources = files::below(root)?
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap_or(&path).to_owned();
            Ok((name, files::read(&path)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let circles = circles(&sources, left_out);
    ensure!(circles.is_empty(), "{}", circles.join("\n"));
    Ok(())
}

/// A module's path from the root of the crate.
type Module = Vec<String>;

/// What the file of a module says.
#[derive(Default)]
struct File {
    name: PathBuf,
    /// What it defines itself.
    items: BTreeSet<String>,
    /// What it imports or re-exports: under which name, from where.
    imports: BTreeMap<String, Module>,
    /// Modules of which it takes everything.
    globs: Vec<Module>,
    /// The paths that it uses, and the line of each. A re-export is none: it only passes something
    /// on to whoever asks for it.
    uses: Vec<(Module, usize)>,
}

struct Crate {
    files: BTreeMap<Module, File>,
    /// Macros that `#[macro_export]` has put into the root.
    macros: BTreeMap<String, Module>,
}

/// The circles among these files, each in a line for each arrow.
fn circles(sources: &[(PathBuf, String)], left_out: &[&str]) -> Vec<String> {
    let mut arrows = Crate::new(sources).arrows();
    arrows.retain(|from, _| !left_out.iter().any(|name| from == Path::new(name)));
    let mut left: BTreeSet<&PathBuf> = arrows.keys().collect();
    let mut circles = Vec::new();
    while let Some(start) = left.pop_first() {
        let Some(circle) = shortest_circle(&arrows, start) else {
            continue;
        };
        let mut lines = Vec::new();
        for (from, to) in &circle {
            left.remove(from);
            let line = arrows[*from][*to];
            lines.push(format!(
                "  {}:{line} needs {}",
                from.display(),
                to.display()
            ));
        }
        circles.push(lines.join("\n"));
    }
    circles
}

/// From file to file, with the first line that makes the arrow.
type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, usize>>;

/// The arrows of the shortest way from a file back to itself.
fn shortest_circle<'a>(
    arrows: &'a Arrows,
    start: &'a PathBuf,
) -> Option<Vec<(&'a PathBuf, &'a PathBuf)>> {
    let mut came_from = BTreeMap::new();
    let mut next = vec![start];
    while !next.is_empty() && !came_from.contains_key(start) {
        let mut after = Vec::new();
        for from in next {
            for to in arrows.get(from).into_iter().flat_map(BTreeMap::keys) {
                if !came_from.contains_key(to) {
                    came_from.insert(to, from);
                    after.push(to);
                }
            }
        }
        next = after;
    }
    let mut circle = Vec::new();
    let mut to = start;
    loop {
        let from = *came_from.get(to)?;
        circle.push((from, to));
        to = from;
        if to == start {
            circle.reverse();
            return Some(circle);
        }
    }
}

impl Crate {
    fn new(sources: &[(PathBuf, String)]) -> Self {
        let has_library = sources.iter().any(|(name, _)| name == Path::new("lib.rs"));
        let mut all = Self {
            files: BTreeMap::new(),
            macros: BTreeMap::new(),
        };
        let mut parsed = Vec::new();
        for (name, source) in sources {
            // Beside a library, `main.rs` is a crate of its own, which nothing needs.
            if has_library && name == Path::new("main.rs") {
                continue;
            }
            let module = module_of(name);
            all.files.insert(module.clone(), File::default());
            parsed.push((module, name, tokens::of(source)));
        }
        for (module, name, tokens) in parsed {
            for exported in exported_macros(&tokens) {
                all.macros.insert(exported, module.clone());
            }
            let mut reader = Reader {
                children: all.children(&module),
                inline: Vec::new(),
                file: File {
                    name: name.clone(),
                    ..File::default()
                },
                module: module.clone(),
                passed_on: Vec::new(),
            };
            reader.read(&tokens);
            all.files.insert(module, reader.file);
        }
        all
    }

    fn children(&self, module: &[String]) -> BTreeSet<String> {
        let below = self
            .files
            .keys()
            .filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
        below.filter_map(|child| child.last().cloned()).collect()
    }

    fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for file in self.files.values() {
            let from = arrows.entry(file.name.clone()).or_default();
            for (path, line) in &file.uses {
                for target in self.targets(path, &mut BTreeSet::new()) {
                    let to = &self.files[&target].name;
                    if *to != file.name {
                        from.entry(to.clone()).or_insert(*line);
                    }
                }
            }
        }
        arrows
    }

    /// The modules in whose files is what a path names: where a module only passes it on, those
    /// that it comes from.
    fn targets(&self, path: &[String], seen: &mut BTreeSet<Module>) -> Vec<Module> {
        if !seen.insert(path.to_vec()) {
            return Vec::new();
        }
        if let [name] = path
            && let Some(module) = self.macros.get(name)
            && !self.files.contains_key(path)
        {
            return vec![module.clone()];
        }
        let longest = (0..=path.len())
            .rev()
            .find(|n| self.files.contains_key(&path[..*n]));
        let (module, rest) = path.split_at(longest.unwrap_or(0));
        let Some(file) = self.files.get(module) else {
            return Vec::new();
        };
        let Some(name) = rest.first() else {
            return vec![module.to_vec()];
        };
        if file.items.contains(name) {
            return vec![module.to_vec()];
        }
        if let Some(origin) = file.imports.get(name) {
            let further = [origin, &rest[1..]].concat();
            return self.targets(&further, seen);
        }
        let globs = file.globs.iter();
        let found: Vec<Module> = globs
            .flat_map(|glob| self.targets(&[&glob[..], rest].concat(), seen))
            .collect();
        if found.is_empty() {
            vec![module.to_vec()]
        } else {
            found
        }
    }
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`; `lib.rs` and `main.rs` are the root.
fn module_of(file: &Path) -> Module {
    let mut module: Module = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module.last().is_some_and(|last| last == "mod")
        || ["lib", "main"]
            .map(|root| vec![root.to_owned()])
            .contains(&module)
    {
        module.pop();
    }
    module
}

fn exported_macros(tokens: &[Token]) -> Vec<String> {
    let texts: Vec<&str> = tokens.iter().map(|token| &token.text[..]).collect();
    let mut names = Vec::new();
    for (at, window) in texts.windows(3).enumerate() {
        let before = &texts[at.saturating_sub(8)..at];
        if window[..2] == ["macro_rules", "!"] && before.contains(&"macro_export") {
            names.push(window[2].to_owned());
        }
    }
    names
}

/// Reads one file.
struct Reader {
    module: Module,
    children: BTreeSet<String>,
    /// The modules around the current token that have no file of their own, and the depth of braces
    /// at which each ends.
    inline: Vec<(String, usize)>,
    file: File,
    /// Re-exports: the name, the path, the line.
    passed_on: Vec<(String, Module, usize)>,
}

const ITEMS: [&str; 10] = [
    "fn",
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "const",
    "static",
    "macro_rules",
    "mod",
];

impl Reader {
    fn read(&mut self, tokens: &[Token]) {
        let mut depth = 0;
        let mut words = BTreeSet::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let text = |ahead: usize| tokens.get(at + ahead).map_or("", |next| &next.text[..]);
            match &token.text[..] {
                "#" if is_test(tokens, at) => {
                    at = end_of_item(tokens, at);
                    continue;
                }
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    self.inline.retain(|(_, end)| *end < depth + 1);
                }
                "mod" if text(2) == "{" => self.inline.push((text(1).to_owned(), depth + 1)),
                "use" if text(1) != "<" => {
                    at = self.read_use(tokens, at);
                    continue;
                }
                _ => {}
            }
            if ITEMS.contains(&&token.text[..]) && depth == 0 {
                let name = if text(1) == "!" { text(2) } else { text(1) };
                self.file.items.insert(name.to_owned());
            }
            let starts =
                token.is_word() && (at == 0 || tokens[at - 1].text != "::") && text(1) == "::";
            if starts {
                let mut path = vec![token.text.clone()];
                let mut end = at + 1;
                while tokens.get(end).is_some_and(|next| next.text == "::")
                    && let Some(next) = tokens.get(end + 1).filter(|next| next.is_word())
                {
                    path.push(next.text.clone());
                    end += 2;
                }
                words.extend(path.first().cloned());
                if let Some(path) = self.resolve(&path, false) {
                    self.file.uses.push((path, token.line));
                }
                at = end;
                continue;
            }
            if token.is_word() {
                words.insert(token.text.clone());
            }
            at += 1;
        }
        // What is passed on and used as well is used.
        for (name, path, line) in std::mem::take(&mut self.passed_on) {
            if words.contains(&name) {
                self.file.uses.push((path, line));
            }
        }
    }

    /// The module that we are in.
    fn here(&self) -> Module {
        let inline = self.inline.iter().map(|(name, _)| name.clone());
        self.module.iter().cloned().chain(inline).collect()
    }

    /// The path from the root of the crate; `None` for what is another crate's, or not a path of
    /// modules.
    fn resolve(&self, path: &[String], in_use: bool) -> Option<Module> {
        let mut here = self.here();
        let mut rest = path;
        match &path.first()?[..] {
            "crate" => (here, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while let Some(("super", after)) =
                    rest.split_first().map(|(first, after)| (&first[..], after))
                {
                    here.pop();
                    rest = after;
                }
            }
            first if self.inline.is_empty() && self.children.contains(first) => {}
            first if !in_use => {
                let origin = self.file.imports.get(first)?;
                return Some([origin, &path[1..]].concat());
            }
            _ => return None,
        }
        here.extend(rest.iter().cloned());
        Some(here)
    }

    /// Reads the declaration that starts here; gives the place behind it.
    fn read_use(&mut self, tokens: &[Token], at: usize) -> usize {
        let before = at
            .checked_sub(1)
            .map_or("", |before| &tokens[before].text[..]);
        // `pub use`, and `pub(crate) use`.
        let is_passed_on = before == "pub" || before == ")";
        let length = tokens[at..].iter().position(|token| token.text == ";");
        let end = length.map_or(tokens.len(), |length| at + length);
        let mut leaves = Vec::new();
        tree(&tokens[at + 1..end], &mut 0, &[], &mut leaves);
        for Leaf { path, name } in leaves {
            let Some(full) = self.resolve(&path, true) else {
                continue;
            };
            let is_glob = name == "*";
            if self.inline.is_empty() && is_glob {
                self.file.globs.push(full.clone());
            } else if self.inline.is_empty() {
                self.file.imports.insert(name.clone(), full.clone());
            }
            match is_passed_on {
                true => self.passed_on.push((name, full, tokens[at].line)),
                false => self.file.uses.push((full, tokens[at].line)),
            }
        }
        end + 1
    }
}

/// The end of a path in a use declaration: the path, and the name that it gets.
struct Leaf {
    path: Module,
    name: String,
}

/// Reads `a::{b, c as d, self, *}`, from `at` to the comma or brace behind it.
fn tree(tokens: &[Token], at: &mut usize, start: &[String], leaves: &mut Vec<Leaf>) {
    let mut path = start.to_vec();
    let mut name = None;
    while let Some(token) = tokens.get(*at) {
        *at += 1;
        match &token.text[..] {
            "::" => {}
            "{" => {
                while tokens.get(*at).is_some_and(|token| token.text != "}") {
                    tree(tokens, at, &path, leaves);
                    if tokens.get(*at).is_some_and(|token| token.text == ",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "," | "}" => {
                *at -= 1;
                break;
            }
            "*" => name = Some("*".to_owned()),
            "as" => {
                name = tokens.get(*at).map(|token| token.text.clone());
                *at += 1;
            }
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
    }
    let name = name.or_else(|| path.last().cloned());
    leaves.extend(name.map(|name| Leaf { path, name }));
}

/// Whether a `#[cfg(test)]` starts here.
fn is_test(tokens: &[Token], at: usize) -> bool {
    let wanted = ["#", "[", "cfg", "(", "test", ")", "]"];
    let texts = tokens[at..].iter().map(|token| &token.text[..]);
    texts.take(wanted.len()).eq(wanted)
}

/// The place behind the item that starts here: behind its braces, or its semicolon.
fn end_of_item(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (ahead, token) in tokens[at..].iter().enumerate() {
        match &token.text[..] {
            "{" => depth += 1,
            "}" if depth == 1 => return at + ahead + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + ahead + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sources: &[(&str, &str)]) -> Vec<String> {
        let owned: Vec<_> = sources
            .iter()
            .map(|(name, source)| (PathBuf::from(name), (*source).to_owned()))
            .collect();
        circles(&owned, &[])
    }

    #[test]
    fn a_circle_is_told_with_its_lines() {
        let circle = found(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use std::fs;\nuse crate::b::B;"),
            ("b/mod.rs", "pub struct B;\n\nfn f() { crate::c::g() }"),
            ("c.rs", "use super::{a::{self, A}, other};"),
        ]);
        assert_eq!(
            circle,
            ["  a.rs:2 needs b/mod.rs\n  b/mod.rs:3 needs c.rs\n  c.rs:1 needs a.rs"]
        );
    }

    #[test]
    fn what_a_file_needs_that_is_left_out_makes_none() {
        let sources = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::a::A;")];
        let owned = sources.map(|(name, source)| (PathBuf::from(name), source.to_owned()));
        assert_eq!(circles(&owned, &[]).len(), 1);
        assert_eq!(circles(&owned, &["b.rs"]), [""; 0]);
    }

    #[test]
    fn arrows_downwards_make_none() {
        let none = found(&[
            (
                "lib.rs",
                "mod a; mod b; pub use a::A; fn main() { b::run() }",
            ),
            ("a.rs", "pub struct A;"),
            ("b.rs", "use crate::a::A; // crate::lib\npub fn run() {}"),
            ("main.rs", "use library::A; fn main() {}"),
        ]);
        assert_eq!(none, [""; 0]);
    }

    #[test]
    fn a_parent_that_passes_on_what_its_children_have_is_no_arrow_back() {
        let parent = "mod case; mod context; pub use case::Case; pub(crate) use context::*;";
        let case = ("a/case.rs", "pub struct Case;");
        let context = ("a/context.rs", "use super::Case; pub fn f() {}");
        assert_eq!(found(&[("a/mod.rs", parent), case, context]), [""; 0]);
        // With code of its own, it is.
        let code = format!("{parent} fn g(case: Case) {{}}");
        let back = ("a/case.rs", "use super::g; pub struct Case;");
        assert_eq!(
            found(&[("a/mod.rs", &code), back, context]),
            ["  a/case.rs:1 needs a/mod.rs\n  a/mod.rs:1 needs a/case.rs"]
        );
    }

    #[test]
    fn a_detour_by_a_re_export_or_a_glob_is_followed() {
        let parent = ("a/mod.rs", "mod x; mod y; pub use x::X; pub use y::*;");
        for detour in [
            "use super::Y;",
            "use crate::a; fn f(_: a::Y) {}",
            "use super::y::Y;",
        ] {
            let x = format!("{detour} pub struct X;");
            let circle = found(&[
                parent,
                ("a/x.rs", &x),
                ("a/y.rs", "use crate::a::X; pub struct Y;"),
            ]);
            assert_eq!(circle.len(), 1, "{detour}: {circle:?}");
        }
    }

    #[test]
    fn tests_and_modules_within_a_file_are_not_other_files() {
        let a = "mod inner { use super::A; use super::super::b; } pub struct A;
            #[cfg(test)] mod tests { use crate::c::C; }";
        let sources = [("a.rs", a), ("b.rs", ""), ("c.rs", "use crate::a::A;")];
        assert_eq!(found(&sources), [""; 0]);
        let back = ("b.rs", "use crate::a::A;");
        assert_eq!(found(&[sources[0], back]).len(), 1);
    }

    #[test]
    fn an_exported_macro_is_where_it_is_written() {
        let skip = "use crate::a::A; #[macro_export] macro_rules! skip { () => { $crate::a::A } }";
        let sources = [("lib.rs", ""), ("skip.rs", skip)];
        let a = ("a.rs", "pub struct A; fn f() { crate::skip!() }");
        // A single name behind `crate` is a path as well.
        assert_eq!(found(&[sources[0], sources[1], a]).len(), 1);
    }
}
