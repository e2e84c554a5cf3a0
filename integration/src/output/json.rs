//! JSON documents. Each says what it is and by which version of its form.

use serde::Serialize;

#[derive(Serialize)]
struct Document<'a, T> {
    format: &'a str,
    version: u32,
    #[serde(flatten)]
    body: &'a T,
}

/// `body`, which must be a structure or a map, as a document with the fields `format` and `version`
/// before its own. The version changes when a field goes or changes its meaning, not when one
/// comes.
///
/// # Panics
/// Where the body has keys that are no strings: a mistake of the caller.
#[must_use]
pub fn document(format: &str, version: u32, body: &impl Serialize) -> String {
    let document = Document {
        format,
        version,
        body,
    };
    serde_json::to_string_pretty(&document).expect("the body is a structure")
}
