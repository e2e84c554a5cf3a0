//! JSON documents, each with its format and version.

use serde::Serialize;

#[derive(Serialize)]
struct Document<'a, T> {
    format: &'a str,
    version: u32,
    #[serde(flatten)]
    body: &'a T,
}

/// `body`, a structure or a map, as a document that begins with the fields `format` and `version`.
/// The version changes when a field is removed or changes its meaning, not when one is added.
///
/// # Panics
/// When the body has keys that are not strings: a bug of the caller.
#[must_use]
pub fn document(format: &str, version: u32, body: &impl Serialize) -> String {
    let document = Document {
        format,
        version,
        body,
    };
    serde_json::to_string_pretty(&document).expect("the body is a structure")
}
