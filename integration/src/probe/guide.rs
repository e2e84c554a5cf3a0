//! The pages of the field guide, by the names of programs.

use super::seen::Seen;

/// Lines of an executable's name and its page's. `cargo xtask field-guide` writes them.
const NAMES: &str = include_str!("guide.txt");

/// The page on a program, from the root of the repository.
pub(super) fn page_of(process: &Seen) -> Option<String> {
    let first = process.arguments.first().map(String::as_str);
    let words = first.into_iter().chain([process.name.as_str()]);
    words.into_iter().find_map(page)
}

fn page(word: &str) -> Option<String> {
    // nginx and others write their titles over it: `nginx: master process /usr/sbin/nginx`.
    let word = word.split([':', ' ']).next()?;
    let name = word.rsplit('/').next()?;
    let mut lines = NAMES.lines().filter_map(|line| line.split_once(' '));
    let (_, page) = lines.find(|(known, _)| *known == name)?;
    Some(format!("docs/field-guide/{page}.md"))
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn a_program_leads_to_its_page() {
        let nginx = Some("docs/field-guide/nginx.md".to_owned());
        assert_eq!(page("/usr/sbin/nginx"), nginx);
        assert_eq!(page("nginx: master process /usr/sbin/nginx"), nginx);
        assert_eq!(page("nginx-debug"), None);
    }
}
