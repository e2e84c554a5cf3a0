//! The search of `execvp(3)`, against a plain model of it.

use proptest::prelude::*;
use std::ffi::{CStr, CString};
use tidy_init::init::path::search;
use tidy_init::sys::Errno;

/// What a file system might say of a candidate.
fn any_answer() -> impl Strategy<Value = Errno> {
    prop::sample::select(vec![
        Errno::ENOENT,
        Errno::EACCES,
        Errno::ENOTDIR,
        Errno::ESTALE,
        Errno::ENODEV,
        Errno::ETIMEDOUT,
        Errno::ENOEXEC,
        Errno::E2BIG,
        Errno::ETXTBSY,
        Errno::ELOOP,
    ])
}

proptest! {
    #[test]
    fn tries_what_execvp_tries(
        entries in prop::collection::vec("[a-z/]{0,6}", 1..6),
        answers in prop::collection::vec(any_answer(), 6),
    ) {
        let path = entries.join(":");
        let mut tried = Vec::new();
        let result = search(c"name", Some(path.as_bytes()), |candidate| {
            tried.push(candidate.to_str().unwrap().to_owned());
            answers[tried.len() - 1]
        });
        let goes_on = |errno: &Errno| matches!(
            errno,
            Errno::ENOENT | Errno::EACCES | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV
                | Errno::ETIMEDOUT
        );
        let asked = entries
            .len()
            .min(answers.iter().take_while(|errno| goes_on(errno)).count() + 1);
        let expected: Vec<String> = entries[..asked]
            .iter()
            .map(|entry| if entry.is_empty() { "name".into() } else { format!("{entry}/name") })
            .collect();
        prop_assert_eq!(tried, expected);
        let last = answers[asked - 1];
        let verdict = if !goes_on(&last) {
            last
        } else if answers[..asked].contains(&Errno::EACCES) {
            Errno::EACCES
        } else {
            Errno::ENOENT
        };
        prop_assert_eq!(result, verdict);
    }
}

fn tried(name: &CStr, path: Option<&[u8]>) -> (Vec<CString>, Errno) {
    let mut tried = Vec::new();
    let errno = search(name, path, |candidate| {
        tried.push(candidate.to_owned());
        Errno::ENOENT
    });
    (tried, errno)
}

#[test]
fn a_slash_means_no_search() {
    let (tried, errno) = tried(c"./name", Some(b"/bin"));
    assert_eq!((tried, errno), (vec![c"./name".to_owned()], Errno::ENOENT));
}

#[test]
fn without_path_the_default_is_searched() {
    let (tried, _) = tried(c"name", None);
    assert_eq!(
        tried,
        [c"/bin/name".to_owned(), c"/usr/bin/name".to_owned()]
    );
}

#[test]
fn an_empty_path_is_the_current_directory() {
    assert_eq!(tried(c"name", Some(b"")).0, [c"name".to_owned()]);
}

#[test]
fn an_empty_name_is_not_found_and_not_tried() {
    assert_eq!(tried(c"", Some(b"/bin")), (vec![], Errno::ENOENT));
}

#[test]
fn names_and_entries_that_are_too_long() {
    let name = CString::new("n".repeat(256)).unwrap();
    assert_eq!(tried(&name, Some(b"/bin")), (vec![], Errno::ENAMETOOLONG));
    // The longest that are allowed fit together.
    let name = CString::new("n".repeat(255)).unwrap();
    let entry = "e".repeat(4095);
    let path = format!("{entry}:{}:/bin", "e".repeat(4096));
    let (candidates, _) = tried(&name, Some(path.as_bytes()));
    assert_eq!(
        candidates.len(),
        2,
        "the entry of 4,096 bytes is passed over"
    );
    assert_eq!(candidates[0].as_bytes().len(), 4095 + 1 + 255);
}
