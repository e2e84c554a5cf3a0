//! Command lines: from `argv` to a [`Request`] and a
//! [`Config`](crate::config::Config).
//!
//! One parser with the grammar of `getopt_long(3)` serves every personality.
//! What the options are, and what they do, stands with each personality.

#![forbid(unsafe_code)]

mod arguments;
mod builder;
mod command_line;
mod fault;
mod option;
mod page;
mod parser;
mod request;
mod usage;
pub mod values;

pub use arguments::{Arguments, Words};
pub use builder::{Builder, OPTIONS_VARIABLE, Source};
pub use command_line::{CommandLine, Variables};
pub use fault::{Fault, Invalid};
pub use option::{Apply, Documented, Options, Usage};
pub use page::Page;
pub use parser::{Grammar, OptionsEnd, Parser, Spelling};
pub use request::Request;
pub use usage::UsageError;
